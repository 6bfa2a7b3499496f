// The weight gradient by Winograd: dg = G^T [ sum over tiles of (B^T d B) . (A dy A^T) ] G. A task takes one row of the
// t x t positions and a block of output channels, for all tiles in order: nobody else adds to its sums, so the bits do
// not depend on the number of threads, and the sums stay in the second-level cache.
#pragma once

#include "cpu/kernels/winograd_tiles-inl.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

constexpr int kSumRow = 1;  // row 1 of A is all ones: position (1, 1) of A dy A^T is the sum of the tile

struct WeightsScratch {
  float* window;
  float* x;    // [position in the row][tile], x_step apart: B^T d B
  float* dy;   // [position in the row][column block][tile][width]: A dy A^T
  float* sum;  // [position in the row][c_in][columns]
  int64_t x_step, x_position_step, dy_position_step, sum_position_step;
};

template <int kTile>
struct WeightsTask {
  static constexpr int kSide = Winograd<kTile>::kSide;
  static constexpr int64_t kTiles = WinogradGeometry::kWeightsTiles;
  const Conv2dWinogradBackwardWeights& op;
  const WinogradGeometry& g;
  TileShape shape;
  int64_t first_column, columns;

  WeightsScratch scratch(float* p) const {
    WeightsScratch s{};
    const int64_t padded = round_up(columns, kMaxColumnBlock), c_in = g.conv.c_in;
    s.window = p, s.x = p + g.window_size(c_in > g.conv.c_out ? c_in : g.conv.c_out);
    s.x_step = WinogradGeometry::tile_step(c_in), s.x_position_step = WinogradGeometry::position_step(kTiles, s.x_step);
    s.dy = s.x + kSide * s.x_position_step, s.dy_position_step = WinogradGeometry::position_step(kTiles, padded);
    s.sum = s.dy + kSide * s.dy_position_step, s.sum_position_step = c_in * padded;
    return s;
  }

  // Row kRow of the positions of `count` tiles from tile `first` on.
  template <int kRow>
  void transform_tiles(const WeightsScratch& s, int64_t first, int64_t count) const {
    for (int64_t t = 0; t < count; ++t) {
      const TilePlace at = tile_place(g, first + t);
      const Window x = input_window<kTile>(g, op.x, at, s.window);
      for_each_vector(0, g.conv.c_in, [&](int64_t c, int64_t lanes) {
        Vec in[kSide][kSide], out[kSide];
        load_window(x, c, lanes, in);
        transform_row<kRow>([](const Vec(&d)[kSide], Vec(&v)[kSide]) { Winograd<kTile>::input(d, v); }, in, out);
#pragma GCC unroll 8
        for (int j = 0; j < kSide; ++j) store(s.x + j * s.x_position_step + t * s.x_step + c, out[j]);
      });
      const Window dy = output_window<kTile>(g, op.dy, at, s.window);
      for_each_vector(0, columns, [&](int64_t c, int64_t lanes) {
        Vec in[kTile][kTile], out[kSide];
        load_window(dy, first_column + c, lanes, in);
        transform_row<kRow>([](const Vec(&y)[kTile], Vec(&m)[kSide]) { Winograd<kTile>::output_adjoint(y, m); }, in,
                            out);
        float* to = s.dy + c / shape.width * kTiles * shape.width + t * shape.width + c % shape.width;
#pragma GCC unroll 8
        for (int j = 0; j < kSide; ++j) store(to + j * s.dy_position_step, out[j]);
      });
    }
  }

  void add_products(const WeightsScratch& s, int64_t count, bool accumulate) const {
    const int64_t zero_offset = 0, c_in = g.conv.c_in, padded = round_up(columns, kMaxColumnBlock);
    Tile tile{};
    tile.a_offsets = tile.b_offsets = &zero_offset, tile.segments = 1;
    tile.row_step = 1, tile.depth_step = s.x_step, tile.depth = count;
    tile.b_step = shape.width, tile.c_step = padded, tile.accumulate = accumulate;
    for (int64_t j = 0; j < kSide; ++j)
      for (int64_t c = 0; c < columns; c += shape.width)
        for (int64_t row = 0; row < c_in; row += shape.rows) {
          tile.a = s.x + j * s.x_position_step + row;
          tile.b = s.dy + j * s.dy_position_step + c * kTiles;
          tile.c = s.sum + j * s.sum_position_step + row * padded + c;
          tile.columns = columns - c < shape.width ? columns - c : shape.width;
          run_tile(tile, shape.vectors, c_in - row < shape.rows ? c_in - row : shape.rows);
        }
  }

  void add_bias(const WeightsScratch& s, int64_t count, bool accumulate) const {
    for_each_vector(0, columns, [&](int64_t c, int64_t lanes) {
      float* bias = op.dbias + first_column + c;
      const float* from =
          s.dy + kSumRow * s.dy_position_step + c / shape.width * kTiles * shape.width + c % shape.width;
      Vec sum = accumulate ? load_lanes(bias, lanes) : zero();
      for (int64_t t = 0; t < count; ++t) sum = sum + load(from + t * shape.width);
      store_lanes(bias, sum, lanes);
    });
  }

  // Back along the row: partial[row][3][c_in][c_out].
  void store_partial_sums(const WeightsScratch& s, int64_t row) const {
    const int64_t padded = round_up(columns, kMaxColumnBlock), size = g.conv.c_in * g.conv.c_out;
    for (int64_t ci = 0; ci < g.conv.c_in; ++ci)
      for_each_vector(0, columns, [&](int64_t c, int64_t lanes) {
        Vec sums[kSide], taps[3];
        for (int j = 0; j < kSide; ++j) sums[j] = load_lanes(s.sum + j * s.sum_position_step + ci * padded + c, lanes);
        Winograd<kTile>::kernel_adjoint(sums, taps);
        float* to = op.partial + row * 3 * size + ci * g.conv.c_out + first_column + c;
        for (int64_t j = 0; j < 3; ++j) store_lanes(to + j * size, taps[j], lanes);
      });
  }

  template <int kRow>
  void run_row(int64_t tiles, float* memory) const {
    const WeightsScratch s = scratch(memory);
    for (int64_t first = 0; first < tiles; first += kTiles) {
      const int64_t count = tiles - first < kTiles ? tiles - first : kTiles;
      transform_tiles<kRow>(s, first, count);
      add_products(s, count, first > 0);
      if (kRow == kSumRow && op.dbias) add_bias(s, count, first > 0);
    }
    store_partial_sums(s, kRow);
  }

  void run(int64_t row, int64_t tiles, float* memory) const {
    switch (row) {
      case 0: return run_row<0>(tiles, memory);
      case 1: return run_row<1>(tiles, memory);
      case 2: return run_row<2>(tiles, memory);
      case 3: return run_row<3>(tiles, memory);
      default: break;
    }
    if constexpr (kSide == 6) return row == 4 ? run_row<4>(tiles, memory) : run_row<5>(tiles, memory);
  }
};

// Back along the columns of the positions.
template <int kTile>
inline void finish_kernel(const Conv2dWinogradBackwardWeights& op, const Run& run) {
  constexpr int kSide = Winograd<kTile>::kSide;
  const int64_t size = op.geometry.conv.c_in * op.geometry.conv.c_out;
  for_each_range(*run.pool, size, 4096, [&](int64_t begin, int64_t end) {
    for_each_vector(begin, end, [&](int64_t i, int64_t lanes) {
      for (int64_t j = 0; j < 3; ++j) {
        Vec sums[kSide], taps[3];
        for (int64_t row = 0; row < kSide; ++row) sums[row] = load_lanes(op.partial + (row * 3 + j) * size + i, lanes);
        Winograd<kTile>::kernel_adjoint(sums, taps);
        for (int64_t k = 0; k < 3; ++k) store_lanes(op.dkernel + (k * 3 + j) * size + i, taps[k], lanes);
      }
    });
  });
}

template <int kTile>
inline void winograd_backward_weights(const Conv2dWinogradBackwardWeights& op, const Run& run) {
  const WinogradGeometry& g = op.geometry;
  if (run.rows == 0) {
    __builtin_memset(op.dkernel, 0, static_cast<size_t>(g.conv.kernel_size()) * sizeof(float));
    if (op.dbias) __builtin_memset(op.dbias, 0, static_cast<size_t>(g.conv.c_out) * sizeof(float));
    return;
  }
  constexpr int64_t kRows = Winograd<kTile>::kSide, kColumns = WinogradGeometry::kWeightsColumns;
  const TileShape shape = tile_shape(g.conv.c_in, g.weights_columns());
  const int64_t blocks = (g.conv.c_out + kColumns - 1) / kColumns;
  parallel_for(*run.pool, kRows * blocks, [&](int64_t task, int worker) {
    const int64_t column = task % blocks * kColumns, left = g.conv.c_out - column;
    const WeightsTask<kTile> job{op, g, shape, column, left < kColumns ? left : kColumns};
    job.run(task / blocks, run.rows * g.tiles(), run.pool->scratch(worker));
  });
  finish_kernel<kTile>(op, run);
}

}  // namespace
}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
