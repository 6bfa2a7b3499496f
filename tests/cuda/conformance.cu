// Every wrapper of cuda/ptx.h on given operands, one warp: conformance IN OUT reads and writes words of 32 bits.
// Built by g++ it runs on the emulator, by nvcc on a GPU; its PTX is also interpreted. All must give the same words.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "cuda/ptx.h"

using namespace pyconvnet::cuda;

// Names that the interpreter of PTX can find.
extern "C" __global__ void conformance(const uint32_t* in, uint32_t* out) {
  struct Shared {
    alignas(16) uint32_t rows[32][4];
    alignas(16) uint32_t copied[32][4];
    uint32_t words[32];
  };
  Shared& shared = shared_memory<Shared>();
  const int lane = threadIdx.x;
  for (int i = 0; i < 4; ++i) shared.rows[lane][i] = in[lane * 4 + i];
  copy_async<16>(shared.copied[lane], in + 128 + lane * 4, lane % 3 != 0);
  copy_async<4>(&shared.words[lane], in + 256 + lane, lane % 5 != 0);
  commit_copies();
  wait_for_copies<0>();
  __syncthreads();

  uint32_t r[4];
  load_matrices(r, shared.rows[lane ^ 5]);
  for (int i = 0; i < 4; ++i) out[lane * 4 + i] = r[i];
  for (int i = 0; i < 4; ++i) out[128 + lane * 4 + i] = shared.copied[lane ^ 1][i];
  out[256 + lane] = shared.words[lane ^ 1];
  out[288 + lane] = to_tf32(__uint_as_float(in[288 + lane]));

  uint32_t a[4], b[2];
  float d[4];
  for (int i = 0; i < 4; ++i) a[i] = in[320 + lane * 4 + i], d[i] = __uint_as_float(in[512 + lane * 4 + i]);
  for (int i = 0; i < 2; ++i) b[i] = in[448 + lane * 2 + i];
  multiply_tf32(d, a, b);
  for (int i = 0; i < 4; ++i) out[320 + lane * 4 + i] = __float_as_uint(d[i]);
  out[448 + lane] = __shfl_xor_sync(0xffffffffu, in[lane], 9);

  out[480 + lane] = to_bfloat16(__uint_as_float(in[288 + lane]), __uint_as_float(in[640 + lane]));
  for (int i = 0; i < 4; ++i) {
    d[i] = __uint_as_float(in[512 + lane * 4 + i]);
    a[i] = to_bfloat16(__uint_as_float(in[320 + lane * 4 + i]), __uint_as_float(in[512 + lane * 4 + i]));
  }
  for (int i = 0; i < 2; ++i)
    b[i] = to_bfloat16(__uint_as_float(in[448 + lane * 2 + i]), __uint_as_float(in[320 + lane * 2 + i]));
  multiply_bfloat16(d, a, b);
  for (int i = 0; i < 4; ++i) out[512 + lane * 4 + i] = __float_as_uint(d[i]);
}

#if !defined(PTX_ONLY)
#if defined(__CUDACC__)
void pyconvnet::cuda::check_cuda(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  std::fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(status));
  std::exit(1);
}
#endif

constexpr int kWordsIn = 672, kWordsOut = 640;

int main(int, char** arguments) {
  std::vector<uint32_t> in(kWordsIn), out(kWordsOut);
  FILE* file = std::fopen(arguments[1], "rb");
  if (!file || std::fread(in.data(), 4, in.size(), file) != in.size()) return 2;
  std::fclose(file);
  const pyconvnet::Run run;
#if defined(__CUDACC__)
  uint32_t *device_in, *device_out;
  check_cuda(cudaMalloc(&device_in, 4 * kWordsIn), "cudaMalloc");
  check_cuda(cudaMalloc(&device_out, 4 * kWordsOut), "cudaMalloc");
  check_cuda(cudaMemcpy(device_in, in.data(), 4 * kWordsIn, cudaMemcpyHostToDevice), "copy to the device");
  launch(conformance, dim3(1), dim3(32), 0, run, device_in, device_out);
  check_cuda(cudaMemcpy(out.data(), device_out, 4 * kWordsOut, cudaMemcpyDeviceToHost), "copy from the device");
#else
  launch(conformance, dim3(1), dim3(32), 0, run, in.data(), out.data());
#endif
  file = std::fopen(arguments[2], "wb");
  if (!file || std::fwrite(out.data(), 4, out.size(), file) != out.size()) return 2;
  std::fclose(file);
}
#endif
