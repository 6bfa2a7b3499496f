// The gradient of a kernel that sees few input channels. From each output pixel, a row of such a kernel sees a short
// run of kernel_w * c_in numbers: the rows of a register tile, which sums over the pixels of some output rows while
// their dy is in the first-level cache. Where the output channels are few too, two pixels side by side are taken for
// one with twice the channels, which sees a run longer by a stride; products that belong to no tap are left out in the
// end.
#pragma once

#include "cpu/kernels/kernel_gradient-inl.h"
#include "cpu/kernels/max_window-inl.h"
#include "cpu/kernels/pack-inl.h"
#include "cpu/kernels/tile.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

struct WindowJob {
  const Conv2dBackwardWeights& op;
  const Conv2dGeometry& g;
  const uint16_t* argmax;  // null, or dy is behind 2x2 max pooling
  int64_t joined;          // output pixels: 1 or 2
  int64_t run;             // numbers of a run
  int64_t together;        // runs that share a register tile
  TileShape shape;

  int64_t columns() const { return joined * g.c_out; }
  // Output rows of a chunk: an even number, as pooling joins two.
  int64_t chunk_rows() const { return g.ow > kChunkPixels / 2 ? 2 : kChunkPixels / g.ow / 2 * 2; }
};

inline WindowJob make_window_job(const Conv2dBackwardWeights& op, const uint16_t* argmax) {
  const Conv2dGeometry& g = op.geometry;
  const int64_t run = g.run_size();
  if (g.whole_rows() && run == kRowsAPointer) {  // all rows of the kernel, such as the nine taps of 3x3 on grey images
    TileShape shape = tile_shape(g.kernel_h * run, g.c_out);
    shape.rows = (shape.rows + run - 1) / run * run;
    if (shape.rows > max_rows(shape.vectors)) shape.rows -= run;
    return {op, g, argmax, 1, run, g.kernel_h, shape};
  }
  const int64_t joined = g.whole_rows() && g.c_out <= Vec::kLanes && g.ow % 2 == 0 ? 2 : 1;
  const int64_t longer = run + (joined - 1) * g.stride_w * g.c_in;
  return {op, g, argmax, joined, longer, 1, tile_shape(longer, joined * g.c_out)};
}

// Rows [first, last) of the gradient of a map behind 2x2 max pooling; zeros behind its last window.
inline void unpool_rows(const Conv2dGeometry& g, const PooledGradient& image, int64_t first, int64_t last, float* to) {
  const int64_t rows = (last - first) / 2 * 2, columns = g.ow / 2 * 2, row_size = g.ow * g.c_out;
  const auto clear = [](float* p, int64_t n) { __builtin_memset(p, 0, static_cast<size_t>(n) * sizeof(float)); };
  unpool(image, g.oh, g.ow, g.c_out, first, rows, 0, columns, 0, g.c_out, to, g.ow);
  if (columns < g.ow)
    for (int64_t row = 0; row < rows; ++row) clear(to + row * row_size + columns * g.c_out, g.c_out);
  if (rows < last - first) clear(to + rows * row_size, row_size);
}

// Adds output rows [first, last) of an image, whose rows hold `width` pixels, to the sums [runs][run][columns].
inline void add_windows(const WindowJob& job, const float* image, int64_t width, const float* dy, int64_t first,
                        int64_t last, bool accumulate, float* sums) {
  const Conv2dGeometry& g = job.g;
  int64_t a_offsets[kChunkPixels], b_offsets[kChunkPixels];
  for (int64_t oh = first; oh < last; ++oh) {
    a_offsets[oh - first] = oh * g.stride_h * width * g.c_in;
    b_offsets[oh - first] = (oh - first) * g.ow * g.c_out;
  }
  Tile tile{};
  tile.a_offsets = a_offsets, tile.b_offsets = b_offsets, tile.segments = last - first;
  tile.depth = g.ow / job.joined, tile.depth_step = job.joined * g.stride_w * g.c_in, tile.row_step = 1;
  tile.b_step = tile.c_step = job.columns(), tile.accumulate = accumulate;
  if (job.together > 1) tile.group_step = g.dilation_h * width * g.c_in;
  const int64_t rows = job.together * job.run;
  for (int64_t run = 0; run < g.runs(); run += job.together) {
    const float* seen = image + g.run_offset(run, width);
    for (int64_t row = 0; row < rows; row += job.shape.rows)
      for (int64_t column = 0; column < job.columns(); column += job.shape.width) {
        const int64_t left = job.columns() - column;
        tile.a = seen + (job.together > 1 ? row / job.run * tile.group_step : row), tile.b = dy + column;
        tile.c = sums + (run * job.run + row) * job.columns() + column;
        tile.columns = left < job.shape.width ? left : job.shape.width;
        run_tiles(tile, job.shape, rows - row < job.shape.rows ? rows - row : job.shape.rows);
      }
  }
}

// From sums of runs to the gradient of the kernel.
inline void take_taps(const WindowJob& job, const float* sums, float* dkernel) {
  const Conv2dGeometry& g = job.g;
  const int64_t columns = job.columns();
  for (int64_t run = 0; run < g.runs(); ++run, sums += job.run * columns)
    for (int64_t i = 0; i < g.run_size(); ++i, dkernel += g.c_out)
      for_each_vector(0, g.c_out, [&](int64_t c, int64_t lanes) {
        Vec sum = load_lanes(sums + i * columns + c, lanes);
        if (job.joined == 2) sum = sum + load_lanes(sums + (i + g.stride_w * g.c_in) * columns + g.c_out + c, lanes);
        store_lanes(dkernel + c, sum, lanes);
      });
}

// Sums images [begin, end), one at least.
inline void sum_windows(const WindowJob& job, int64_t begin, int64_t end, float* kernel_sum, float* bias_sum,
                        float* scratch) {
  const Conv2dGeometry& g = job.g;
  float *sums = scratch, *padded = sums + g.runs() * job.run * job.columns(), *map = padded + g.reached_size();
  for (int64_t n = begin; n < end; ++n) {
    const float* image = job.op.x + n * g.in_size();
    int64_t width = g.w;
    if (!g.reads_inside()) {
      width = g.reached_w();
      copy_padded(image, g.h, g.w, g.c_in, -g.pad_top, g.reached_h(), -g.pad_left, width, padded);
      image = padded;
    }
    for (int64_t row = 0; row < g.oh; row += job.chunk_rows()) {
      const int64_t last = row + job.chunk_rows() < g.oh ? row + job.chunk_rows() : g.oh;
      const float* dy = job.op.dy + n * g.out_size() + row * g.ow * g.c_out;
      if (job.argmax) {
        const int64_t at = n * g.pooled_size();
        unpool_rows(g, {job.op.dy + at, job.argmax + at}, row, last, map);
        dy = map;
      }
      const bool accumulate = n > begin || row > 0;
      add_windows(job, image, width, dy, row, last, accumulate, sums);
      if (bias_sum) sum_columns(dy, (last - row) * g.ow, g.c_out, accumulate, bias_sum);
    }
  }
  take_taps(job, sums, kernel_sum);
}

}  // namespace
}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
