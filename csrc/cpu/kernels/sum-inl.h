// Long sums whose bits do not know of threads: a sum for each piece of the array, then these in order.
#pragma once

#include "cpu/kernels/parallel-inl.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

inline double sum_lanes(Vec a) {
  float lanes[Vec::kLanes];
  store(lanes, a);
  double sum = 0;
  for (float lane : lanes) sum += lane;
  return sum;
}

// piece(begin, end) answers the sum over a piece of at most `grain` elements; partial has size / grain + 1 elements.
template <class F>
inline double sum_pieces(ThreadPool& pool, int64_t size, int64_t grain, double* partial, const F& piece) {
  for_each_range(pool, size, grain, [&](int64_t begin, int64_t end) { partial[begin / grain] = piece(begin, end); });
  double sum = 0;
  for (int64_t i = 0; i * grain < size; ++i) sum += partial[i];
  return sum;
}

}  // namespace
}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
