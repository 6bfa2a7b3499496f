// Activation functions, element by element; softmax over the last axis.
#pragma once

#include "kernels/run.h"
#include "kernels/visit.h"

namespace pyconvnet {

// Python has the same numbers in pyconvnet/ops/activation.py. Linear needs no kernel.
enum class ActivationFunction : int64_t {
  relu = 1,
  sigmoid = 2,
  tanh = 3,
  softmax = 4,
  elu = 5,         // parameter: alpha >= 0
  leaky_relu = 6,  // parameter: the slope left of zero, >= 0
  gelu = 7,        // x * P(X <= x), the exact form
  silu = 8,
  softplus = 9,
  clipped_relu = 10,  // parameter: the largest value, > 0
};

inline bool is_function(int64_t number) {
  return number >= 1 && number <= static_cast<int64_t>(ActivationFunction::clipped_relu);
}

struct ActivationForward {
  int64_t function;  // an ActivationFunction
  float parameter;
  int64_t size;      // elements of a row
  int64_t features;  // of them, length of the last axis; divides size
  const float* x;    // [rows, size]
  float* y;          // [rows, size]

  template <class Visitor>
  void visit(Visitor& v) {
    v.attribute("function", function), v.attribute("parameter", parameter);
    v.positive("size", size), v.positive("features", features);
    v.rule(size % features == 0, "features must divide size");
    v.rule(is_function(function), "function must be from 1 to 10");
    v.input("x", x, per_row(size));
    v.output("y", y, per_row(size));
    v.in_place("y", "x");
  }
};

struct ActivationBackward {
  int64_t function;
  float parameter;
  int64_t size, features;
  const float* dy;     // [rows, size]
  const float* saved;  // [rows, size]: x for gelu and silu, y for the others, whose derivative follows from it
  float* dx;           // [rows, size]

  template <class Visitor>
  void visit(Visitor& v) {
    v.attribute("function", function), v.attribute("parameter", parameter);
    v.positive("size", size), v.positive("features", features);
    v.rule(size % features == 0, "features must divide size");
    v.rule(is_function(function), "function must be from 1 to 10");
    v.input("dy", dy, per_row(size));
    v.input("saved", saved, per_row(size));
    v.output("dx", dx, per_row(size));
    v.in_place("dx", "dy");
  }
};

}  // namespace pyconvnet
