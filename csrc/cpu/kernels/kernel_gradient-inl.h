// What all gradients of a convolution's kernel and bias share.
#pragma once

#include "cpu/kernels/parallel-inl.h"
#include "kernels/conv2d.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

constexpr int64_t kChunkPixels = Conv2dGeometry::kChunkPixels;

// Sums over pixels, four of them side by side: a single chain of additions takes longer than the products.
inline void sum_columns(const float* dy, int64_t pixels, int64_t columns, bool accumulate, float* sum) {
  for_each_vector(0, columns, [&](int64_t c, int64_t lanes) {
    Vec total[4] = {accumulate ? load_lanes(sum + c, lanes) : zero(), zero(), zero(), zero()};
    const auto pixel = [&](int64_t p) { return load_lanes(dy + p * columns + c, lanes); };
    int64_t p = 0;
    for (; p + 4 <= pixels; p += 4)
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) total[i] = total[i] + pixel(p + i);
    for (; p < pixels; ++p) total[0] = total[0] + pixel(p);
    store_lanes(sum + c, (total[0] + total[1]) + (total[2] + total[3]), lanes);
  });
}

// That of an empty batch.
inline void clear_gradient(const Conv2dGeometry& g, float* dkernel, float* dbias) {
  __builtin_memset(dkernel, 0, static_cast<size_t>(g.kernel_size()) * sizeof(float));
  if (dbias) __builtin_memset(dbias, 0, static_cast<size_t>(g.c_out) * sizeof(float));
}

// The sum of `parts` vectors, `step` apart, always in the same order.
inline Vec sum_parts(const float* from, int64_t step, int64_t parts, int64_t lanes) {
  Vec sum = load_lanes(from, lanes);
  for (int64_t part = 1; part < parts; ++part) sum = sum + load_lanes(from + part * step, lanes);
  return sum;
}

// Adds up partial[parts][kernel, bias]. dbias may be null.
inline void add_parts(const Conv2dGeometry& g, const float* partial, int64_t parts, float* dkernel, float* dbias,
                      const Run& run) {
  const int64_t kernel_size = g.kernel_size(), step = kernel_size + g.c_out;
  const auto add = [&](const float* from, int64_t begin, int64_t end, float* to) {
    for_each_vector(begin, end, [&](int64_t i, int64_t lanes) {
      store_lanes(to + i, sum_parts(from + i, step, parts, lanes), lanes);
    });
  };
  for_each_range(*run.pool, kernel_size, 4096, [&](int64_t begin, int64_t end) { add(partial, begin, end, dkernel); });
  if (dbias) add(partial + kernel_size, 0, g.c_out, dbias);
}

}  // namespace
}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
