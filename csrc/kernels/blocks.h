// What all kernels that multiply matrices agree on.
#pragma once

#include <cstdint>

namespace pyconvnet {

// Packed matrices hold whole blocks of columns; no ISA has wider blocks than this.
inline constexpr int64_t kMaxColumnBlock = 64;
inline int64_t round_up(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

}  // namespace pyconvnet
