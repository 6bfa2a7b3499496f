// Rows and columns of zeros around NHWC maps.
#pragma once

#include "kernels/run.h"
#include "kernels/visit.h"

namespace pyconvnet {

struct ZeroPad2dGeometry {
  int64_t h, w, c;  // input
  int64_t top, bottom, left, right;

  template <class Visitor>
  void visit(Visitor& v) {
    v.positive("h", h), v.positive("w", w), v.positive("c", c);
    v.non_negative("top", top), v.non_negative("bottom", bottom);
    v.non_negative("left", left), v.non_negative("right", right);
  }
  int64_t oh() const { return top + h + bottom; }
  int64_t ow() const { return left + w + right; }
  int64_t in_size() const { return product(h, w, c); }
  int64_t out_size() const { return product(oh(), ow(), c); }
};

struct ZeroPad2dForward {
  ZeroPad2dGeometry geometry;
  const float* x;  // [rows, h, w, c]
  float* y;        // [rows, oh, ow, c]

  template <class Visitor>
  void visit(Visitor& v) {
    geometry.visit(v);
    v.input("x", x, per_row(geometry.in_size()));
    v.output("y", y, per_row(geometry.out_size()));
  }
};

// dx: dy without its frame.
struct ZeroPad2dBackward {
  ZeroPad2dGeometry geometry;
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
