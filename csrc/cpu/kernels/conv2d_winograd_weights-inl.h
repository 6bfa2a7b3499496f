// The weight gradient by Winograd: dg = G^T [ sum over tiles of (B^T d B) . (A dy A^T) ] G. A task takes either a group
// of tiles, or two rows of the t x t positions and a block of output channels for some or all tiles in order: in both
// cases the sums are its own, so the bits do not depend on the number of threads, and they stay in the second-level
// cache.
#pragma once

#include "cpu/kernels/kernel_gradient-inl.h"
#include "cpu/kernels/winograd_tiles-inl.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

constexpr int kSumRow = 1;  // row 1 of A is all ones: position (1, 1) of A dy A^T is the sum of the tile

// Where that position is among the rows of a task; -1 where it is in none.
template <class Rows>
constexpr int sum_position(int side) {
  for (int n = 0; n < Rows::kCount; ++n)
    if (Rows::at(n) == kSumRow) return n * side + kSumRow;
  return -1;
}

// A task's rows of points among those of a tile, and which of the task's they are: a narrow tile has four of six.
template <class Rows, class Down>
struct RowsOf : Rows {
  static constexpr int row(int n) { return n; }
};
template <>
struct RowsOf<AllRows<6>, NarrowWinograd> : AllRows<4> {
  static constexpr int row(int n) { return NarrowWinograd::point(n); }
};
template <>
struct RowsOf<SomeRows<0, 5>, NarrowWinograd> : SomeRows<0, 3> {
  static constexpr int row(int n) { return n; }
};
template <>
struct RowsOf<SomeRows<3, 4>, NarrowWinograd> : SomeRows<> {};

struct WeightsScratch {
  float* window;
  float* x;    // [position][tile], x_step apart: B^T d B
  float* dy;   // [position][column block][tile][width]: A dy A^T
  float* sum;  // [position][c_in][columns]
  int64_t x_step, x_position_step, dy_position_step, sum_position_step;
};

template <int kTile>
struct WeightsTask {
  static constexpr int kSide = Winograd<kTile>::kSide;
  const Conv2dWinogradBackwardWeights& op;
  const uint16_t* argmax;  // null, or dy is behind 2x2 max pooling
  const WinogradGeometry& g;
  TileShape shape;
  int64_t first_column, columns;
  int64_t positions, block_tiles;

  WeightsScratch scratch(float* p) const {
    WeightsScratch s{};
    const int64_t padded = round_up(columns, kMaxColumnBlock), c_in = g.conv.c_in;
    s.window = p, s.x = p + g.window_size(c_in > g.conv.c_out ? c_in : g.conv.c_out);
    s.x_step = WinogradGeometry::tile_step(c_in);
    s.x_position_step = WinogradGeometry::position_step(block_tiles, s.x_step);
    s.dy = s.x + positions * s.x_position_step;
    s.dy_position_step = WinogradGeometry::position_step(block_tiles, padded);
    s.sum = s.dy + positions * s.dy_position_step, s.sum_position_step = c_in * padded;
    return s;
  }

  template <class Rows, class Down, class Along>
  [[gnu::always_inline]] static void transform(const Window& window, int64_t channel, int64_t lanes, float* to,
                                               int64_t position_step) {
    Vec in[Down::kFrom][Along::kFrom], out[Rows::kCount][Along::kTo];
    load_window(window, channel, lanes, in);
    transform_rows<Rows, Down, Along>(in, out);
#pragma GCC unroll 8
    for (int n = 0; n < Rows::kCount; ++n)
#pragma GCC unroll 8
      for (int j = 0; j < Along::kTo; ++j)
        store(to + (Rows::row(n) * kSide + Along::point(j)) * position_step, out[n][j]);
  }

  // One tile, which lies in the slot.
  template <class Rows, class Down, class Along>
  [[gnu::noinline]] void transform_tile(const WeightsScratch& s, const TilePlace& at, int64_t slot) const {
    const Window x = input_window<Down, Along>(g, op.x, at, s.window);
    for_each_vector(0, g.conv.c_in, [&](int64_t c, int64_t lanes) {
      float* to = s.x + slot * s.x_step + c;
      transform<Rows, InputTransform<Down>, InputTransform<Along>>(x, c, lanes, to, s.x_position_step);
    });
    const int64_t last_column = first_column + columns;
    const Window dy = output_window<Down, Along>(g, {op.dy, argmax}, at, first_column, last_column, s.window);
    for_each_vector(0, columns, [&](int64_t c, int64_t lanes) {
      float* to = s.dy + c / shape.width * block_tiles * shape.width + slot * shape.width + c % shape.width;
      transform<Rows, OutputAdjoint<Down>, OutputAdjoint<Along>>(dy, first_column + c, lanes, to, s.dy_position_step);
    });
  }

  template <class Rows>
  void transform_tiles(const WeightsScratch& s, const BlockTiles& tiles) const {
    for (int64_t t = 0; t < tiles.count(); ++t) {
      const TilePlace& at = tiles.place(t);
      with_transforms<kTile>(at, [&](auto down, auto along) {
        using Some = RowsOf<Rows, decltype(down)>;
        if constexpr (Some::kCount > 0) transform_tile<Some, decltype(down), decltype(along)>(s, at, tiles.slot(t));
      });
    }
  }

  template <class Rows>
  void add_products(const WeightsScratch& s, const BlockTiles& tiles, bool accumulate) const {
    const int64_t zero_offset = 0, c_in = g.conv.c_in, padded = round_up(columns, kMaxColumnBlock);
    Tile tile{};
    tile.a_offsets = tile.b_offsets = &zero_offset, tile.segments = 1;
    tile.row_step = 1, tile.depth_step = s.x_step;
    tile.b_step = shape.width, tile.c_step = padded, tile.accumulate = accumulate;
    for (int64_t p = 0; p < Rows::kCount * kSide; ++p) {
      const BlockTiles::Slots slots = tiles.having(Rows::at(p / kSide), p % kSide);
      tile.depth = slots.count;  // of none, sums of zero
      for (int64_t c = 0; c < columns; c += shape.width) {
        tile.a = s.x + p * s.x_position_step + slots.begin * s.x_step;
        tile.b = s.dy + p * s.dy_position_step + c * block_tiles + slots.begin * shape.width;
        tile.c = s.sum + p * s.sum_position_step + c;
        tile.columns = columns - c < shape.width ? columns - c : shape.width;
        run_tiles(tile, shape, c_in);
      }
    }
  }

  // `position` is that where A dy A^T is the sum of the tile.
  void add_bias(const WeightsScratch& s, int64_t position, int64_t count, bool accumulate, float* dbias) const {
    for_each_vector(0, columns, [&](int64_t c, int64_t lanes) {
      float* bias = dbias + first_column + c;
      const float* from =
          s.dy + position * s.dy_position_step + c / shape.width * block_tiles * shape.width + c % shape.width;
      Vec sum = accumulate ? load_lanes(bias, lanes) : zero();
      for (int64_t t = 0; t < count; ++t) sum = sum + load(from + t * shape.width);
      store_lanes(bias, sum, lanes);
    });
  }

  // Back along row number `row`, the n-th of the task's: partial[row][3][c_in][c_out].
  void store_partial_sums(const WeightsScratch& s, int64_t n, int64_t row, float* partial) const {
    const int64_t padded = round_up(columns, kMaxColumnBlock), size = g.conv.c_in * g.conv.c_out;
    for (int64_t ci = 0; ci < g.conv.c_in; ++ci)
      for_each_vector(0, columns, [&](int64_t c, int64_t lanes) {
        Vec sums[kSide], taps[3];
        for (int j = 0; j < kSide; ++j) sums[j] = load(s.sum + (n * kSide + j) * s.sum_position_step + ci * padded + c);
        Winograd<kTile>::kernel_adjoint(sums, taps);
        float* to = partial + row * 3 * size + ci * g.conv.c_out + first_column + c;
        for (int64_t j = 0; j < 3; ++j) store_lanes(to + j * size, taps[j], lanes);
      });
  }

  template <class Rows>
  void add_tiles(const WeightsScratch& s, int64_t begin, int64_t end, float* dbias) const {
    constexpr int kSum = sum_position<Rows>(kSide);
    const int64_t blocks = (end - begin + block_tiles - 1) / block_tiles;
    for (int64_t block = 0; block < blocks; ++block) {
      const int64_t first = begin + block * (end - begin) / blocks;
      const int64_t count = begin + (block + 1) * (end - begin) / blocks - first;
      const BlockTiles tiles(g, first, count);
      transform_tiles<Rows>(s, tiles);
      add_products<Rows>(s, tiles, first > begin);
      if (kSum >= 0 && dbias) add_bias(s, kSum, count, first > begin, dbias);
    }
  }

  // A group of tiles and all positions: partial[group] gets the kernel's gradient, and the bias's behind it.
  void run_group(int64_t begin, int64_t end, float* memory, float* partial) const {
    const WeightsScratch s = scratch(memory);
    const int64_t padded = round_up(columns, kMaxColumnBlock), size = g.conv.c_in * g.conv.c_out;
    add_tiles<AllRows<kSide>>(s, begin, end, op.dbias ? partial + 9 * size : nullptr);
    for (int64_t ci = 0; ci < g.conv.c_in; ++ci)
      for_each_vector(0, columns, [&](int64_t c, int64_t lanes) {
        Vec sums[kSide][kSide], taps[3][3];
        for (int64_t p = 0; p < positions; ++p)
          sums[p / kSide][p % kSide] = load(s.sum + p * s.sum_position_step + ci * padded + c);
        transform_both<KernelAdjoint<Winograd<kTile>>, KernelAdjoint<Winograd<kTile>>>(sums, taps);
        for (int64_t tap = 0; tap < 9; ++tap)
          store_lanes(partial + tap * size + ci * g.conv.c_out + c, taps[tap / 3][tap % 3], lanes);
      });
  }

  template <class Rows>
  void run_rows(int64_t begin, int64_t end, float* memory, float* partial) const {
    const WeightsScratch s = scratch(memory);
    add_tiles<Rows>(s, begin, end, op.dbias ? partial + kSide * 3 * g.conv.c_in * g.conv.c_out : nullptr);
    for (int n = 0; n < Rows::kCount; ++n) store_partial_sums(s, n, Rows::at(n), partial);
  }

  // Neighbours share much of their arithmetic.
  void run(int64_t rows, int64_t begin, int64_t end, float* memory, float* partial) const {
    if (rows == 0) return run_rows<SomeRows<0, kSide - 1>>(begin, end, memory, partial);
    if (rows == 1) return run_rows<SomeRows<1, 2>>(begin, end, memory, partial);
    if constexpr (kSide == 5) return run_rows<SomeRows<3>>(begin, end, memory, partial);
    if constexpr (kSide == 6) return run_rows<SomeRows<3, 4>>(begin, end, memory, partial);
  }
};

// Back along the columns of the positions, behind the sum over `groups`.
template <int kTile>
inline void finish_kernel(const Conv2dWinogradBackwardWeights& op, int64_t groups, const Run& run) {
  constexpr int kSide = Winograd<kTile>::kSide;
  const int64_t channels = op.geometry.conv.c_out, size = op.geometry.conv.c_in * channels;
  const int64_t part = op.geometry.weights_part();
  const auto sum = [&](int64_t at, int64_t lanes) { return sum_parts(op.partial + at, part, groups, lanes); };
  for_each_range(*run.pool, size, 4096, [&](int64_t begin, int64_t end) {
    for_each_vector(begin, end, [&](int64_t i, int64_t lanes) {
      for (int64_t j = 0; j < 3; ++j) {
        Vec sums[kSide], taps[3];
        for (int64_t row = 0; row < kSide; ++row) sums[row] = sum((row * 3 + j) * size + i, lanes);
        Winograd<kTile>::kernel_adjoint(sums, taps);
        for (int64_t k = 0; k < 3; ++k) store_lanes(op.dkernel + (k * 3 + j) * size + i, taps[k], lanes);
      }
    });
  });
  if (!op.dbias) return;
  for_each_vector(0, channels, [&](int64_t c, int64_t lanes) {
    store_lanes(op.dbias + c, sum(kSide * 3 * size + c, lanes), lanes);
  });
}

template <int kTile>
inline void winograd_backward_weights(const Conv2dWinogradBackwardWeights& op, const uint16_t* argmax, const Run& run) {
  const WinogradGeometry& g = op.geometry;
  if (run.rows == 0) return clear_gradient(g.conv, op.dkernel, op.dbias);
  const TileShape shape = tile_shape(g.conv.c_in, g.weights_columns());
  const int64_t tiles = run.rows * g.tiles(), positions = g.weights_positions(), block_tiles = g.weights_tiles();
  const int64_t groups = tiles < g.weights_groups() ? tiles : g.weights_groups();
  const int64_t width = g.weights_columns(), blocks = (g.conv.c_out + width - 1) / width;
  const int64_t row_sets = g.weights_by_tiles() ? 1 : (g.side() + 1) / WinogradGeometry::kWeightsRows;
  parallel_for(*run.pool, row_sets * blocks * groups, [&](int64_t task, int worker) {
    // A group's rows of positions side by side, so that workers get as much to do: narrow tiles lack two of six.
    const int64_t rows = task % row_sets, group = task / row_sets % groups, column = task / row_sets / groups * width;
    const int64_t begin = group * tiles / groups, end = (group + 1) * tiles / groups;
    const int64_t left = g.conv.c_out - column;
    const WeightsTask<kTile> job{op, argmax, g, shape, column, left < width ? left : width, positions, block_tiles};
    float *memory = run.pool->scratch(worker), *partial = op.partial + group * g.weights_part();
    if (g.weights_by_tiles())
      job.run_group(begin, end, memory, partial);
    else
      job.run(rows, begin, end, memory, partial);
  });
  if (g.weights_by_tiles()) return add_parts(g.conv, op.partial, groups, op.dkernel, op.dbias, run);
  finish_kernel<kTile>(op, groups, run);
}

inline void backward_weights(const Conv2dWinogradBackwardWeights& op, const uint16_t* argmax, const Run& run) {
  with_tile(op.geometry, [&](auto tile) { winograd_backward_weights<tile.value>(op, argmax, run); });
}
inline void conv2d_winograd_backward_weights(const Conv2dWinogradBackwardWeights& op, const Run& run) {
  backward_weights(op, nullptr, run);
}
inline void conv2d_winograd_pool_backward_weights(const Conv2dWinogradPoolBackwardWeights& op, const Run& run) {
  backward_weights(op.conv, op.argmax, run);
}

}  // namespace

void add_conv2d_winograd_weights(KernelTable& table) {
  table.conv2d_winograd_backward_weights = conv2d_winograd_backward_weights;
  table.conv2d_winograd_pool_backward_weights = conv2d_winograd_pool_backward_weights;
}

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
