#pragma once

#include "cuda/grid.h"

namespace pyconvnet::cuda {
namespace {

struct AddElement {
  const float *a, *b;
  float* y;
  __device__ void operator()(int64_t i, const Step&) const { y[i] = a[i] + b[i]; }
};

struct MultiplyElement {
  const float *a, *b;
  float* y;
  __device__ void operator()(int64_t i, const Step&) const { y[i] = a[i] * b[i]; }
};

struct RescaleElement {
  float scale, offset;
  const float* x;
  float* y;
  __device__ void operator()(int64_t i, const Step&) const { y[i] = x[i] * scale + offset; }
};

void add_forward(const AddForward& op, const Run& run) {
  for_each_element(op.extent(), run, AddElement{op.a, op.b, op.y});
}

void multiply_forward(const MultiplyForward& op, const Run& run) {
  for_each_element(per_row(op.size), run, MultiplyElement{op.a, op.b, op.y});
}

void rescale_forward(const RescaleForward& op, const Run& run) {
  for_each_element(per_row(op.size), run, RescaleElement{op.scale, op.offset, op.x, op.y});
}

}  // namespace

void add_elementwise(KernelTable& table) {
  table.add_forward = add_forward;
  table.multiply_forward = multiply_forward;
  table.rescale_forward = rescale_forward;
}

}  // namespace pyconvnet::cuda
