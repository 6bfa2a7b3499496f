// NumPy arrays as memory blocks and feeds, without copies; dtype, order and writability are checked here.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string>

#include "plan/bind.h"

namespace pyconvnet {

inline DType dtype_of_array(const std::string& who, const pybind11::array& array) {
  const char kind = array.dtype().kind();
  const auto bytes = array.itemsize();
  const bool native = array.dtype().attr("isnative").cast<bool>();
  if (native && kind == 'f' && bytes == 4) return DType::float32;
  if (native && kind == 'f' && bytes == 8) return DType::float64;
  if (native && kind == 'f' && bytes == 2) return DType::float16;
  if ((kind == 'u' || kind == 'b') && bytes == 1) return DType::uint8;
  if (kind == 'i' && bytes == 1) return DType::int8;
  if (native && kind == 'u' && bytes == 2) return DType::uint16;
  if (native && kind == 'i' && bytes == 2) return DType::int16;
  if (native && kind == 'i' && bytes == 4) return DType::int32;
  if (native && kind == 'u' && bytes == 4) return DType::uint32;
  if (native && kind == 'i' && bytes == 8) return DType::int64;
  if (native && kind == 'u' && bytes == 8) return DType::uint64;
  throw pybind11::type_error(who + ": dtype " + std::string(pybind11::str(array.dtype())) +
                             " is not supported; use numbers in the machine's byte order");
}

inline Block block_of_array(const std::string& who, const pybind11::array& array) {
  check((array.flags() & pybind11::array::c_style) != 0, who, "must be C-contiguous");
  return {const_cast<void*>(array.data()), static_cast<size_t>(array.nbytes()), dtype_of_array(who, array),
          array.writeable()};
}

// A feed reads the caller's array where it lies. The array must outlive the run.
inline Feed feed_of_array(const std::string& who, const pybind11::array& array) {
  check(array.ndim() >= 1 && array.ndim() - 1 <= Feed::kMaxRank, who, "must have from 1 to 9 axes");
  Feed feed;
  feed.data = static_cast<const std::byte*>(array.data());
  feed.dtype = dtype_of_array(who, array);
  feed.rank = static_cast<int>(array.ndim()) - 1;
  feed.row_stride = array.strides(0);
  for (int axis = 0; axis < feed.rank; ++axis) {
    feed.shape[axis] = array.shape(axis + 1);
    feed.stride[axis] = array.strides(axis + 1);
  }
  return feed;
}

}  // namespace pyconvnet
