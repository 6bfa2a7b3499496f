#pragma once

#include "cpu/kernels/parallel-inl.h"
#include "kernels/kernel_list.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

constexpr int64_t kElementwiseGrain = 8192;  // elements of a task

// y[i] = fn(a[i], b[i]) by vectors.
template <class F>
inline void combine(const Run& run, int64_t size, const float* a, const float* b, float* y, const F& fn) {
  for_each_range(*run.pool, size, kElementwiseGrain, [&](int64_t begin, int64_t end) {
    for_each_vector(begin, end, [&](int64_t i, int64_t lanes) {
      store_lanes(y + i, fn(load_lanes(a + i, lanes), load_lanes(b + i, lanes)), lanes);
    });
  });
}

inline void add_forward(const AddForward& op, const Run& run) {
  const int64_t size = op.for_each_row ? run.rows * op.size : op.size;
  combine(run, size, op.a, op.b, op.y, [](Vec a, Vec b) { return a + b; });
}

inline void multiply_forward(const MultiplyForward& op, const Run& run) {
  combine(run, run.rows * op.size, op.a, op.b, op.y, [](Vec a, Vec b) { return a * b; });
}

inline void rescale_forward(const RescaleForward& op, const Run& run) {
  const Vec scale = broadcast(op.scale), offset = broadcast(op.offset);
  for_each_range(*run.pool, run.rows * op.size, kElementwiseGrain, [&](int64_t begin, int64_t end) {
    for_each_vector(begin, end, [&](int64_t i, int64_t lanes) {
      store_lanes(op.y + i, load_lanes(op.x + i, lanes) * scale + offset, lanes);
    });
  });
}

}  // namespace

void add_elementwise(KernelTable& table) {
  table.add_forward = add_forward;
  table.multiply_forward = multiply_forward;
  table.rescale_forward = rescale_forward;
}

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
