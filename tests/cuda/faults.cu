// Kernels with one mistake each: faults NAME runs one on the emulator, which must say what is wrong.
#include <cmath>
#include <cstdio>
#include <map>
#include <string>

#include "cuda/ptx.h"

using namespace pyconvnet::cuda;

struct Shared {
  alignas(16) float values[64][4];
};

// Nothing is wrong here.
__global__ void sound(float* out) {
  Shared& shared = shared_memory<Shared>();
  shared.values[threadIdx.x][0] = threadIdx.x;
  __syncthreads();
  out[threadIdx.x] = shared.values[63 - threadIdx.x][0];
}

__global__ void barrier_in_a_branch(float*) {
  if (threadIdx.x < 32) __syncthreads();
}

__global__ void two_barriers(float*) {
  if (threadIdx.x < 32)
    __syncthreads();
  else
    __syncthreads();
}

__global__ void early_return(float*) {
  if (threadIdx.x == 7) return;
  __syncthreads();
}

__global__ void shuffle_in_a_branch(float* out) {
  if (threadIdx.x % 2) out[threadIdx.x] = __shfl_xor_sync(0xffffffffu, 1.0f, 1);
}

__global__ void lane_outside_its_mask(float*) { __syncwarp(0x0000ffffu); }

__global__ void different_operations(float* out) {
  if (threadIdx.x % 2)
    out[threadIdx.x] = __shfl_xor_sync(0xffffffffu, 1.0f, 1);
  else
    __syncwarp();
}

// No barrier: what nobody has written yet is NaN.
__global__ void read_before_write(float* out) {
  Shared& shared = shared_memory<Shared>();
  out[threadIdx.x] = shared.values[63 - threadIdx.x][0];
  shared.values[threadIdx.x][0] = threadIdx.x;
}

// The copies have not landed when they are read: NaN.
__global__ void no_wait_for_copies(float* out) {
  Shared& shared = shared_memory<Shared>();
  copy_async<16>(shared.values[threadIdx.x], out + 4 * threadIdx.x, true);
  commit_copies();
  wait_for_copies<1>();
  __syncthreads();
  out[threadIdx.x] = shared.values[threadIdx.x][0];
}

__global__ void misaligned_copy(float* out) {
  Shared& shared = shared_memory<Shared>();
  copy_async<16>(shared.values[threadIdx.x], out + 1, true);
}

__global__ void misaligned_matrix(float*) {
  Shared& shared = shared_memory<Shared>();
  uint32_t r[4];
  load_matrices(r, &shared.values[threadIdx.x % 32][1]);
}

int main(int, char** arguments) {
  const std::map<std::string, void (*)(float*)> kernels = {
      {"sound", sound},
      {"barrier_in_a_branch", barrier_in_a_branch},
      {"two_barriers", two_barriers},
      {"early_return", early_return},
      {"shuffle_in_a_branch", shuffle_in_a_branch},
      {"lane_outside_its_mask", lane_outside_its_mask},
      {"different_operations", different_operations},
      {"read_before_write", read_before_write},
      {"no_wait_for_copies", no_wait_for_copies},
      {"misaligned_copy", misaligned_copy},
      {"misaligned_matrix", misaligned_matrix},
  };
  alignas(16) float out[256] = {};
  const std::string name = arguments[1];
  const unsigned threads = name == "too_many_threads" ? 2048 : 64;
  const auto kernel = kernels.count(name) ? kernels.at(name) : sound;
  try {
    launch(kernel, dim3(1), dim3(threads), 0, pyconvnet::Run{}, out);
  } catch (const emulator::Error& error) {
    std::printf("%s\n", error.what());
    return 1;
  }
  int nans = 0;
  for (int i = 0; i < 64; ++i) nans += std::isnan(out[i]);
  std::printf("%d NaN\n", nans);
}
