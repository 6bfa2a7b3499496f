// Kernels with one mistake each: faults NAME runs one on the emulator, which must say what is wrong. Of the last ones
// only sanitizers know: .ci/check_emulator compiles this file with them.
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

// ---- data races ----

// A second writer comes before the first value has been read.
__global__ void no_second_barrier(float* out) {
  Shared& shared = shared_memory<Shared>();
  for (int turn = 0; turn < 3; ++turn) {
    shared.values[threadIdx.x][0] = turn;
    __syncthreads();
    out[threadIdx.x] = shared.values[63 - threadIdx.x][0];
  }
}

// Each thread waits for its own copies alone.
__global__ void no_barrier_behind_copies(float* out) {
  Shared& shared = shared_memory<Shared>();
  copy_async<16>(shared.values[threadIdx.x], out + 4 * (threadIdx.x % 32), true);
  commit_copies();
  wait_for_copies<0>();
  out[128 + threadIdx.x] = shared.values[63 - threadIdx.x][0];
}

__global__ void two_threads_write_an_element(float* out) { out[threadIdx.x / 2] = threadIdx.x; }

// A shuffle hands a register over, and orders nothing in memory.
__global__ void shuffle_for_a_barrier(float* out) {
  Shared& shared = shared_memory<Shared>();
  shared.values[threadIdx.x][0] = threadIdx.x;
  __shfl_xor_sync(0xffffffffu, 1.0f, 1);
  out[threadIdx.x] = shared.values[threadIdx.x ^ 1][0];
}

// ---- out of bounds ----

__global__ void writes_behind_a_row(float*) {
  Shared& shared = shared_memory<Shared>();
  shared.values[threadIdx.x][threadIdx.x % 5] = 0;
}

__global__ void writes_behind_shared_memory(float*) {
  float* first = shared_memory<Shared>().values[0];
  first[4 * threadIdx.x + 4] = 0;
}

__global__ void writes_behind_an_array(float* out) { out[4 * threadIdx.x + 4] = 0; }

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
      {"no_second_barrier", no_second_barrier},
      {"no_barrier_behind_copies", no_barrier_behind_copies},
      {"two_threads_write_an_element", two_threads_write_an_element},
      {"shuffle_for_a_barrier", shuffle_for_a_barrier},
      {"writes_behind_a_row", writes_behind_a_row},
      {"writes_behind_shared_memory", writes_behind_shared_memory},
      {"writes_behind_an_array", writes_behind_an_array},
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
