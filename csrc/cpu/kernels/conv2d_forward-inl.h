#pragma once

#include "cpu/kernels/conv2d_depthwise-inl.h"
#include "cpu/kernels/conv2d_planar-inl.h"
#include "cpu/kernels/conv2d_sweep-inl.h"
#include "cpu/kernels/max_window-inl.h"

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
  taps.segments = g.runs(), taps.depth = g.run_size();
  for (int64_t run = 0; run < taps.segments; ++run) {
    taps.a_offsets[run] = g.run_offset(run, width);
    taps.b_offsets[run] = run * taps.depth * block;
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

// What an image's outputs are computed from.
struct ForwardJob {
  const Conv2dForward& op;
  const Conv2dGeometry g;
  const TileShape shape;
  const bool copy;  // some tap leaves the image
};

inline ForwardJob make_forward_job(const Conv2dForward& op, const Conv2dGeometry& g) {
  return {op, g, tile_shape(g.ow, g.group_out()), !g.reads_inside()};
}

// Room in a worker's scratch behind the offsets of the taps and the padded image.
inline float* behind_image(const ForwardJob& job, float* scratch) {
  return scratch + job.g.offsets_size() + job.g.reached_size();
}

// The sweep over output rows [first, last) of image n, into `out`, where row 0 of the map would lie.
inline Sweep image_sweep(const ForwardJob& job, int64_t n, int64_t first, int64_t last, float* out, float* scratch) {
  const Conv2dGeometry& g = job.g;
  const float* image = job.op.x + n * g.in_size();
  int64_t width = g.w;
  if (job.copy) {
    float* padded = scratch + g.offsets_size();
    width = g.reached_w();
    const int64_t rows = g.reached_h() - (g.oh - (last - first)) * g.stride_h;
    copy_padded(image, g.h, g.w, g.c_in, first * g.stride_h - g.pad_top, rows, -g.pad_left, width, padded);
    image = padded - first * g.stride_h * width * g.c_in;
  }
  Sweep s{};
  s.image = image, s.image_row_step = g.stride_h * width * g.c_in, s.image_pixel_step = g.stride_w * g.c_in;
  s.taps = forward_taps(g, width, job.shape.width, scratch);
  s.packed = job.op.packed, s.groups = g.groups, s.group_channels = g.group_in(), s.columns = g.group_out();
  s.out = out, s.out_row_step = g.ow * g.c_out, s.out_pixel_step = g.c_out;
  s.first_row = first, s.last_row = last, s.width = g.ow;
  s.bias = job.op.bias, s.relu = job.op.relu;
  return s;
}

// Calls fn(image, first row, last row, worker) for all bands of rows.
template <class F>
inline void for_each_band(const Run& run, int64_t rows, const F& fn) {
  const Bands band = bands(run.rows, rows);
  parallel_for(*run.pool, run.rows * band.count, [&](int64_t task, int worker) {
    const int64_t first = task % band.count * band.rows;
    fn(task / band.count, first, first + band.rows < rows ? first + band.rows : rows, worker);
  });
}

inline void conv2d_forward(const Conv2dForward& op, const Run& run) {
  if (op.geometry.is_depthwise()) return depthwise_forward(op, run);
  if (is_planar(op.geometry))
    return for_each_band(run, op.geometry.oh, [&](int64_t n, int64_t first, int64_t last, int worker) {
      planar_forward(op, n, first, last, run.pool->scratch(worker));
    });
  const ForwardJob job = make_forward_job(op, flatten_pointwise(op.geometry));
  pack_forward_kernel(op, job.g, job.shape.width, run);
  for_each_band(run, job.g.oh, [&](int64_t n, int64_t first, int64_t last, int worker) {
    sweep(image_sweep(job, n, first, last, op.y + n * job.g.out_size(), run.pool->scratch(worker)), job.shape);
  });
}

// Strips of the map, pooled while they are in the cache.
inline void conv2d_pool_forward(const Conv2dPoolForward& op, const Run& run) {
  if (is_planar(op.conv.geometry))
    return for_each_band(run, op.conv.geometry.oh / 2, [&](int64_t n, int64_t first, int64_t last, int worker) {
      planar_pool_forward(op.conv, op.argmax, n, first, last, run.pool->scratch(worker));
    });
  const ForwardJob job = make_forward_job(op.conv, op.conv.geometry);
  const Conv2dGeometry& g = job.g;
  pack_forward_kernel(op.conv, g, job.shape.width, run);
  const int64_t strip_rows = op.strip_rows(), row_step = g.ow * g.c_out, pooled_w = g.ow / 2;
  for_each_band(run, g.oh / 2, [&](int64_t n, int64_t first, int64_t last, int worker) {
    float* strip = behind_image(job, run.pool->scratch(worker));
    Sweep s = image_sweep(job, n, 2 * first, 2 * last, nullptr, run.pool->scratch(worker));
    for (int64_t row = 2 * first; row < 2 * last; row += strip_rows) {
      s.first_row = row, s.last_row = row + strip_rows < 2 * last ? row + strip_rows : 2 * last;
      s.out = strip - row * row_step;
      sweep(s, job.shape);
      for (int64_t oy = row / 2; oy < s.last_row / 2; ++oy)
        for (int64_t ox = 0; ox < pooled_w; ++ox) {
          const float* cells = strip + (2 * oy - row) * row_step + 2 * ox * g.c_out;
          const int64_t at = n * g.pooled_size() + (oy * pooled_w + ox) * g.c_out;
          if (op.argmax)
            max_of_window<true>(cells, 2, 2, row_step, g.c_out, 0, 2, op.conv.y + at, op.argmax + at);
          else
            max_of_window<false>(cells, 2, 2, row_step, g.c_out, 0, 2, op.conv.y + at, nullptr);
        }
    }
  });
}

}  // namespace

void add_conv2d_forward(KernelTable& table) {
  table.conv2d_forward = conv2d_forward;
  table.conv2d_pool_forward = conv2d_pool_forward;
}

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
