#pragma once

#include <cmath>

#include "kernels/kernel_list.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

// One thread: a batch has few numbers, and the order of the sums is fixed.

inline void mean_accumulate(const MeanAccumulate& op, const Run& run) {
  double sum = 0;
  for (int64_t row = 0; row < run.rows; ++row) sum += op.values[row];
  op.sums[0] += sum;
  op.sums[1] += static_cast<double>(run.rows);
}

// `a_row` matches make a whole one: the positions of a row share its value.
inline void add_matches(double* sums, int64_t matches, int64_t a_row, const Run& run) {
  sums[0] += static_cast<double>(matches) / static_cast<double>(a_row);
  sums[1] += static_cast<double>(run.rows);
}

inline int64_t first_largest(const float* values, int64_t size) {
  int64_t best = 0;
  for (int64_t i = 1; i < size; ++i)
    if (values[i] > values[best]) best = i;
  return best;
}

inline void sparse_categorical_accuracy(const SparseCategoricalAccuracy& op, const Run& run) {
  int64_t matches = 0;
  for (int64_t i = 0; i < run.rows * op.vectors; ++i)
    matches += first_largest(op.predictions + i * op.features, op.features) == op.labels[i];
  add_matches(op.sums, matches, op.vectors, run);
}

inline void categorical_accuracy(const CategoricalAccuracy& op, const Run& run) {
  int64_t matches = 0;
  for (int64_t i = 0; i < run.rows * op.vectors; ++i)
    matches += first_largest(op.predictions + i * op.features, op.features) ==
               first_largest(op.targets + i * op.features, op.features);
  add_matches(op.sums, matches, op.vectors, run);
}

// TensorFlow's in_top_k: of equal predictions all are as high, and what is not finite cannot be ranked.
inline bool in_top_k(const float* predictions, int64_t size, int64_t label, int64_t k) {
  int64_t above = 0;
  if (label < 0 || label >= size || !std::isfinite(predictions[label])) return false;
  for (int64_t i = 0; i < size; ++i) {
    if (!std::isfinite(predictions[i])) return false;
    above += predictions[i] > predictions[label];
  }
  return above < k;
}

inline void sparse_top_k_categorical_accuracy(const SparseTopKCategoricalAccuracy& op, const Run& run) {
  int64_t matches = 0;
  for (int64_t i = 0; i < run.rows * op.vectors; ++i)
    matches += in_top_k(op.predictions + i * op.features, op.features, op.labels[i], op.k);
  add_matches(op.sums, matches, op.vectors, run);
}

inline void top_k_categorical_accuracy(const TopKCategoricalAccuracy& op, const Run& run) {
  int64_t matches = 0;
  for (int64_t i = 0; i < run.rows * op.vectors; ++i)
    matches += in_top_k(op.predictions + i * op.features, op.features,
                        first_largest(op.targets + i * op.features, op.features), op.k);
  add_matches(op.sums, matches, op.vectors, run);
}

inline void binary_accuracy(const BinaryAccuracy& op, const Run& run) {
  int64_t matches = 0;
  for (int64_t i = 0; i < run.rows * op.features; ++i)
    matches += (op.predictions[i] > 0.5f ? 1.0f : 0.0f) == op.targets[i];
  add_matches(op.sums, matches, op.features, run);
}

}  // namespace

void add_metric(KernelTable& table) {
  table.mean_accumulate = mean_accumulate;
  table.sparse_categorical_accuracy = sparse_categorical_accuracy;
  table.categorical_accuracy = categorical_accuracy;
  table.sparse_top_k_categorical_accuracy = sparse_top_k_categorical_accuracy;
  table.top_k_categorical_accuracy = top_k_categorical_accuracy;
  table.binary_accuracy = binary_accuracy;
}

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
