// The gradient of a convolution's kernel and bias from the sums of parts of the batch.
#pragma once

#include "cpu/kernels/parallel-inl.h"
#include "kernels/conv2d.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

// Adds up partial[parts][kernel, bias], always in the same order. dbias may be null.
inline void add_parts(const Conv2dGeometry& g, const float* partial, int64_t parts, float* dkernel, float* dbias,
                      const Run& run) {
  const int64_t kernel_size = g.kernel_size(), step = kernel_size + g.c_out;
  const auto add = [&](const float* from, int64_t begin, int64_t end, float* to) {
    for_each_vector(begin, end, [&](int64_t i, int64_t lanes) {
      Vec sum = load_lanes(from + i, lanes);
      for (int64_t part = 1; part < parts; ++part) sum = sum + load_lanes(from + part * step + i, lanes);
      store_lanes(to + i, sum, lanes);
    });
  };
  for_each_range(*run.pool, kernel_size, 4096, [&](int64_t begin, int64_t end) { add(partial, begin, end, dkernel); });
  if (dbias) add(partial + kernel_size, 0, g.c_out, dbias);
}

}  // namespace
}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
