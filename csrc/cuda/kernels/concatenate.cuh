#pragma once

#include "cuda/grid.h"

namespace pyconvnet::cuda {
namespace {

// Element i of the part and its place in the joined array.
__device__ __forceinline__ int64_t joined_place(const ConcatenateGeometry& g, int64_t i) {
  return i / g.length * g.total + g.offset + i % g.length;
}

struct CopyIntoJoined {
  ConcatenateGeometry geometry;
  const float* part;
  float* joined;
  __device__ void operator()(int64_t i, const Step&) const { joined[joined_place(geometry, i)] = part[i]; }
};

struct CopyOutOfJoined {
  ConcatenateGeometry geometry;
  const float* djoined;
  float* dpart;
  __device__ void operator()(int64_t i, const Step&) const { dpart[i] = djoined[joined_place(geometry, i)]; }
};

void concatenate_forward(const ConcatenateForward& op, const Run& run) {
  for_each_element(per_row(op.geometry.part_size()), run, CopyIntoJoined{op.geometry, op.part, op.joined});
}

void concatenate_backward(const ConcatenateBackward& op, const Run& run) {
  for_each_element(per_row(op.geometry.part_size()), run, CopyOutOfJoined{op.geometry, op.djoined, op.dpart});
}

}  // namespace

void add_concatenate(KernelTable& table) {
  table.concatenate_forward = concatenate_forward;
  table.concatenate_backward = concatenate_backward;
}

}  // namespace pyconvnet::cuda
