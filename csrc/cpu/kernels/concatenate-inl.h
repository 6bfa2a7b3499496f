#pragma once

#include <cstring>

#include "cpu/kernels/parallel-inl.h"
#include "kernels/kernel_list.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

constexpr int64_t kConcatenateGrain = 8192;  // elements of a task

// fn(position of the part, position in the joined array) for every run of `length` elements.
template <class F>
inline void for_each_piece(const ConcatenateGeometry& g, const Run& run, const F& fn) {
  const int64_t grain = g.length < kConcatenateGrain ? kConcatenateGrain / g.length : 1;
  for_each_range(*run.pool, run.rows * g.outer, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) fn(i * g.length, i * g.total + g.offset);
  });
}

inline void concatenate_forward(const ConcatenateForward& op, const Run& run) {
  const size_t bytes = static_cast<size_t>(op.geometry.length) * sizeof(float);
  for_each_piece(op.geometry, run,
                 [&](int64_t part, int64_t joined) { std::memcpy(op.joined + joined, op.part + part, bytes); });
}

inline void concatenate_backward(const ConcatenateBackward& op, const Run& run) {
  const size_t bytes = static_cast<size_t>(op.geometry.length) * sizeof(float);
  for_each_piece(op.geometry, run,
                 [&](int64_t part, int64_t joined) { std::memcpy(op.dpart + part, op.djoined + joined, bytes); });
}

}  // namespace

void add_concatenate(KernelTable& table) {
  table.concatenate_forward = concatenate_forward;
  table.concatenate_backward = concatenate_backward;
}

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
