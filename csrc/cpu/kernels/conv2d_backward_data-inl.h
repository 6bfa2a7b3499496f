// The gradient of the input is itself a convolution of dy with the transposed kernel. With strides, the pixels of dx
// fall into stride_h * stride_w classes; each class sees its own subset of taps and is a convolution of stride 1:
//   dx[s*j + r] = sum over taps k with (r + pad - k*dilation) % s == 0 of dy[j + (r + pad - k*dilation) / s] *
//   kernel[k]
#pragma once

#include "cpu/kernels/conv2d_depthwise-inl.h"
#include "cpu/kernels/conv2d_sweep-inl.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

// One axis of one class: which taps, and how far each is shifted.
struct ClassAxis {
  int64_t residue, stride, dilation, pad, taps, size;

  int64_t distance(int64_t tap) const { return residue + pad - tap * dilation; }
  bool has(int64_t tap) const { return distance(tap) % stride == 0; }
  int64_t shift(int64_t tap) const { return distance(tap) / stride; }
  int64_t pixels() const { return (size - residue + stride - 1) / stride; }
  int64_t count() const {
    int64_t n = 0;
    for (int64_t tap = 0; tap < taps; ++tap) n += has(tap);
    return n;
  }
};

inline ClassAxis rows_of(const Conv2dGeometry& g, int64_t residue) {
  return {residue, g.stride_h, g.dilation_h, g.pad_top, g.kernel_h, g.h};
}
inline ClassAxis columns_of(const Conv2dGeometry& g, int64_t residue) {
  return {residue, g.stride_w, g.dilation_w, g.pad_left, g.kernel_w, g.w};
}

// dy with a frame of zeros: no class reads outside.
struct Frame {
  int64_t top, left, rows, columns;
};

inline void widen(const ClassAxis& axis, int64_t out_size, int64_t* before, int64_t* size) {
  for (int64_t tap = 0; tap < axis.taps; ++tap) {
    if (!axis.has(tap)) continue;
    const int64_t shift = axis.shift(tap), end = axis.pixels() + shift;
    if (-shift > *before) *before = -shift;
    if (end > *size) *size = end;
  }
  if (out_size > *size) *size = out_size;
}

// Classes that have pixels: not those of a stride beyond the image.
inline int64_t row_classes(const Conv2dGeometry& g) { return g.stride_h < g.h ? g.stride_h : g.h; }
inline int64_t column_classes(const Conv2dGeometry& g) { return g.stride_w < g.w ? g.stride_w : g.w; }

inline Frame frame_of(const Conv2dGeometry& g) {
  Frame f{0, 0, 0, 0};
  for (int64_t r = 0; r < row_classes(g); ++r) widen(rows_of(g, r), g.oh, &f.top, &f.rows);
  for (int64_t r = 0; r < column_classes(g); ++r) widen(columns_of(g, r), g.ow, &f.left, &f.columns);
  f.rows += f.top, f.columns += f.left;
  return f;
}

// With stride 1, no dilation and no groups, a row of the turned kernel sees one run of kernel_w * c_out channels.
inline bool whole_rows(const Conv2dGeometry& g) { return g.groups == 1 && g.stride_w == 1 && g.dilation_w == 1; }

// Taps in the order in which they lie in memory: the last tap first.
inline Taps class_taps(const Conv2dGeometry& g, const ClassAxis& rows, const ClassAxis& columns, const Frame& frame,
                       int64_t block, float* scratch) {
  Taps taps = taps_in_scratch(g, scratch);
  taps.depth = whole_rows(g) ? g.kernel_w * g.c_out : g.group_out();
  for (int64_t i = g.kernel_h - 1; i >= 0; --i) {
    if (!rows.has(i)) continue;
    for (int64_t j = g.kernel_w - 1; j >= 0; --j) {
      if (!columns.has(j)) continue;
      const int64_t row = rows.shift(i) + frame.top, column = columns.shift(j) + frame.left;
      taps.a_offsets[taps.segments] = (row * frame.columns + column) * g.c_out;
      taps.b_offsets[taps.segments] = taps.segments * taps.depth * block;
      ++taps.segments;
      if (whole_rows(g)) break;
    }
  }
  return taps;
}

// The kernel of one class, turned and transposed: for each group and block of input channels
// [taps, c_out / groups][block].
inline void pack_class(const Conv2dBackwardData& op, const ClassAxis& rows, const ClassAxis& columns, int64_t block,
                       float* packed, const Run& run) {
  const Conv2dGeometry& g = op.geometry;
  const int64_t blocks = (g.group_in() + block - 1) / block;
  const int64_t block_size = rows.count() * columns.count() * g.group_out() * block;
  parallel_for(*run.pool, g.groups * blocks, [&](int64_t task, int) {
    const int64_t group = task / blocks, channel = task % blocks * block;
    const int64_t left = g.group_in() - channel;
    float* to = packed + task * block_size;
    for (int64_t i = g.kernel_h - 1; i >= 0; --i) {
      if (!rows.has(i)) continue;
      for (int64_t j = g.kernel_w - 1; j >= 0; --j) {
        if (!columns.has(j)) continue;
        const float* from = op.kernel + ((i * g.kernel_w + j) * g.group_in() + channel) * g.c_out;
        pack_transposed(from + group * g.group_out(), g.c_out, left < block ? left : block, g.group_out(), block, to);
        to += g.group_out() * block;
      }
    }
  });
}

// Calls fn(rows, columns, shape of its tiles, offset of its packed kernel) for each class.
template <class F>
inline void for_each_class(const Conv2dGeometry& g, const F& fn) {
  int64_t offset = 0;
  for (int64_t i = 0; i < row_classes(g); ++i)
    for (int64_t j = 0; j < column_classes(g); ++j) {
      const ClassAxis rows = rows_of(g, i), columns = columns_of(g, j);
      const TileShape shape = tile_shape(columns.pixels(), g.group_in());
      fn(rows, columns, shape, offset);
      const int64_t depth = rows.count() * columns.count() * g.group_out();
      offset += g.groups * packed_group_size(depth, g.group_in(), shape.width);
    }
}

// One image: dy in its frame, if it needs one, then class by class.
inline void sweep_image(const Conv2dBackwardData& op, const Frame& frame, int64_t n, float* scratch) {
  const Conv2dGeometry& g = op.geometry;
  const float* image = op.dy + n * g.out_size();
  if (frame.top > 0 || frame.left > 0 || frame.rows > g.oh || frame.columns > g.ow) {
    float* framed = scratch + g.offsets_size();
    copy_padded(image, g.oh, g.ow, g.c_out, -frame.top, frame.rows, -frame.left, frame.columns, framed);
    image = framed;
  }
  for_each_class(g, [&](const ClassAxis& rows, const ClassAxis& columns, const TileShape& shape, int64_t offset) {
    Sweep s{};
    s.image = image, s.image_row_step = frame.columns * g.c_out, s.image_pixel_step = g.c_out;
    s.taps = class_taps(g, rows, columns, frame, shape.width, scratch);
    s.packed = op.packed + offset, s.groups = g.groups, s.group_channels = g.group_out(), s.columns = g.group_in();
    s.out = op.dx + n * g.in_size() + (rows.residue * g.w + columns.residue) * g.c_in;
    s.out_row_step = g.stride_h * g.w * g.c_in, s.out_pixel_step = g.stride_w * g.c_in;
    s.first_row = 0, s.last_row = rows.pixels(), s.width = columns.pixels();
    sweep(s, shape);
  });
}

inline void conv2d_backward_data(const Conv2dBackwardData& op, const Run& run) {
  const Conv2dGeometry& g = op.geometry;
  if (g.is_depthwise()) return depthwise_backward_data(op, run);
  const Frame frame = frame_of(g);
  for_each_class(g, [&](const ClassAxis& rows, const ClassAxis& columns, const TileShape& shape, int64_t offset) {
    pack_class(op, rows, columns, shape.width, op.packed + offset, run);
  });
  // A whole image a task: a batch of one is not split here.
  parallel_for(*run.pool, run.rows,
               [&](int64_t n, int worker) { sweep_image(op, frame, n, run.pool->scratch(worker)); });
}

}  // namespace

void add_conv2d_backward_data(KernelTable& table) { table.conv2d_backward_data = conv2d_backward_data; }

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
