// Gradients made smaller before the optimizer sees them. Norms need two kernels: sum_of_squares of every gradient, each
// adding to the sum of the one before, and then a scaling of each gradient.
#pragma once

#include "kernels/run.h"
#include "kernels/visit.h"

namespace pyconvnet {

// Sums are cut into pieces of so many elements, whatever the threads.
inline constexpr int64_t kSquaresGrain = 32768;

// sum = before + sum of gradient^2
struct SumOfSquares {
  int64_t size;
  const float* gradient;  // [size]
  const double* before;   // [1], or none: 0
  double* sum;            // [1]
  double* partial;        // a sum for each piece

  template <class Visitor>
  void visit(Visitor& v) {
    v.non_negative("size", size);
    v.input("gradient", gradient, fixed(size));
    v.optional_input("before", before, fixed(1));
    v.output("sum", sum, fixed(1));
    v.scratch("partial", partial, fixed(size / kSquaresGrain + 1));
  }
};

// Every element into [-limit, limit].
struct ClipByValue {
  int64_t size;
  float limit;
  float* gradient;  // [size]

  template <class Visitor>
  void visit(Visitor& v) {
    v.non_negative("size", size), v.attribute("limit", limit);
    v.update("gradient", gradient, fixed(size));
  }
};

// gradient * limit / max(norm, limit), where norm = sqrt(sum) is the gradient's own.
struct ClipByNorm {
  int64_t size;
  float limit;
  float* gradient;    // [size]
  const double* sum;  // [1]: its sum of squares

  template <class Visitor>
  void visit(Visitor& v) {
    v.non_negative("size", size), v.attribute("limit", limit);
    v.update("gradient", gradient, fixed(size));
    v.input("sum", sum, fixed(1));
  }
};

// gradient * (limit * min(1 / norm, 1 / limit)), where norm = sqrt(sum) is that of all gradients together. A norm that
// is infinite or NaN makes all of them NaN, as in Keras.
struct ClipByGlobalNorm {
  int64_t size;
  double limit;
  float* gradient;    // [size]
  const double* sum;  // [1]: the sum of squares of all gradients

  template <class Visitor>
  void visit(Visitor& v) {
    v.non_negative("size", size), v.attribute("limit", limit);
    v.update("gradient", gradient, fixed(size));
    v.input("sum", sum, fixed(1));
  }
};

}  // namespace pyconvnet
