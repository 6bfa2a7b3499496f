// Each output pixel adds to the cells that it saw:
//   dx[oh*stride_h + kh*dilation_h - pad_top, ow*stride_w + kw*dilation_w - pad_left, ci] +=
//       sum over co of dy[oh, ow, co] * kernel[kh, kw, ci, co]
// A row of dx hears from kernel_h rows of dy, from fewer at the border and with strides. The sum over these and over co
// is one product of matrices, dy [ow, c_out] and rows of the kernel transposed [c_out, kernel_w * c_in], whose columns
// are added to dx where they belong. Rows of dx outside the image are left out.
#pragma once

#include "cpu/kernels/conv2d_depthwise-inl.h"
#include "cpu/kernels/conv2d_sweep-inl.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

// What the images' gradients are computed from, run by run of the kernel.
struct DataJob {
  const Conv2dBackwardData& op;
  const Conv2dGeometry& g;
  TileShape shape;
  bool whole;     // all columns of a row of the kernel are one block
  bool together;  // all rows of the kernel, unless a row of dy is a low tile: at the border few rows of dx are alike
  bool aligned;   // and a block of columns lies within a tap, so that the tile can add to dx
  int64_t piece;  // of the depth: for all rows of the kernel it stays in the first-level cache

  int64_t runs_a_row() const { return g.runs() / g.kernel_h; }
  int64_t run_step() const { return g.group_out() * ((g.run_size() + shape.width - 1) / shape.width * shape.width); }
};

inline DataJob make_data_job(const Conv2dBackwardData& op) {
  const Conv2dGeometry& g = op.geometry;
  DataJob job{op, g, tile_shape(g.oh * g.ow, g.run_size()), false, false, false, kCacheLine};
  const int64_t rows = tile_height(g.ow, job.shape.vectors), most = max_rows(job.shape.vectors);
  job.whole = g.whole_rows() && g.run_size() <= job.shape.width;
  job.together = job.whole || 2 * g.ow > most;
  job.aligned = job.together && g.group_in() % job.shape.width == 0 && 10 * rows >= 7 * most;
  if (job.aligned) job.shape.rows = rows;
  const int64_t depth = kPanelFloats / job.shape.width / (job.together ? g.kernel_h : 1) / kCacheLine * kCacheLine;
  if (depth > 0) job.piece = round_up(even_piece(g.group_out(), depth), kCacheLine);
  return job;
}

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

// Rows of dx a stride apart hear through the same rows of the kernel: from its first row on, the j-th hears from row
// j - shifts[i] of dy through kernel_rows[i]. Both ascend.
struct Phase {
  int64_t *kernel_rows, *shifts;
  int64_t count;
};

inline Phase make_phase(const Conv2dGeometry& g, int64_t first_row, int64_t* room) {
  Phase phase{room, room + g.kernel_h, 0};
  for (int64_t kh = 0; kh < g.kernel_h; ++kh) {
    const int64_t behind = kh * g.dilation_h - first_row;
    if (behind % g.stride_h != 0) continue;
    phase.kernel_rows[phase.count] = kh, phase.shifts[phase.count++] = behind / g.stride_h;
  }
  return phase;
}

// Those of a phase that lie on the map, as segments of the register tile.
struct Heard {
  int64_t first, last;
  bool operator==(const Heard& other) const { return first == other.first && last == other.last; }
};
inline Heard rows_heard(const Conv2dGeometry& g, const Phase& phase, int64_t j) {
  Heard heard{0, phase.count};
  while (heard.first < heard.last && j - phase.shifts[heard.first] >= g.oh) ++heard.first;
  while (heard.first < heard.last && j < phase.shifts[heard.last - 1]) --heard.last;
  return heard;
}
inline void set_segments(const DataJob& job, const Phase& phase, const Heard& heard, int64_t j, const Taps& taps,
                         Tile* tile) {
  const int64_t step = job.runs_a_row() * job.run_step(), row_size = job.g.ow * job.g.c_out;
  tile->segments = heard.last - heard.first;
  for (int64_t i = 0; i < tile->segments; ++i) {
    taps.a_offsets[i] = (j - phase.shifts[heard.first + i]) * row_size;
    taps.b_offsets[i] = phase.kernel_rows[heard.first + i] * step;
  }
}

// Adds columns [first, last) of a run, of the pixels of one row of dy, to a row of dx. Neighbours' taps overlap, so one
// tap after the other: nobody waits for what has only just been stored.
inline void add_taps(const Conv2dGeometry& g, const float* products, int64_t step, int64_t first, int64_t last,
                     float* to) {
  const int64_t tap = g.group_in();
  for (int64_t begin = first, end; begin < last; begin = end) {
    end = begin / tap * tap + tap < last ? begin / tap * tap + tap : last;
    for (int64_t ow = 0; ow < g.ow; ++ow) {
      float* cells = to + ow * g.stride_w * g.c_in;
      for_each_vector(begin, end, [&](int64_t c, int64_t lanes) {
        const Vec product = load_lanes(products + ow * step + c - first, lanes);
        store_lanes(cells + c, load_lanes(cells + c, lanes) + product, lanes);
      });
    }
  }
}

// The same where all columns of a run are at hand: a row of dx is complete, cell by cell, and nothing is read again.
inline void gather_taps(const Conv2dGeometry& g, const float* products, int64_t step, float* to) {
  // A cell is seen through `tap` from pixel ow, through tap + stride from the one before, and so on.
  const int64_t next = g.stride_w * g.c_in - step, least = g.kernel_w / g.stride_w, more = g.kernel_w % g.stride_w;
  for (int64_t iw = 0, ow = 0, tap = 0; iw < g.reached_w(); ++iw, to += g.c_in) {
    const int64_t beyond = ow < g.ow ? 0 : ow - g.ow + 1;
    const float* first = products + (ow - beyond) * step + (tap + beyond * g.stride_w) * g.c_in;
    const int64_t all = least + (tap < more ? 1 : 0), taps = (all < ow + 1 ? all : ow + 1) - beyond;
    for_each_vector(0, g.c_in, [&](int64_t c, int64_t lanes) {
      Vec sum = zero();
      const float* from = first + c;
      for (int64_t i = 0; i < taps; ++i, from += next) sum = sum + load_lanes(from, lanes);
      store_lanes(to + c, sum, lanes);
    });
    if (++tap == g.stride_w) tap = 0, ++ow;
  }
}

// Calls fn(phase, its first j in the image, the one behind the last, row of dx where j is 0) for all rows of dx that
// there are: once, or for each row of the kernel.
template <class F>
inline void for_each_phase(const DataJob& job, int64_t* room, const F& fn) {
  const Conv2dGeometry& g = job.g;
  const int64_t begin = g.pad_top, end = g.pad_top + g.h < g.reached_h() ? g.pad_top + g.h : g.reached_h();
  for (int64_t row = 0; row < g.stride_h && row < end; ++row) {
    const auto first_at = [&](int64_t from) { return from <= row ? 0 : (from - row + g.stride_h - 1) / g.stride_h; };
    const Phase all = make_phase(g, row, room);
    const int64_t rows = job.together ? all.count : 1;
    for (int64_t i = 0; i < all.count; i += rows)
      fn(Phase{all.kernel_rows + i, all.shifts + i, rows}, first_at(begin), first_at(end), row);
  }
}

// A worker's scratch, laid out.
struct DataScratch {
  Taps taps;
  int64_t* room;    // for a phase
  float* products;  // [pixels of some rows of dy, a block of columns]
  float* image;     // dx with its padding
};
inline DataScratch data_scratch(const DataJob& job, float* scratch) {
  const Taps taps = taps_in_scratch(job.g, scratch);
  return {taps, taps.b_offsets + job.g.kernel_h * job.g.kernel_w, scratch + job.op.offsets_size(),
          scratch + job.op.offsets_size() + job.op.products_size()};
}
// What the tiles of all sums have in common.
inline Tile make_data_tile(const DataJob& job, const Taps& taps) {
  Tile tile{};
  tile.a_offsets = taps.a_offsets, tile.b_offsets = taps.b_offsets;
  tile.row_step = job.g.c_out, tile.depth_step = 1;
  tile.b_step = tile.c_step = tile.columns = job.shape.width;  // packed with zeros: all are whole
  return tile;
}

// One column of the kernel, or all of them side by side, of one group: all rows of dx, some at a time that hear through
// the same rows of the kernel. Their pixels of dy follow one another, so they are rows of one matrix.
inline void add_runs(const DataJob& job, const float* dy, const float* packed, const DataScratch& s, float* to,
                     int64_t width) {
  const Conv2dGeometry& g = job.g;
  const int64_t columns = g.run_size(), depth = g.group_out(), block = job.shape.width;
  Tile tile = make_data_tile(job, s.taps);
  TileShape shape = job.shape;
  tile.c = s.products;
  for_each_phase(job, s.room, [&](const Phase& phase, int64_t first, int64_t last, int64_t row) {
    for (int64_t j = first, count; j < last; j += count) {
      const Heard heard = rows_heard(g, phase, j);
      const auto alike = [&](int64_t other) { return other < last && rows_heard(g, phase, other) == heard; };
      for (count = 1; (count + 1) * g.ow <= Conv2dBackwardData::kHeardPixels && alike(j + count);) ++count;
      set_segments(job, phase, heard, j, s.taps, &tile);
      shape.rows = tile_height(count * g.ow, shape.vectors);
      for (int64_t column = 0; column < columns && tile.segments > 0; column += block) {
        for (int64_t d = 0; d < depth; d += job.piece) {
          tile.a = dy + d, tile.b = packed + column * depth + d * block;
          tile.depth = depth - d < job.piece ? depth - d : job.piece, tile.accumulate = d > 0;
          run_tiles(tile, shape, count * g.ow);
        }
        const int64_t end = columns - column < block ? columns : column + block;
        for (int64_t r = 0; r < count; ++r) {
          const float* products = s.products + r * g.ow * block;
          float* cells = to + (row + (j + r) * g.stride_h) * width * g.c_in;
          job.whole ? gather_taps(g, products, block, cells) : add_taps(g, products, block, column, end, cells);
        }
      }
    }
  });
}

// The same where each pixel of dy has cells of its own for a block of columns: the register tile adds to them.
inline void add_aligned_runs(const DataJob& job, const float* dy, const float* packed, const DataScratch& s, float* to,
                             int64_t width) {
  const Conv2dGeometry& g = job.g;
  const int64_t columns = g.run_size(), depth = g.group_out(), block = job.shape.width;
  Tile tile = make_data_tile(job, s.taps);
  tile.accumulate = true, tile.c_step = g.stride_w * g.c_in;
  for_each_phase(job, s.room, [&](const Phase& phase, int64_t first, int64_t last, int64_t row) {
    for (int64_t column = 0; column < columns; column += block)
      for (int64_t d = 0; d < depth; d += job.piece) {
        tile.a = dy + d, tile.b = packed + column * depth + d * block;
        tile.depth = depth - d < job.piece ? depth - d : job.piece;
        for (int64_t j = first; j < last; ++j) {
          set_segments(job, phase, rows_heard(g, phase, j), j, s.taps, &tile);
          tile.c = to + (row + j * g.stride_h) * width * g.c_in + column;
          if (tile.segments > 0) run_tiles(tile, job.shape, g.ow);
        }
      }
  });
}

inline void add_image(const DataJob& job, int64_t n, float* scratch) {
  const Conv2dGeometry& g = job.g;
  const DataScratch s = data_scratch(job, scratch);
  float* dx = job.op.dx + n * g.in_size();
  const bool in_place = g.reads_inside();
  float* sum = in_place ? dx : s.image;
  const int64_t h = in_place ? g.h : g.reached_h(), w = in_place ? g.w : g.reached_w();
  __builtin_memset(sum, 0, static_cast<size_t>(h * w * g.c_in) * sizeof(float));
  for (int64_t group = 0; group < g.groups; ++group)
    for (int64_t run = 0; run < job.runs_a_row(); ++run) {
      const float* dy = job.op.dy + n * g.out_size() + group * g.group_out();
      const float* packed = job.op.packed + (group * g.runs() + run) * job.run_step();
      float* to = sum + g.run_offset(run, w) + group * g.group_in();
      job.aligned ? add_aligned_runs(job, dy, packed, s, to, w) : add_runs(job, dy, packed, s, to, w);
    }
  if (!in_place) copy_padded(sum, h, w, g.c_in, g.pad_top, g.h, g.pad_left, g.w, dx);
}

inline void conv2d_backward_data(const Conv2dBackwardData& op, const Run& run) {
  const Conv2dGeometry& g = op.geometry;
  if (g.is_depthwise()) return depthwise_backward_data(op, run);
  const DataJob job = make_data_job(op);
  pack_transposed_kernel(job, run);
  // A whole image a task: a batch of one is not split here.
  parallel_for(*run.pool, run.rows, [&](int64_t n, int worker) { add_image(job, n, run.pool->scratch(worker)); });
}

}  // namespace

void add_conv2d_backward_data(KernelTable& table) { table.conv2d_backward_data = conv2d_backward_data; }

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
