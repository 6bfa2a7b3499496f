// Pooling: vectors run over the channels; a task writes whole rows of its output, and nobody else writes them.
#pragma once

#include "cpu/kernels/max_window-inl.h"
#include "kernels/kernel_list.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

struct Span {
  int64_t begin, end;
  int64_t length() const { return end - begin; }
};

// The cells of a window that lie on the map.
inline Span cells_on_map(int64_t window, int64_t stride, int64_t pad, int64_t pool, int64_t size) {
  const int64_t begin = window * stride - pad, end = begin + pool;
  return {begin > 0 ? begin : 0, end < size ? end : size};
}

// The windows that hold a cell; none where the stride jumps over it.
inline Span windows_of_cell(int64_t cell, int64_t stride, int64_t pad, int64_t pool, int64_t windows) {
  const int64_t position = cell + pad, end = position / stride + 1;
  const int64_t begin = position < pool ? 0 : (position - pool) / stride + 1;
  return {begin, end < windows ? end : windows};
}

// fn(image, row) for every row of the batch's maps, in tasks of about 16 K additions or comparisons.
template <class F>
inline void for_each_map_row(const Run& run, int64_t map_rows, int64_t work_of_row, const F& fn) {
  const int64_t grain = work_of_row < 16384 ? 16384 / (work_of_row > 0 ? work_of_row : 1) : 1;
  for_each_range(*run.pool, run.rows * map_rows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) fn(i / map_rows, i % map_rows);
  });
}

template <bool kArgmax>
inline void max_pool2d_row(const MaxPool2dForward& op, int64_t image, int64_t oy) {
  const Pool2dGeometry& g = op.geometry;
  const Span rows = cells_on_map(oy, g.stride_h, g.pad_top, g.pool_h, g.h);
  const int64_t row_step = g.w * g.c;
  for (int64_t ox = 0; ox < g.ow; ++ox) {
    const Span columns = cells_on_map(ox, g.stride_w, g.pad_left, g.pool_w, g.w);
    const int64_t first_row = rows.begin - (oy * g.stride_h - g.pad_top);
    const int64_t first_index = first_row * g.pool_w + columns.begin - (ox * g.stride_w - g.pad_left);
    const float* cells = op.x + image * g.in_size() + rows.begin * row_step + columns.begin * g.c;
    const int64_t out = ((image * g.oh + oy) * g.ow + ox) * g.c;
    uint16_t* argmax = kArgmax ? op.argmax + out : nullptr;
    if (rows.length() == 2 && columns.length() == 2)  // the usual window, unrolled
      max_of_window<kArgmax>(cells, 2, 2, row_step, g.c, first_index, g.pool_w, op.y + out, argmax);
    else
      max_of_window<kArgmax>(cells, rows.length(), columns.length(), row_step, g.c, first_index, g.pool_w, op.y + out,
                             argmax);
  }
}

inline void max_pool2d_forward(const MaxPool2dForward& op, const Run& run) {
  const Pool2dGeometry& g = op.geometry;
  for_each_map_row(run, g.oh, g.ow * g.c * g.pool_h * g.pool_w, [&](int64_t image, int64_t oy) {
    if (op.argmax != nullptr)
      max_pool2d_row<true>(op, image, oy);
    else
      max_pool2d_row<false>(op, image, oy);
  });
}

// gradient(number of the window in the batch, its cells on the map) answers a function of (cell of the window,
// channel, lanes): what this window gives to that cell.

// Backward pass where no two windows share a cell and none is left between them. A task writes the rows of dx under one
// row of windows.
template <class F>
inline void scatter_to_cells(const Pool2dGeometry& g, const Run& run, float* dx, const F& gradient) {
  for_each_map_row(run, g.oh, g.pool_h * g.w * g.c, [&](int64_t image, int64_t oy) {
    const Span rows = cells_on_map(oy, g.stride_h, g.pad_top, g.pool_h, g.h);
    float* map = dx + image * g.in_size();
    const int64_t first_row = oy * g.stride_h - g.pad_top, row_size = g.w * g.c;
    for (int64_t ox = 0; ox < g.ow; ++ox) {
      const Span columns = cells_on_map(ox, g.stride_w, g.pad_left, g.pool_w, g.w);
      const int64_t first_column = ox * g.stride_w - g.pad_left;
      const auto of_window = gradient((image * g.oh + oy) * g.ow + ox, rows.length() * columns.length());
      for (int64_t iy = rows.begin; iy < rows.end; ++iy)
        for (int64_t ix = columns.begin; ix < columns.end; ++ix) {
          const int64_t cell = (iy - first_row) * g.pool_w + ix - first_column;
          float* out = map + iy * row_size + ix * g.c;
          for_each_vector(0, g.c,
                          [&](int64_t i, int64_t lanes) { store_lanes(out + i, of_window(cell, i, lanes), lanes); });
        }
    }
    // What `valid` windows leave over at the right and at the bottom.
    const int64_t reach = (g.ow * g.stride_w - g.pad_left) * g.c;
    for (int64_t iy = rows.begin; iy < rows.end; ++iy)
      for (int64_t i = reach; i < row_size; ++i) map[iy * row_size + i] = 0.0f;
    if (oy == g.oh - 1)
      for (int64_t i = rows.end * row_size; i < g.in_size(); ++i) map[i] = 0.0f;
  });
}
inline bool windows_tile_the_map(const Pool2dGeometry& g) { return g.stride_h == g.pool_h && g.stride_w == g.pool_w; }

// Backward pass for any windows: each cell collects from those that hold it, so that nothing is cleared first
// and nothing written twice.
template <class F>
inline void gather_from_windows(const Pool2dGeometry& g, const Run& run, float* dx, const F& gradient) {
  for_each_map_row(run, g.h, g.w * g.c, [&](int64_t image, int64_t iy) {
    const Span rows = windows_of_cell(iy, g.stride_h, g.pad_top, g.pool_h, g.oh);
    float* out = dx + image * g.in_size() + iy * g.w * g.c;
    for (int64_t ix = 0; ix < g.w; ++ix, out += g.c) {
      const Span columns = windows_of_cell(ix, g.stride_w, g.pad_left, g.pool_w, g.ow);
      for_each_vector(0, g.c, [&](int64_t i, int64_t lanes) {
        Vec sum = zero();
        for (int64_t oy = rows.begin; oy < rows.end; ++oy) {
          const int64_t height = cells_on_map(oy, g.stride_h, g.pad_top, g.pool_h, g.h).length();
          const int64_t cell_row = iy + g.pad_top - oy * g.stride_h;
          for (int64_t ox = columns.begin; ox < columns.end; ++ox) {
            const int64_t width = cells_on_map(ox, g.stride_w, g.pad_left, g.pool_w, g.w).length();
            const int64_t cell = cell_row * g.pool_w + ix + g.pad_left - ox * g.stride_w;
            const auto of_window = gradient((image * g.oh + oy) * g.ow + ox, height * width);
            sum = sum + of_window(cell, i, lanes);
          }
        }
        store_lanes(out + i, sum, lanes);
      });
    }
  });
}

template <class F>
inline void pool2d_backward(const Pool2dGeometry& g, const Run& run, float* dx, const F& gradient) {
  if (windows_tile_the_map(g))
    scatter_to_cells(g, run, dx, gradient);
  else
    gather_from_windows(g, run, dx, gradient);
}

inline void max_pool2d_backward(const MaxPool2dBackward& op, const Run& run) {
  const int64_t c = op.geometry.c;
  pool2d_backward(op.geometry, run, op.dx, [=, dy = op.dy, argmax = op.argmax](int64_t window, int64_t) {
    return [dy = dy + window * c, argmax = argmax + window * c](int64_t cell, int64_t i, int64_t lanes) {
      const Mask won = load_index(argmax + i, lanes) == broadcast(static_cast<float>(cell));
      return select(won, load_lanes(dy + i, lanes), zero());
    };
  });
}

inline void avg_pool2d_forward(const AvgPool2dForward& op, const Run& run) {
  const Pool2dGeometry& g = op.geometry;
  const int64_t row_step = g.w * g.c;
  for_each_map_row(run, g.oh, g.ow * g.c * g.pool_h * g.pool_w, [&](int64_t image, int64_t oy) {
    const Span rows = cells_on_map(oy, g.stride_h, g.pad_top, g.pool_h, g.h);
    float* y = op.y + (image * g.oh + oy) * g.ow * g.c;
    for (int64_t ox = 0; ox < g.ow; ++ox, y += g.c) {
      const Span columns = cells_on_map(ox, g.stride_w, g.pad_left, g.pool_w, g.w);
      const float* cells = op.x + image * g.in_size() + rows.begin * row_step + columns.begin * g.c;
      const Vec count = broadcast(static_cast<float>(rows.length() * columns.length()));
      for_each_vector(0, g.c, [&](int64_t i, int64_t lanes) {
        Vec sum = zero();
        for (int64_t r = 0; r < rows.length(); ++r)
          for (int64_t k = 0; k < columns.length(); ++k)
            sum = sum + load_lanes(cells + r * row_step + k * g.c + i, lanes);
        store_lanes(y + i, sum / count, lanes);
      });
    }
  });
}

inline void avg_pool2d_backward(const AvgPool2dBackward& op, const Run& run) {
  const int64_t c = op.geometry.c;
  pool2d_backward(op.geometry, run, op.dx, [=, dy = op.dy](int64_t window, int64_t count) {
    const Vec share = broadcast(1.0f / static_cast<float>(count));
    return
        [dy = dy + window * c, share](int64_t, int64_t i, int64_t lanes) { return load_lanes(dy + i, lanes) * share; };
  });
}

}  // namespace

void add_pool2d(KernelTable& table) {
  table.max_pool2d_forward = max_pool2d_forward;
  table.max_pool2d_backward = max_pool2d_backward;
  table.avg_pool2d_forward = avg_pool2d_forward;
  table.avg_pool2d_backward = avg_pool2d_backward;
}

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
