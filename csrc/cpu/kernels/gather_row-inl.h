// One row of a feed, of any dtype and strides, as floats or labels.
#pragma once

#include <cstring>

#include "kernels/run.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

inline float half_to_float(uint16_t half) {
  const uint32_t sign = (half & 0x8000u) << 16, exponent = (half >> 10) & 31u, fraction = half & 0x3ffu;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  const uint32_t bits = sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | fraction << 13;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

template <class To>
inline To read_element(const Feed& feed, const std::byte* p) {
  const auto as = [p](auto example) {
    std::memcpy(&example, p, sizeof example);
    return static_cast<To>(example);
  };
  switch (feed.dtype) {
    case DType::float32: return as(float{});
    case DType::float64: return as(double{});
    case DType::uint8: return feed.table ? static_cast<To>(feed.table[static_cast<uint8_t>(*p)]) : as(uint8_t{});
    case DType::int8: return as(int8_t{});
    case DType::uint16: return as(uint16_t{});
    case DType::int16: return as(int16_t{});
    case DType::int32: return as(int32_t{});
    case DType::uint32: return as(uint32_t{});
    case DType::int64: return as(int64_t{});
    case DType::uint64: return as(uint64_t{});
    case DType::float16: {
      uint16_t half;
      std::memcpy(&half, p, sizeof half);
      return static_cast<To>(half_to_float(half));
    }
  }
  return To{};
}

inline bool row_is_contiguous(const Feed& feed) {
  int64_t expected = static_cast<int64_t>(dtype_size(feed.dtype));
  for (int axis = feed.rank - 1; axis >= 0; --axis) {
    if (feed.shape[axis] != 1 && feed.stride[axis] != expected) return false;
    expected *= feed.shape[axis];
  }
  return true;
}

// Walks one row of any strides in row-major order.
template <class To>
inline void gather_strided(const Feed& feed, const std::byte* row, To* out, int64_t size) {
  int64_t index[Feed::kMaxRank] = {};
  for (int64_t i = 0; i < size; ++i) {
    out[i] = read_element<To>(feed, row);
    for (int axis = feed.rank - 1; axis >= 0; --axis) {
      row += feed.stride[axis];
      if (++index[axis] < feed.shape[axis]) break;
      row -= feed.stride[axis] * feed.shape[axis];
      index[axis] = 0;
    }
  }
}

inline void gather_row(const Feed& feed, const std::byte* row, float* out, int64_t size) {
  if (!row_is_contiguous(feed)) return gather_strided(feed, row, out, size);
  if (feed.dtype == DType::float32) {
    std::memcpy(out, row, static_cast<size_t>(size) * sizeof(float));
  } else if (feed.dtype == DType::uint8) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(row);
    if (feed.table)
      for (int64_t i = 0; i < size; ++i) out[i] = feed.table[bytes[i]];
    else
      for (int64_t i = 0; i < size; ++i) out[i] = static_cast<float>(bytes[i]);
  } else {
    const int64_t step = static_cast<int64_t>(dtype_size(feed.dtype));
    for (int64_t i = 0; i < size; ++i) out[i] = read_element<float>(feed, row + i * step);
  }
}

}  // namespace
}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
