// Matrix products of a dense layer. The weights [k, m] come from memory once; the batch is small beside them.
#pragma once

#include <initializer_list>

#include "cpu/kernels/adam-inl.h"
#include "cpu/kernels/pack-inl.h"
#include "cpu/kernels/parallel-inl.h"
#include "cpu/kernels/tile.h"
#include "kernels/kernel_list.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

constexpr int64_t kWidth = kMaxColumnBlock;  // of a panel

// A matrix product piece by piece: tiles without segments.
inline Tile dense_tile() {
  static const int64_t zero_offset = 0;
  Tile tile{};
  tile.a_offsets = tile.b_offsets = &zero_offset, tile.segments = 1;
  return tile;
}

inline int64_t pieces_of(int64_t total, int64_t piece) { return (total + piece - 1) / piece; }
inline int64_t at_most(int64_t value, int64_t most) { return value < most ? value : most; }

// What is read next from memory: streams of one size, fetched piece by piece beside the work on what is here, and so
// evenly that neither waits for the other.
class Ahead {
 public:
  static constexpr int64_t kMostStreams = 3;
  Ahead(std::initializer_list<const float*> streams, int64_t size) : size_(size) {
    if (size > 0)
      for (const float* stream : streams) streams_[count_++] = stream;
  }

  // Floats to fetch in each of `steps` steps, so that all has been fetched behind them if `most` at a time do.
  int64_t step(int64_t steps, int64_t most) const {
    return at_most(steps > 0 ? pieces_of(count_ * size_, steps) : 0, most);
  }
  // Where to fetch the next `floats`, or null where all is fetched.
  const float* next(int64_t floats) {
    if (stream_ == count_) return nullptr;
    const float* p = streams_[stream_] + offset_;
    offset_ += floats;
    if (offset_ >= size_) offset_ = 0, ++stream_;
    return p;
  }

 private:
  const float* streams_[kMostStreams] = {};
  int64_t size_, count_ = 0, stream_ = 0, offset_ = 0;
};

// ---- forward ----

// Sums over inputs [d, d + tile.depth) for one block of columns. Where more than one tile reads its weights, they are
// packed first: their rows are often a multiple of 512 bytes apart, and share few sets of the first-level cache.
inline void add_inputs(const DenseForward& op, int64_t rows, const TileShape& shape, int64_t d, int64_t column,
                       Tile tile, float* packed) {
  const DenseGeometry& g = op.geometry;
  tile.columns = at_most(g.m - column, shape.width);
  tile.a = op.x + d, tile.row_step = g.k, tile.depth_step = 1;
  tile.b = op.kernel + d * g.m + column, tile.b_step = g.m;
  if (rows > shape.rows) {
    pack_columns(tile.b, g.m, tile.depth, tile.columns, shape.width, packed);
    tile.b = packed, tile.b_step = shape.width;
  }
  tile.c += column, tile.c_step = g.m;
  run_tiles(tile, shape, rows);
}

// A block of columns at a time.
inline void forward_columns(const DenseForward& op, int64_t rows, const TileShape& shape, const Run& run) {
  const DenseGeometry& g = op.geometry;
  const int64_t depth = g.piece_depth();
  parallel_for(*run.pool, pieces_of(g.m, shape.width), [&](int64_t task, int worker) {
    Tile tile = dense_tile();
    tile.c = op.y;
    tile.bias = op.bias ? op.bias + task * shape.width : nullptr;
    for (int64_t d = 0; d < g.k; d += depth) {
      tile.depth = at_most(g.k - d, depth);
      tile.accumulate = d > 0;
      tile.relu = op.relu && d + depth >= g.k;
      add_inputs(op, rows, shape, d, task * shape.width, tile, run.pool->scratch(worker));
    }
  });
}

// Inputs [begin, end) times all columns, a few rows of weights at a time, which come from memory in one stream: while
// the samples are multiplied with a piece, each tile fetches its part of the next piece, up to input `fetch_end`.
inline void forward_slice(const DenseForward& op, int64_t rows, const TileShape& shape, int64_t begin, int64_t end,
                          int64_t fetch_end, float* sum, float* packed) {
  const DenseGeometry& g = op.geometry;
  const int64_t depth = g.piece_depth(), row_tiles = pieces_of(rows, shape.rows);
  const int64_t tiles = row_tiles * pieces_of(g.m, shape.width);
  Tile tile = dense_tile();
  tile.c = sum;
  for (int64_t d = begin; d < end; d += depth) {
    tile.depth = at_most(end - d, depth);
    tile.accumulate = d > begin;
    const int64_t next = d + tile.depth;
    Ahead ahead({op.kernel + next * g.m}, at_most(fetch_end - next, depth) * g.m);
    tile.ahead_step = ahead.step(tiles * tile.depth, shape.width);
    for (int64_t column = 0; column < g.m; column += shape.width) {
      tile.ahead = ahead.next(row_tiles * tile.depth * tile.ahead_step);
      add_inputs(op, rows, shape, d, column, tile, packed);
    }
  }
}

inline void forward_slices(const DenseForward& op, int64_t rows, const TileShape& shape, const Run& run) {
  const DenseGeometry& g = op.geometry;
  const int64_t slices = g.slices(), size = rows * g.m;
  parallel_for(*run.pool, slices, [&](int64_t slice, int worker) {
    forward_slice(op, rows, shape, slice * g.k / slices, (slice + 1) * g.k / slices,
                  run.pool->end_of_run(slices, slice) * g.k / slices, op.partial + slice * size,
                  run.pool->scratch(worker));
  });
  parallel_for(*run.pool, rows, [&](int64_t row, int) {
    for_each_vector(0, g.m, [&](int64_t c, int64_t lanes) {
      Vec sum = op.bias ? load_lanes(op.bias + c, lanes) : zero();
      for (int64_t slice = 0; slice < slices; ++slice)
        sum = sum + load_lanes(op.partial + slice * size + row * g.m + c, lanes);
      store_lanes(op.y + row * g.m + c, op.relu ? max(zero(), sum) : sum, lanes);
    });
  });
}

inline void dense_forward(const DenseForward& op, const Run& run) {
  const int64_t rows = run.rows * op.geometry.vectors;
  const TileShape shape = tile_shape(rows, op.geometry.m);
  op.geometry.slices() > 1 ? forward_slices(op, rows, shape, run) : forward_columns(op, rows, shape, run);
}

// ---- backward ----

constexpr int64_t kBlock = DenseGeometry::kBlock, kBatchPiece = DenseGeometry::kBatchPiece;

// Calls fn(column, columns) for panels of kWidth columns of dy, a few thousand numbers a task: a small matrix is
// rearranged by one thread before the others would be awake.
template <class F>
inline void for_each_panel(const DenseGeometry& g, int64_t batch, const Run& run, const F& fn) {
  const int64_t panels = pieces_of(g.m, kWidth), a_task = 1 + (int64_t{1} << 14) / (batch * kWidth + 1);
  parallel_for(*run.pool, pieces_of(panels, a_task), [&](int64_t task, int) {
    for (int64_t panel = task * a_task; panel < at_most((task + 1) * a_task, panels); ++panel)
      fn(panel * kWidth, at_most(g.m - panel * kWidth, kWidth));
  });
}

// Some rows of dy^T, for what multiplies it with rows of weights as they lie: the weights are not turned. kWidth
// samples lie side by side in a panel [m, samples], as rows of many samples would share few sets of the first-level
// cache.
inline void transpose_panel(const DenseGeometry& g, const float* dy, int64_t batch, int64_t column, int64_t columns,
                            float* transposed) {
  for (int64_t sample = 0; sample < batch; sample += kWidth) {
    const int64_t samples = at_most(batch - sample, kWidth);
    transpose(dy + sample * g.m + column, g.m, samples, columns, transposed + sample * g.m + column * samples, samples);
  }
}

// dx[:, first .. first + inputs)^T = W[first .. first + inputs) dy^T, kWidth samples at a time in `sums`, from where
// they go to dx.
inline void store_inputs(const DenseGeometry& g, const float* transposed, const float* kernel, int64_t batch,
                         int64_t first, int64_t inputs, float* dx, float* sums, Ahead* ahead, int64_t ahead_step) {
  Tile tile = dense_tile();
  tile.row_step = g.m, tile.depth_step = 1;
  tile.c = sums, tile.c_step = kWidth;
  tile.ahead_step = ahead_step;
  for (int64_t sample = 0; sample < batch; sample += kWidth) {
    const int64_t columns = at_most(batch - sample, kWidth);
    const TileShape shape = tile_shape(inputs, columns);
    const int64_t depth = kPanelFloats / kWidth, tiles = pieces_of(inputs, shape.rows);
    tile.b_step = columns;
    for (int64_t d = 0; d < g.m; d += depth) {
      tile.depth = at_most(g.m - d, depth), tile.accumulate = d > 0;
      tile.a = kernel + first * g.m + d;
      for (int64_t column = 0; column < columns; column += shape.width) {
        tile.columns = at_most(columns - column, shape.width);
        tile.b = transposed + sample * g.m + d * columns + column, tile.c = sums + column;
        tile.ahead = ahead ? ahead->next(tiles * tile.depth * ahead_step) : nullptr;
        run_tiles(tile, shape, inputs);
      }
    }
    transpose(sums, kWidth, inputs, columns, dx + sample * g.k + first, g.k);
  }
}

inline void dense_backward_data(const DenseBackwardData& op, const Run& run) {
  const DenseGeometry& g = op.geometry;
  const int64_t batch = run.rows * g.vectors;
  for_each_panel(g, batch, run, [&](int64_t column, int64_t columns) {
    transpose_panel(g, op.dy, batch, column, columns, op.transposed);
  });
  parallel_for(*run.pool, pieces_of(g.k, kBlock), [&](int64_t task, int worker) {
    const int64_t first = task * kBlock;
    store_inputs(g, op.transposed, op.kernel, batch, first, at_most(g.k - first, kBlock), op.dx,
                 run.pool->scratch(worker), nullptr, 0);
  });
}

// Columns of dy as a panel [batch][panel], and their sums, the bias's gradient, in order. dbias may be null.
inline void pack_panel(const DenseGeometry& g, const float* dy, int64_t batch, int64_t column, int64_t columns,
                       float* packed, float* dbias) {
  pack_columns(dy + column, g.m, batch, columns, g.panel(), packed + column * batch);
  if (!dbias) return;
  for_each_vector(column, column + columns, [&](int64_t c, int64_t lanes) {
    Vec sum = zero();
    for (int64_t n = 0; n < batch; ++n) sum = sum + load_lanes(dy + n * g.m + c, lanes);
    store_lanes(dbias + c, sum, lanes);
  });
}

// The gradient of weights [first .. first + inputs) of one panel, to rows c_step apart. `x` has room for kBatchPiece
// rows of kBlock inputs, and holds them already if `packed`; it does behind the first panel, if the batch is one piece.
inline void sum_panel(const DenseGeometry& g, const float* from, const float* panel, int64_t batch, int64_t inputs,
                      int64_t columns, bool packed, float* x, Tile tile, Ahead* ahead) {
  const TileShape shape = tile_shape(inputs, columns);
  const int64_t tiles = pieces_of(inputs, shape.rows);
  tile.a = x, tile.row_step = 1, tile.depth_step = kBlock, tile.b_step = g.panel();
  int64_t first = 0;
  do {  // once at least: an empty batch gives zeros
    tile.depth = at_most(batch - first, kBatchPiece);
    if (!packed || first > 0) pack_columns(from + first * g.k, g.k, tile.depth, inputs, kBlock, x);
    tile.accumulate = first > 0;
    Tile block = tile;
    for (int64_t column = 0; column < columns; column += shape.width) {
      block.columns = at_most(columns - column, shape.width);
      block.b = panel + first * g.panel() + column, block.c = tile.c + column;
      block.ahead = ahead ? ahead->next(tiles * tile.depth * tile.ahead_step) : nullptr;
      run_tiles(block, shape, inputs);
    }
    first += kBatchPiece;
  } while (first < batch);
}

inline void dense_backward_weights(const DenseBackwardWeights& op, const Run& run) {
  const DenseGeometry& g = op.geometry;
  const int64_t batch = run.rows * g.vectors;
  for_each_panel(g, batch, run, [&](int64_t column, int64_t columns) {
    pack_panel(g, op.dy, batch, column, columns, op.packed, op.dbias);
  });
  parallel_for(*run.pool, pieces_of(g.k, kBlock), [&](int64_t task, int worker) {
    const int64_t first = task * kBlock;
    Tile tile = dense_tile();
    tile.c_step = g.m;
    for (int64_t column = 0; column < g.m; column += kWidth) {
      tile.c = op.dkernel + first * g.m + column;
      sum_panel(g, op.x + first, op.packed + column * batch, batch, at_most(g.k - first, kBlock),
                at_most(g.m - column, kWidth), column > 0 && batch <= kBatchPiece, run.pool->scratch(worker), tile,
                nullptr);
    }
  });
}

// Inputs [first, first + count) of the samples: a few lines in each of many rows, out of the hardware's sight.
inline void fetch_inputs(const DenseGeometry& g, const float* inputs, int64_t batch, int64_t first, int64_t count) {
  for (int64_t n = 0; n < at_most(batch, kBatchPiece); ++n)
    for (int64_t i = first; i < first + count; i += kCacheLine) prefetch_far(inputs + n * g.k + i);
}

// One block of inputs: their gradient, then panel by panel that of the weights, and Adam's step while it is in the
// first-level cache. Meanwhile the `next_inputs` inputs behind it are fetched.
inline void update_block(const DenseBackwardAdam& op, int64_t batch, const AdamStep& step, int64_t first,
                         int64_t inputs, int64_t next_inputs, float* scratch) {
  const DenseGeometry& g = op.geometry;
  const int64_t offset = first * g.m, next = offset + inputs * g.m;
  Ahead ahead({op.w + next, op.m + next, op.v + next}, next_inputs * g.m);
  float *sums = scratch, *x = scratch + kBlock * kWidth;
  // Tiles have 6 to 14 rows. Adam's step takes a third of the time or more, and fetches what is left then.
  const int64_t data_steps = op.dx ? pieces_of(inputs, 13) * g.m * pieces_of(batch, kWidth) : 0;
  const int64_t weight_steps = pieces_of(inputs, 6) * pieces_of(g.m, kWidth) * batch;
  const int64_t ahead_step = round_up(ahead.step((data_steps + weight_steps) * 3 / 2, kCacheLine), kCacheLine);
  if (op.dx) store_inputs(g, op.transposed, op.w, batch, first, inputs, op.dx, sums, &ahead, ahead_step);
  fetch_inputs(g, op.x, batch, first + inputs, next_inputs);
  if (op.dx) fetch_inputs(g, op.dx, batch, first + inputs, next_inputs);
  Tile tile = dense_tile();
  tile.c = sums, tile.c_step = kWidth, tile.ahead_step = ahead_step;
  for (int64_t column = 0; column < g.m; column += kWidth) {
    const int64_t columns = at_most(g.m - column, kWidth);
    sum_panel(g, op.x + first, op.packed + column * batch, batch, inputs, columns, column > 0 && batch <= kBatchPiece,
              x, tile, &ahead);
    for (int64_t row = 0; row < inputs; ++row) {
      const int64_t at = offset + row * g.m + column;
      for_each_vector(0, columns, [&](int64_t c, int64_t lanes) {
        if (const float* p = ahead.next(Vec::kLanes)) prefetch_far(p);
        step(op.w + at + c, sums + row * kWidth + c, op.m + at + c, op.v + at + c, lanes);
      });
    }
  }
}

inline void dense_backward_adam(const DenseBackwardAdam& op, const Run& run) {
  const DenseGeometry& g = op.geometry;
  const int64_t batch = run.rows * g.vectors;
  const AdamStep step(op.rates, run);
  for_each_panel(g, batch, run, [&](int64_t column, int64_t columns) {
    if (op.dx) transpose_panel(g, op.dy, batch, column, columns, op.transposed);
    pack_panel(g, op.dy, batch, column, columns, op.packed, op.dbias);
  });
  const int64_t blocks = pieces_of(g.k, kBlock);
  parallel_for(*run.pool, blocks, [&](int64_t task, int worker) {
    // What another worker begins with, it most likely has in its cache, and would have to fetch back.
    const int64_t first = task * kBlock, fetch_end = at_most(run.pool->end_of_run(blocks, task) * kBlock, g.k);
    const int64_t inputs = at_most(g.k - first, kBlock), next_inputs = at_most(fetch_end - first - inputs, kBlock);
    update_block(op, batch, step, first, inputs, next_inputs, run.pool->scratch(worker));
  });
}

}  // namespace

void add_dense(KernelTable& table) {
  table.dense_forward = dense_forward;
  table.dense_backward_data = dense_backward_data;
  table.dense_backward_weights = dense_backward_weights;
  table.dense_backward_adam = dense_backward_adam;
}

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
