// Each output pixel adds to the cells that it saw:
//   dx[oh*stride_h + kh*dilation_h - pad_top, ow*stride_w + kw*dilation_w - pad_left, ci] +=
//       sum over co of dy[oh, ow, co] * kernel[kh, kw, ci, co]
// For each row of the kernel this is a product of two matrices, dy [pixels, c_out] and the kernel's row transposed
// [c_out, kernel_w * c_in], whose rows are added to dx where they belong. No multiplication is spent on the border.
#pragma once

#include "cpu/kernels/conv2d_depthwise-inl.h"
#include "cpu/kernels/pack-inl.h"
#include "cpu/kernels/tile.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

// What the images' gradients are computed from, run by run of the kernel.
struct DataJob {
  const Conv2dBackwardData& op;
  const Conv2dGeometry& g;
  const TileShape shape;

  int64_t run_step() const { return g.group_out() * ((g.run_size() + shape.width - 1) / shape.width * shape.width); }
};

// The kernel transposed: for each group, run and block of columns [c_out / groups][block].
inline void pack_transposed_kernel(const DataJob& job, const Run& run) {
  const Conv2dGeometry& g = job.g;
  const int64_t depth = g.group_out(), width = job.shape.width;
  parallel_for(*run.pool, g.groups * g.runs(), [&](int64_t task, int) {
    const int64_t group = task / g.runs(), first = task % g.runs() * g.run_size();
    float* to = job.op.packed + task * job.run_step();
    for (int64_t column = 0; column < g.run_size(); column += width, to += depth * width) {
      const int64_t left = g.run_size() - column;
      const float* from = job.op.kernel + (first + column) * g.c_out + group * depth;
      pack_transposed(from, g.c_out, left < width ? left : width, depth, width, to);
    }
  });
}

// Adds the rows of a tile, of pixels [pixel, pixel + rows), where their first tap falls in `to`, an image [.., width].
inline void add_tile(const Conv2dGeometry& g, const float* tile, int64_t tile_step, int64_t columns, int64_t pixel,
                     int64_t rows, float* to, int64_t width) {
  int64_t oh = pixel / g.ow, ow = pixel % g.ow;
  for (int64_t r = 0; r < rows; ++r, tile += tile_step) {
    float* cells = to + (oh * g.stride_h * width + ow * g.stride_w) * g.c_in;
    for_each_vector(0, columns, [&](int64_t c, int64_t lanes) {
      store_lanes(cells + c, load_lanes(cells + c, lanes) + load_lanes(tile + c, lanes), lanes);
    });
    if (++ow == g.ow) ow = 0, ++oh;
  }
}

// One run of one group: all pixels, for a block of columns and as much of the depth as stays in the first-level cache.
inline void add_run(const DataJob& job, const float* dy, const float* packed, float* products, float* to,
                    int64_t width) {
  const Conv2dGeometry& g = job.g;
  const int64_t pixels = g.oh * g.ow, depth = g.group_out(), piece = kPanelFloats / job.shape.width, zero_offset = 0;
  Tile tile{};
  tile.a_offsets = tile.b_offsets = &zero_offset, tile.segments = 1;
  tile.row_step = g.c_out, tile.depth_step = 1;
  tile.b_step = tile.c_step = tile.columns = job.shape.width, tile.c = products;  // packed with zeros: all are whole
  const int64_t columns = g.run_size();
  for (int64_t column = 0; column < columns; column += job.shape.width, packed += depth * job.shape.width)
    for (int64_t d = 0; d < depth; d += piece) {
      tile.depth = depth - d < piece ? depth - d : piece;
      tile.b = packed + d * job.shape.width;
      const int64_t left = columns - column, valid = left < job.shape.width ? left : job.shape.width;
      for (int64_t pixel = 0; pixel < pixels; pixel += job.shape.rows) {
        const int64_t rows = pixels - pixel < job.shape.rows ? pixels - pixel : job.shape.rows;
        tile.a = dy + pixel * g.c_out + d;
        run_tiles(tile, job.shape, rows);
        add_tile(g, products, job.shape.width, valid, pixel, rows, to + column, width);
      }
    }
}

inline void add_image(const DataJob& job, int64_t n, float* scratch) {
  const Conv2dGeometry& g = job.g;
  float* dx = job.op.dx + n * g.in_size();
  const bool in_place = g.reads_inside();
  float* sum = in_place ? dx : scratch + Conv2dBackwardData::kTileFloats;
  const int64_t h = in_place ? g.h : g.reached_h(), w = in_place ? g.w : g.reached_w();
  __builtin_memset(sum, 0, static_cast<size_t>(h * w * g.c_in) * sizeof(float));
  const float* packed = job.op.packed;
  for (int64_t group = 0; group < g.groups; ++group)
    for (int64_t run = 0; run < g.runs(); ++run, packed += job.run_step()) {
      float* to = sum + g.run_offset(run, w) + group * g.group_in();
      add_run(job, job.op.dy + n * g.out_size() + group * g.group_out(), packed, scratch, to, w);
    }
  if (!in_place) copy_padded(sum, h, w, g.c_in, g.pad_top, g.h, g.pad_left, g.w, dx);
}

inline void conv2d_backward_data(const Conv2dBackwardData& op, const Run& run) {
  const Conv2dGeometry& g = op.geometry;
  if (g.is_depthwise()) return depthwise_backward_data(op, run);
  const DataJob job{op, g, tile_shape(g.oh * g.ow, g.run_size())};
  pack_transposed_kernel(job, run);
  // A whole image a task: a batch of one is not split here.
  parallel_for(*run.pool, run.rows, [&](int64_t n, int worker) { add_image(job, n, run.pool->scratch(worker)); });
}

}  // namespace

void add_conv2d_backward_data(KernelTable& table) { table.conv2d_backward_data = conv2d_backward_data; }

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
