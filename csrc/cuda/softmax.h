// A warp for each vector: what softmax and the losses need.
#pragma once

#include "cuda/sum.h"

namespace pyconvnet::cuda {

// Two blocks a multiprocessor, so that ptxas does not spill to fit more.
template <class F>
__global__ void __launch_bounds__(kThreads, 2) each_warp(Extent extent, const Step* __restrict__ now, F function) {
  const Step step = *now;
  const int64_t size = size_of(extent, step), stride = int64_t{gridDim.x} * (kThreads / 32);
  const int lane = threadIdx.x % 32;
  for (int64_t i = int64_t{blockIdx.x} * (kThreads / 32) + threadIdx.x / 32; i < size; i += stride)
    function(i, lane, step);
}

// function(i, lane, step) by a whole warp for every i of the extent.
template <class F>
void for_each_warp(Extent extent, const Run& run, const F& function) {
  constexpr int64_t kMostBlocks = 1 << 16, kWarps = kThreads / 32;
  const int64_t size = extent.for_each_row ? extent.count * run.rows : extent.count;
  if (size == 0) return;
  const int64_t blocks = (size + kWarps - 1) / kWarps;
  const dim3 grid(static_cast<unsigned>(blocks < kMostBlocks ? blocks : kMostBlocks));
  launch(each_warp<F>, grid, dim3(kThreads), 0, run, extent, step_of(run), function);
}

// softmax(x)[i] = exp(x[i] - largest) / sum, which never overflows.
struct SoftmaxSum {
  float largest, sum;
};
__device__ __forceinline__ SoftmaxSum softmax_sum(const float* x, int64_t size, int lane) {
  float largest = -INFINITY, sum = 0;
  for (int64_t i = lane; i < size; i += 32) largest = x[i] > largest ? x[i] : largest;
  largest = largest_of_warp(largest);
  for (int64_t i = lane; i < size; i += 32) sum += expf(x[i] - largest);
  return {largest, sum_of_warp(sum)};
}

}  // namespace pyconvnet::cuda
