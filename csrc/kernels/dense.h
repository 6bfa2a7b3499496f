// Fully connected layer: y = x W + b, with W as Keras keeps it, [k, m].
#pragma once

#include "kernels/run.h"
#include "kernels/visit.h"

namespace pyconvnet {

// Each sample has `vectors` input vectors (1 behind a Flatten; more where Dense works on the last axis of a map).
struct DenseGeometry {
  int64_t vectors, k, m;

  template <class Visitor>
  void visit(Visitor& v) {
    v.positive("vectors", vectors), v.positive("k", k), v.positive("m", m);
  }
};

struct DenseForward {
  DenseGeometry geometry;
  bool relu;
  const float* x;       // [rows * vectors, k]
  const float* kernel;  // [k, m]
  const float* bias;    // [m] or null
  float* y;             // [rows * vectors, m]
  float* packed;        // x, in blocks of rows

  template <class Visitor>
  void visit(Visitor& v) {
    geometry.visit(v);
    v.attribute("relu", relu);
    const DenseGeometry& g = geometry;
    v.input("x", x, per_row(g.vectors * g.k));
    v.input("kernel", kernel, fixed(g.k * g.m));
    v.optional_input("bias", bias, fixed(g.m));
    v.output("y", y, per_row(g.vectors * g.m));
    v.scratch("packed", packed, per_row(g.vectors * g.k));
  }
};

struct DenseBackwardData {
  DenseGeometry geometry;
  const float* dy;      // [rows * vectors, m]
  const float* kernel;  // [k, m]
  float* dx;            // [rows * vectors, k]

  template <class Visitor>
  void visit(Visitor& v) {
    geometry.visit(v);
    const DenseGeometry& g = geometry;
    v.input("dy", dy, per_row(g.vectors * g.m));
    v.input("kernel", kernel, fixed(g.k * g.m));
    v.output("dx", dx, per_row(g.vectors * g.k));
    v.worker_scratch(64 * g.m);
  }
};

struct DenseBackwardWeights {
  DenseGeometry geometry;
  const float* x;   // [rows * vectors, k]
  const float* dy;  // [rows * vectors, m]
  float* dkernel;   // [k, m]
  float* dbias;     // [m] or null

  template <class Visitor>
  void visit(Visitor& v) {
    geometry.visit(v);
    const DenseGeometry& g = geometry;
    v.input("x", x, per_row(g.vectors * g.k));
    v.input("dy", dy, per_row(g.vectors * g.m));
    v.output("dkernel", dkernel, fixed(g.k * g.m));
    v.optional_output("dbias", dbias, fixed(g.m));
    v.worker_scratch(2048 * 16);
  }
};

}  // namespace pyconvnet
