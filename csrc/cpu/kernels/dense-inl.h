// Matrix products of a dense layer. The weights [k, m] are read once, where they lie; the batch is small beside them.
#pragma once

#include <initializer_list>

#include "cpu/kernels/adam-inl.h"
#include "cpu/kernels/pack-inl.h"
#include "cpu/kernels/parallel-inl.h"
#include "cpu/kernels/tile.h"
#include "kernels/kernel_list.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

constexpr int64_t kDepthBlock = 256;  // rows of weights, a block of columns wide, that stay in the first-level cache

// A tile whose rows lie side by side.
inline Tile dense_tile() {
  static const int64_t zero_offset = 0;
  Tile tile{};
  tile.a_offsets = tile.b_offsets = &zero_offset, tile.segments = 1;
  tile.row_step = 1;
  return tile;
}

// Calls fn(first row, rows) for each tile's rows.
template <class F>
inline void for_each_tile_rows(int64_t rows, const TileShape& shape, const F& fn) {
  for (int64_t row = 0; row < rows; row += shape.rows) fn(row, rows - row < shape.rows ? rows - row : shape.rows);
}

inline int64_t pieces_of(int64_t total, int64_t piece) { return (total + piece - 1) / piece; }

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
    const int64_t even = steps > 0 ? pieces_of(count_ * size_, steps) : 0;
    return even < most ? even : most;
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

// Inputs [begin, end) of x in blocks of a tile's rows: [block][k][rows of the block]. Rows of x often lie a multiple of
// 4096 bytes apart, and would all fall into the same few cache lines.
inline void pack_batch(const DenseForward& op, int64_t rows, const TileShape& shape, int64_t begin, int64_t end) {
  const int64_t k = op.geometry.k;
  for_each_tile_rows(rows, shape, [&](int64_t row, int64_t count) {
    const float* from = op.x + row * k;
    float* to = op.packed + row * k + begin * count;
    for (int64_t d = begin; d < end; ++d)
      for (int64_t r = 0; r < count; ++r) *to++ = from[r * k + d];
  });
}

// A few columns of weights at a time.
inline void forward_columns(const DenseForward& op, int64_t rows, const TileShape& shape, const Run& run) {
  const DenseGeometry& g = op.geometry;
  parallel_for(*run.pool, (g.k + kDepthBlock - 1) / kDepthBlock, [&](int64_t piece, int) {
    const int64_t begin = piece * kDepthBlock;
    pack_batch(op, rows, shape, begin, begin + kDepthBlock < g.k ? begin + kDepthBlock : g.k);
  });
  parallel_for(*run.pool, (g.m + shape.width - 1) / shape.width, [&](int64_t task, int) {
    const int64_t column = task * shape.width;
    Tile tile = dense_tile();
    tile.b_step = tile.c_step = g.m;
    tile.columns = g.m - column < shape.width ? g.m - column : shape.width;
    tile.bias = op.bias ? op.bias + column : nullptr;
    for (int64_t d = 0; d < g.k; d += kDepthBlock) {
      tile.depth = g.k - d < kDepthBlock ? g.k - d : kDepthBlock;
      tile.b = op.kernel + d * g.m + column;
      tile.accumulate = d > 0;
      // Rows of weights lie far apart, out of the hardware prefetcher's sight.
      tile.ahead = d + 2 * kDepthBlock <= g.k ? tile.b + kDepthBlock * g.m : nullptr, tile.ahead_step = g.m;
      tile.relu = op.relu && d + kDepthBlock >= g.k;
      for_each_tile_rows(rows, shape, [&](int64_t row, int64_t count) {
        tile.a = op.packed + row * g.k + d * count, tile.depth_step = count;
        tile.c = op.y + row * g.m + column;
        run_tile(tile, shape.vectors, count);
        tile.ahead = nullptr;
      });
    }
  });
}

// Inputs [begin, end) times all columns, a few rows of weights at a time, which come from memory in one stream: while
// the samples are multiplied with a piece, each tile fetches its part of the next piece.
inline void forward_slice(const DenseForward& op, int64_t rows, const TileShape& shape, int64_t begin, int64_t end,
                          float* sum, float* packed) {
  const DenseGeometry& g = op.geometry;
  const int64_t depth = g.slice_depth(), tiles = pieces_of(rows, shape.rows) * pieces_of(g.m, shape.width);
  Tile tile = dense_tile();
  tile.a = packed, tile.depth_step = round_up(shape.rows, Vec::kLanes);
  tile.b_step = tile.c_step = g.m;
  for (int64_t d = begin; d < end; d += depth) {
    tile.depth = end - d < depth ? end - d : depth;
    tile.accumulate = d > begin;
    const int64_t next = d + tile.depth, next_depth = g.k - next < depth ? g.k - next : depth;
    Ahead ahead({op.kernel + next * g.m}, next_depth * g.m);
    tile.ahead_step = ahead.step(tiles * tile.depth, shape.width);
    for_each_tile_rows(rows, shape, [&](int64_t row, int64_t count) {
      pack_transposed(op.x + row * g.k + d, g.k, count, tile.depth, tile.depth_step, packed);
      for (int64_t column = 0; column < g.m; column += shape.width) {
        tile.columns = g.m - column < shape.width ? g.m - column : shape.width;
        tile.b = op.kernel + d * g.m + column;
        tile.ahead = ahead.next(tile.depth * tile.ahead_step);
        tile.c = sum + row * g.m + column;
        run_tile(tile, shape.vectors, count);
      }
    });
  }
}

inline void forward_slices(const DenseForward& op, int64_t rows, const TileShape& shape, const Run& run) {
  const DenseGeometry& g = op.geometry;
  const int64_t slices = g.slices(), size = rows * g.m;
  parallel_for(*run.pool, slices, [&](int64_t slice, int worker) {
    forward_slice(op, rows, shape, slice * g.k / slices, (slice + 1) * g.k / slices, op.partial + slice * size,
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

// dx[:, first .. first + count) = dy W[first .. first + count)^T, with the weights transposed into `transposed`.
inline void store_inputs(const DenseGeometry& g, const float* dy, const float* kernel, int64_t rows,
                         const TileShape& shape, int64_t first, int64_t count, float* dx, float* transposed,
                         Ahead* ahead, int64_t ahead_step) {
  pack_transposed(kernel + first * g.m, g.m, count, g.m, shape.width, transposed);
  Tile tile = dense_tile();
  tile.row_step = g.m, tile.depth_step = 1, tile.depth = g.m;
  tile.b = transposed, tile.b_step = shape.width;
  tile.c_step = g.k, tile.columns = count;
  tile.ahead_step = ahead_step;
  for_each_tile_rows(rows, shape, [&](int64_t row, int64_t tile_rows) {
    tile.a = dy + row * g.m, tile.c = dx + row * g.k + first;
    tile.ahead = ahead ? ahead->next(tile.depth * ahead_step) : nullptr;
    run_tile(tile, shape.vectors, tile_rows);
  });
}

inline void dense_backward_data(const DenseBackwardData& op, const Run& run) {
  const DenseGeometry& g = op.geometry;
  const int64_t rows = run.rows * g.vectors;
  const TileShape shape = tile_shape(rows, g.k);
  parallel_for(*run.pool, (g.k + shape.width - 1) / shape.width, [&](int64_t task, int worker) {
    const int64_t first = task * shape.width, count = g.k - first < shape.width ? g.k - first : shape.width;
    store_inputs(g, op.dy, op.kernel, rows, shape, first, count, op.dx, run.pool->scratch(worker), nullptr, 0);
  });
}

// The gradient of the weights of inputs [row, row + count), written to `to`: x of a piece of the batch is packed, then
// multiplied with all columns of dy. `ahead` may be null.
inline void sum_weight_rows(const DenseGeometry& g, const float* x, const float* dy, int64_t batch,
                            const TileShape& shape, int64_t row, int64_t count, float* to, float* packed, Ahead* ahead,
                            int64_t ahead_step) {
  constexpr int64_t kBatch = DenseGeometry::kPackedBatch;
  Tile tile = dense_tile();
  tile.a = packed, tile.depth_step = round_up(count, Vec::kLanes);
  tile.b_step = tile.c_step = g.m, tile.ahead_step = ahead_step;
  int64_t first = 0;
  do {  // once at least: an empty batch gives zeros
    tile.depth = batch - first < kBatch ? batch - first : kBatch;
    for (int64_t n = 0; n < tile.depth; ++n)
      for_each_vector(0, count, [&](int64_t i, int64_t lanes) {
        store(packed + n * tile.depth_step + i, load_lanes(x + (first + n) * g.k + row + i, lanes));
      });
    tile.accumulate = first > 0;
    for (int64_t column = 0; column < g.m; column += shape.width) {
      tile.columns = g.m - column < shape.width ? g.m - column : shape.width;
      tile.b = dy + first * g.m + column, tile.c = to + column;
      tile.ahead = ahead ? ahead->next(tile.depth * ahead_step) : nullptr;
      run_tile(tile, shape.vectors, count);
    }
    first += kBatch;
  } while (first < batch);
}

// The bias: columns of dy, summed in order.
inline void sum_bias(const DenseGeometry& g, const float* dy, int64_t batch, float* dbias) {
  for_each_vector(0, g.m, [&](int64_t c, int64_t lanes) {
    Vec sum = zero();
    for (int64_t n = 0; n < batch; ++n) sum = sum + load_lanes(dy + n * g.m + c, lanes);
    store_lanes(dbias + c, sum, lanes);
  });
}

// Calls fn(first input, inputs, worker) for each block of inputs, and sums the bias as one more task.
template <class F>
inline void for_each_input_block(const DenseGeometry& g, const float* dy, int64_t batch, float* dbias, const Run& run,
                                 const F& fn) {
  constexpr int64_t kBlock = DenseGeometry::kBlock;
  parallel_for(*run.pool, (g.k + kBlock - 1) / kBlock + 1, [&](int64_t task, int worker) {
    if (task == 0) return dbias ? sum_bias(g, dy, batch, dbias) : void();
    const int64_t first = (task - 1) * kBlock;
    fn(first, g.k - first < kBlock ? g.k - first : kBlock, worker);
  });
}

inline void dense_backward_weights(const DenseBackwardWeights& op, const Run& run) {
  const DenseGeometry& g = op.geometry;
  const int64_t batch = run.rows * g.vectors;
  const TileShape shape = tile_shape(g.k < DenseGeometry::kBlock ? g.k : DenseGeometry::kBlock, g.m);
  for_each_input_block(g, op.dy, batch, op.dbias, run, [&](int64_t first, int64_t inputs, int worker) {
    for_each_tile_rows(inputs, shape, [&](int64_t row, int64_t count) {
      sum_weight_rows(g, op.x, op.dy, batch, shape, first + row, count, op.dkernel + (first + row) * g.m,
                      run.pool->scratch(worker), nullptr, 0);
    });
  });
}

// One block of inputs: their gradient, then that of a few rows of weights and Adam's step while it is in the
// first-level cache. Meanwhile the next block is fetched.
inline void update_block(const DenseBackwardAdam& op, int64_t batch, const AdamStep& step, int64_t first,
                         int64_t inputs, float* gradient) {
  const DenseGeometry& g = op.geometry;
  const TileShape data_shape = tile_shape(batch, g.k);
  const TileShape shape = tile_shape(g.k < DenseGeometry::kBlock ? g.k : DenseGeometry::kBlock, g.m);
  const int64_t offset = first * g.m, size = inputs * g.m, next = offset + size;
  const int64_t next_size = g.k * g.m - next < size ? g.k * g.m - next : size;
  Ahead ahead({op.w + next, op.m + next, op.v + next}, next_size);
  const int64_t data_steps = pieces_of(inputs, data_shape.width) * pieces_of(batch, data_shape.rows) * g.m;
  const int64_t weight_steps = pieces_of(inputs, shape.rows) * pieces_of(g.m, shape.width) * batch;
  // Adam's step takes a third of the time or more, and fetches what is left then.
  const int64_t narrower = op.dx && data_shape.width < shape.width ? data_shape.width : shape.width;
  const int64_t ahead_step = ahead.step((op.dx ? data_steps + weight_steps : weight_steps) * 3 / 2, narrower);
  if (op.dx)
    for (int64_t i = 0; i < inputs; i += data_shape.width)
      store_inputs(g, op.dy, op.w, batch, data_shape, first + i,
                   inputs - i < data_shape.width ? inputs - i : data_shape.width, op.dx, gradient, &ahead, ahead_step);
  for_each_tile_rows(inputs, shape, [&](int64_t row, int64_t count) {
    sum_weight_rows(g, op.x, op.dy, batch, shape, first + row, count, gradient, gradient + DenseGeometry::kBlock * g.m,
                    &ahead, ahead_step);
    const int64_t at = offset + row * g.m;
    for_each_vector(0, count * g.m, [&](int64_t i, int64_t lanes) {
      if (const float* p = ahead.next(Vec::kLanes)) __builtin_prefetch(p);
      step(op.w + at + i, gradient + i, op.m + at + i, op.v + at + i, lanes);
    });
  });
}

inline void dense_backward_adam(const DenseBackwardAdam& op, const Run& run) {
  const int64_t batch = run.rows * op.geometry.vectors;
  const AdamStep step(op.rates, run);
  for_each_input_block(op.geometry, op.dy, batch, op.dbias, run, [&](int64_t first, int64_t inputs, int worker) {
    update_block(op, batch, step, first, inputs, run.pool->scratch(worker));
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
