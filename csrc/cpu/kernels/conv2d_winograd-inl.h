// Winograd convolutions: tiles of images are transformed, multiplied position by position, and transformed back, block
// by block of tiles, so that what lies between stays in the second-level cache. See kernels/conv2d_winograd.h.
#pragma once

#include "cpu/kernels/winograd_tiles-inl.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

// ---- forward ----

// Into how many parts of `least` to `most` a total is cut: a multiple of four where it can be, so that two or four
// threads have as much to do each.
inline int64_t even_parts(int64_t total, int64_t least, int64_t most) {
  const int64_t fewest = (total + most - 1) / most, even = round_up(fewest, 4);
  return total >= even * least ? even : fewest;
}

// Where the outputs of a tile go: the map itself, or the largest of each 2x2 window.
struct MapOutput {
  template <int kRows, int kColumns>
  void store_tile(const Conv2dWinogradForward& op, const TilePlace& at, int64_t channel, int64_t lanes,
                  const Vec (&out)[kRows][kColumns]) const {
    const Conv2dGeometry& g = op.geometry.conv;
    float* y = op.y + at.image * g.out_size() + (at.row * g.ow + at.column) * g.c_out + channel;
    const int64_t rows = g.oh - at.row, width = g.ow - at.column;
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 8
      for (int j = 0; j < kColumns; ++j)
        if (i < rows && j < width) store_lanes(y + (i * g.ow + j) * g.c_out, out[i][j], lanes);
  }
};
struct PooledOutput {
  uint16_t* argmax;  // may be null

  template <int kRows, int kColumns>
  void store_tile(const Conv2dWinogradForward& op, const TilePlace& at, int64_t channel, int64_t lanes,
                  const Vec (&out)[kRows][kColumns]) const {
    const Conv2dGeometry& g = op.geometry.conv;
    const int64_t row = at.row / 2, column = at.column / 2, pooled_w = g.ow / 2;
    const int64_t first = at.image * g.pooled_size() + (row * pooled_w + column) * g.c_out + channel;
#pragma GCC unroll 8
    for (int i = 0; i < kRows / 2; ++i)
#pragma GCC unroll 8
      for (int j = 0; j < kColumns / 2; ++j) {
        if (row + i >= g.oh / 2 || column + j >= pooled_w) continue;
        const Vec cells[4] = {out[2 * i][2 * j], out[2 * i][2 * j + 1], out[2 * i + 1][2 * j],
                              out[2 * i + 1][2 * j + 1]};
        const int64_t to = first + (i * pooled_w + j) * g.c_out;
        max_of_cells(cells, op.y + to, argmax ? argmax + to : nullptr, lanes);
      }
  }
};

template <class Down, class Along, class Output>
[[gnu::noinline]] void store_outputs(const Conv2dWinogradForward& op, const Output& output, const BlockScratch& block,
                                     const TilePlace& at, int64_t slot, int64_t column, int64_t columns) {
  for_each_vector(0, columns, [&](int64_t c, int64_t lanes) {
    Vec products[Down::kSide][Along::kSide], out[Down::kTile][Along::kTile];
    load_products<Down, Along>(block, slot, c, products);
    transform_both<OutputTransform<Down>, OutputTransform<Along>>(products, out);
    const Vec bias = op.bias ? load_lanes(op.bias + column + c, lanes) : zero();
#pragma GCC unroll 8
    for (int i = 0; i < Down::kTile; ++i)
#pragma GCC unroll 8
      for (int j = 0; j < Along::kTile; ++j) {
        const Vec sum = out[i][j] + bias;
        out[i][j] = op.relu ? max(zero(), sum) : sum;
      }
    output.store_tile(op, at, column + c, lanes, out);
  });
}

template <int kTile, class Output>
inline void winograd_forward(const Conv2dWinogradForward& op, const Output& output, const Run& run) {
  const WinogradGeometry& g = op.geometry;
  const int64_t tiles = run.rows * g.tiles(), most = g.block_tiles(g.conv.c_in);
  const int64_t blocks = even_parts(tiles, 16, most);
  const TileShape shape = tile_shape(tiles < most ? tiles : most, g.conv.c_out);
  transform_kernel<kTile>(op, shape.width, run);
  parallel_for(*run.pool, blocks, [&](int64_t task, int worker) {
    const BlockScratch block = block_scratch(g, g.conv.c_in, run.pool->scratch(worker));
    const int64_t first = task * tiles / blocks, count = (task + 1) * tiles / blocks - first;
    const BlockTiles block_tiles(g, first, count);
    for (int64_t t = 0; t < count; ++t) {
      const TilePlace& at = block_tiles.place(t);
      with_transforms<kTile>(at, [&](auto down, auto along) {
        using Down = decltype(down);
        using Along = decltype(along);
        const Window window = input_window<Down, Along>(g, op.x, at, block.window);
        transform_window<InputTransform, Down, Along>(window, g.conv.c_in, block, block_tiles.slot(t));
      });
    }
    for_each_product(g, block, block_tiles, g.conv.c_in, op.transformed_kernel, g.conv.c_out, shape,
                     [&](const TilePlace& at, int64_t slot, int64_t column, int64_t columns) {
                       with_transforms<kTile>(at, [&](auto down, auto along) {
                         store_outputs<decltype(down), decltype(along)>(op, output, block, at, slot, column, columns);
                       });
                     });
  });
}

// ---- backward_data ----

// Whether every pixel of an image is in some tile, as it is where the shapes are those of a convolution.
inline bool tiles_reach_all(const WinogradGeometry& g) {
  const auto reach = [&g](int64_t tiles, int64_t outputs) {
    return tiles * g.tile + g.side() - g.tile - (g.narrow(outputs) ? g.tile - WinogradGeometry::kNarrow : 0);
  };
  return reach(g.tiles_h(), g.conv.oh) >= g.conv.h + g.conv.pad_top &&
         reach(g.tiles_w(), g.conv.ow) >= g.conv.w + g.conv.pad_left;
}

// Tiles overlap by two rows and columns. A pixel is stored by the first tile that has it; the next ones add to it, and
// the last one asks the ReLU. kInner: a tile with neighbours all around, within the image.
template <class Down, class Along, bool kInner>
[[gnu::noinline]] void put_inputs(const Conv2dWinogradBackwardData& op, const BlockScratch& block, const TilePlace& at,
                                  int64_t slot, int64_t column, int64_t columns) {
  constexpr int kOverlap = Down::kSide - Down::kTile;
  const Conv2dGeometry& g = op.geometry.conv;
  const int64_t top = at.row - g.pad_top, left = at.column - g.pad_left;
  const bool above = kInner || at.row > 0, before = kInner || at.column > 0;
  const bool below = kInner || at.row + Down::kTile < g.oh, behind = kInner || at.column + Along::kTile < g.ow;
  const int64_t first = at.image * g.in_size() + (top * g.w + left) * g.c_in + column;
  for_each_vector(0, columns, [&](int64_t c, int64_t lanes) {
    Vec products[Down::kSide][Along::kSide], out[Down::kSide][Along::kSide];
    load_products<Down, Along>(block, slot, c, products);
    transform_both<InputAdjoint<Down>, InputAdjoint<Along>>(products, out);
#pragma GCC unroll 8
    for (int i = 0; i < Down::kSide; ++i)
#pragma GCC unroll 8
      for (int j = 0; j < Along::kSide; ++j) {
        if (!kInner && (top + i < 0 || top + i >= g.h || left + j < 0 || left + j >= g.w)) continue;
        const int64_t pixel = first + (i * g.w + j) * g.c_in + c;
        const bool again = (above && i < kOverlap) || (before && j < kOverlap);
        const bool last = (!below || i < Down::kTile) && (!behind || j < Along::kTile);
        Vec gradient = again ? load_lanes(op.dx + pixel, lanes) + out[i][j] : out[i][j];
        if (last && op.activated) gradient = select(load_lanes(op.activated + pixel, lanes) > zero(), gradient, zero());
        store_lanes(op.dx + pixel, gradient, lanes);
      }
  });
}

template <int kTile>
inline void put_tile(const Conv2dWinogradBackwardData& op, const BlockScratch& block, const TilePlace& at, int64_t slot,
                     int64_t column, int64_t columns) {
  const Conv2dGeometry& g = op.geometry.conv;
  using Whole = Winograd<kTile>;
  const bool surrounded = at.row > 0 && at.column > 0 && at.row + kTile < g.oh && at.column + kTile < g.ow;
  if (surrounded && at.row - g.pad_top + Whole::kSide <= g.h && at.column - g.pad_left + Whole::kSide <= g.w)
    return put_inputs<Whole, Whole, true>(op, block, at, slot, column, columns);
  with_transforms<kTile>(at, [&](auto down, auto along) {
    put_inputs<decltype(down), decltype(along), false>(op, block, at, slot, column, columns);
  });
}

// Tiles [first, first + count), all of images of one task: neighbours add into the same pixels, always in this order.
template <int kTile>
inline void backward_data_block(const Conv2dWinogradBackwardData& op, const PooledGradient& dy, const TileShape& shape,
                                int64_t first, int64_t count, float* scratch) {
  const WinogradGeometry& g = op.geometry;
  const BlockScratch block = block_scratch(g, g.conv.c_out, scratch);
  const BlockTiles tiles(g, first, count);
  for (int64_t t = 0; t < count; ++t) {
    const TilePlace& at = tiles.place(t);
    with_transforms<kTile>(at, [&](auto down, auto along) {
      using Down = decltype(down);
      using Along = decltype(along);
      const Window window = output_window<Down, Along>(g, dy, at, 0, g.conv.c_out, block.window);
      transform_window<OutputAdjoint, Down, Along>(window, g.conv.c_out, block, tiles.slot(t));
    });
  }
  for_each_product(g, block, tiles, g.conv.c_out, op.transformed_kernel, g.conv.c_in, shape,
                   [&](const TilePlace& at, int64_t slot, int64_t column, int64_t columns) {
                     put_tile<kTile>(op, block, at, slot, column, columns);
                   });
}

template <int kTile>
inline void winograd_backward_data(const Conv2dWinogradBackwardData& op, const uint16_t* argmax, const Run& run) {
  const WinogradGeometry& g = op.geometry;
  const int64_t tiles = g.tiles(), most = g.block_tiles(g.conv.c_out);
  const TileShape shape = tile_shape(run.rows * tiles < most ? run.rows * tiles : most, g.conv.c_in);
  transform_kernel_transposed<kTile>(op, shape.width, run);
  const int64_t tasks = even_parts(run.rows, 1, tiles < most ? most / tiles : 1);  // each of whole images
  parallel_for(*run.pool, tasks, [&](int64_t task, int worker) {
    const int64_t begin = task * run.rows / tasks, end = (task + 1) * run.rows / tasks;
    if (!tiles_reach_all(g))
      __builtin_memset(op.dx + begin * g.conv.in_size(), 0,
                       static_cast<size_t>((end - begin) * g.conv.in_size()) * sizeof(float));
    const int64_t blocks = ((end - begin) * tiles + most - 1) / most;
    for (int64_t b = 0; b < blocks; ++b) {
      const int64_t first = begin * tiles + b * (end - begin) * tiles / blocks;
      const int64_t last = begin * tiles + (b + 1) * (end - begin) * tiles / blocks;
      backward_data_block<kTile>(op, {op.dy, argmax}, shape, first, last - first, run.pool->scratch(worker));
    }
  });
}

inline void conv2d_winograd_forward(const Conv2dWinogradForward& op, const Run& run) {
  with_tile(op.geometry, [&](auto tile) { winograd_forward<tile.value>(op, MapOutput{}, run); });
}
inline void conv2d_winograd_pool_forward(const Conv2dWinogradPoolForward& op, const Run& run) {
  const PooledOutput output{op.argmax};
  op.conv.geometry.tile == 2 ? winograd_forward<2>(op.conv, output, run) : winograd_forward<4>(op.conv, output, run);
}

inline void backward_data(const Conv2dWinogradBackwardData& op, const uint16_t* argmax, const Run& run) {
  with_tile(op.geometry, [&](auto tile) { winograd_backward_data<tile.value>(op, argmax, run); });
}
inline void conv2d_winograd_backward_data(const Conv2dWinogradBackwardData& op, const Run& run) {
  backward_data(op, nullptr, run);
}
inline void conv2d_winograd_pool_backward_data(const Conv2dWinogradPoolBackwardData& op, const Run& run) {
  backward_data(op.conv, op.argmax, run);
}

}  // namespace

void add_conv2d_winograd(KernelTable& table) {
  table.conv2d_winograd_forward = conv2d_winograd_forward;
  table.conv2d_winograd_backward_data = conv2d_winograd_backward_data;
  table.conv2d_winograd_pool_forward = conv2d_winograd_pool_forward;
  table.conv2d_winograd_pool_backward_data = conv2d_winograd_pool_backward_data;
}

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
