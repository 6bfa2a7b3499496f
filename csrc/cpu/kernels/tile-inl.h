#pragma once

#include "cpu/kernels/tile.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

// The columns of one row of b. A tile that is not whole may not read past its last column.
template <int kVectors, bool kWhole>
inline void load_columns(const float* b, int64_t columns, Vec (&column)[kVectors]) {
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) {
    const int64_t left = columns - v * Vec::kLanes;
    if (kWhole || left >= Vec::kLanes)
      column[v] = load(b + v * Vec::kLanes);
    else
      column[v] = left > 0 ? load_partial(b + v * Vec::kLanes, left) : zero();
  }
}

// As many lines as a vector each; one where the next depth begins within it.
template <int kLines>
inline void prefetch_lines(const float* p) {
#pragma GCC unroll 8
  for (int line = 0; line < kLines; ++line) prefetch_far(p + line * Vec::kLanes);
}

template <int kRows, int kVectors, bool kWhole, int kLines>
inline void accumulate_depth(const Tile& t, const float* a, const float* b, Vec (&sum)[kRows][kVectors]) {
  constexpr int kPointers = (kRows + kRowsAPointer - 1) / kRowsAPointer;
  const int64_t row_step = t.row_step, depth_step = t.depth_step, b_step = t.b_step;
  const int64_t group_step = t.group_step != 0 ? t.group_step : kRowsAPointer * row_step;
  const float* pointer[kPointers];
  for (int p = 0; p < kPointers; ++p) pointer[p] = a + p * group_step;
  const float* ahead = t.ahead ? t.ahead : b;
  const int64_t ahead_step = t.ahead ? t.ahead_step : b_step;
  for (int64_t d = 0; d < t.depth; ++d) {
    Vec column[kVectors];
    load_columns<kVectors, kWhole>(b, t.columns, column);
    prefetch_lines<kLines>(ahead);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Vec value = broadcast(pointer[r / kRowsAPointer][(r % kRowsAPointer) * row_step]);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sum[r][v] = fma(value, column[v], sum[r][v]);
    }
    b += b_step;
    ahead += ahead_step;
#pragma GCC unroll 8
    for (int p = 0; p < kPointers; ++p) pointer[p] += depth_step;
  }
}

// As above with rows side by side in memory: one pointer and constant offsets.
template <int kRows, int kVectors, bool kWhole, int kLines>
inline void accumulate_depth_adjacent(const Tile& t, const float* a, const float* b, Vec (&sum)[kRows][kVectors]) {
  const int64_t depth_step = t.depth_step, b_step = t.b_step;
  const float* ahead = t.ahead ? t.ahead : b;
  const int64_t ahead_step = t.ahead ? t.ahead_step : b_step;
  for (int64_t d = 0; d < t.depth; ++d) {
    Vec column[kVectors];
    load_columns<kVectors, kWhole>(b, t.columns, column);
    prefetch_lines<kLines>(ahead);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Vec value = broadcast(a[r]);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sum[r][v] = fma(value, column[v], sum[r][v]);
    }
    b += b_step;
    ahead += ahead_step;
    a += depth_step;
  }
}

template <int kRows, int kVectors, bool kWhole>
inline void start_sums(const Tile& t, Vec (&sum)[kRows][kVectors]) {
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) {
    const int64_t left = t.columns - v * Vec::kLanes;
    const auto read = [&](const float* p) {
      if (kWhole || left >= Vec::kLanes) return load(p + v * Vec::kLanes);
      return left > 0 ? load_partial(p + v * Vec::kLanes, left) : zero();
    };
    const Vec first = t.bias && !t.accumulate ? read(t.bias) : zero();
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) sum[r][v] = t.accumulate ? read(t.c + r * t.c_step) : first;
  }
}

template <int kRows, int kVectors, bool kWhole>
inline void finish_sums(const Tile& t, Vec (&sum)[kRows][kVectors]) {
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    float* c = t.c + r * t.c_step;
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      const int64_t left = t.columns - v * Vec::kLanes;
      // In this order a NaN stays one.
      const Vec value = t.relu ? max(zero(), sum[r][v]) : sum[r][v];
      if (kWhole || left >= Vec::kLanes)
        store(c + v * Vec::kLanes, value);
      else if (left > 0)
        store_partial(c + v * Vec::kLanes, value, left);
    }
  }
}

template <int kRows, int kVectors, bool kWhole, int kLines, bool kAdjacent>
[[gnu::always_inline]] inline void accumulate_segments(const Tile& t, Vec (&sum)[kRows][kVectors]) {
  for (int64_t s = 0; s < t.segments; ++s) {
    const float *a = t.a + t.a_offsets[s], *b = t.b + t.b_offsets[s];
    if constexpr (kAdjacent)
      accumulate_depth_adjacent<kRows, kVectors, kWhole, kLines>(t, a, b, sum);
    else
      accumulate_depth<kRows, kVectors, kWhole, kLines>(t, a, b, sum);
  }
}

inline void move_down(Tile& t, int64_t rows, int64_t tiles = 1) {
  t.a += tiles * rows * t.row_step, t.c += tiles * rows * t.c_step;
  if (t.ahead) t.ahead += tiles * t.depth * t.ahead_step;
}

// Tiles one below the other in one call: a call for each would take a tenth of the time of a few dozen depths.
template <int kRows, int kVectors, int kLines, bool kAdjacent>
void fill_whole_tiles(const Tile& first, int64_t count) {
  for (Tile t = first; count > 0; --count, move_down(t, kRows)) {
    Vec sum[kRows][kVectors];
    start_sums<kRows, kVectors, true>(t, sum);
    accumulate_segments<kRows, kVectors, true, kLines, kAdjacent>(t, sum);
    finish_sums<kRows, kVectors, true>(t, sum);
  }
}

// A call by itself: where all sizes of partial tiles are open, the compiler writes each loop many times.
template <int kRows, int kVectors>
[[gnu::noinline]] void fill_partial_tile(const Tile& t, bool adjacent) {
  Vec sum[kRows][kVectors];
  start_sums<kRows, kVectors, false>(t, sum);
  if (adjacent)
    accumulate_segments<kRows, kVectors, false, 1, true>(t, sum);
  else
    accumulate_segments<kRows, kVectors, false, 1, false>(t, sum);
  finish_sums<kRows, kVectors, false>(t, sum);
}

template <int kRows, int kVectors, bool kWhole>
inline void fill_tiles(const Tile& t, int64_t count) {
  const bool adjacent = t.row_step == 1 && t.group_step == 0;
  const bool lines = kVectors > 1 && t.ahead && t.ahead_step > kCacheLine;
  if constexpr (!kWhole)
    for (Tile next = t; count > 0; --count, move_down(next, kRows)) fill_partial_tile<kRows, kVectors>(next, adjacent);
  else if (lines)
    adjacent ? fill_whole_tiles<kRows, kVectors, kVectors, true>(t, count)
             : fill_whole_tiles<kRows, kVectors, kVectors, false>(t, count);
  else
    adjacent ? fill_whole_tiles<kRows, kVectors, 1, true>(t, count)
             : fill_whole_tiles<kRows, kVectors, 1, false>(t, count);
}

template <int kVectors, bool kWhole>
inline void fill_tiles_of(const Tile& t, int64_t rows, int64_t count) {
  switch (rows) {
#define PYCONVNET_TILE_ROWS(n)                                                               \
  case n:                                                                                    \
    if constexpr (n <= max_rows(kVectors)) return fill_tiles<n, kVectors, kWhole>(t, count); \
    break;
    // clang-format off
    PYCONVNET_TILE_ROWS(1) PYCONVNET_TILE_ROWS(2) PYCONVNET_TILE_ROWS(3) PYCONVNET_TILE_ROWS(4)
    PYCONVNET_TILE_ROWS(5) PYCONVNET_TILE_ROWS(6) PYCONVNET_TILE_ROWS(7) PYCONVNET_TILE_ROWS(8)
    PYCONVNET_TILE_ROWS(9) PYCONVNET_TILE_ROWS(10) PYCONVNET_TILE_ROWS(11) PYCONVNET_TILE_ROWS(12)
    PYCONVNET_TILE_ROWS(13) PYCONVNET_TILE_ROWS(14)
#undef PYCONVNET_TILE_ROWS
    default: break;
    // clang-format on
  }
}

template <int kVectors, bool kWhole>
inline void fill_rows(const Tile& t, int64_t height, int64_t rows) {
  if (rows <= height) return fill_tiles_of<kVectors, kWhole>(t, rows, 1);
  const int64_t whole = rows / height, left = rows % height;
  fill_tiles_of<kVectors, kWhole>(t, height, whole);
  if (left == 0) return;
  Tile last = t;
  move_down(last, height, whole);
  fill_tiles_of<kVectors, kWhole>(last, left, 1);
}

}  // namespace

void run_tiles(const Tile& t, const TileShape& shape, int64_t rows) {
  const bool whole = t.columns >= shape.width;
  if (shape.vectors == 4)
    return whole ? fill_rows<4, true>(t, shape.rows, rows) : fill_rows<4, false>(t, shape.rows, rows);
  if (shape.vectors == 2)
    return whole ? fill_rows<2, true>(t, shape.rows, rows) : fill_rows<2, false>(t, shape.rows, rows);
  return whole ? fill_rows<1, true>(t, shape.rows, rows) : fill_rows<1, false>(t, shape.rows, rows);
}

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
