// Losses: a warp for each row of the batch.
#pragma once

#include "cuda/softmax.h"

namespace pyconvnet::cuda {
namespace {

constexpr float kSmallest = 1e-7f, kLargest = static_cast<float>(1.0 - 1e-7);

// NaN stays NaN.
__device__ __forceinline__ float clip(float p) { return p < kSmallest ? kSmallest : (p > kLargest ? kLargest : p); }
__device__ __forceinline__ bool is_clipped(float p) { return p < kSmallest || p > kLargest; }

// The class at a position, or -1 for a label out of range.
__device__ __forceinline__ int64_t known_label(const ClassLoss& op, int64_t position) {
  const int64_t label = op.labels[position];
  return label < op.features ? label : -1;
}

__device__ __forceinline__ float scale_of(const float* weights, int64_t row, const Step& step) {
  return (weights ? weights[row] : 1.0f) / static_cast<float>(step.rows);
}

// The loss of one of a row's positions, in lane 0 at least; the gradient, times `scale`, is written.
__device__ float softmax_position(const SoftmaxCrossEntropy& op, int64_t position, float scale, int lane) {
  const int64_t start = position * op.features;
  const float* x = op.predictions + start;
  const SoftmaxSum s = softmax_sum(x, op.features, lane);
  if (op.sparse) {
    const int64_t label = known_label(op, position);
    for (int64_t i = lane; i < op.features; i += 32) {
      const float p = expf(x[i] - s.largest) / s.sum;
      if (op.dpredictions) op.dpredictions[start + i] = label < 0 ? NAN : scale * p - (i == label ? scale : 0.0f);
      if (op.probabilities) op.probabilities[start + i] = p;
    }
    return label < 0 ? NAN : logf(s.sum) - (x[label] - s.largest);
  }
  float total = 0, dot = 0;  // of the targets, and of targets times logits
  for (int64_t i = lane; i < op.features; i += 32) {
    const float p = expf(x[i] - s.largest) / s.sum, t = op.targets[start + i];
    total += t;
    dot += t * (x[i] - s.largest);
    if (op.dpredictions) op.dpredictions[start + i] = scale * p - scale * t;
    if (op.probabilities) op.probabilities[start + i] = p;
  }
  return sum_of_warp(total) * logf(s.sum) - sum_of_warp(dot);
}

// Class numbers: clip, then normalise.
__device__ float sparse_probability_position(const ClassLoss& op, int64_t position, float scale, int lane) {
  const int64_t start = position * op.features, label = known_label(op, position);
  const float* p = op.predictions + start;
  double total = 0;
  for (int64_t i = lane; i < op.features; i += 32) total += clip(p[i]);
  total = sum_of_warp(total);
  if (op.dpredictions)
    for (int64_t i = lane; i < op.features; i += 32) {
      const double slope = i == label ? 1.0 / total - 1.0 / p[i] : 1.0 / total;
      op.dpredictions[start + i] = label < 0 ? NAN : is_clipped(p[i]) ? 0.0f : static_cast<float>(scale * slope);
    }
  return label < 0 ? NAN : static_cast<float>(log(total) - log(static_cast<double>(clip(p[label]))));
}

// One-hot or soft rows: normalise, then clip; the gradient goes through the normalisation.
__device__ float soft_probability_position(const ClassLoss& op, int64_t position, float scale, int lane) {
  const int64_t start = position * op.features;
  const float *p = op.predictions + start, *t = op.targets + start;
  float total = 0, loss = 0, dot = 0;
  for (int64_t i = lane; i < op.features; i += 32) total += p[i];
  total = sum_of_warp(total);
  const auto slope_of = [&](float q, float target) { return is_clipped(q) ? 0.0f : -target / clip(q); };
  for (int64_t i = lane; i < op.features; i += 32) {
    const float q = p[i] / total;
    loss -= t[i] * logf(clip(q));
    dot += slope_of(q, t[i]) * q;
  }
  loss = sum_of_warp(loss), dot = sum_of_warp(dot);
  if (op.dpredictions)
    for (int64_t i = lane; i < op.features; i += 32)
      op.dpredictions[start + i] = scale / total * (slope_of(p[i] / total, t[i]) - dot);
  return loss;
}

struct SoftmaxPosition {
  __device__ float operator()(const SoftmaxCrossEntropy& op, int64_t position, float scale, int lane) const {
    return softmax_position(op, position, scale, lane);
  }
};

struct ProbabilityPosition {
  __device__ float operator()(const CategoricalCrossEntropy& op, int64_t position, float scale, int lane) const {
    return op.sparse ? sparse_probability_position(op, position, scale, lane)
                     : soft_probability_position(op, position, scale, lane);
  }
};

// The mean over the positions of a row.
template <class Op, class F>
struct ClassLossOfRow {
  Op op;
  F position_loss;
  __device__ void operator()(int64_t row, int lane, const Step& step) const {
    const float vectors = static_cast<float>(op.vectors), scale = scale_of(op.weights, row, step) / vectors;
    float sum = 0;
    for (int64_t position = row * op.vectors; position < (row + 1) * op.vectors; ++position)
      sum += position_loss(op, position, scale, lane);
    if (lane == 0) op.loss[row] = (op.weights ? op.weights[row] : 1.0f) * (sum / vectors);
  }
};

// The loss of one number and its derivative.
struct Term {
  float loss, slope;
};

struct SigmoidTerm {
  __device__ Term operator()(const SigmoidCrossEntropy& op, int64_t i, float x, float t) const {
    const float e = expf(-fabsf(x)), p = (x < 0 ? e : 1.0f) / (1.0f + e);  // never overflows
    if (op.probabilities) op.probabilities[i] = p;
    return {(x > 0 ? x : 0.0f) - x * t + log1pf(e), p - t};
  }
};

struct BinaryTerm {
  __device__ Term operator()(const BinaryCrossEntropy&, int64_t, float prediction, float t) const {
    const float p = clip(prediction);
    const float slope = is_clipped(prediction) ? 0.0f : (1.0f - t) / (1.0f - p) - t / p;
    return {-t * logf(p) - (1.0f - t) * log1pf(-p), slope};
  }
};

struct SquaredTerm {
  __device__ Term operator()(const MeanSquaredError&, int64_t, float p, float t) const {
    return {(p - t) * (p - t), 2.0f * (p - t)};
  }
};

struct AbsoluteTerm {
  __device__ Term operator()(const MeanAbsoluteError&, int64_t, float p, float t) const {
    const float d = p - t;
    return {fabsf(d), d > 0 ? 1.0f : (d < 0 ? -1.0f : d)};  // NaN stays NaN
  }
};

// The mean over the numbers of a row.
template <class Op, class F>
struct ValueLossOfRow {
  Op op;
  F term;
  __device__ void operator()(int64_t row, int lane, const Step& step) const {
    const float features = static_cast<float>(op.features), slope = scale_of(op.weights, row, step) / features;
    float sum = 0;
    for (int64_t i = row * op.features + lane; i < (row + 1) * op.features; i += 32) {
      const Term t = term(op, i, op.predictions[i], op.targets[i]);
      sum += t.loss;
      if (op.dpredictions) op.dpredictions[i] = slope * t.slope;
    }
    sum = sum_of_warp(sum);
    if (lane == 0) op.loss[row] = (op.weights ? op.weights[row] : 1.0f) * (sum / features);
  }
};

template <class F, class Op>
void class_loss(const Op& op, const Run& run) {
  for_each_warp(per_row(1), run, ClassLossOfRow<Op, F>{op, {}});
}

template <class F, class Op>
void value_loss(const Op& op, const Run& run) {
  for_each_warp(per_row(1), run, ValueLossOfRow<Op, F>{op, {}});
}

}  // namespace

void add_loss(KernelTable& table) {
  table.softmax_cross_entropy = class_loss<SoftmaxPosition, SoftmaxCrossEntropy>;
  table.categorical_cross_entropy = class_loss<ProbabilityPosition, CategoricalCrossEntropy>;
  table.sigmoid_cross_entropy = value_loss<SigmoidTerm, SigmoidCrossEntropy>;
  table.binary_cross_entropy = value_loss<BinaryTerm, BinaryCrossEntropy>;
  table.mean_squared_error = value_loss<SquaredTerm, MeanSquaredError>;
  table.mean_absolute_error = value_loss<AbsoluteTerm, MeanAbsoluteError>;
}

}  // namespace pyconvnet::cuda
