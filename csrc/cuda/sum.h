// Sums and maxima over the lanes of a warp and the threads of a block, in an order that never changes.
#pragma once

#include "cuda/grid.h"

namespace pyconvnet::cuda {

constexpr unsigned kWholeWarp = 0xffffffffu;

// Every lane gets the sum, added by halves.
template <class T>
__device__ __forceinline__ T sum_of_warp(T value) {
  for (int distance = 16; distance > 0; distance /= 2) value = value + __shfl_xor_sync(kWholeWarp, value, distance);
  return value;
}

__device__ __forceinline__ float largest_of_warp(float value) {
  for (int distance = 16; distance > 0; distance /= 2) {
    const float other = __shfl_xor_sync(kWholeWarp, value, distance);
    value = other > value ? other : value;
  }
  return value;
}

// Thread 0 gets the sum over a block of kThreads threads; all of them take part.
template <class T>
__device__ T sum_of_block(T value) {
  struct Shared {
    T warp[kThreads / 32];
  };
  Shared& shared = shared_memory<Shared>();
  value = sum_of_warp(value);
  if (threadIdx.x % 32 == 0) shared.warp[threadIdx.x / 32] = value;
  __syncthreads();
  T sum{};
  if (threadIdx.x == 0)
    for (int warp = 0; warp < kThreads / 32; ++warp) sum = sum + shared.warp[warp];
  __syncthreads();  // the next sum may use the same memory
  return sum;
}

// term(i) for i = 0 .. size - 1, added in pieces of `grain`: a block for each piece, then the pieces in their order.
template <class F>
__global__ void __launch_bounds__(kThreads)
    sum_pieces(Extent extent, const Step* __restrict__ now, int64_t grain, double* __restrict__ partial, F term) {
  const Step step = *now;
  const int64_t size = size_of(extent, step), begin = blockIdx.x * grain;
  const int64_t end = begin + grain < size ? begin + grain : size;
  double sum = 0;
  for (int64_t i = begin + threadIdx.x; i < end; i += kThreads) sum += term(i);
  sum = sum_of_block(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

template <class F>
__global__ void __launch_bounds__(kThreads) finish_sum(Extent extent, const Step* __restrict__ now, int64_t grain,
                                                       const double* __restrict__ partial, F finish) {
  const Step step = *now;
  const int64_t pieces = (size_of(extent, step) + grain - 1) / grain;
  double sum = 0;
  for (int64_t i = threadIdx.x; i < pieces; i += kThreads) sum += partial[i];
  sum = sum_of_block(sum);
  if (threadIdx.x == 0) finish(sum, step);
}

// finish(the sum of term(i) over the extent, step), once; partial has a double for each piece.
template <class F, class G>
void sum_elements(Extent extent, int64_t grain, double* partial, const Run& run, const F& term, const G& finish) {
  const int64_t size = extent.for_each_row ? extent.count * run.rows : extent.count;
  const auto pieces = static_cast<unsigned>((size + grain - 1) / grain);
  if (pieces > 0)
    launch(sum_pieces<F>, dim3(pieces), dim3(kThreads), 0, run, extent, step_of(run), grain, partial, term);
  launch(finish_sum<G>, dim3(1), dim3(kThreads), 0, run, extent, step_of(run), grain, partial, finish);
}

}  // namespace pyconvnet::cuda
