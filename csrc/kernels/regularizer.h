// Penalties on large weights or activations: l1 * sum of |w| + l2 * sum of w^2 (no half).
// Forward kernels add to `penalty`, which add_penalty books and clears at the end of the step; backward kernels add
// l1 * sign(w) + 2 * l2 * w to a gradient.
#pragma once

#include "kernels/run.h"
#include "kernels/visit.h"

namespace pyconvnet {

// Sums are cut into pieces of so many elements, whatever the threads.
inline constexpr int64_t kPenaltyGrain = 32768;

struct L1L2 {
  int64_t size;
  float l1, l2;
  const float* w;   // [size]
  double* penalty;  // [1]
  double* partial;  // a sum for each piece

  template <class Visitor>
  void visit(Visitor& v) {
    v.non_negative("size", size), v.attribute("l1", l1), v.attribute("l2", l2);
    v.input("w", w, fixed(size));
    v.update("penalty", penalty, fixed(1));
    v.scratch("partial", partial, fixed(size / kPenaltyGrain + 1));
  }
};

struct L1L2Backward {
  int64_t size;
  float l1, l2;
  const float* w;   // [size]
  float* gradient;  // [size]

  template <class Visitor>
  void visit(Visitor& v) {
    v.non_negative("size", size), v.attribute("l1", l1), v.attribute("l2", l2);
    v.input("w", w, fixed(size));
    v.update("gradient", gradient, fixed(size));
  }
};

// On a layer's output; divided by the rows, so that the penalty is that of a row.
struct ActivityL1L2 {
  int64_t size;
  float l1, l2;
  const float* y;   // [rows, size]
  double* penalty;  // [1]
  double* partial;  // a sum for each piece

  template <class Visitor>
  void visit(Visitor& v) {
    v.non_negative("size", size), v.attribute("l1", l1), v.attribute("l2", l2);
    v.input("y", y, per_row(size));
    v.update("penalty", penalty, fixed(1));
    v.scratch("partial", partial, per_row(size / kPenaltyGrain + 1));
  }
};

struct ActivityL1L2Backward {
  int64_t size;
  float l1, l2;
  const float* y;  // [rows, size]
  float* dy;       // [rows, size]

  template <class Visitor>
  void visit(Visitor& v) {
    v.non_negative("size", size), v.attribute("l1", l1), v.attribute("l2", l2);
    v.input("y", y, per_row(size));
    v.update("dy", dy, per_row(size));
  }
};

// Books a batch's penalties into the sums of the epoch's loss (see metric.h) and clears them for the next batch.
struct AddPenalty {
  double* penalty;  // [1]
  double* sums;     // [2]

  template <class Visitor>
  void visit(Visitor& v) {
    v.update("penalty", penalty, fixed(1));
    v.update("sums", sums, fixed(2));
  }
};

}  // namespace pyconvnet
