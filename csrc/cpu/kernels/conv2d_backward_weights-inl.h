// dkernel[kh, kw, ci, co] = sum over images and output pixels of x[pixel + tap, ci] * dy[pixel, co].
// A unit of work is one tap, a few input channels and a block of output channels, summed over the batch in order:
// units, and slices of the batch where units are few, are fixed by the problem, so the bits are too. They are numbered
// by group, tap, block and channels: the gradient streams through the caches tap by tap, as it lies in memory, while a
// chunk of x and dy stays.
#pragma once

#include "cpu/kernels/conv2d_depthwise-inl.h"
#include "cpu/kernels/conv2d_planar_weights-inl.h"
#include "cpu/kernels/conv2d_windows-inl.h"
#include "cpu/kernels/kernel_gradient-inl.h"
#include "cpu/kernels/pack-inl.h"
#include "cpu/kernels/tile.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

constexpr int64_t kEnoughUnits = 16;

struct WeightsJob {
  const Conv2dBackwardWeights& op;
  const Conv2dGeometry& g;
  TileShape shape;
  int64_t row_tiles, column_tiles, units, slices;

  bool in_place() const { return slices == 1; }
  float* kernel_sum(int64_t slice) const {
    return in_place() ? op.dkernel : op.partial + slice * (g.kernel_size() + g.c_out);
  }
  float* bias_sum(int64_t slice) const {
    if (!op.dbias) return nullptr;
    return in_place() ? op.dbias : kernel_sum(slice) + g.kernel_size();
  }
};

inline WeightsJob make_job(const Conv2dBackwardWeights& op, int64_t images) {
  const Conv2dGeometry& g = op.geometry;
  const TileShape shape = tile_shape(g.group_in(), g.group_out());
  const int64_t row_tiles = (g.group_in() + shape.rows - 1) / shape.rows;
  const int64_t column_tiles = (g.group_out() + shape.width - 1) / shape.width;
  const int64_t units = g.groups * g.kernel_h * g.kernel_w * row_tiles * column_tiles;
  int64_t slices = Conv2dBackwardWeights::kSlices;
  if (!g.joins_taps()) slices = units >= kEnoughUnits ? 1 : (kEnoughUnits + units - 1) / units;
  if (slices > Conv2dBackwardWeights::kSlices) slices = Conv2dBackwardWeights::kSlices;
  if (slices > images) slices = images;
  return {op, g, shape, row_tiles, column_tiles, units, slices};
}

// Output pixels of a few images, or a band of rows of one image.
struct Chunk {
  int64_t first_image, last_image, first_row, last_row;
  const float* packed_dy;  // null, or dy of the chunk in blocks of columns: [column tile][pixel][width]

  int64_t pixels(const Conv2dGeometry& g) const {
    return ((last_image - first_image - 1) * g.oh + last_row - first_row) * g.ow;
  }
};

// Output cells [first, last) whose tap lies inside the image.
inline TapRange outputs_inside(int64_t tap, int64_t stride, int64_t dilation, int64_t pad, int64_t outputs,
                               int64_t size) {
  const int64_t start = pad - tap * dilation;  // out * stride >= start, and < start + size
  int64_t first = start <= 0 ? 0 : (start + stride - 1) / stride;
  int64_t last = start + size <= 0 ? 0 : (start + size - 1) / stride + 1;
  if (last > outputs) last = outputs;
  if (first > last) first = last;
  return {first, last};
}

// Adds one chunk to `units` units from this one on, which share a tap and a block of columns: tiles one below the
// other, with an output row of the chunk for each segment.
inline void add_chunk(const WeightsJob& job, int64_t unit, int64_t units, const Chunk& chunk, bool first, float* sum) {
  const Conv2dGeometry& g = job.g;
  const int64_t row_tile = unit % job.row_tiles, column_tile = unit / job.row_tiles % job.column_tiles;
  const int64_t taps = g.kernel_h * g.kernel_w, of_all_taps = unit / (job.row_tiles * job.column_tiles);
  const int64_t tap = of_all_taps % taps, group = of_all_taps / taps;
  const int64_t kh = tap / g.kernel_w, kw = tap % g.kernel_w;
  TapRange rows = outputs_inside(kh, g.stride_h, g.dilation_h, g.pad_top, g.oh, g.h);
  const TapRange columns = outputs_inside(kw, g.stride_w, g.dilation_w, g.pad_left, g.ow, g.w);
  if (rows.first < chunk.first_row) rows.first = chunk.first_row;
  if (rows.last > chunk.last_row) rows.last = chunk.last_row;

  int64_t a_offsets[kChunkPixels], b_offsets[kChunkPixels], segments = 0;
  if (columns.first < columns.last)
    for (int64_t n = chunk.first_image; n < chunk.last_image; ++n)
      for (int64_t oh = rows.first; oh < rows.last; ++oh, ++segments) {
        const int64_t ih = oh * g.stride_h + kh * g.dilation_h - g.pad_top;
        const int64_t iw = columns.first * g.stride_w + kw * g.dilation_w - g.pad_left;
        a_offsets[segments] = n * g.in_size() + (ih * g.w + iw) * g.c_in;
        b_offsets[segments] = n * g.out_size() + (oh * g.ow + columns.first) * g.c_out;
        const int64_t rows_before = (n - chunk.first_image) * g.oh + oh - chunk.first_row;
        if (chunk.packed_dy) b_offsets[segments] = (rows_before * g.ow + columns.first) * job.shape.width;
      }

  const int64_t ci = row_tile * job.shape.rows, co = column_tile * job.shape.width;
  const int64_t left = g.group_out() - co, channels = g.group_in() - ci, tile_rows = units * job.shape.rows;
  Tile tile{};
  tile.a = job.op.x + group * g.group_in() + ci, tile.row_step = 1, tile.depth_step = g.stride_w * g.c_in;
  tile.b = job.op.dy + group * g.group_out() + co, tile.b_step = g.c_out;
  if (chunk.packed_dy) tile.b = chunk.packed_dy + chunk.pixels(g) * co, tile.b_step = job.shape.width;
  tile.a_offsets = a_offsets, tile.b_offsets = b_offsets, tile.segments = segments;
  tile.depth = columns.last - columns.first;
  tile.c = sum + (tap * g.group_in() + ci) * g.c_out + group * g.group_out() + co, tile.c_step = g.c_out;
  tile.columns = left < job.shape.width ? left : job.shape.width;
  tile.accumulate = !first;
  run_tiles(tile, job.shape, channels < tile_rows ? channels : tile_rows);
}

// The blocks of columns that units [first_unit, last_unit) multiply with, each in its place.
inline void pack_dy(const WeightsJob& job, const Chunk& chunk, int64_t first_unit, int64_t last_unit, float* packed) {
  const Conv2dGeometry& g = job.g;
  const int64_t pixels = chunk.pixels(g), width = job.shape.width;
  const float* dy = job.op.dy + chunk.first_image * g.out_size() + chunk.first_row * g.ow * g.c_out;
  const int64_t first = first_unit / job.row_tiles, last = (last_unit + job.row_tiles - 1) / job.row_tiles;
  for (int64_t block = first; block < last && block < first + job.column_tiles; ++block) {
    const int64_t co = block % job.column_tiles * width;
    const int64_t columns = g.c_out - co < width ? g.c_out - co : width;
    pack_columns(dy + co, g.c_out, pixels, columns, width, packed + pixels * co);
  }
}

// Sums images [begin, end) for units [first_unit, last_unit), chunk by chunk.
inline void sum_units(const WeightsJob& job, int64_t begin, int64_t end, int64_t first_unit, int64_t last_unit,
                      float* kernel_sum, float* bias_sum, float* scratch) {
  const Conv2dGeometry& g = job.g;
  const int64_t pixels = g.oh * g.ow;
  const int64_t images = pixels * 2 <= kChunkPixels ? kChunkPixels / pixels : 1;
  const int64_t rows = images > 1 ? g.oh : even_piece(g.oh, kChunkPixels / g.ow);
  bool first = true;
  for (int64_t n = begin; n < end; n += images)
    for (int64_t row = 0; row < g.oh; row += rows) {
      Chunk chunk{n, n + images < end ? n + images : end, row, row + rows < g.oh ? row + rows : g.oh, nullptr};
      if (g.packs_dy()) {
        pack_dy(job, chunk, first_unit, last_unit, scratch);
        chunk.packed_dy = scratch;
      }
      for (int64_t unit = first_unit, units = 0; unit < last_unit; unit += units) {
        const int64_t of_block = job.row_tiles - unit % job.row_tiles;
        units = of_block < last_unit - unit ? of_block : last_unit - unit;
        add_chunk(job, unit, units, chunk, first, kernel_sum);
      }
      if (bias_sum) {
        sum_columns(job.op.dy + n * g.out_size() + row * g.ow * g.c_out, chunk.pixels(g), g.c_out, !first, bias_sum);
      }
      first = false;
    }
}

inline void sum_weights(const Conv2dBackwardWeights& op, const uint16_t* argmax, const Run& run) {
  const Conv2dGeometry& g = op.geometry;
  if (run.rows == 0) return clear_gradient(g, op.dkernel, op.dbias);
  const WeightsJob job = make_job(op, run.rows);
  const WindowJob windows = make_window_job(op, argmax);
  // Units are shared out among the threads: who sums a unit does not change it.
  int64_t parts = g.joins_taps() ? 1 : run.pool->threads();
  if (parts > job.units) parts = job.units;
  parallel_for(*run.pool, job.slices * parts, [&](int64_t task, int worker) {
    const int64_t slice = task / parts, part = task % parts;
    const int64_t begin = slice * run.rows / job.slices, end = (slice + 1) * run.rows / job.slices;
    float *kernel_sum = job.kernel_sum(slice), *bias_sum = part == 0 ? job.bias_sum(slice) : nullptr;
    if (is_planar(g) && sum_planes(op, argmax, begin, end, kernel_sum, bias_sum, run.pool->scratch(worker))) return;
    if (g.joins_taps())
      sum_windows(windows, begin, end, kernel_sum, bias_sum, run.pool->scratch(worker));
    else
      sum_units(job, begin, end, part * job.units / parts, (part + 1) * job.units / parts, kernel_sum, bias_sum,
                run.pool->scratch(worker));
  });
  if (!job.in_place()) add_parts(g, op.partial, job.slices, op.dkernel, op.dbias, run);
}

inline void conv2d_backward_weights(const Conv2dBackwardWeights& op, const Run& run) {
  op.geometry.is_depthwise() && run.rows > 0 ? depthwise_backward_weights(op, run) : sum_weights(op, nullptr, run);
}
inline void conv2d_pool_backward_weights(const Conv2dPoolBackwardWeights& op, const Run& run) {
  sum_weights(op.conv, op.argmax, run);
}

}  // namespace

void add_conv2d_backward_weights(KernelTable& table) {
  table.conv2d_backward_weights = conv2d_backward_weights;
  table.conv2d_pool_backward_weights = conv2d_pool_backward_weights;
}

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
