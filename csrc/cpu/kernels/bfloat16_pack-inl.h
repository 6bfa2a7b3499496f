// Packing float32 arrays into words of two bfloat16 numbers, for the blocks of sums.
#pragma once

#include "cpu/kernels/bfloat16_block-inl.h"
#include "cpu/kernels/pack-inl.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

// The vector of `from` at i, zeros at `size` and beyond.
inline Vec load_below(const float* from, int64_t i, int64_t size) {
  if (i + Vec::kLanes <= size) return load(from + i);
  return i < size ? load_partial(from + i, size - i) : zero();
}

// A pixel's channels: word i of a tile holds channels i and i + 16 of its 32, zeros behind the last.
inline void pack_channels(const float* pixel, int64_t channels, float* to) {
  for (int64_t c = 0; c < channels; c += Bfloat16Geometry::kDepth, to += kTile)
    for (int64_t i = 0; i < kTile; i += Vec::kLanes)
      store(to + i, bfloat16_pairs(load_below(pixel, c + i, channels), load_below(pixel, c + kTile + i, channels)));
}

// Transposes a tile of words, [rows of 16 words, from_step apart] to [16][16 words at to_step].
inline void transpose_tile(const float* from, int64_t from_step, float* to, int64_t to_step) {
  for (int64_t r = 0; r < kTile; r += Vec::kLanes)
    for (int64_t c = 0; c < kTile; c += Vec::kLanes) {
      Vec block[Vec::kLanes];
      for (int64_t i = 0; i < Vec::kLanes; ++i) block[i] = load(from + (r + i) * from_step + c);
      transpose_block(block);
      for (int64_t i = 0; i < Vec::kLanes; ++i) store(to + (c + i) * to_step + r, block[i]);
    }
}

// ---- the kernel ----

// One tap of the kernel, [depth][columns]: for `tile` of columns, words of two of 32 rows each.
inline void pack_kernel_tap(const float* tap, int64_t depth, int64_t columns, int64_t tile, float* to) {
  const auto row = [&](int64_t d, int64_t column) {
    return d < depth ? load_below(tap + d * columns, column, columns) : zero();
  };
  for (int64_t d = 0; d < depth; d += Bfloat16Geometry::kDepth)
    for (int64_t i = 0; i < kTile; ++i, to += kTile)
      for (int64_t c = 0; c < kTile; c += Vec::kLanes)
        store(to + c, bfloat16_pairs(row(d + i, tile * kTile + c), row(d + kTile + i, tile * kTile + c)));
}

// The same of a tap that lies transposed, [columns][depth].
inline void pack_kernel_tap_transposed(const float* tap, int64_t depth, int64_t columns, int64_t tile, float* to) {
  for (int64_t d = 0; d < depth; d += Bfloat16Geometry::kDepth, to += kTileWords) {
    alignas(64) float words[kTileWords];
    const int64_t left = depth - d < Bfloat16Geometry::kDepth ? depth - d : Bfloat16Geometry::kDepth;
    for (int64_t i = 0; i < kTile; ++i) {
      const int64_t column = tile * kTile + i;
      if (column < columns)
        pack_channels(tap + column * depth + d, left, words + i * kTile);
      else
        for (int64_t j = 0; j < kTile; j += Vec::kLanes) store(words + i * kTile + j, zero());
    }
    transpose_tile(words, kTile, to, kTile);
  }
}

// Calls fn(tap, tile of columns, where its words go) for the whole kernel.
template <class F>
inline void for_each_kernel_tap(const Bfloat16Geometry& g, int64_t depth, int64_t columns, float* packed,
                                const Run& run, const F& fn) {
  const int64_t taps = g.taps(), size = Bfloat16Geometry::depths(depth) * kTileWords;
  parallel_for(*run.pool, taps * ((columns + kTile - 1) / kTile),
               [&](int64_t task, int) { fn(task % taps, task / taps, packed + task * size); });
}

// ---- planes ----

// Where the pixels of a plane's row or column lie in an image: places [first, first + count) of one remainder.
struct PlaneLine {
  int64_t first, count, stride, shift, size;

  // Of an image's axis, or -1 in the padding.
  int64_t at(int64_t i) const {
    const int64_t place = (first + i) * stride + shift;
    return place >= 0 && place < size ? place : -1;
  }
};

// A plane of an image [h, w, channels]: each pixel's words, zeros in the padding.
inline void pack_plane(const float* image, int64_t width, int64_t channels, const PlaneLine& rows,
                       const PlaneLine& columns, float* to) {
  const int64_t step = Bfloat16Geometry::pixel_words(channels);
  const size_t bytes = static_cast<size_t>(Bfloat16Geometry::depths(channels) * kTile) * sizeof(float);
  for (int64_t i = 0; i < rows.count; ++i) {
    const int64_t row = rows.at(i);
    for (int64_t j = 0; j < columns.count; ++j, to += step) {
      const int64_t column = columns.at(j);
      if (row < 0 || column < 0)
        __builtin_memset(to, 0, bytes);
      else
        pack_channels(image + (row * width + column) * channels, channels, to);
    }
  }
}

// Where the pixels of several images' planes lie, one behind the other: offsets in floats, -1 for zeros.
inline void plane_places(int64_t images, int64_t image_size, int64_t width, int64_t channels, const PlaneLine& rows,
                         const PlaneLine& columns, int64_t pixels, int64_t* places) {
  int64_t p = 0;
  for (int64_t n = 0; n < images; ++n)
    for (int64_t i = 0; i < rows.count; ++i)
      for (int64_t j = 0; j < columns.count; ++j, ++p) {
        const int64_t row = rows.at(i), column = columns.at(j);
        places[p] = row < 0 || column < 0 ? -1 : n * image_size + (row * width + column) * channels;
      }
  for (; p < pixels; ++p) places[p] = -1;
}

}  // namespace
}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
