#pragma once

#include "cuda/feed.h"
#include "cuda/grid.h"

namespace pyconvnet::cuda {
namespace {

// A thread for each element of the batch.
template <class To>
struct GatherElement {
  int64_t number, size;  // of the feed, of a row
  To* out;
  __device__ void operator()(int64_t i, const Step& step) const {
    out[i] = element_of_row<To>(step, number, i / size, i % size);
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
