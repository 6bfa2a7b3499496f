// 2-D pooling of NHWC maps: the largest value of each window, or the mean of its cells that lie on the map.
//   window (oy, ox) covers rows oy*stride_h - pad_top + [0, pool_h) and columns ox*stride_w - pad_left + [0, pool_w)
// A global pool is a window as large as the map.
#pragma once

#include "kernels/run.h"
#include "kernels/visit.h"

namespace pyconvnet {

struct Pool2dGeometry {
  int64_t h, w, c;  // input; c is the output's too
  int64_t oh, ow;   // output
  int64_t pool_h, pool_w;
  int64_t stride_h, stride_w, pad_top, pad_left;

  template <class Visitor>
  void visit(Visitor& v) {
    v.positive("h", h), v.positive("w", w), v.positive("c", c);
    v.positive("oh", oh), v.positive("ow", ow);
    v.positive("pool_h", pool_h), v.positive("pool_w", pool_w);
    v.positive("stride_h", stride_h), v.positive("stride_w", stride_w);
    v.non_negative("pad_top", pad_top), v.non_negative("pad_left", pad_left);
    v.rule(meets(h, oh, pool_h, stride_h, pad_top) && meets(w, ow, pool_w, stride_w, pad_left),
           "every window must cover a cell of the map");
  }
  static bool meets(int64_t size, int64_t outputs, int64_t window, int64_t stride, int64_t pad) {
    return pad < window && outputs - 1 <= (size - 1 + pad) / stride;
  }
  int64_t in_size() const { return product(h, w, c); }
  int64_t out_size() const { return product(oh, ow, c); }
  int64_t window() const { return product(pool_h, pool_w); }
};

inline constexpr int64_t kMostCells = int64_t{1} << 16;  // that argmax tells apart

// The first of several equal maxima wins, row by row, as in TensorFlow. A NaN is larger than any number, so
// that it reaches the output as in NumPy, and its cell takes the gradient.
struct MaxPool2dForward {
  Pool2dGeometry geometry;
  const float* x;    // [rows, h, w, c]
  float* y;          // [rows, oh, ow, c]
  uint16_t* argmax;  // [rows, oh, ow, c] or null: cell of the window that won, row * pool_w + column

  template <class Visitor>
  void visit(Visitor& v) {
    geometry.visit(v);
    v.input("x", x, per_row(geometry.in_size()));
    v.output("y", y, per_row(geometry.out_size()));
    v.optional_output("argmax", argmax, per_row(geometry.out_size()));
    v.rule(argmax == nullptr || geometry.window() <= kMostCells, "a window with argmax must have at most 65536 cells");
  }
};

struct MaxPool2dBackward {
  Pool2dGeometry geometry;
  const float* dy;         // [rows, oh, ow, c]
  const uint16_t* argmax;  // [rows, oh, ow, c], of the forward pass
  float* dx;               // [rows, h, w, c]

  template <class Visitor>
  void visit(Visitor& v) {
    geometry.visit(v);
    v.rule(geometry.window() <= kMostCells, "a window must have at most 65536 cells");
    v.input("dy", dy, per_row(geometry.out_size()));
    v.input("argmax", argmax, per_row(geometry.out_size()));
    v.output("dx", dx, per_row(geometry.in_size()));
  }
};

struct AvgPool2dForward {
  Pool2dGeometry geometry;
  const float* x;  // [rows, h, w, c]
  float* y;        // [rows, oh, ow, c]

  template <class Visitor>
  void visit(Visitor& v) {
    geometry.visit(v);
    v.input("x", x, per_row(geometry.in_size()));
    v.output("y", y, per_row(geometry.out_size()));
  }
};

struct AvgPool2dBackward {
  Pool2dGeometry geometry;
  const float* dy;  // [rows, oh, ow, c]
  float* dx;        // [rows, h, w, c]

  template <class Visitor>
  void visit(Visitor& v) {
    geometry.visit(v);
    v.input("dy", dy, per_row(geometry.out_size()));
    v.output("dx", dx, per_row(geometry.in_size()));
  }
};

}  // namespace pyconvnet
