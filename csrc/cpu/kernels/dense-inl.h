// Three matrix products. The weights [k, m] are read once, where they lie; the batch is small beside them.
#pragma once

#include "cpu/kernels/pack-inl.h"
#include "cpu/kernels/parallel-inl.h"
#include "cpu/kernels/tile.h"
#include "kernels/kernel_list.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

constexpr int64_t kDepthBlock = 256;    // rows of weights, a block of columns wide, that stay in the first-level cache
constexpr int64_t kPackedBatch = 2048;  // samples of a few inputs that fit a worker's scratch

// Calls fn(first row, rows) for each tile's rows.
template <class F>
inline void for_each_tile_rows(int64_t rows, const TileShape& shape, const F& fn) {
  for (int64_t row = 0; row < rows; row += shape.rows) fn(row, rows - row < shape.rows ? rows - row : shape.rows);
}

// x in blocks of a tile's rows: [block][k][rows of the block]. Rows of x often lie a multiple of 4096 bytes apart,
// and would all fall into the same few cache lines.
inline void pack_batch(const DenseForward& op, int64_t rows, const TileShape& shape, const Run& run) {
  const int64_t k = op.geometry.k, pieces = (k + kDepthBlock - 1) / kDepthBlock;
  parallel_for(*run.pool, pieces, [&](int64_t piece, int) {
    const int64_t begin = piece * kDepthBlock, end = begin + kDepthBlock < k ? begin + kDepthBlock : k;
    for_each_tile_rows(rows, shape, [&](int64_t row, int64_t count) {
      const float* from = op.x + row * k;
      float* to = op.packed + row * k + begin * count;
      for (int64_t d = begin; d < end; ++d)
        for (int64_t r = 0; r < count; ++r) *to++ = from[r * k + d];
    });
  });
}

inline void dense_forward(const DenseForward& op, const Run& run) {
  const DenseGeometry& g = op.geometry;
  const int64_t rows = run.rows * g.vectors, zero_offset = 0;
  const TileShape shape = tile_shape(rows, g.m);
  pack_batch(op, rows, shape, run);
  parallel_for(*run.pool, (g.m + shape.width - 1) / shape.width, [&](int64_t task, int) {
    const int64_t column = task * shape.width;
    Tile tile{};
    tile.a_offsets = tile.b_offsets = &zero_offset, tile.segments = 1;
    tile.row_step = 1, tile.b_step = tile.c_step = g.m;
    tile.columns = g.m - column < shape.width ? g.m - column : shape.width;
    tile.bias = op.bias ? op.bias + column : nullptr;
    for (int64_t d = 0; d < g.k; d += kDepthBlock) {
      tile.depth = g.k - d < kDepthBlock ? g.k - d : kDepthBlock;
      tile.b = op.kernel + d * g.m + column;
      tile.accumulate = d > 0;
      // Rows of weights lie far apart, out of the hardware prefetcher's sight.
      tile.b_ahead = d + 2 * kDepthBlock <= g.k ? kDepthBlock * g.m : 0;
      tile.relu = op.relu && d + kDepthBlock >= g.k;
      for_each_tile_rows(rows, shape, [&](int64_t row, int64_t count) {
        tile.a = op.packed + row * g.k + d * count, tile.depth_step = count;
        tile.c = op.y + row * g.m + column;
        run_tile(tile, shape.vectors, count);
        tile.b_ahead = 0;
      });
    }
  });
}

inline void dense_backward_data(const DenseBackwardData& op, const Run& run) {
  const DenseGeometry& g = op.geometry;
  const int64_t rows = run.rows * g.vectors, zero_offset = 0;
  const TileShape shape = tile_shape(rows, g.k);
  parallel_for(*run.pool, (g.k + shape.width - 1) / shape.width, [&](int64_t task, int worker) {
    const int64_t column = task * shape.width;  // of dx: an input
    const int64_t columns = g.k - column < shape.width ? g.k - column : shape.width;
    float* transposed = run.pool->scratch(worker);  // [m, width]
    pack_transposed(op.kernel + column * g.m, g.m, columns, g.m, shape.width, transposed);
    Tile tile{};
    tile.a_offsets = tile.b_offsets = &zero_offset, tile.segments = 1;
    tile.row_step = g.m, tile.depth_step = 1, tile.depth = g.m;
    tile.b = transposed, tile.b_step = shape.width;
    tile.c_step = g.k, tile.columns = columns;
    for_each_tile_rows(rows, shape, [&](int64_t row, int64_t count) {
      tile.a = op.dy + row * g.m, tile.c = op.dx + row * g.k + column;
      run_tile(tile, shape.vectors, count);
    });
  });
}

// dkernel for inputs [row, row + count): x of a piece of the batch is packed, then multiplied with all columns of dy.
inline void add_weight_rows(const DenseBackwardWeights& op, int64_t batch, const TileShape& shape, int64_t row,
                            int64_t count, float* packed) {
  const DenseGeometry& g = op.geometry;
  const int64_t zero_offset = 0;
  Tile tile{};
  tile.a_offsets = tile.b_offsets = &zero_offset, tile.segments = 1;
  tile.a = packed, tile.row_step = 1, tile.depth_step = count;
  tile.b_step = tile.c_step = g.m;
  int64_t first = 0;
  do {  // once at least: an empty batch gives zeros
    tile.depth = batch - first < kPackedBatch ? batch - first : kPackedBatch;
    for (int64_t n = 0; n < tile.depth; ++n)
      for (int64_t r = 0; r < count; ++r) packed[n * count + r] = op.x[(first + n) * g.k + row + r];
    tile.accumulate = first > 0;
    for (int64_t column = 0; column < g.m; column += shape.width) {
      tile.columns = g.m - column < shape.width ? g.m - column : shape.width;
      tile.b = op.dy + first * g.m + column, tile.c = op.dkernel + row * g.m + column;
      run_tile(tile, shape.vectors, count);
    }
    first += kPackedBatch;
  } while (first < batch);
}

inline void dense_backward_weights(const DenseBackwardWeights& op, const Run& run) {
  const DenseGeometry& g = op.geometry;
  const int64_t batch = run.rows * g.vectors;
  const TileShape shape = tile_shape(g.k, g.m);
  const int64_t rows_a_task = 4 * shape.rows, kernel_tasks = (g.k + rows_a_task - 1) / rows_a_task;
  parallel_for(*run.pool, kernel_tasks + 1, [&](int64_t task, int worker) {
    if (task == 0) {  // the bias: columns of dy, summed in order
      if (!op.dbias) return;
      for_each_vector(0, g.m, [&](int64_t c, int64_t lanes) {
        Vec sum = zero();
        for (int64_t n = 0; n < batch; ++n) sum = sum + load_lanes(op.dy + n * g.m + c, lanes);
        store_lanes(op.dbias + c, sum, lanes);
      });
      return;
    }
    const int64_t begin = (task - 1) * rows_a_task, end = begin + rows_a_task < g.k ? begin + rows_a_task : g.k;
    for (int64_t row = begin; row < end; row += shape.rows)
      add_weight_rows(op, batch, shape, row, end - row < shape.rows ? end - row : shape.rows,
                      run.pool->scratch(worker));
  });
}

}  // namespace

void add_dense(KernelTable& table) {
  table.dense_forward = dense_forward;
  table.dense_backward_data = dense_backward_data;
  table.dense_backward_weights = dense_backward_weights;
}

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
