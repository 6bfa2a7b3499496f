// Fully connected layers whose products are of bfloat16 numbers and whose sums are float32, as in conv2d_bfloat16.h: for
// matrices that are not small, each weight of which is read once and rounded on the way. Adam's step is all float32.
#pragma once

#include "kernels/conv2d_bfloat16.h"
#include "kernels/dense.h"

namespace pyconvnet {

struct DenseBfloat16Geometry {
  static constexpr int64_t kBlock = Bfloat16Geometry::kBlock, kDepth = Bfloat16Geometry::kDepth;
  static constexpr int64_t kSamples = 256;  // whose pairs are packed at a time
  DenseGeometry dense;

  template <class Visitor>
  void visit(Visitor& v) {
    dense.visit(v);
    v.rule(dense.slices() > 1, "bfloat16 needs one vector a sample, at least 256 inputs and 32768 weights");
  }
  int64_t padded_outputs() const { return round_up(dense.m, Bfloat16Geometry::kTile); }
  // Inputs of a slice whose weights are packed at a time.
  int64_t depth() const {
    const int64_t most = 32768 / dense.m / kDepth * kDepth;
    return most < kDepth ? kDepth : most > 512 ? 512 : most;
  }
  int64_t depth_weights() const { return product(depth() / 2, padded_outputs()); }
  // Of a block of 64 inputs: the samples' pairs, and those of dy.
  static constexpr int64_t kInputs = DenseGeometry::kBlock;
  static constexpr int64_t kSampleWords = kSamples / 2 + Bfloat16Geometry::kTile;
  int64_t transposed_weights() const { return product(kInputs, Bfloat16Geometry::depths(dense.m), kDepth / 2); }
  int64_t gradient_samples() const { return kInputs * kSampleWords + product(kSamples / 2, padded_outputs()); }
};

struct DenseBfloat16Forward {
  DenseBfloat16Geometry geometry;
  bool relu;
  const float* x;       // [rows, k]
  const float* kernel;  // [k, m]
  const float* bias;    // [m] or null
  float* y;             // [rows, m]
  float* partial;       // [slices, rows, m]

  template <class Visitor>
  void visit(Visitor& v) {
    geometry.visit(v);
    v.attribute("relu", relu);
    const DenseGeometry& g = geometry.dense;
    v.input("x", x, per_row(product(g.vectors, g.k)));
    v.input("kernel", kernel, fixed(product(g.k, g.m)));
    v.optional_input("bias", bias, fixed(g.m));
    v.output("y", y, per_row(product(g.vectors, g.m)));
    v.scratch("partial", partial, per_row(product(g.slices(), g.vectors, g.m)));
    v.worker_scratch(geometry.depth_weights() +
                     DenseBfloat16Geometry::kBlock * Bfloat16Geometry::pixel_words(geometry.depth()));
  }
};

// As DenseBackwardAdam.
struct DenseBfloat16BackwardAdam {
  DenseBfloat16Geometry geometry;
  AdamRates rates;
  const float* x;   // [rows, k]
  const float* dy;  // [rows, m]
  float* w;         // [k, m]
  float* m;         // [k, m]
  float* v;         // [k, m]
  float* dx;        // [rows, k] or null
  float* dbias;     // [m] or null

  template <class Visitor>
  void visit(Visitor& visitor) {
    geometry.visit(visitor), rates.visit(visitor);
    const DenseGeometry& g = geometry.dense;
    visitor.input("x", x, per_row(product(g.vectors, g.k)));
    visitor.input("dy", dy, per_row(product(g.vectors, g.m)));
    visitor.update("w", w, fixed(product(g.k, g.m)));
    visitor.update("m", m, fixed(product(g.k, g.m)));
    visitor.update("v", v, fixed(product(g.k, g.m)));
    visitor.optional_output("dx", dx, per_row(product(g.vectors, g.k)));
    visitor.optional_output("dbias", dbias, fixed(g.m));
    const int64_t rows = product(DenseBfloat16Geometry::kBlock, Bfloat16Geometry::pixel_words(g.m));
    visitor.worker_scratch(product(DenseBfloat16Geometry::kInputs, g.m) + rows + geometry.transposed_weights() +
                           geometry.gradient_samples());
  }
};

}  // namespace pyconvnet
