// Inverted dropout. Element e of the batch (row-major) uses word e % 4 of the Philox block with the counter
// (lo32(e / 4), hi32(e / 4), instance, iteration) and the key (lo32(seed), hi32(seed)). The uniform number
// (word >> 8) * 2^-24 is compared with the rate; both times 2^24 are whole numbers, so the comparison is exact:
//   y = (word >> 8) >= threshold ? x * scale : 0
// The mask is never stored: the backward pass draws it again. Behind a ReLU it need not: `y` is above zero exactly
// where both let something through, and the gradient of both is
//   dx = y > 0 ? dy * scale : 0
#pragma once

#include "kernels/run.h"
#include "kernels/visit.h"

namespace pyconvnet {

struct DropoutForward {
  int64_t threshold;  // rate * 2^24, rounded up
  float scale;        // 1 / (1 - rate)
  int64_t size;       // elements of a row
  int64_t instance;   // which random op of the model
  const float* x;     // [rows, size]
  float* y;           // [rows, size]

  template <class Visitor>
  void visit(Visitor& v) {
    v.non_negative("threshold", threshold), v.attribute("scale", scale);
    v.non_negative("size", size), v.non_negative("instance", instance);
    v.input("x", x, per_row(size));
    v.output("y", y, per_row(size));
    v.in_place("y", "x");
  }
};

struct DropoutBackward {
  int64_t threshold;
  float scale;
  int64_t size, instance;
  const float* dy;         // [rows, size]
  const float* activated;  // [rows, size] or null: y behind a ReLU, whose gradient is taken along
  float* dx;               // [rows, size]

  template <class Visitor>
  void visit(Visitor& v) {
    v.non_negative("threshold", threshold), v.attribute("scale", scale);
    v.non_negative("size", size), v.non_negative("instance", instance);
    v.input("dy", dy, per_row(size));
    v.optional_input("activated", activated, per_row(size));
    v.output("dx", dx, per_row(size));
    v.in_place("dx", "dy");
  }
};

}  // namespace pyconvnet
