// Rearranging matrices and images for the register tile.
#pragma once

#include "cpu/kernels/parallel-inl.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

// Copies [rows x columns] at `from` (columns side by side) into blocks of `width` columns, zeros behind the last.
inline void pack_columns(const float* from, int64_t from_step, int64_t rows, int64_t columns, int64_t width,
                         float* to) {
  for (int64_t r = 0; r < rows; ++r, from += from_step, to += width) {
    int64_t c = 0;
    for (; c + Vec::kLanes <= columns; c += Vec::kLanes) store(to + c, load(from + c));
    if (c < columns) {
      store(to + c, load_partial(from + c, columns - c));
      c += Vec::kLanes;
    }
    for (; c < width; c += Vec::kLanes) store(to + c, zero());
  }
}

// Transposes a kLanes x kLanes block by log2(kLanes) rounds of interleaving.
inline void transpose_block(Vec (&rows)[Vec::kLanes]) {
  constexpr int kHalf = Vec::kLanes / 2;
  for (int round = 1; round < Vec::kLanes; round *= 2) {
    Vec next[Vec::kLanes];
#pragma GCC unroll 16
    for (int i = 0; i < kHalf; ++i) {
      next[2 * i] = interleave_low(rows[i], rows[i + kHalf]);
      next[2 * i + 1] = interleave_high(rows[i], rows[i + kHalf]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < Vec::kLanes; ++i) rows[i] = next[i];
  }
}

// `high` rows of `wide` numbers, transposed; zeros for the rows that are missing.
inline void load_transposed(const float* from, int64_t from_step, int64_t high, int64_t wide,
                            Vec (&block)[Vec::kLanes]) {
  for (int i = 0; i < Vec::kLanes; ++i) block[i] = i < high ? load_lanes(from + i * from_step, wide) : zero();
  transpose_block(block);
}

// to[c * width + r] = from[r * from_step + c] for r < rows <= width, zeros for the other r. width: whole vectors.
inline void pack_transposed(const float* from, int64_t from_step, int64_t rows, int64_t columns, int64_t width,
                            float* to) {
  for (int64_t r0 = 0; r0 < width; r0 += Vec::kLanes) {
    for (int64_t c0 = 0; c0 < columns; c0 += Vec::kLanes) {
      Vec block[Vec::kLanes];
      const int64_t wide = columns - c0 < Vec::kLanes ? columns - c0 : Vec::kLanes;
      if (r0 < rows)
        load_transposed(from + r0 * from_step + c0, from_step, rows - r0, wide, block);
      else
        for (Vec& row : block) row = zero();
      for (int64_t i = 0; i < wide; ++i) store(to + (c0 + i) * width + r0, block[i]);
    }
  }
}

// to[c * to_step + r] = from[r * from_step + c].
inline void transpose(const float* from, int64_t from_step, int64_t rows, int64_t columns, float* to, int64_t to_step) {
  for_each_vector(0, rows, [&](int64_t r0, int64_t high) {
    for_each_vector(0, columns, [&](int64_t c0, int64_t wide) {
      Vec block[Vec::kLanes];
      load_transposed(from + r0 * from_step + c0, from_step, high, wide, block);
      for (int64_t i = 0; i < wide; ++i) store_lanes(to + (c0 + i) * to_step + r0, block[i], high);
    });
  });
}

// Copies rows [first_row, first_row + rows) and columns [first_column, ...) of an image [h, w, c]; cells outside are 0.
inline void copy_padded(const float* image, int64_t h, int64_t w, int64_t c, int64_t first_row, int64_t rows,
                        int64_t first_column, int64_t columns, float* to) {
  // By vectors: rows of small images are too short for calls of memset and memcpy.
  const auto clear = [](float* p, int64_t n) {
    for_each_vector(0, n, [&](int64_t i, int64_t lanes) { store_lanes(p + i, zero(), lanes); });
  };
  const int64_t left = first_column < 0 ? -first_column : 0;
  const int64_t begin = first_column > 0 ? first_column : 0;
  int64_t inside = w - begin < columns - left ? w - begin : columns - left;
  if (inside < 0) inside = 0;
  for (int64_t r = first_row; r < first_row + rows; ++r, to += columns * c) {
    if (r < 0 || r >= h) {
      clear(to, columns * c);
      continue;
    }
    const float* from = image + (r * w + begin) * c;
    clear(to, left * c);
    for_each_vector(0, inside * c, [&](int64_t i, int64_t lanes) {
      store_lanes(to + left * c + i, load_lanes(from + i, lanes), lanes);
    });
    clear(to + (left + inside) * c, (columns - left - inside) * c);
  }
}

}  // namespace
}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
