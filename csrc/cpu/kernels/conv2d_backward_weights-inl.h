// dkernel[kh, kw, ci, co] = sum over images and output pixels of x[pixel + tap, ci] * dy[pixel, co].
// A unit of work is one tap, a few input channels and a block of output channels, summed over the batch in order:
// units, and slices of the batch where units are few, are fixed by the problem, so the bits are too.
#pragma once

#include "cpu/kernels/conv2d_depthwise-inl.h"
#include "cpu/kernels/kernel_gradient-inl.h"
#include "cpu/kernels/max_window-inl.h"
#include "cpu/kernels/pack-inl.h"
#include "cpu/kernels/tile.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

constexpr int64_t kChunkPixels = 128;  // x and dy of a chunk stay in the first-level cache for all units
constexpr int64_t kEnoughUnits = 16;

struct WeightsJob {
  const Conv2dBackwardWeights& op;
  const Conv2dGeometry& g;
  const uint16_t* argmax;  // null, or dy is behind 2x2 max pooling
  TileShape shape;
  int64_t row_tiles, column_tiles, units, slices;

  // Patches sum the bias as one more row of the kernel, and so want it behind the kernel.
  bool in_place() const { return slices == 1 && !g.uses_patches(); }
  float* kernel_sum(int64_t slice) const {
    return in_place() ? op.dkernel : op.partial + slice * (g.kernel_size() + g.c_out);
  }
  float* bias_sum(int64_t slice) const {
    if (!op.dbias) return nullptr;
    return in_place() ? op.dbias : kernel_sum(slice) + g.kernel_size();
  }
};

// Rows of patches: taps and channels, and ones for the bias.
inline int64_t patch_rows(const Conv2dBackwardWeights& op) {
  const Conv2dGeometry& g = op.geometry;
  return g.kernel_h * g.kernel_w * g.c_in + (op.dbias ? 1 : 0);
}

inline WeightsJob make_job(const Conv2dBackwardWeights& op, const uint16_t* argmax, int64_t images) {
  const Conv2dGeometry& g = op.geometry;
  const int64_t rows = g.uses_patches() ? patch_rows(op) : g.group_in();
  const TileShape shape = tile_shape(rows, g.group_out());
  const int64_t row_tiles = (rows + shape.rows - 1) / shape.rows;
  const int64_t column_tiles = (g.group_out() + shape.width - 1) / shape.width;
  const int64_t taps = g.uses_patches() ? 1 : g.kernel_h * g.kernel_w;
  const int64_t units = g.groups * taps * row_tiles * column_tiles;
  int64_t slices = Conv2dBackwardWeights::kSlices;
  if (!g.uses_patches()) slices = units >= kEnoughUnits ? 1 : (kEnoughUnits + units - 1) / units;
  if (slices > Conv2dBackwardWeights::kSlices) slices = Conv2dBackwardWeights::kSlices;
  if (slices > images) slices = images;
  return {op, g, argmax, shape, row_tiles, column_tiles, units, slices};
}

inline void sum_columns(const float* dy, int64_t pixels, int64_t columns, bool accumulate, float* sum) {
  for_each_vector(0, columns, [&](int64_t c, int64_t lanes) {
    Vec total = accumulate ? load_lanes(sum + c, lanes) : zero();
    for (int64_t p = 0; p < pixels; ++p) total = total + load_lanes(dy + p * columns + c, lanes);
    store_lanes(sum + c, total, lanes);
  });
}

// Output pixels of a few images, or a band of rows of one image.
struct Chunk {
  int64_t first_image, last_image, first_row, last_row;
  const float* packed_dy;  // null, or dy of the chunk in blocks of columns: [column tile][pixel][width]
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

// Adds one chunk to one unit. Each output row of the chunk is a segment of the tile.
inline void add_chunk(const WeightsJob& job, int64_t unit, const Chunk& chunk, bool first, float* sum) {
  const Conv2dGeometry& g = job.g;
  const int64_t column_tile = unit % job.column_tiles, row_tile = unit / job.column_tiles % job.row_tiles;
  const int64_t tap = unit / (job.column_tiles * job.row_tiles) % (g.kernel_h * g.kernel_w);
  const int64_t group = unit / (job.column_tiles * job.row_tiles * g.kernel_h * g.kernel_w);
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
        if (chunk.packed_dy) b_offsets[segments] = ((oh - chunk.first_row) * g.ow + columns.first) * job.shape.width;
      }

  const int64_t ci = row_tile * job.shape.rows, co = column_tile * job.shape.width;
  const int64_t left = g.group_out() - co, channels = g.group_in() - ci;
  Tile tile{};
  tile.a = job.op.x + group * g.group_in() + ci, tile.row_step = 1, tile.depth_step = g.stride_w * g.c_in;
  tile.b = job.op.dy + group * g.group_out() + co, tile.b_step = g.c_out;
  if (chunk.packed_dy) {
    const int64_t pixels = (chunk.last_row - chunk.first_row) * g.ow;
    tile.b = chunk.packed_dy + column_tile * pixels * job.shape.width, tile.b_step = job.shape.width;
  }
  tile.a_offsets = a_offsets, tile.b_offsets = b_offsets, tile.segments = segments;
  tile.depth = columns.last - columns.first;
  tile.c = sum + (tap * g.group_in() + ci) * g.c_out + group * g.group_out() + co, tile.c_step = g.c_out;
  tile.columns = left < job.shape.width ? left : job.shape.width;
  tile.accumulate = !first;
  run_tile(tile, job.shape.vectors, channels < job.shape.rows ? channels : job.shape.rows);
}

inline void pack_dy(const WeightsJob& job, const Chunk& chunk, float* packed) {
  const Conv2dGeometry& g = job.g;
  const int64_t pixels = (chunk.last_row - chunk.first_row) * g.ow, width = job.shape.width;
  const float* dy = job.op.dy + chunk.first_image * g.out_size() + chunk.first_row * g.ow * g.c_out;
  for (int64_t co = 0; co < g.c_out; co += width, packed += pixels * width)
    pack_columns(dy + co, g.c_out, pixels, g.c_out - co < width ? g.c_out - co : width, width, packed);
}

// Sums images [begin, end) for units [first_unit, last_unit), chunk by chunk.
inline void sum_units(const WeightsJob& job, int64_t begin, int64_t end, int64_t first_unit, int64_t last_unit,
                      float* kernel_sum, float* bias_sum, float* scratch) {
  const Conv2dGeometry& g = job.g;
  const int64_t pixels = g.oh * g.ow;
  const int64_t images = pixels * 2 <= kChunkPixels ? kChunkPixels / pixels : 1;
  int64_t rows = images > 1 ? g.oh : kChunkPixels / g.ow;
  if (rows < 1) rows = 1;
  bool first = true;
  for (int64_t n = begin; n < end; n += images)
    for (int64_t row = 0; row < g.oh; row += rows) {
      Chunk chunk{n, n + images < end ? n + images : end, row, row + rows < g.oh ? row + rows : g.oh, nullptr};
      if (g.packs_dy() && images == 1) {
        pack_dy(job, chunk, scratch);
        chunk.packed_dy = scratch;
      }
      for (int64_t unit = first_unit; unit < last_unit; ++unit) add_chunk(job, unit, chunk, first, kernel_sum);
      if (bias_sum) {
        const int64_t count = (chunk.last_image - n - 1) * g.oh * g.ow + (chunk.last_row - row) * g.ow;
        sum_columns(job.op.dy + n * g.out_size() + row * g.ow * g.c_out, count, g.c_out, !first, bias_sum);
      }
      first = false;
    }
}

// A row of patches: the pixels that one tap sees from one output row, zeros where it sees none.
inline void copy_taps(const float* from, int64_t stride, TapRange inside, int64_t outputs, float* to) {
  for (int64_t ow = 0; ow < inside.first; ++ow) to[ow] = 0.0f;
  if (stride == 1)
    for_each_vector(inside.first, inside.last,
                    [&](int64_t ow, int64_t lanes) { store_lanes(to + ow, load_lanes(from + ow, lanes), lanes); });
  else
    for (int64_t ow = inside.first; ow < inside.last; ++ow) to[ow] = from[ow * stride];
  for (int64_t ow = inside.last; ow < outputs; ++ow) to[ow] = 0.0f;
}

// patches[tap, channel][pixel] of one image. `planes` has room for its channels one after another.
inline void make_patches(const Conv2dGeometry& g, const float* image, float* patches, float* planes) {
  if (g.c_in > 1)
    for (int64_t i = 0; i < g.h * g.w; ++i)
      for (int64_t c = 0; c < g.c_in; ++c) planes[c * g.h * g.w + i] = image[i * g.c_in + c];
  const float* source = g.c_in > 1 ? planes : image;
  for (int64_t kh = 0; kh < g.kernel_h; ++kh)
    for (int64_t kw = 0; kw < g.kernel_w; ++kw) {
      const TapRange inside = outputs_inside(kw, g.stride_w, g.dilation_w, g.pad_left, g.ow, g.w);
      for (int64_t c = 0; c < g.c_in; ++c)
        for (int64_t oh = 0; oh < g.oh; ++oh, patches += g.ow) {
          const int64_t ih = oh * g.stride_h + kh * g.dilation_h - g.pad_top;
          const bool row_inside = ih >= 0 && ih < g.h;
          copy_taps(source + (c * g.h + ih) * g.w + kw * g.dilation_w - g.pad_left, g.stride_w,
                    row_inside ? inside : TapRange{g.ow, g.ow}, g.ow, patches);
        }
    }
}

// The gradient of one image's map behind 2x2 max pooling, whole.
inline void unpool_image(const Conv2dGeometry& g, const PooledGradient& image, float* to) {
  const int64_t rows = g.oh / 2 * 2, columns = g.ow / 2 * 2, row_size = g.ow * g.c_out;
  const auto clear = [](float* p, int64_t n) { __builtin_memset(p, 0, static_cast<size_t>(n) * sizeof(float)); };
  unpool(image, g.oh, g.ow, g.c_out, 0, rows, 0, columns, 0, g.c_out, to, g.ow);
  if (columns < g.ow)
    for (int64_t row = 0; row < rows; ++row) clear(to + row * row_size + columns * g.c_out, g.c_out);
  if (rows < g.oh) clear(to + rows * row_size, row_size);
}

// Images [begin, end) of a slice: the kernel's sums, and the bias's behind them.
inline void sum_patches(const WeightsJob& job, int64_t begin, int64_t end, float* sum, float* patches) {
  const Conv2dGeometry& g = job.g;
  const int64_t pixels = g.oh * g.ow, rows = patch_rows(job.op), zero_offset = 0;
  float* planes = patches + rows * pixels;
  if (job.op.dbias)
    for (int64_t i = 0; i < pixels; ++i) patches[(rows - 1) * pixels + i] = 1.0f;
  for (int64_t n = begin; n < end; ++n) {
    make_patches(g, job.op.x + n * g.in_size(), patches, planes);
    const float* dy = job.op.dy + n * g.out_size();
    if (job.argmax) {
      const int64_t at = n * g.pooled_size();
      unpool_image(g, {job.op.dy + at, job.argmax + at}, planes + g.in_size());
      dy = planes + g.in_size();
    }
    Tile tile{};
    tile.a_offsets = tile.b_offsets = &zero_offset, tile.segments = 1;
    tile.depth = pixels, tile.depth_step = 1, tile.row_step = pixels;
    tile.b_step = tile.c_step = g.c_out, tile.accumulate = n > begin;
    for (int64_t unit = 0; unit < job.units; ++unit) {
      const int64_t row = unit / job.column_tiles * job.shape.rows, co = unit % job.column_tiles * job.shape.width;
      tile.a = patches + row * pixels, tile.b = dy + co, tile.c = sum + row * g.c_out + co;
      tile.columns = g.c_out - co < job.shape.width ? g.c_out - co : job.shape.width;
      run_tile(tile, job.shape.vectors, rows - row < job.shape.rows ? rows - row : job.shape.rows);
    }
  }
}

inline void sum_weights(const Conv2dBackwardWeights& op, const uint16_t* argmax, const Run& run) {
  const Conv2dGeometry& g = op.geometry;
  if (run.rows == 0) {
    __builtin_memset(op.dkernel, 0, static_cast<size_t>(g.kernel_size()) * sizeof(float));
    if (op.dbias) __builtin_memset(op.dbias, 0, static_cast<size_t>(g.c_out) * sizeof(float));
    return;
  }
  const WeightsJob job = make_job(op, argmax, run.rows);
  // Units are shared out among the threads (who sums a unit does not change it); patches are made once a slice.
  int64_t parts = g.uses_patches() ? 1 : run.pool->threads();
  if (parts > job.units) parts = job.units;
  parallel_for(*run.pool, job.slices * parts, [&](int64_t task, int worker) {
    const int64_t slice = task / parts, part = task % parts;
    const int64_t begin = slice * run.rows / job.slices, end = (slice + 1) * run.rows / job.slices;
    float* kernel_sum = job.kernel_sum(slice);
    if (g.uses_patches())
      sum_patches(job, begin, end, kernel_sum, run.pool->scratch(worker));
    else
      sum_units(job, begin, end, part * job.units / parts, (part + 1) * job.units / parts, kernel_sum,
                part == 0 ? job.bias_sum(slice) : nullptr, run.pool->scratch(worker));
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
