// Fully connected layer: y = x W + b, with W as Keras keeps it, [k, m].
#pragma once

#include "kernels/blocks.h"
#include "kernels/optimizer.h"
#include "kernels/run.h"
#include "kernels/visit.h"

namespace pyconvnet {

// Each sample has `vectors` input vectors (1 behind a Flatten; more where Dense works on the last axis of a map).
struct DenseGeometry {
  static constexpr int64_t kBlock = 64;        // inputs whose weights, and what becomes of them, share a cache
  static constexpr int64_t kBatchPiece = 512;  // samples of a block of inputs that fit a worker's scratch
  static constexpr int64_t kMostDepth = 128;   // of a panel of weights in the first-level cache
  int64_t vectors, k, m;

  template <class Visitor>
  void visit(Visitor& v) {
    v.positive("vectors", vectors), v.positive("k", k), v.positive("m", m);
  }
  // Behind a Flatten, a matrix that is not small is read slice by slice, each by one thread, as it lies in memory; the
  // sums of the slices are added in order. Fixed by the problem, so the bits are too.
  int64_t slices() const {
    const int64_t weights = product(k, m);
    if (vectors > 1 || k < 256) return 1;
    return weights >= int64_t{1} << 20 ? 16 : weights >= int64_t{1} << 15 ? 8 : 1;
  }
  // Inputs that are multiplied with all samples before the next ones: 65,536 weights, and 8 to kMostDepth inputs.
  int64_t piece_depth() const {
    const int64_t depth = (int64_t{1} << 16) / m;
    return depth > kMostDepth ? kMostDepth : depth < 8 ? 8 : depth;
  }
  // The gradient of the outputs lies in panels of so many columns, [batch][panel()], where the weights' is summed.
  int64_t panel() const { return m < kMaxColumnBlock ? round_up(m, 16) : kMaxColumnBlock; }
  int64_t packed_size() const { return product(vectors, round_up(m, panel())); }
  // Floats of a worker: the gradients of a block of weights, and as many samples of its inputs as fit.
  static constexpr int64_t kSums = kBlock * kMaxColumnBlock, kInputs = kBlock * kBatchPiece;
};

struct DenseForward {
  DenseGeometry geometry;
  bool relu;
  const float* x;       // [rows * vectors, k]
  const float* kernel;  // [k, m]
  const float* bias;    // [m] or null
  float* y;             // [rows * vectors, m]
  float* partial;       // [slices, rows * vectors, m] where there is more than one slice

  template <class Visitor>
  void visit(Visitor& v) {
    geometry.visit(v);
    v.attribute("relu", relu);
    const DenseGeometry& g = geometry;
    v.input("x", x, per_row(product(g.vectors, g.k)));
    v.input("kernel", kernel, fixed(product(g.k, g.m)));
    v.optional_input("bias", bias, fixed(g.m));
    v.output("y", y, per_row(product(g.vectors, g.m)));
    const bool sliced = g.slices() > 1;
    v.scratch("partial", partial, per_row(sliced ? product(g.slices(), g.vectors, g.m) : 0));
    v.worker_scratch(DenseGeometry::kMostDepth * kMaxColumnBlock);
  }
};

struct DenseBackwardData {
  DenseGeometry geometry;
  const float* dy;      // [rows * vectors, m]
  const float* kernel;  // [k, m]
  float* dx;            // [rows * vectors, k]
  float* transposed;    // dy^T: [sample block][m][samples]

  template <class Visitor>
  void visit(Visitor& v) {
    geometry.visit(v);
    const DenseGeometry& g = geometry;
    v.input("dy", dy, per_row(product(g.vectors, g.m)));
    v.input("kernel", kernel, fixed(product(g.k, g.m)));
    v.output("dx", dx, per_row(product(g.vectors, g.k)));
    v.scratch("transposed", transposed, per_row(product(g.vectors, g.m)));
    v.worker_scratch(DenseGeometry::kSums);
  }
};

struct DenseBackwardWeights {
  DenseGeometry geometry;
  const float* x;   // [rows * vectors, k]
  const float* dy;  // [rows * vectors, m]
  float* dkernel;   // [k, m]
  float* dbias;     // [m] or null
  float* packed;    // dy: [column block][rows * vectors][block]

  template <class Visitor>
  void visit(Visitor& v) {
    geometry.visit(v);
    const DenseGeometry& g = geometry;
    v.input("x", x, per_row(product(g.vectors, g.k)));
    v.input("dy", dy, per_row(product(g.vectors, g.m)));
    v.output("dkernel", dkernel, fixed(product(g.k, g.m)));
    v.optional_output("dbias", dbias, fixed(g.m));
    v.scratch("packed", packed, per_row(g.packed_size()));
    v.worker_scratch(DenseGeometry::kInputs);
  }
};

// Both gradients and Adam's step in one sweep over the weights: dx from the old ones, then their gradient, then the
// new.
struct DenseBackwardAdam {
  DenseGeometry geometry;
  AdamRates rates;
  const float* x;     // [rows * vectors, k]
  const float* dy;    // [rows * vectors, m]
  float* w;           // [k, m]
  float* m;           // [k, m]
  float* v;           // [k, m]
  float* dx;          // [rows * vectors, k] or null
  float* dbias;       // [m] or null
  float* transposed;  // dy^T: [sample block][m][samples]
  float* packed;      // dy: [column block][rows * vectors][block]

  template <class Visitor>
  void visit(Visitor& visitor) {
    geometry.visit(visitor), rates.visit(visitor);
    const DenseGeometry& g = geometry;
    visitor.input("x", x, per_row(product(g.vectors, g.k)));
    visitor.input("dy", dy, per_row(product(g.vectors, g.m)));
    visitor.update("w", w, fixed(product(g.k, g.m)));
    visitor.update("m", m, fixed(product(g.k, g.m)));
    visitor.update("v", v, fixed(product(g.k, g.m)));
    visitor.optional_output("dx", dx, per_row(product(g.vectors, g.k)));
    visitor.optional_output("dbias", dbias, fixed(g.m));
    visitor.scratch("transposed", transposed, per_row(product(g.vectors, g.m)));
    visitor.scratch("packed", packed, per_row(g.packed_size()));
    visitor.worker_scratch(DenseGeometry::kSums + DenseGeometry::kInputs);
  }
};

}  // namespace pyconvnet
