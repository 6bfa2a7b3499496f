// Sums of columns over the pixels or rows of a batch: gradients of biases, and of depthwise kernels.
#pragma once

#include "cuda/grid.h"

namespace pyconvnet::cuda {

constexpr int kColumnLanes = 32, kColumnLines = kThreads / kColumnLanes;  // a block: columns side by side

// out[slice * slice_step + column] = the sum of term(i, column) over a slice of the i: grid (columns / 32, slices).
template <class F>
__global__ void __launch_bounds__(kThreads) sum_columns(Extent extent, const Step* __restrict__ now, int64_t columns,
                                                        int64_t slice_step, float* __restrict__ out, F term) {
  const Step step = *now;
  struct Shared {
    float of[kColumnLines][kColumnLanes];
  };
  Shared& shared = shared_memory<Shared>();
  const int lane = threadIdx.x % kColumnLanes, line = threadIdx.x / kColumnLanes;
  const int64_t column = int64_t{blockIdx.x} * kColumnLanes + lane, size = size_of(extent, step);
  const int64_t length = (size + gridDim.y - 1) / gridDim.y, begin = blockIdx.y * length;
  const int64_t end = begin + length < size ? begin + length : size;
  float sum = 0;
  if (column < columns)
    for (int64_t i = begin + line; i < end; i += kColumnLines) sum += term(i, column);
  shared.of[line][lane] = sum;
  __syncthreads();
  if (line == 0 && column < columns) {
    for (int other = 1; other < kColumnLines; ++other) sum += shared.of[other][lane];
    out[blockIdx.y * slice_step + column] = sum;
  }
}

template <class F>
void add_columns(Extent extent, int64_t columns, int slices, int64_t slice_step, float* out, const Run& run,
                 const F& term) {
  const dim3 grid(static_cast<unsigned>((columns + kColumnLanes - 1) / kColumnLanes), static_cast<unsigned>(slices));
  launch(sum_columns<F>, grid, dim3(kThreads), 0, run, extent, step_of(run), columns, slice_step, out, term);
}

// Element `column` of row i of a matrix.
struct MatrixTerm {
  const float* values;
  int64_t columns;
  __device__ float operator()(int64_t i, int64_t column) const { return values[i * columns + column]; }
};

}  // namespace pyconvnet::cuda
