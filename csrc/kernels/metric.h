// Metrics are added up over an epoch in double: sums[0] += the sum of the rows' values, sums[1] += rows.
#pragma once

#include "kernels/run.h"
#include "kernels/visit.h"

namespace pyconvnet {

// A number that is there for each row already: the loss.
struct MeanAccumulate {
  const float* values;  // [rows]
  double* sums;         // [2]

  template <class Visitor>
  void visit(Visitor& v) {
    v.input("values", values, per_row(1));
    v.update("sums", sums, fixed(2));
  }
};

// Share of positions whose largest prediction (the first of equal ones) is that of the label.
struct SparseCategoricalAccuracy {
  int64_t features, vectors;
  const float* predictions;  // [rows, vectors, features]
  const int32_t* labels;     // [rows, vectors]
  double* sums;              // [2]

  template <class Visitor>
  void visit(Visitor& v) {
    v.positive("features", features), v.positive("vectors", vectors);
    v.input("predictions", predictions, per_row(product(vectors, features)));
    v.input("labels", labels, per_row(vectors));
    v.update("sums", sums, fixed(2));
  }
};

// The same with one-hot or soft targets: their first largest counts.
struct CategoricalAccuracy {
  int64_t features, vectors;
  const float* predictions;  // [rows, vectors, features]
  const float* targets;      // [rows, vectors, features]
  double* sums;              // [2]

  template <class Visitor>
  void visit(Visitor& v) {
    v.positive("features", features), v.positive("vectors", vectors);
    v.input("predictions", predictions, per_row(product(vectors, features)));
    v.input("targets", targets, per_row(product(vectors, features)));
    v.update("sums", sums, fixed(2));
  }
};

// Share of positions whose label has fewer than k predictions above its own; never where one of these is not finite.
struct SparseTopKCategoricalAccuracy {
  int64_t features, vectors, k;
  const float* predictions;  // [rows, vectors, features]
  const int32_t* labels;     // [rows, vectors]
  double* sums;              // [2]

  template <class Visitor>
  void visit(Visitor& v) {
    v.positive("features", features), v.positive("vectors", vectors), v.positive("k", k);
    v.input("predictions", predictions, per_row(product(vectors, features)));
    v.input("labels", labels, per_row(vectors));
    v.update("sums", sums, fixed(2));
  }
};

// The same with one-hot or soft targets: their first largest counts.
struct TopKCategoricalAccuracy {
  int64_t features, vectors, k;
  const float* predictions;  // [rows, vectors, features]
  const float* targets;      // [rows, vectors, features]
  double* sums;              // [2]

  template <class Visitor>
  void visit(Visitor& v) {
    v.positive("features", features), v.positive("vectors", vectors), v.positive("k", k);
    v.input("predictions", predictions, per_row(product(vectors, features)));
    v.input("targets", targets, per_row(product(vectors, features)));
    v.update("sums", sums, fixed(2));
  }
};

// Share of predictions that lie on their target's side of 1/2; exactly 1/2 counts as 0.
struct BinaryAccuracy {
  int64_t features;
  const float* predictions;  // [rows, features]
  const float* targets;      // [rows, features], 0 or 1
  double* sums;              // [2]

  template <class Visitor>
  void visit(Visitor& v) {
    v.positive("features", features);
    v.input("predictions", predictions, per_row(features));
    v.input("targets", targets, per_row(features));
    v.update("sums", sums, fixed(2));
  }
};

}  // namespace pyconvnet
