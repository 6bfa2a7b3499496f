// Element-wise kernels: one function over [begin, end) of a long array, cut into tasks.
#pragma once

#include "core/thread_pool.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

// Calls fn(begin, end) over [0, size) in pieces of `grain` elements, a multiple of every vector's lanes.
template <class F>
inline void for_each_range(ThreadPool& pool, int64_t size, int64_t grain, const F& fn) {
  const int64_t tasks = (size + grain - 1) / grain;
  parallel_for(pool, tasks, [&](int64_t task, int) {
    const int64_t begin = task * grain;
    fn(begin, begin + grain < size ? begin + grain : size);
  });
}

// fn(i, lanes): i steps through [begin, end) by vectors; lanes is Vec::kLanes but for the last step.
template <class F>
inline void for_each_vector(int64_t begin, int64_t end, const F& fn) {
  int64_t i = begin;
  for (; i + Vec::kLanes <= end; i += Vec::kLanes) fn(i, static_cast<int64_t>(Vec::kLanes));
  if (i < end) fn(i, end - i);
}

inline Vec load_lanes(const float* p, int64_t lanes) { return lanes == Vec::kLanes ? load(p) : load_partial(p, lanes); }
inline void store_lanes(float* p, Vec a, int64_t lanes) {
  if (lanes == Vec::kLanes)
    store(p, a);
  else
    store_partial(p, a, lanes);
}

}  // namespace
}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
