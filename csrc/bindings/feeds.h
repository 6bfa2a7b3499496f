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
using FeedSpec = std::pair<pybind11::array, pybind11::object>;

// Views of the arrays; every index must name a row of each of them.
inline std::vector<Feed> make_feeds(const std::string& who, const std::vector<FeedSpec>& specs,
                                    const pybind11::array_t<int64_t>& indices) {
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
    feeds.push_back(feed_of_array(name, array));
    check(smallest >= 0 && largest < array.shape(0), name,
          "row indices must be from 0 to " + std::to_string(array.shape(0) - 1) + ", got " +
              std::to_string(smallest < 0 ? smallest : largest));
    if (table.is_none()) continue;
    using Table = pybind11::array_t<float, pybind11::array::c_style>;
    check(pybind11::isinstance<Table>(table), name, "a table must be a C-contiguous float32 array");
    const auto values = pybind11::reinterpret_borrow<Table>(table);  // `specs` keeps it
    check(feeds.back().dtype == DType::uint8 && values.size() == 256, name, "a table of 256 values goes with uint8");
    feeds.back().table = values.data();
  }
  return feeds;
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
