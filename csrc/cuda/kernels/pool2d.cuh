// Pooling: a thread for each element of the result, so that nobody else writes it and no sum depends on an order.
#pragma once

#include "cuda/grid.h"

namespace pyconvnet::cuda {
namespace {

struct Span {
  int64_t begin, end;
};

// The cells of a window that lie on the map.
__device__ __forceinline__ Span cells_on_map(int64_t window, int64_t stride, int64_t pad, int64_t pool, int64_t size) {
  const int64_t begin = window * stride - pad, end = begin + pool;
  return {begin > 0 ? begin : 0, end < size ? end : size};
}

// The windows that hold a cell; none where the stride jumps over it.
__device__ __forceinline__ Span windows_of_cell(int64_t cell, int64_t stride, int64_t pad, int64_t pool,
                                                int64_t windows) {
  const int64_t position = cell + pad, end = position / stride + 1;
  const int64_t begin = position < pool ? 0 : (position - pool) / stride + 1;
  return {begin, end < windows ? end : windows};
}

// Element i of a batch of maps.
struct Place {
  int64_t image, row, column, channel;
};
__device__ __forceinline__ Place place_of(int64_t i, int64_t h, int64_t w, int64_t c) {
  const int64_t pixel = i / c;
  return {pixel / w / h, pixel / w % h, pixel % w, i % c};
}

struct LargestOfWindow {
  Pool2dGeometry geometry;
  const float* x;
  float* y;
  uint16_t* argmax;
  __device__ void operator()(int64_t i, const Step&) const {
    const Pool2dGeometry& g = geometry;
    const Place at = place_of(i, g.oh, g.ow, g.c);
    const Span rows = cells_on_map(at.row, g.stride_h, g.pad_top, g.pool_h, g.h);
    const Span columns = cells_on_map(at.column, g.stride_w, g.pad_left, g.pool_w, g.w);
    float best = 0;
    int64_t best_row = -1, best_column = 0;
    for (int64_t row = rows.begin; row < rows.end; ++row)
      for (int64_t column = columns.begin; column < columns.end; ++column) {
        const float cell = x[((at.image * g.h + row) * g.w + column) * g.c + at.channel];
        // A NaN is larger than any number, and the first of them stays.
        if (best_row < 0 || cell > best || (cell != cell && best == best))
          best = cell, best_row = row, best_column = column;
      }
    y[i] = best;
    if (argmax) {
      const int64_t first_row = at.row * g.stride_h - g.pad_top, first_column = at.column * g.stride_w - g.pad_left;
      argmax[i] = static_cast<uint16_t>((best_row - first_row) * g.pool_w + best_column - first_column);
    }
  }
};

struct MeanOfWindow {
  Pool2dGeometry geometry;
  const float* x;
  float* y;
  __device__ void operator()(int64_t i, const Step&) const {
    const Pool2dGeometry& g = geometry;
    const Place at = place_of(i, g.oh, g.ow, g.c);
    const Span rows = cells_on_map(at.row, g.stride_h, g.pad_top, g.pool_h, g.h);
    const Span columns = cells_on_map(at.column, g.stride_w, g.pad_left, g.pool_w, g.w);
    float sum = 0;
    for (int64_t row = rows.begin; row < rows.end; ++row)
      for (int64_t column = columns.begin; column < columns.end; ++column)
        sum += x[((at.image * g.h + row) * g.w + column) * g.c + at.channel];
    y[i] = sum / static_cast<float>((rows.end - rows.begin) * (columns.end - columns.begin));
  }
};

// A cell collects from the windows that hold it: from those that it won, or its share of a mean (argmax null).
struct CollectFromWindows {
  Pool2dGeometry geometry;
  const float* dy;
  const uint16_t* argmax;
  float* dx;
  __device__ void operator()(int64_t i, const Step&) const {
    const Pool2dGeometry& g = geometry;
    const Place at = place_of(i, g.h, g.w, g.c);
    const Span rows = windows_of_cell(at.row, g.stride_h, g.pad_top, g.pool_h, g.oh);
    const Span columns = windows_of_cell(at.column, g.stride_w, g.pad_left, g.pool_w, g.ow);
    float sum = 0;
    for (int64_t oy = rows.begin; oy < rows.end; ++oy)
      for (int64_t ox = columns.begin; ox < columns.end; ++ox) {
        const int64_t window = ((at.image * g.oh + oy) * g.ow + ox) * g.c + at.channel;
        if (argmax) {
          const int64_t cell_row = at.row + g.pad_top - oy * g.stride_h;
          const int64_t cell_column = at.column + g.pad_left - ox * g.stride_w;
          if (argmax[window] == cell_row * g.pool_w + cell_column) sum += dy[window];
        } else {
          const Span cells = cells_on_map(oy, g.stride_h, g.pad_top, g.pool_h, g.h);
          const Span across = cells_on_map(ox, g.stride_w, g.pad_left, g.pool_w, g.w);
          sum += dy[window] * (1.0f / static_cast<float>((cells.end - cells.begin) * (across.end - across.begin)));
        }
      }
    dx[i] = sum;
  }
};

void max_pool2d_forward(const MaxPool2dForward& op, const Run& run) {
  for_each_element(per_row(op.geometry.out_size()), run, LargestOfWindow{op.geometry, op.x, op.y, op.argmax});
}

void max_pool2d_backward(const MaxPool2dBackward& op, const Run& run) {
  for_each_element(per_row(op.geometry.in_size()), run, CollectFromWindows{op.geometry, op.dy, op.argmax, op.dx});
}

void avg_pool2d_forward(const AvgPool2dForward& op, const Run& run) {
  for_each_element(per_row(op.geometry.out_size()), run, MeanOfWindow{op.geometry, op.x, op.y});
}

void avg_pool2d_backward(const AvgPool2dBackward& op, const Run& run) {
  for_each_element(per_row(op.geometry.in_size()), run, CollectFromWindows{op.geometry, op.dy, nullptr, op.dx});
}

}  // namespace

void add_pool2d(KernelTable& table) {
  table.max_pool2d_forward = max_pool2d_forward;
  table.max_pool2d_backward = max_pool2d_backward;
  table.avg_pool2d_forward = avg_pool2d_forward;
  table.avg_pool2d_backward = avg_pool2d_backward;
}

}  // namespace pyconvnet::cuda
