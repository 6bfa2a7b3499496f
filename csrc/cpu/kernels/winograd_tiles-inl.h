// What the three passes of Winograd's convolution share: windows of images, transformed kernels, and the product of a
// block of transformed tiles with them.
#pragma once

#include "cpu/kernels/max_window-inl.h"
#include "cpu/kernels/pack-inl.h"
#include "cpu/kernels/tile.h"
#include "cpu/kernels/winograd_transform-inl.h"
#include "kernels/kernel_list.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

// ---- windows: a tile's pixels in an image [h, w, c], or in a copy with zeros where it reaches beyond ----

struct Window {
  const float* first;
  int64_t row_step, pixel_step;
};

inline Window window_at(const float* image, int64_t h, int64_t w, int64_t c, int64_t top, int64_t rows, int64_t left,
                        int64_t columns, float* scratch) {
  if (top >= 0 && left >= 0 && top + rows <= h && left + columns <= w) return {image + (top * w + left) * c, w * c, c};
  copy_padded(image, h, w, c, top, rows, left, columns, scratch);
  return {scratch, columns * c, c};
}

template <int kRows, int kColumns>
[[gnu::always_inline]] inline void load_window(const Window& window, int64_t channel, int64_t lanes,
                                               Vec (&to)[kRows][kColumns]) {
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < kColumns; ++j)
      to[i][j] = load_lanes(window.first + i * window.row_step + j * window.pixel_step + channel, lanes);
}

// Where a tile lies: its image, its first output pixel, and whether it is a narrow one.
struct TilePlace {
  int64_t image, row, column;
  bool narrow_h, narrow_w;
};

// Calls fn(Down, Along) with the transforms of a tile down its columns and along its rows.
template <int kTile, class F>
[[gnu::always_inline]] inline void with_transforms(const TilePlace& at, const F& fn) {
  using Whole = Winograd<kTile>;
  if constexpr (kTile == 4) {
    if (at.narrow_h && at.narrow_w) return fn(NarrowWinograd{}, NarrowWinograd{});
    if (at.narrow_h) return fn(NarrowWinograd{}, Whole{});
    if (at.narrow_w) return fn(Whole{}, NarrowWinograd{});
  }
  fn(Whole{}, Whole{});
}

template <class Down, class Along>
inline Window input_window(const WinogradGeometry& g, const float* x, const TilePlace& at, float* scratch) {
  const Conv2dGeometry& c = g.conv;
  return window_at(x + at.image * c.in_size(), c.h, c.w, c.c_in, at.row - c.pad_top, Down::kSide,
                   at.column - c.pad_left, Along::kSide, scratch);
}
// Channels [first, last) of dy.
template <class Down, class Along>
inline Window output_window(const WinogradGeometry& g, const PooledGradient& dy, const TilePlace& at, int64_t first,
                            int64_t last, float* scratch) {
  const Conv2dGeometry& c = g.conv;
  if (!dy.argmax)
    return window_at(dy.dy + at.image * c.out_size(), c.oh, c.ow, c.c_out, at.row, Down::kTile, at.column, Along::kTile,
                     scratch);
  const int64_t image = at.image * c.pooled_size();
  unpool({dy.dy + image, dy.argmax + image}, c.oh, c.ow, c.c_out, at.row, Down::kTile, at.column, Along::kTile, first,
         last, scratch, Along::kTile);
  return {scratch, Along::kTile * c.c_out, c.c_out};
}

// ---- the tiles of a block ----

// Narrow tiles lack the points 2 and -2 of their axis. In a block the tiles that have a position lie side by side:
// first those that are narrow along their rows only, then whole ones, those narrow down their columns only, and those
// narrow both ways.
class BlockTiles {
 public:
  static_assert(NarrowWinograd::kTile == WinogradGeometry::kNarrow);
  struct Slots {
    int64_t begin, count;
  };

  // `count` tiles of the batch from tile `first` on.
  BlockTiles(const WinogradGeometry& g, int64_t first, int64_t count) : count_(count) {
    const int64_t tiles_h = g.tiles_h(), tiles_w = g.tiles_w(), tiles = tiles_h * tiles_w;
    const bool narrow_h = g.narrow(g.conv.oh), narrow_w = g.narrow(g.conv.ow);
    int64_t image = first / tiles, row = first % tiles / tiles_w, column = first % tiles_w;
    int64_t kinds[WinogradGeometry::kMostTiles], sizes[4] = {};
    for (int64_t t = 0; t < count; ++t) {
      const TilePlace at{image, row * g.tile, column * g.tile, narrow_h && row == tiles_h - 1,
                         narrow_w && column == tiles_w - 1};
      places_[t] = at;
      kinds[t] = at.narrow_h ? 2 + at.narrow_w : 1 - at.narrow_w;
      ++sizes[kinds[t]];
      if (++column < tiles_w) continue;
      column = 0;
      if (++row < tiles_h) continue;
      row = 0, ++image;
    }
    for (int kind = 0; kind < 4; ++kind) begin_[kind + 1] = begin_[kind] + sizes[kind];
    int64_t next[4] = {begin_[0], begin_[1], begin_[2], begin_[3]};
    for (int64_t t = 0; t < count; ++t) slots_[t] = next[kinds[t]]++;
  }
  int64_t count() const { return count_; }
  // Of the t-th tile, in the order of the batch.
  const TilePlace& place(int64_t t) const { return places_[t]; }
  int64_t slot(int64_t t) const { return slots_[t]; }
  // Which slots have the position of two points, down the columns and along the rows.
  Slots having(int64_t down, int64_t along) const {
    const bool all_along = NarrowWinograd::has(along);
    const int64_t begin = begin_[all_along ? 0 : 1];
    const int64_t end = begin_[!NarrowWinograd::has(down) ? 2 : all_along ? 4 : 3];
    return {begin, end - begin};
  }

 private:
  int64_t count_, begin_[5] = {};
  TilePlace places_[WinogradGeometry::kMostTiles];
  int64_t slots_[WinogradGeometry::kMostTiles];
};

// ---- kernels: G g G^T ----

template <int kTile, int kSide = Winograd<kTile>::kSide>
inline void store_transformed_kernel(const Vec (&taps)[3][3], float* to, int64_t position_step) {
  Vec u[kSide][kSide];
  transform_both<KernelTransform<Winograd<kTile>>, KernelTransform<Winograd<kTile>>>(taps, u);
#pragma GCC unroll 8
  for (int i = 0; i < kSide; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < kSide; ++j) store(to + (i * kSide + j) * position_step, u[i][j]);
}

// [column block][position][c_in][block]
template <int kTile>
inline void transform_kernel(const Conv2dWinogradForward& op, int64_t block, const Run& run) {
  const Conv2dGeometry& g = op.geometry.conv;
  const int64_t blocks = (g.c_out + block - 1) / block, positions = op.geometry.positions();
  parallel_for(*run.pool, blocks * g.c_in, [&](int64_t task, int) {
    const int64_t ci = task % g.c_in, column = task / g.c_in * block;
    float* to = op.transformed_kernel + (task / g.c_in * positions * g.c_in + ci) * block;
    for (int64_t c = 0; c < block; c += Vec::kLanes) {
      const int64_t left = g.c_out - column - c, lanes = left < Vec::kLanes ? left : Vec::kLanes;
      Vec taps[3][3];
      for (int64_t tap = 0; tap < 9; ++tap)
        taps[tap / 3][tap % 3] =
            lanes > 0 ? load_lanes(op.kernel + (tap * g.c_in + ci) * g.c_out + column + c, lanes) : zero();
      store_transformed_kernel<kTile>(taps, to + c, g.c_in * block);
    }
  });
}

// The same of the transposed kernel: [column block of input channels][position][c_out][block]
template <int kTile>
inline void transform_kernel_transposed(const Conv2dWinogradBackwardData& op, int64_t block, const Run& run) {
  const Conv2dGeometry& g = op.geometry.conv;
  const int64_t blocks = (g.c_in + block - 1) / block, positions = op.geometry.positions();
  const int64_t pieces = (g.c_out + Vec::kLanes - 1) / Vec::kLanes;
  parallel_for(*run.pool, blocks * pieces, [&](int64_t task, int) {
    const int64_t co = task % pieces * Vec::kLanes, column = task / pieces * block;
    const int64_t lanes = g.c_out - co < Vec::kLanes ? g.c_out - co : Vec::kLanes;
    float* to = op.transformed_kernel + (task / pieces * positions * g.c_out + co) * block;
    for (int64_t c = 0; c < block; c += Vec::kLanes) {
      const int64_t left = g.c_in - column - c;
      float transposed[9][Vec::kLanes * Vec::kLanes];  // [tap][output channel][input channel]
      for (int64_t tap = 0; tap < 9; ++tap)
        pack_transposed(op.kernel + (tap * g.c_in + column + c) * g.c_out + co, g.c_out,
                        left < Vec::kLanes ? left : Vec::kLanes, lanes, Vec::kLanes, transposed[tap]);
      for (int64_t k = 0; k < lanes; ++k) {
        Vec taps[3][3];
        for (int64_t tap = 0; tap < 9; ++tap) taps[tap / 3][tap % 3] = load(transposed[tap] + k * Vec::kLanes);
        store_transformed_kernel<kTile>(taps, to + k * block + c, g.c_out * block);
      }
    }
  });
}

// ---- a block of transformed tiles times one column block of the transformed kernel ----

// Scratch of a worker, as WinogradGeometry::block_scratch counts it.
struct BlockScratch {
  float* window;
  float* tiles;     // [position][tile], step apart
  float* products;  // [position][tile], products_step apart
  int64_t step, position_step, products_step, products_position_step;
};
inline BlockScratch block_scratch(const WinogradGeometry& g, int64_t channels, float* scratch) {
  BlockScratch b{};
  b.window = scratch, b.tiles = scratch + g.window_size(channels);
  b.step = WinogradGeometry::tile_step(channels);
  b.position_step = WinogradGeometry::position_step(g.block_tiles(channels), b.step);
  b.products = b.tiles + g.positions() * b.position_step;
  b.products_step = WinogradGeometry::tile_step(kMaxColumnBlock);
  b.products_position_step = WinogradGeometry::position_step(g.block_tiles(channels), b.products_step);
  return b;
}

// A group of column blocks: as many as fill kMaxColumnBlock columns. They share what they read of the tiles.
struct ColumnGroup {
  const float* kernel;  // [column block][position][depth][width]
  int64_t columns;
  bool last;
};

constexpr int64_t kPieceFloats = int64_t{1} << 12;  // of a panel; with its part of the tiles in the first-level cache

// Multiplies position by position, and a panel [depth][width] of the kernel piece by piece. While all tiles are
// multiplied with a piece, the next one is fetched: the kernels of many channels lie beyond the second-level cache.
inline void multiply_block(const WinogradGeometry& g, const BlockScratch& block, const BlockTiles& tiles, int64_t depth,
                           const ColumnGroup& group, const TileShape& shape) {
  const int64_t zero_offset = 0, panel = depth * shape.width, block_size = g.positions() * panel;
  const int64_t piece = panel > 2 * kPieceFloats ? kPieceFloats / shape.width : depth;
  Tile tile{};
  tile.a_offsets = tile.b_offsets = &zero_offset, tile.segments = 1;
  tile.row_step = block.step, tile.depth_step = 1;
  tile.b_step = shape.width, tile.c_step = block.products_step;
  for (int64_t p = 0; p < g.positions(); ++p) {
    const BlockTiles::Slots slots = tiles.having(p / g.side(), p % g.side());
    if (slots.count == 0) continue;
    const int64_t pieces = (slots.count + shape.rows - 1) / shape.rows, rows = (slots.count + pieces - 1) / pieces;
    tile.ahead_step = (shape.width + pieces - 1) / pieces;
    for (int64_t column = 0; column < group.columns; column += shape.width) {
      const float* from = group.kernel + column / shape.width * block_size + p * panel;
      const float* following = from + block_size;
      if (column + shape.width >= group.columns) {  // the group's first block, or behind its last panel the next group
        const bool more = p + 1 < g.positions();
        following = more ? group.kernel + (p + 1) * panel : group.last ? nullptr : from + panel;
      }
      tile.columns = group.columns - column < shape.width ? group.columns - column : shape.width;
      for (int64_t d = 0; d < depth; d += piece) {
        tile.b = from + d * shape.width, tile.depth = depth - d < piece ? depth - d : piece, tile.accumulate = d > 0;
        const float* next = d + piece < depth ? tile.b + piece * shape.width : following;
        tile.a = block.tiles + p * block.position_step + slots.begin * block.step + d;
        tile.c = block.products + p * block.products_position_step + slots.begin * block.products_step + column;
        tile.ahead = next;
        run_tiles(tile, {shape.vectors, shape.width, rows}, slots.count);
      }
    }
  }
}

// `slot` is a tile's place in the block.
template <class Down, class Along>
[[gnu::always_inline]] inline void load_products(const BlockScratch& block, int64_t slot, int64_t channel,
                                                 Vec (&to)[Down::kSide][Along::kSide]) {
  const float* from = block.products + slot * block.products_step + channel;
#pragma GCC unroll 8
  for (int i = 0; i < Down::kSide; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < Along::kSide; ++j)
      to[i][j] = load(from + position<Down, Along>(i, j) * block.products_position_step);
}

// Transforms every channel of a window into one tile of the block; Transform is InputTransform or OutputAdjoint. A call
// by itself, as the other end of a tile's way is: in one function with four kinds of tiles each, both are slower.
template <template <class> class Transform, class Down, class Along>
[[gnu::noinline]] void transform_window(const Window& window, int64_t channels, const BlockScratch& block,
                                        int64_t slot) {
  for_each_vector(0, channels, [&](int64_t c, int64_t lanes) {
    Vec in[Transform<Down>::kFrom][Transform<Along>::kFrom], out[Down::kSide][Along::kSide];
    load_window(window, c, lanes, in);
    transform_both<Transform<Down>, Transform<Along>>(in, out);
    float* to = block.tiles + slot * block.step + c;
#pragma GCC unroll 8
    for (int i = 0; i < Down::kSide; ++i)
#pragma GCC unroll 8
      for (int j = 0; j < Along::kSide; ++j) store(to + position<Down, Along>(i, j) * block.position_step, out[i][j]);
  });
}

// Multiplies a block of tiles with the whole kernel, and calls fn(place, slot, first column, columns) for each tile and
// group of columns while its products are in the scratch.
template <class F>
inline void for_each_product(const WinogradGeometry& g, const BlockScratch& block, const BlockTiles& tiles,
                             int64_t depth, const float* kernel, int64_t channels, const TileShape& shape,
                             const F& fn) {
  for (int64_t column = 0; column < channels; column += kMaxColumnBlock) {
    const int64_t left = channels - column, columns = left < kMaxColumnBlock ? left : kMaxColumnBlock;
    const ColumnGroup group{kernel + column * g.positions() * depth, columns, left <= kMaxColumnBlock};
    multiply_block(g, block, tiles, depth, group, shape);
    for (int64_t t = 0; t < tiles.count(); ++t) fn(tiles.place(t), tiles.slot(t), column, columns);
  }
}

template <int kTile>
struct TileSize {
  static constexpr int value = kTile;
};

// Calls fn(TileSize<tile>).
template <class F>
inline void with_tile(const WinogradGeometry& g, const F& fn) {
  if (g.tile == 2) return fn(TileSize<2>{});
  if (g.tile == 3) return fn(TileSize<3>{});
  fn(TileSize<4>{});
}

}  // namespace
}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
