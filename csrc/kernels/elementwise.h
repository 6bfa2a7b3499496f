// Sums and products of two arrays of one shape, and one line through all elements.
// They are their own backward passes: a gradient passes a sum as it is, a product times the other factor.
#pragma once

#include "kernels/run.h"
#include "kernels/visit.h"

namespace pyconvnet {

// y = a + b. Also adds up the gradients that several readers of a tensor, or several uses of a weight, send back.
struct AddForward {
  bool for_each_row;  // activations; false for weights, whose size does not depend on the batch
  int64_t size;       // elements (of a row where for_each_row)
  const float* a;     // [rows, size] or [size]
  const float* b;     // like a
  float* y;           // like a

  Extent extent() const { return {size, for_each_row}; }
  template <class Visitor>
  void visit(Visitor& v) {
    v.attribute("for_each_row", for_each_row), v.positive("size", size);
    v.input("a", a, extent());
    v.input("b", b, extent());
    v.output("y", y, extent());
    v.in_place("y", "a"), v.in_place("y", "b");
  }
};

// y = a * b
struct MultiplyForward {
  int64_t size;    // elements of a row
  const float* a;  // [rows, size]
  const float* b;  // [rows, size]
  float* y;        // [rows, size]

  template <class Visitor>
  void visit(Visitor& v) {
    v.positive("size", size);
    v.input("a", a, per_row(size));
    v.input("b", b, per_row(size));
    v.output("y", y, per_row(size));
    v.in_place("y", "a"), v.in_place("y", "b");
  }
};

// y = x * scale + offset, rounded after each step
struct RescaleForward {
  int64_t size;  // elements of a row
  float scale, offset;
  const float* x;  // [rows, size]
  float* y;        // [rows, size]

  template <class Visitor>
  void visit(Visitor& v) {
    v.positive("size", size);
    v.attribute("scale", scale), v.attribute("offset", offset);
    v.input("x", x, per_row(size));
    v.output("y", y, per_row(size));
    v.in_place("y", "x");
  }
};

}  // namespace pyconvnet
