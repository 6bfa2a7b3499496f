#pragma once

#include <cstring>

#include "cpu/kernels/parallel-inl.h"
#include "kernels/kernel_list.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

constexpr int64_t kZeroPadGrain = 8192;  // elements of a task

inline void fill_zero(float* begin, int64_t count) {
  std::memset(begin, 0, static_cast<size_t>(count) * sizeof(float));
}

inline void zero_pad2d_forward(const ZeroPad2dForward& op, const Run& run) {
  const ZeroPad2dGeometry& g = op.geometry;
  const int64_t width = g.ow() * g.c, lines = g.oh(), inner = g.w * g.c;
  const int64_t grain = width < kZeroPadGrain ? kZeroPadGrain / width : 1;
  for_each_range(*run.pool, run.rows * lines, grain, [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      float* y = op.y + line * width;
      const int64_t image = line / lines, row = line % lines - g.top;
      if (row < 0 || row >= g.h) {
        fill_zero(y, width);
        continue;
      }
      fill_zero(y, g.left * g.c);
      std::memcpy(y + g.left * g.c, op.x + (image * g.h + row) * inner, static_cast<size_t>(inner) * sizeof(float));
      fill_zero(y + g.left * g.c + inner, g.right * g.c);
    }
  });
}

inline void zero_pad2d_backward(const ZeroPad2dBackward& op, const Run& run) {
  const ZeroPad2dGeometry& g = op.geometry;
  const int64_t inner = g.w * g.c;
  const int64_t grain = inner < kZeroPadGrain ? kZeroPadGrain / inner : 1;
  for_each_range(*run.pool, run.rows * g.h, grain, [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      const int64_t image = line / g.h, row = line % g.h + g.top;
      const float* dy = op.dy + ((image * g.oh() + row) * g.ow() + g.left) * g.c;
      std::memcpy(op.dx + line * inner, dy, static_cast<size_t>(inner) * sizeof(float));
    }
  });
}

}  // namespace

void add_zero_pad2d(KernelTable& table) {
  table.zero_pad2d_forward = zero_pad2d_forward;
  table.zero_pad2d_backward = zero_pad2d_backward;
}

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
