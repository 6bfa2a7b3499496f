#pragma once

#include "cuda/grid.h"

namespace pyconvnet::cuda {
namespace {

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
__device__ To read_element(const Feed& feed, const std::byte* p) {
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

// A thread for each element of the batch finds it in its row, whatever the strides.
template <class To>
struct GatherElement {
  int64_t number, size;  // of the feed, of a row
  To* out;
  __device__ void operator()(int64_t i, const Step& step) const {
    const Feed& feed = step.feeds[number];
    const std::byte* p = feed.data + step.indices[i / size] * feed.row_stride;
    int64_t rest = i % size;
    for (int axis = feed.rank - 1; axis >= 0; --axis) {
      p += rest % feed.shape[axis] * feed.stride[axis];
      rest /= feed.shape[axis];
    }
    out[i] = read_element<To>(feed, p);
  }
};

void gather(const Gather& op, const Run& run) {
  for_each_element(per_row(op.size), run, GatherElement<float>{op.feed, op.size, op.out});
}

void gather_labels(const GatherLabels& op, const Run& run) {
  for_each_element(per_row(op.size), run, GatherElement<int32_t>{op.feed, op.size, op.out});
}

}  // namespace

void add_gather(KernelTable& table) {
  table.gather = gather;
  table.gather_labels = gather_labels;
}

}  // namespace pyconvnet::cuda
