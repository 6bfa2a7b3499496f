#pragma once

#include "cuda/grid.h"

namespace pyconvnet::cuda {
namespace {

// A thread for each element of y: [rows, top + h + bottom, left + w + right, c].
struct PadElement {
  ZeroPad2dGeometry geometry;
  const float* x;
  float* y;
  __device__ void operator()(int64_t i, const Step&) const {
    const ZeroPad2dGeometry& g = geometry;
    const int64_t oh = g.top + g.h + g.bottom, ow = g.left + g.w + g.right, pixel = i / g.c;
    const int64_t row = pixel / ow % oh - g.top, column = pixel % ow - g.left, image = pixel / ow / oh;
    const bool inside = row >= 0 && row < g.h && column >= 0 && column < g.w;
    y[i] = inside ? x[((image * g.h + row) * g.w + column) * g.c + i % g.c] : 0.0f;
  }
};

struct CutElement {
  ZeroPad2dGeometry geometry;
  const float* dy;
  float* dx;
  __device__ void operator()(int64_t i, const Step&) const {
    const ZeroPad2dGeometry& g = geometry;
    const int64_t oh = g.top + g.h + g.bottom, ow = g.left + g.w + g.right, pixel = i / g.c;
    const int64_t row = pixel / g.w % g.h + g.top, column = pixel % g.w + g.left, image = pixel / g.w / g.h;
    dx[i] = dy[((image * oh + row) * ow + column) * g.c + i % g.c];
  }
};

void zero_pad2d_forward(const ZeroPad2dForward& op, const Run& run) {
  for_each_element(per_row(op.geometry.out_size()), run, PadElement{op.geometry, op.x, op.y});
}

void zero_pad2d_backward(const ZeroPad2dBackward& op, const Run& run) {
  for_each_element(per_row(op.geometry.in_size()), run, CutElement{op.geometry, op.dy, op.dx});
}

}  // namespace

void add_zero_pad2d(KernelTable& table) {
  table.zero_pad2d_forward = zero_pad2d_forward;
  table.zero_pad2d_backward = zero_pad2d_backward;
}

}  // namespace pyconvnet::cuda
