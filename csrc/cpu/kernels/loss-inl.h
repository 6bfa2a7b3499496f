#pragma once

#include <cmath>

#include "cpu/kernels/exp-inl.h"
#include "cpu/kernels/parallel-inl.h"
#include "kernels/kernel_list.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

constexpr float kSmallest = 1e-7f, kLargest = static_cast<float>(1.0 - 1e-7);

// NaN stays NaN.
inline float clip(float p) { return p < kSmallest ? kSmallest : (p > kLargest ? kLargest : p); }
inline bool is_clipped(float p) { return p < kSmallest || p > kLargest; }

// row_loss(row, scale) answers the mean loss of a row and writes its gradient times scale. A row's bits depend on
// nothing but the row, whoever computes it.
template <class F>
inline void for_each_loss(const float* weights, float* loss, int64_t row_size, const Run& run, const F& row_loss) {
  const int64_t elements_a_task = 4096;
  const int64_t rows_a_task = row_size < elements_a_task ? elements_a_task / row_size : 1;
  for_each_range(*run.pool, run.rows, rows_a_task, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float weight = weights ? weights[row] : 1.0f;
      loss[row] = static_cast<float>(weight * row_loss(row, weight / static_cast<float>(run.rows)));
    }
  });
}

// position_loss(position, scale) is one of the `vectors` positions of a row.
template <class F>
inline void class_loss(const ClassLoss& op, const Run& run, const F& position_loss) {
  for_each_loss(op.weights, op.loss, op.vectors * op.features, run, [&](int64_t row, float scale) {
    double sum = 0;
    for (int64_t position = row * op.vectors; position < (row + 1) * op.vectors; ++position)
      sum += position_loss(position, scale / static_cast<float>(op.vectors));
    return sum / static_cast<double>(op.vectors);
  });
}

// The class at a position, or -1 for a label out of range.
inline int64_t known_label(const ClassLoss& op, int64_t position) {
  const int64_t label = op.labels[position];
  return label < op.features ? label : -1;
}

// Writes slope * p for p = exps / sum, and p itself where wanted.
inline void softmax_gradient(const float* exps, double sum, float slope, int64_t size, float* d, float* p) {
  const float inverse = static_cast<float>(1.0 / sum);
  if (d)
    for (int64_t i = 0; i < size; ++i) d[i] = slope * (exps[i] * inverse);
  if (p)
    for (int64_t i = 0; i < size; ++i) p[i] = exps[i] * inverse;
}

inline double softmax_position(const SoftmaxCrossEntropy& op, int64_t position, float scale) {
  const int64_t start = position * op.features;
  const float* x = op.predictions + start;
  float* d = op.dpredictions ? op.dpredictions + start : nullptr;
  float* p = op.probabilities ? op.probabilities + start : nullptr;
  float* exps = p ? p : d;
  const auto [largest, sum] = softmax_exps(x, op.features, exps);
  if (op.sparse) {
    const int64_t label = known_label(op, position);
    softmax_gradient(exps, sum, label < 0 ? NAN : scale, op.features, d, p);
    if (label < 0) return NAN;
    if (d) d[label] -= scale;
    return std::log(sum) - static_cast<double>(x[label] - largest);
  }
  const float* t = op.targets + start;
  double total = 0, dot = 0;
  for (int64_t i = 0; i < op.features; ++i) {
    total += t[i];
    dot += static_cast<double>(t[i]) * static_cast<double>(x[i] - largest);
  }
  softmax_gradient(exps, sum, scale, op.features, d, p);
  if (d)
    for (int64_t i = 0; i < op.features; ++i) d[i] -= scale * t[i];
  return total * std::log(sum) - dot;
}

inline void softmax_cross_entropy(const SoftmaxCrossEntropy& op, const Run& run) {
  class_loss(op, run, [&](int64_t position, float scale) { return softmax_position(op, position, scale); });
}

// Class numbers: clip, then normalize.
inline double sparse_probability_position(const ClassLoss& op, int64_t position, float scale) {
  const int64_t start = position * op.features, label = known_label(op, position);
  const float* p = op.predictions + start;
  double total = 0;
  for (int64_t i = 0; i < op.features; ++i) total += clip(p[i]);
  if (op.dpredictions) {
    float* d = op.dpredictions + start;
    const float slope = label < 0 ? NAN : static_cast<float>(scale / total);
    for (int64_t i = 0; i < op.features; ++i) d[i] = label >= 0 && is_clipped(p[i]) ? 0.0f : slope;
    if (label >= 0 && !is_clipped(p[label])) d[label] = static_cast<float>(scale * (1.0 / total - 1.0 / p[label]));
  }
  return label < 0 ? NAN : std::log(total) - std::log(static_cast<double>(clip(p[label])));
}

// One-hot or soft rows: normalize, then clip; the gradient goes through the normalization.
inline double soft_probability_position(const ClassLoss& op, int64_t position, float scale) {
  const int64_t start = position * op.features;
  const float *p = op.predictions + start, *t = op.targets + start;
  double sum = 0;
  for (int64_t i = 0; i < op.features; ++i) sum += p[i];
  const float total = static_cast<float>(sum);
  double loss = 0, dot = 0;
  for (int64_t i = 0; i < op.features; ++i) {
    const float q = p[i] / total, clipped = clip(q);
    loss -= static_cast<double>(t[i] * std::log(clipped));
    const float dq = is_clipped(q) ? 0.0f : -t[i] / clipped;
    dot += static_cast<double>(dq * q);
    if (op.dpredictions) op.dpredictions[start + i] = dq;
  }
  if (op.dpredictions) {
    float* d = op.dpredictions + start;
    const float mean = static_cast<float>(dot), slope = scale / total;
    for (int64_t i = 0; i < op.features; ++i) d[i] = slope * (d[i] - mean);
  }
  return loss;
}

inline void categorical_cross_entropy(const CategoricalCrossEntropy& op, const Run& run) {
  class_loss(op, run, [&](int64_t position, float scale) {
    return op.sparse ? sparse_probability_position(op, position, scale)
                     : soft_probability_position(op, position, scale);
  });
}

struct Term {
  float loss, slope;
};

// term(i, prediction, target) is the loss of one number, the i-th of the batch, and its derivative.
template <class F>
inline void value_loss(const ValueLoss& op, const Run& run, const F& term) {
  for_each_loss(op.weights, op.loss, op.features, run, [&](int64_t row, float scale) {
    const float slope = scale / static_cast<float>(op.features);
    double sum = 0;
    for (int64_t i = row * op.features; i < (row + 1) * op.features; ++i) {
      const Term t = term(i, op.predictions[i], op.targets[i]);
      sum += t.loss;
      if (op.dpredictions) op.dpredictions[i] = slope * t.slope;
    }
    return sum / static_cast<double>(op.features);
  });
}

inline void sigmoid_cross_entropy(const SigmoidCrossEntropy& op, const Run& run) {
  value_loss(op, run, [&](int64_t i, float x, float t) -> Term {
    const float e = std::exp(-std::fabs(x));  // never overflows
    const float p = (x < 0 ? e : 1.0f) / (1.0f + e);
    if (op.probabilities) op.probabilities[i] = p;
    return {(x > 0 ? x : 0.0f) - x * t + std::log1p(e), p - t};
  });
}

inline void binary_cross_entropy(const BinaryCrossEntropy& op, const Run& run) {
  value_loss(op, run, [](int64_t, float prediction, float t) -> Term {
    const float p = clip(prediction);
    const float slope = is_clipped(prediction) ? 0.0f : (1.0f - t) / (1.0f - p) - t / p;
    return {-t * std::log(p) - (1.0f - t) * std::log1p(-p), slope};
  });
}

inline void mean_squared_error(const MeanSquaredError& op, const Run& run) {
  value_loss(op, run, [](int64_t, float p, float t) -> Term { return {(p - t) * (p - t), 2.0f * (p - t)}; });
}

inline void mean_absolute_error(const MeanAbsoluteError& op, const Run& run) {
  value_loss(op, run, [](int64_t, float p, float t) -> Term {
    const float d = p - t;
    return {std::fabs(d), d > 0 ? 1.0f : (d < 0 ? -1.0f : d)};  // NaN stays NaN
  });
}

}  // namespace

void add_loss(KernelTable& table) {
  table.softmax_cross_entropy = softmax_cross_entropy;
  table.sigmoid_cross_entropy = sigmoid_cross_entropy;
  table.categorical_cross_entropy = categorical_cross_entropy;
  table.binary_cross_entropy = binary_cross_entropy;
  table.mean_squared_error = mean_squared_error;
  table.mean_absolute_error = mean_absolute_error;
}

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
