// Arrays as memory blocks and feeds, without copies; place, dtype, order and writability are checked here. NumPy's
// arrays lie in the processor's memory; whatever has a __cuda_array_interface__ lies in a GPU's.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <bit>
#include <string>
#include <vector>

#include "bindings/backends.h"
#include "plan/bind.h"

namespace pyconvnet {

// An array wherever it lies. The object that it was made of must outlive it.
struct ArrayView {
  std::byte* data = nullptr;
  DType dtype = DType::float32;
  std::vector<int64_t> shape, strides;  // strides in bytes
  bool writable = false;

  int64_t axes() const { return static_cast<int64_t>(shape.size()); }
  size_t bytes() const {
    size_t size = dtype_size(dtype);
    for (const int64_t length : shape) size *= static_cast<size_t>(length);
    return size;
  }
  bool is_contiguous() const {  // row-major; an empty one always is, as in NumPy
    if (bytes() == 0) return true;
    auto step = static_cast<int64_t>(dtype_size(dtype));
    for (size_t axis = shape.size(); axis-- > 0; step *= shape[axis])
      if (shape[axis] != 1 && strides[axis] != step) return false;
    return true;
  }
};

// The byte order that is not the machine's; dtypes may name their own one too.
constexpr char kForeign = std::endian::native == std::endian::little ? '>' : '<';

// kind: 'f', 'i', 'u' or 'b', as in NumPy. `text()` says for a message what dtype it is.
template <class Text>
DType dtype_of_kind(const std::string& who, char kind, int64_t bytes, bool native, const Text& text) {
  struct Known {
    char kind;
    int64_t bytes;
    DType dtype;
  };
  constexpr Known known[] = {
      {'f', 4, DType::float32}, {'f', 8, DType::float64}, {'f', 2, DType::float16}, {'u', 1, DType::uint8},
      {'b', 1, DType::uint8},   {'i', 1, DType::int8},    {'u', 2, DType::uint16},  {'i', 2, DType::int16},
      {'i', 4, DType::int32},   {'u', 4, DType::uint32},  {'i', 8, DType::int64},   {'u', 8, DType::uint64},
  };
  for (const Known& k : known)
    if (k.kind == kind && k.bytes == bytes && (native || bytes == 1)) return k.dtype;
  throw pybind11::type_error(who + ": dtype " + text() + " is not supported; use numbers in the machine's byte order");
}

inline ArrayView view_of_numpy(const std::string& who, const pybind11::array& array) {
  const pybind11::dtype type = array.dtype();
  const DType dtype = dtype_of_kind(who, type.kind(), array.itemsize(), type.byteorder() != kForeign,
                                    [&] { return std::string(pybind11::str(type)); });
  ArrayView view{const_cast<std::byte*>(static_cast<const std::byte*>(array.data())), dtype, {}, {}, array.writeable()};
  view.shape.assign(array.shape(), array.shape() + array.ndim());
  view.strides.assign(array.strides(), array.strides() + array.ndim());
  return view;
}

// Version 3 of the protocol: shape, typestr, data (address, whether it is read-only), strides or None.
inline ArrayView view_of_device_array(const std::string& who, const pybind11::dict& interface) {
  const auto type = interface["typestr"].cast<std::string>();
  check(type.size() >= 3, who, "its __cuda_array_interface__ has a typestr that is none: '" + type + "'");
  const auto data = interface["data"].cast<std::pair<uintptr_t, bool>>();
  ArrayView view{reinterpret_cast<std::byte*>(data.first),
                 dtype_of_kind(who, type[1], std::stoll(type.substr(2)), type[0] != kForeign, [&] { return type; }),
                 {},
                 {},
                 !data.second};
  for (const auto& length : interface["shape"]) view.shape.push_back(length.cast<int64_t>());
  if (interface.contains("strides") && !interface["strides"].is_none()) {
    for (const auto& step : interface["strides"]) view.strides.push_back(step.cast<int64_t>());
    check(view.strides.size() == view.shape.size(), who, "its __cuda_array_interface__ lacks strides");
    return view;
  }
  view.strides.resize(view.shape.size());
  auto step = static_cast<int64_t>(dtype_size(view.dtype));
  for (size_t axis = view.shape.size(); axis-- > 0; step *= view.shape[axis]) view.strides[axis] = step;
  return view;
}

// An array that lies where this memory is.
inline ArrayView view_of(const std::string& who, const pybind11::handle& array, const Memory& memory) {
  if (pybind11::isinstance<pybind11::array>(array)) {
    check(memory.host, who,
          "is a NumPy array, and these kernels need all arrays in the GPU's memory: cupy.asarray(..)");
    return view_of_numpy(who, pybind11::reinterpret_borrow<pybind11::array>(array));
  }
  if (!pybind11::hasattr(array, "__cuda_array_interface__"))
    throw pybind11::type_error(who + ": must be an array, got " +
                               std::string(pybind11::str(pybind11::type::handle_of(array))));
  check(!memory.host, who, "is in a GPU's memory, and these kernels need NumPy arrays: cupy.asnumpy(..)");
  return view_of_device_array(who, array.attr("__cuda_array_interface__"));
}

inline Block block_of_array(const std::string& who, const pybind11::handle& array, const Memory& memory) {
  const ArrayView view = view_of(who, array, memory);
  check(view.is_contiguous(), who, "must be C-contiguous");
  return {view.data, view.bytes(), view.dtype, view.writable};
}

// A feed reads the caller's array where it lies. The array must outlive the run.
inline Feed feed_of_array(const std::string& who, const ArrayView& array) {
  check(array.axes() >= 1 && array.axes() - 1 <= Feed::kMaxRank, who, "must have from 1 to 9 axes");
  Feed feed;
  feed.data = array.data;
  feed.dtype = array.dtype;
  feed.rank = static_cast<int>(array.axes()) - 1;
  feed.row_stride = array.strides[0];
  for (size_t axis = 0; axis < static_cast<size_t>(feed.rank); ++axis) {
    feed.shape[axis] = array.shape[axis + 1];
    feed.stride[axis] = array.strides[axis + 1];
  }
  return feed;
}

}  // namespace pyconvnet
