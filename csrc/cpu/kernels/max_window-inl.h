// The largest cell of a pooling window and its gradient, alone and behind a convolution: vectors run over the channels.
#pragma once

#include "cpu/kernels/parallel-inl.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

inline Vec load_index(const uint16_t* p, int64_t lanes) {
  if (lanes == Vec::kLanes) return load_u16(p);
  uint16_t words[Vec::kLanes] = {};
  for (int64_t i = 0; i < lanes; ++i) words[i] = p[i];
  return load_u16(words);
}
inline void store_index(uint16_t* p, Vec index, int64_t lanes) {
  if (lanes == Vec::kLanes) return store_u16(p, index);
  uint16_t words[Vec::kLanes];
  store_u16(words, index);
  for (int64_t i = 0; i < lanes; ++i) p[i] = words[i];
}

// Forward pass of one window, all channels. cells: its first cell on the map, whose number is first_index.
template <bool kArgmax>
[[gnu::always_inline]] inline void max_of_window(const float* cells, int64_t rows, int64_t columns, int64_t row_step,
                                                 int64_t c, int64_t first_index, int64_t index_step, float* y,
                                                 uint16_t* argmax) {
  for_each_vector(0, c, [&](int64_t i, int64_t lanes) {
    Vec best = load_lanes(cells + i, lanes), index = broadcast(static_cast<float>(first_index));
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t k = 0; k < columns; ++k) {
        const Vec cell = load_lanes(cells + r * row_step + k * c + i, lanes);
        const Mask better = exceeds(cell, best);
        best = select(better, cell, best);
        if constexpr (kArgmax)
          index = select(better, broadcast(static_cast<float>(first_index + r * index_step + k)), index);
      }
    }
    store_lanes(y + i, best, lanes);
    if constexpr (kArgmax) store_index(argmax + i, index, lanes);
  });
}

// The winner where the four cells of a 2x2 window are at hand.
struct Winner {
  Vec best, index;
};
inline Winner winner_of(const Vec (&cells)[4]) {
  Winner winner{cells[0], zero()};
#pragma GCC unroll 4
  for (int cell = 1; cell < 4; ++cell) {
    const Mask better = exceeds(cells[cell], winner.best);
    winner.best = select(better, cells[cell], winner.best);
    winner.index = select(better, broadcast(static_cast<float>(cell)), winner.index);
  }
  return winner;
}
inline void max_of_cells(const Vec (&cells)[4], float* y, uint16_t* argmax, int64_t lanes) {
  const Winner winner = winner_of(cells);
  store_lanes(y, winner.best, lanes);
  if (argmax) store_index(argmax, winner.index, lanes);
}

// The gradient of a map behind 2x2 max pooling.
struct PooledGradient {
  const float* dy;         // [rows, h / 2, w / 2, c]
  const uint16_t* argmax;  // null where dy is that of the map itself
};

// Channels [first, last) of the map's gradient in rows [row, row + height) and columns [column, column + width), all
// even, of an image [h, w, c]; rows of pixels [c] at `to`, row_step pixels apart. Zeros beyond the last window.
inline void unpool(const PooledGradient& image, int64_t h, int64_t w, int64_t c, int64_t row, int64_t height,
                   int64_t column, int64_t width, int64_t first, int64_t last, float* to, int64_t row_step) {
  for (int64_t i = 0; i < height; i += 2)
    for (int64_t j = 0; j < width; j += 2) {
      const int64_t oy = (row + i) / 2, ox = (column + j) / 2;
      const bool inside = oy < h / 2 && ox < w / 2;
      const int64_t at = (oy * (w / 2) + ox) * c;
      float* cells = to + (i * row_step + j) * c;
      for_each_vector(first, last, [&](int64_t k, int64_t lanes) {
        const Vec gradient = inside ? load_lanes(image.dy + at + k, lanes) : zero();
        const Vec winner = inside ? load_index(image.argmax + at + k, lanes) : zero();
#pragma GCC unroll 4
        for (int cell = 0; cell < 4; ++cell) {
          const Mask won = winner == broadcast(static_cast<float>(cell));
          store_lanes(cells + (cell / 2 * row_step + cell % 2) * c + k, select(won, gradient, zero()), lanes);
        }
      });
    }
}

}  // namespace
}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
