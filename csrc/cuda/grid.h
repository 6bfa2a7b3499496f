// A thread for each element of an array: most kernels are no more than a function of the element's number.
#pragma once

#include "cuda/device.h"
#include "kernels/visit.h"

namespace pyconvnet::cuda {

constexpr int kThreads = 256;  // of a block, where a kernel has no reason for another number

__device__ __forceinline__ int64_t size_of(Extent extent, const Step& step) {
  return extent.for_each_row ? extent.count * step.rows : extent.count;
}

// Two blocks a multiprocessor: left to itself, ptxas saves registers for more of them, and spills.
template <class F>
__global__ void __launch_bounds__(kThreads, 2) each_element(Extent extent, const Step* __restrict__ now, F function) {
  const Step step = *now;
  const int64_t size = size_of(extent, step), stride = int64_t{gridDim.x} * kThreads;
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < size; i += stride) function(i, step);
}

// function(i, step) for every i of the extent; `function` is a struct with a __device__ operator().
template <class F>
void for_each_element(Extent extent, const Run& run, const F& function) {
  constexpr int64_t kMostBlocks = 1 << 16;  // beyond, threads take several elements
  const int64_t size = extent.for_each_row ? extent.count * run.rows : extent.count;
  if (size == 0) return;
  const int64_t blocks = (size + kThreads - 1) / kThreads;
  const dim3 grid(static_cast<unsigned>(blocks < kMostBlocks ? blocks : kMostBlocks));
  launch(each_element<F>, grid, dim3(kThreads), 0, run, extent, step_of(run), function);
}

}  // namespace pyconvnet::cuda
