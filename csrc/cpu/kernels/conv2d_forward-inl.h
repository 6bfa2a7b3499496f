#pragma once

#include "cpu/kernels/conv2d_depthwise-inl.h"
#include "cpu/kernels/conv2d_sweep-inl.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

// A 1x1 convolution with stride 1 sees no rows: all pixels of an image make one long row.
inline Conv2dGeometry flatten_pointwise(Conv2dGeometry g) {
  const bool pointwise = g.kernel_h == 1 && g.kernel_w == 1 && g.stride_h == 1 && g.stride_w == 1;
  if (pointwise && g.pad_top == 0 && g.pad_left == 0) g.w *= g.h, g.ow *= g.oh, g.h = g.oh = 1;
  return g;
}

// Taps of the forward pass over an image whose rows hold `width` pixels.
inline Taps forward_taps(const Conv2dGeometry& g, int64_t width, int64_t block, float* scratch) {
  Taps taps = taps_in_scratch(g, scratch);
  // Without dilation or groups, a row of the kernel sees one run of kernel_w * c_in channels.
  const bool whole_rows = g.groups == 1 && g.dilation_w == 1;
  const int64_t a_row = whole_rows ? 1 : g.kernel_w;
  taps.depth = whole_rows ? g.kernel_w * g.c_in : g.group_in();
  for (int64_t i = 0; i < g.kernel_h; ++i)
    for (int64_t j = 0; j < a_row; ++j, ++taps.segments) {
      taps.a_offsets[taps.segments] = (i * g.dilation_h * width + j * g.dilation_w) * g.c_in;
      taps.b_offsets[taps.segments] = taps.segments * taps.depth * block;
    }
  return taps;
}

inline void pack_forward_kernel(const Conv2dForward& op, const Conv2dGeometry& g, int64_t block, const Run& run) {
  const int64_t depth = g.kernel_h * g.kernel_w * g.group_in();
  const int64_t blocks = (g.group_out() + block - 1) / block;
  parallel_for(*run.pool, g.groups * blocks, [&](int64_t task, int) {
    const int64_t group = task / blocks, column = task % blocks * block;
    const int64_t left = g.group_out() - column;
    pack_columns(op.kernel + group * g.group_out() + column, g.c_out, depth, left < block ? left : block, block,
                 op.packed + task * depth * block);
  });
}

inline void conv2d_forward(const Conv2dForward& op, const Run& run) {
  if (op.geometry.is_depthwise()) return depthwise_forward(op, run);
  const Conv2dGeometry g = flatten_pointwise(op.geometry);
  const TileShape shape = tile_shape(g.ow, g.group_out());
  pack_forward_kernel(op, g, shape.width, run);

  const int64_t reach_h = (g.kernel_h - 1) * g.dilation_h + 1;
  const int64_t padded_w = (g.ow - 1) * g.stride_w + (g.kernel_w - 1) * g.dilation_w + 1;
  const bool copy = g.pad_top > 0 || g.pad_left > 0 || (g.oh - 1) * g.stride_h + reach_h > g.h || padded_w > g.w;
  const Bands band = bands(run.rows, g.oh);
  parallel_for(*run.pool, run.rows * band.count, [&](int64_t task, int worker) {
    const int64_t n = task / band.count, first = task % band.count * band.rows;
    const int64_t last = first + band.rows < g.oh ? first + band.rows : g.oh;
    float* scratch = run.pool->scratch(worker);
    const float* image = op.x + n * g.in_size();
    int64_t width = g.w;
    if (copy) {
      float* padded = scratch + g.offsets_size();
      copy_padded(image, g.h, g.w, g.c_in, first * g.stride_h - g.pad_top, (last - first - 1) * g.stride_h + reach_h,
                  -g.pad_left, padded_w, padded);
      width = padded_w;
      image = padded - first * g.stride_h * width * g.c_in;
    }
    Sweep s{};
    s.image = image, s.image_row_step = g.stride_h * width * g.c_in, s.image_pixel_step = g.stride_w * g.c_in;
    s.taps = forward_taps(g, width, shape.width, scratch);
    s.packed = op.packed, s.groups = g.groups, s.group_channels = g.group_in(), s.columns = g.group_out();
    s.out = op.y + n * g.out_size(), s.out_row_step = g.ow * g.c_out, s.out_pixel_step = g.c_out;
    s.first_row = first, s.last_row = last, s.width = g.ow;
    s.bias = op.bias, s.relu = op.relu;
    sweep(s, shape);
  });
}

}  // namespace

void add_conv2d_forward(KernelTable& table) { table.conv2d_forward = conv2d_forward; }

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
