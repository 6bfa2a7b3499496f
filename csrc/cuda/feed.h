// Elements of the caller's arrays, which the feeds of a step describe.
#pragma once

#include "cuda/device.h"

namespace pyconvnet::cuda {

__device__ inline float half_to_float(uint16_t half) {
  const uint32_t sign = (half & 0x8000u) << 16, exponent = (half >> 10) & 31u, fraction = half & 0x3ffu;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  return __uint_as_float(sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | fraction << 13);
}

// Rows of an array may begin anywhere: nothing is known of an element's alignment.
template <class From>
__device__ __forceinline__ From read_as(const std::byte* p) {
  From value;
  memcpy(&value, p, sizeof value);
  return value;
}

template <class To>
__device__ inline To read_element(const Feed& feed, const std::byte* p) {
  switch (feed.dtype) {
    case DType::float32: return static_cast<To>(read_as<float>(p));
    case DType::float64: return static_cast<To>(read_as<double>(p));
    case DType::uint8: {
      const auto byte = static_cast<uint8_t>(*p);
      return feed.table ? static_cast<To>(feed.table[byte]) : static_cast<To>(byte);
    }
    case DType::int8: return static_cast<To>(read_as<int8_t>(p));
    case DType::uint16: return static_cast<To>(read_as<uint16_t>(p));
    case DType::int16: return static_cast<To>(read_as<int16_t>(p));
    case DType::int32: return static_cast<To>(read_as<int32_t>(p));
    case DType::uint32: return static_cast<To>(read_as<uint32_t>(p));
    case DType::int64: return static_cast<To>(read_as<int64_t>(p));
    case DType::uint64: return static_cast<To>(read_as<uint64_t>(p));
    case DType::float16: return static_cast<To>(half_to_float(read_as<uint16_t>(p)));
  }
  return To{};
}

// Element i of row `row` of the batch, in C order, whatever the strides.
template <class To>
__device__ inline To element_of_row(const Step& step, int64_t number, int64_t row, int64_t i) {
  const Feed& feed = step.feeds[number];
  const std::byte* p = feed.data + step.indices[row] * feed.row_stride;
  for (int axis = feed.rank - 1; axis >= 0; --axis) {
    p += i % feed.shape[axis] * feed.stride[axis];
    i /= feed.shape[axis];
  }
  return read_element<To>(feed, p);
}

}  // namespace pyconvnet::cuda
