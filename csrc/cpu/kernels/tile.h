// The register tile: the one inner loop of convolutions and dense layers. Its code is in tile-inl.h.
//   c[row, column] (+)= sum over segments s and depth d of  a[row, s, d] * b[s, d, column]
// Rows are pixels, samples or input channels; columns are output channels, a whole number of vectors in
// registers. a is read one float at a time and broadcast; b is read by vectors.
#pragma once

#include <cstdint>

#include "kernels/blocks.h"

namespace pyconvnet {

struct Tile {
  const float* a;            // a[row * row_step + a_offsets[s] + d * depth_step]
  const int64_t* a_offsets;  // [segments]
  const int64_t* b_offsets;  // [segments]
  int64_t segments;
  int64_t depth;
  int64_t row_step;    // 1 where rows are channels, else the distance of two pixels
  int64_t group_step;  // from three rows to the next three, where that is not 3 * row_step; else 0
  int64_t depth_step;  // 1 where depth runs over channels, else the distance of two pixels
  const float* b;      // b[b_offsets[s] + d * b_step + column]
  int64_t b_step;
  const float* ahead;  // what to prefetch meanwhile, or null: a cache line for each depth, or, in whole tiles,
  int64_t ahead_step;  // as many as `vectors` where a step is longer than a line
  float* c;            // [rows] rows of columns
  int64_t c_step;
  int64_t columns;    // valid ones; the tile is wider where this is not a whole number of vectors
  const float* bias;  // [columns] or null: where the sums start
  bool accumulate;    // start from c instead
  bool relu;
};

namespace PYCONVNET_ISA_NAMESPACE {

// How a [rows x columns] problem is cut into register tiles: `vectors` wide, `rows` high and even.
struct TileShape {
  int vectors;    // 1, 2 or 4
  int64_t width;  // columns of a tile
  int64_t rows;   // of the first tiles, max_rows(vectors) at most; the last may have fewer
};

// Runs `rows` rows, tile below tile: `a` moves on by row_step for each row, `c` by c_step, `ahead` by what a tile
// fetches. Compiled once for each ISA, as the many sizes take their time: the one global name beside the add_
// functions.
void run_tiles(const Tile& t, const TileShape& shape, int64_t rows);

namespace {

// Three rows share a pointer: x86 reaches p, p + step and p + 2 * step without more registers.
constexpr int kRowsAPointer = 3;

// Rows that fit the registers beside `vectors` columns of b and one broadcast.
constexpr int max_rows(int vectors) {
  const int rows = (Vec::kRegisters - vectors - 1) / vectors;
  return rows < 14 ? rows : 14;
}

// Floats of b that stay in the first-level cache while all rows are multiplied with them. A deeper b is taken piece by
// piece: the sums wait in c meanwhile, and their order, and so every bit, stays the same.
constexpr int64_t kPanelFloats = int64_t{1} << 13;
constexpr int64_t kCacheLine = 64 / sizeof(float);

// Into the second-level cache: what comes next would push what is at work out of the first.
inline void prefetch_far(const float* p) { __builtin_prefetch(p, 0, 2); }

// Tiles of equal height, none higher than fits the registers.
inline int64_t tile_height(int64_t rows, int vectors) { return even_piece(rows, max_rows(vectors)); }

// With 32 registers, 6 rows of 4 vectors take fewer instructions for each multiplication than 14 rows of 2.
inline TileShape tile_shape(int64_t rows, int64_t columns) {
  int vectors = 1;
  if (columns > Vec::kLanes) vectors = 2;
  const bool four_are_full = Vec::kRegisters == 32 && (columns - 1) % (4 * Vec::kLanes) >= 3 * Vec::kLanes;
  if (columns > 2 * Vec::kLanes && (rows <= max_rows(4) || four_are_full)) vectors = 4;
  return {vectors, static_cast<int64_t>(vectors) * Vec::kLanes, tile_height(rows, vectors)};
}

}  // namespace
}  // namespace PYCONVNET_ISA_NAMESPACE
}  // namespace pyconvnet
