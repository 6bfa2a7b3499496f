// Losses. Each row's loss is weight * mean over the row; what is minimized is the sum of the rows' losses divided by
// the number of rows, whatever the weights are (Keras's "sum_over_batch_size"). dpredictions is its gradient.
#pragma once

#include "kernels/run.h"
#include "kernels/visit.h"

namespace pyconvnet {

// One of `features` classes at each of `vectors` positions of a row (1 but for maps of labels).
struct ClassLoss {
  int64_t features, vectors;
  bool sparse;               // class numbers; else one-hot or soft targets
  const float* predictions;  // [rows, vectors, features]
  const int32_t* labels;     // [rows, vectors] where sparse; one out of range makes its row NaN
  const float* targets;      // [rows, vectors, features] where not sparse
  const float* weights;      // [rows] or null
  float* loss;               // [rows]
  float* dpredictions;       // [rows, vectors, features] or null

  template <class Visitor>
  void visit(Visitor& v) {
    v.positive("features", features), v.positive("vectors", vectors), v.attribute("sparse", sparse);
    v.input("predictions", predictions, per_row(product(vectors, features)));
    if (sparse)
      v.input("labels", labels, per_row(vectors));
    else
      v.input("targets", targets, per_row(product(vectors, features)));
    v.optional_input("weights", weights, per_row(1));
    v.output("loss", loss, per_row(1));
    v.optional_output("dpredictions", dpredictions, per_row(product(vectors, features)));
  }
};

// predictions are logits: loss = sum over t of t * (log(sum of exp(logits)) - logit). The gradient is softmax - t even
// where soft targets do not sum to 1, as TensorFlow has it.
struct SoftmaxCrossEntropy : ClassLoss {
  float* probabilities;  // softmax of the logits, [rows, vectors, features], or null

  template <class Visitor>
  void visit(Visitor& v) {
    ClassLoss::visit(v);
    v.optional_output("probabilities", probabilities, per_row(product(vectors, features)));
  }
};

// predictions are probabilities: clipped to [1e-7, 1 - 1e-7] and normalized where sparse, else the other way round,
// as Keras does on TensorFlow. What is clipped has no gradient.
struct CategoricalCrossEntropy : ClassLoss {};

// `features` numbers a row, each compared with its target; the row's loss is their mean.
struct ValueLoss {
  int64_t features;
  const float* predictions;  // [rows, features]
  const float* targets;      // [rows, features]
  const float* weights;      // [rows] or null
  float* loss;               // [rows]
  float* dpredictions;       // [rows, features] or null

  template <class Visitor>
  void visit(Visitor& v) {
    v.positive("features", features);
    v.input("predictions", predictions, per_row(features));
    v.input("targets", targets, per_row(features));
    v.optional_input("weights", weights, per_row(1));
    v.output("loss", loss, per_row(1));
    v.optional_output("dpredictions", dpredictions, per_row(features));
  }
};

// predictions are logits: log(1 + exp(logit)) - logit * t.
struct SigmoidCrossEntropy : ValueLoss {
  float* probabilities;  // sigmoid of the logits, [rows, features], or null

  template <class Visitor>
  void visit(Visitor& v) {
    ValueLoss::visit(v);
    v.optional_output("probabilities", probabilities, per_row(features));
  }
};

// predictions are probabilities, clipped to [1e-7, 1 - 1e-7]: -t log(p) - (1 - t) log(1 - p).
struct BinaryCrossEntropy : ValueLoss {};

struct MeanSquaredError : ValueLoss {};

struct MeanAbsoluteError : ValueLoss {};  // no gradient where equal

}  // namespace pyconvnet
