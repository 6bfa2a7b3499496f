// Batch normalization over all axes but the last (Ioffe and Szegedy 2015), with Keras 3's biased variance:
//   y = gamma * (x - mean) / sqrt(variance + epsilon) + beta
#pragma once

#include "kernels/run.h"
#include "kernels/visit.h"

namespace pyconvnet {

// Sums over the batch are cut into at most so many slices, by the problem's size alone, and added in their order.
inline constexpr int64_t kBatchNormSlices = 32;

struct BatchNormInference {
  int64_t features;  // length of the last axis
  int64_t size;      // elements of a row; a multiple of features
  float epsilon;
  const float* x;                // [rows, size]
  const float* gamma;            // [features] or null (1)
  const float* beta;             // [features] or null (0)
  const float* moving_mean;      // [features]
  const float* moving_variance;  // [features]
  float* y;                      // [rows, size]
  float* affine;                 // y = (x - affine[0]) * affine[1] + affine[2], each [features]

  template <class Visitor>
  void visit(Visitor& v) {
    v.positive("features", features), v.positive("size", size), v.attribute("epsilon", epsilon);
    v.rule(size % features == 0, "features must divide size");
    v.input("x", x, per_row(size));
    v.optional_input("gamma", gamma, fixed(features));
    v.optional_input("beta", beta, fixed(features));
    v.input("moving_mean", moving_mean, fixed(features));
    v.input("moving_variance", moving_variance, fixed(features));
    v.output("y", y, per_row(size));
    v.scratch("affine", affine, fixed(3 * features));
  }
};

// Normalizes with the statistics of the batch and moves the stored ones towards them:
//   moving = moving * momentum + batch * (1 - momentum)
struct BatchNormForward {
  int64_t features, size;
  float epsilon;
  double momentum;         // in double: 1 - momentum is rounded once
  const float* x;          // [rows, size]
  const float* gamma;      // [features] or null
  const float* beta;       // [features] or null
  float* y;                // [rows, size]
  float* mean;             // [features], of this batch
  float* variance;         // [features], of this batch, biased
  float* moving_mean;      // [features] or null: left alone
  float* moving_variance;  // [features] or null
  float* affine;           // as above
  double* partial;         // sums of x and of x^2 for each slice: [slices, 2, features]

  template <class Visitor>
  void visit(Visitor& v) {
    v.positive("features", features), v.positive("size", size), v.attribute("epsilon", epsilon);
    v.rule(size % features == 0, "features must divide size");
    v.attribute("momentum", momentum);
    v.input("x", x, per_row(size));
    v.optional_input("gamma", gamma, fixed(features));
    v.optional_input("beta", beta, fixed(features));
    v.output("y", y, per_row(size));
    v.output("mean", mean, fixed(features));
    v.output("variance", variance, fixed(features));
    v.optional_update("moving_mean", moving_mean, fixed(features));
    v.optional_update("moving_variance", moving_variance, fixed(features));
    v.scratch("affine", affine, fixed(3 * features));
    v.scratch("partial", partial, fixed(2 * kBatchNormSlices * features));
  }
};

// With a = gamma / sqrt(variance + epsilon), normal = (x - mean) / sqrt(variance + epsilon) and n vectors:
//   dbeta = sum of dy, dgamma = sum of dy * normal, dx = a * (dy - dbeta / n - normal * dgamma / n)
// Where the statistics are constants (inference, a frozen layer), dx = a * dy.
struct BatchNormBackward {
  int64_t features, size;
  float epsilon;
  bool constant_statistics;
  const float* dy;        // [rows, size]
  const float* x;         // [rows, size]
  const float* gamma;     // [features] or null
  const float* mean;      // [features]: of the batch, or the moving ones
  const float* variance;  // [features]
  float* dx;              // [rows, size] or null
  float* dgamma;          // [features] or null
  float* dbeta;           // [features] or null
  float* affine;          // dx = dy * affine[0] + ((x - mean) * affine[1] + affine[2]), each [features]
  double* partial;        // sums of dy and of dy * (x - mean) for each slice: [slices, 2, features]

  template <class Visitor>
  void visit(Visitor& v) {
    v.positive("features", features), v.positive("size", size), v.attribute("epsilon", epsilon);
    v.rule(size % features == 0, "features must divide size");
    v.attribute("constant_statistics", constant_statistics);
    v.input("dy", dy, per_row(size));
    v.input("x", x, per_row(size));
    v.optional_input("gamma", gamma, fixed(features));
    v.input("mean", mean, fixed(features));
    v.input("variance", variance, fixed(features));
    v.optional_output("dx", dx, per_row(size));
    v.optional_output("dgamma", dgamma, fixed(features));
    v.optional_output("dbeta", dbeta, fixed(features));
    v.scratch("affine", affine, fixed(3 * features));
    v.scratch("partial", partial, fixed(2 * kBatchNormSlices * features));
  }
};

}  // namespace pyconvnet
