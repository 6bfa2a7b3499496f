// Rearranging matrices for the register tile.
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

// to[c * width + r] = from[r * from_step + c] for r < rows <= width, zeros for the other r. width: whole vectors.
inline void pack_transposed(const float* from, int64_t from_step, int64_t rows, int64_t columns, int64_t width,
                            float* to) {
  for (int64_t r0 = 0; r0 < width; r0 += Vec::kLanes) {
    for (int64_t c0 = 0; c0 < columns; c0 += Vec::kLanes) {
      Vec block[Vec::kLanes];
      const int64_t wide = columns - c0 < Vec::kLanes ? columns - c0 : Vec::kLanes;
      for (int i = 0; i < Vec::kLanes; ++i) {
        const int64_t at = (r0 + i) * from_step + c0;
        block[i] = r0 + i >= rows ? zero() : load_lanes(from + at, wide);
      }
      transpose_block(block);
      for (int64_t i = 0; i < wide; ++i) store(to + (c0 + i) * width + r0, block[i]);
    }
  }
}

}  // namespace
}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
