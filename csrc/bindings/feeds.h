// The caller's arrays from which kernels take the rows of a batch.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <string>
#include <utility>
#include <vector>

#include "bindings/array_view.h"
#include "plan/bind.h"

namespace pyconvnet {

// An array and, for uint8, the 256 values to read in place of 0 .. 255: float32, or None.
using FeedSpec = std::pair<pybind11::object, pybind11::object>;
using Indices = pybind11::array_t<int64_t, pybind11::array::c_style>;

// Views of the arrays; every index must name a row of each of them.
inline std::vector<Feed> make_feeds(const std::string& who, const std::vector<FeedSpec>& specs, const Indices& indices,
                                    const Memory& memory) {
  std::vector<Feed> feeds;
  int64_t smallest = 0, largest = -1;
  for (pybind11::ssize_t i = 0; i < indices.size(); ++i) {
    const int64_t index = indices.data()[i];
    if (i == 0) smallest = largest = index;
    if (index < smallest) smallest = index;
    if (index > largest) largest = index;
  }
  for (const auto& [array, table] : specs) {
    const std::string name = who + ": feed " + std::to_string(feeds.size());
    const ArrayView view = view_of(name, array, memory);
    feeds.push_back(feed_of_array(name, view));
    check(smallest >= 0 && largest < view.shape[0], name,
          "row indices must be from 0 to " + std::to_string(view.shape[0] - 1) + ", got " +
              std::to_string(smallest < 0 ? smallest : largest));
    if (table.is_none()) continue;
    const ArrayView values = view_of(name + "'s table", table, memory);
    check(values.dtype == DType::float32 && values.is_contiguous(), name,
          "a table must be a C-contiguous float32 array");
    check(view.dtype == DType::uint8 && values.bytes() == 256 * sizeof(float), name,
          "a table of 256 values goes with uint8");
    feeds.back().table = reinterpret_cast<const float*>(values.data);  // `specs` keeps it
  }
  return feeds;
}

// The indices where kernels read them: in a GPU's memory the caller's own copy of them.
inline const int64_t* indices_for(const std::string& who, const Indices& indices, const pybind11::object& uploaded,
                                  const Memory& memory) {
  if (memory.host) return indices.data();
  const Block block = block_of_array(who + ": device_indices", uploaded, memory);
  check(block.dtype == DType::int64 && block.bytes == static_cast<size_t>(indices.nbytes()), who,
        "device_indices must be a copy of the indices, int64");
  return static_cast<const int64_t*>(block.data);
}

// Where a device's kernels read the numbers of a step: in `given`, bytes of its memory, or in the processor's memory in
// bytes that are made for it.
inline StepBlock* step_block(const std::string& who, const Memory& memory, pybind11::object& given) {
  if (memory.host && given.is_none()) given = pybind11::array_t<uint64_t>(sizeof(StepBlock) / sizeof(uint64_t));
  const Block block = block_of_array(who + ": step_memory", given, memory);
  check(block.bytes >= sizeof(StepBlock) && block.writable, who,
        "step_memory must have " + std::to_string(sizeof(StepBlock)) + " writable bytes");
  return static_cast<StepBlock*>(block.data);
}

// That the feeds are what kernels want to read.
inline void check_feeds(const std::string& who, const std::vector<FeedUse>& uses, const std::vector<Feed>& feeds) {
  for (const FeedUse& use : uses) {
    check(use.index < static_cast<int64_t>(feeds.size()), who,
          "needs feed " + std::to_string(use.index) + ", got " + std::to_string(feeds.size()) + " feeds");
    const Feed& feed = feeds[static_cast<size_t>(use.index)];
    int64_t size = 1;
    for (int axis = 0; axis < feed.rank; ++axis) size *= feed.shape[axis];
    check(size == use.row_size, who,
          "rows of feed " + std::to_string(use.index) + " must hold " + std::to_string(use.row_size) +
              " numbers, got " + std::to_string(size));
  }
}

}  // namespace pyconvnet
