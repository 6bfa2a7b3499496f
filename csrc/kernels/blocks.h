// What all kernels that multiply matrices agree on.
#pragma once

#include <cstdint>

namespace pyconvnet {

// Packed matrices hold whole blocks of columns; no ISA has wider blocks than this.
inline constexpr int64_t kMaxColumnBlock = 64;
inline int64_t round_up(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

// The size of equal pieces, as few as have at most `most` each; 1 for an empty whole, which has a shape too.
inline int64_t even_piece(int64_t whole, int64_t most) {
  const int64_t pieces = most < 1 ? whole : (whole + most - 1) / most;
  return whole > 0 ? (whole + pieces - 1) / pieces : 1;
}

}  // namespace pyconvnet
