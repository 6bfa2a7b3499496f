// Metrics: one block, as a batch has few numbers and the order of the sums is fixed.
#pragma once

#include "cuda/sum.h"

namespace pyconvnet::cuda {
namespace {

__device__ __forceinline__ int64_t first_largest(const float* values, int64_t size) {
  int64_t best = 0;
  for (int64_t i = 1; i < size; ++i)
    if (values[i] > values[best]) best = i;
  return best;
}

// TensorFlow's in_top_k: of equal predictions all are as high, and what is not finite cannot be ranked.
__device__ bool in_top_k(const float* predictions, int64_t size, int64_t label, int64_t k) {
  const auto finite = [](float x) { return fabsf(x) < INFINITY; };
  int64_t above = 0;
  if (!finite(predictions[label])) return false;
  for (int64_t i = 0; i < size; ++i) {
    if (!finite(predictions[i])) return false;
    above += predictions[i] > predictions[label];
  }
  return above < k;
}

struct ValueOfRow {
  MeanAccumulate op;
  __device__ double operator()(int64_t row) const { return op.values[row]; }
};

struct SparseMatch {
  SparseCategoricalAccuracy op;
  __device__ double operator()(int64_t i) const {
    return first_largest(op.predictions + i * op.features, op.features) == op.labels[i];
  }
};

struct Match {
  CategoricalAccuracy op;
  __device__ double operator()(int64_t i) const {
    return first_largest(op.predictions + i * op.features, op.features) ==
           first_largest(op.targets + i * op.features, op.features);
  }
};

struct SparseTopKMatch {
  SparseTopKCategoricalAccuracy op;
  __device__ double operator()(int64_t i) const {
    return in_top_k(op.predictions + i * op.features, op.features, op.labels[i], op.k);
  }
};

struct TopKMatch {
  TopKCategoricalAccuracy op;
  __device__ double operator()(int64_t i) const {
    return in_top_k(op.predictions + i * op.features, op.features,
                    first_largest(op.targets + i * op.features, op.features), op.k);
  }
};

struct BinaryMatch {
  BinaryAccuracy op;
  __device__ double operator()(int64_t i) const { return (op.predictions[i] > 0.5f ? 1.0f : 0.0f) == op.targets[i]; }
};

// sums[0] += the sum of term(i) over rows * a_row numbers, divided by a_row; sums[1] += rows.
template <class F>
__global__ void __launch_bounds__(kThreads)
    add_terms(int64_t a_row, const Step* __restrict__ now, double* __restrict__ sums, F term) {
  const Step step = *now;
  double sum = 0;
  for (int64_t i = threadIdx.x; i < step.rows * a_row; i += kThreads) sum += term(i);
  sum = sum_of_block(sum);
  if (threadIdx.x == 0) {
    sums[0] += sum / static_cast<double>(a_row);
    sums[1] += static_cast<double>(step.rows);
  }
}

template <class F, class Op>
void accumulate(const Op& op, int64_t a_row, const Run& run) {
  launch(add_terms<F>, dim3(1), dim3(kThreads), 0, run, a_row, step_of(run), op.sums, F{op});
}

void mean_accumulate(const MeanAccumulate& op, const Run& run) { accumulate<ValueOfRow>(op, 1, run); }
void sparse_categorical_accuracy(const SparseCategoricalAccuracy& op, const Run& run) {
  accumulate<SparseMatch>(op, op.vectors, run);
}
void categorical_accuracy(const CategoricalAccuracy& op, const Run& run) { accumulate<Match>(op, op.vectors, run); }
void sparse_top_k_categorical_accuracy(const SparseTopKCategoricalAccuracy& op, const Run& run) {
  accumulate<SparseTopKMatch>(op, op.vectors, run);
}
void top_k_categorical_accuracy(const TopKCategoricalAccuracy& op, const Run& run) {
  accumulate<TopKMatch>(op, op.vectors, run);
}
void binary_accuracy(const BinaryAccuracy& op, const Run& run) { accumulate<BinaryMatch>(op, op.features, run); }

}  // namespace

void add_metric(KernelTable& table) {
  table.mean_accumulate = mean_accumulate;
  table.sparse_categorical_accuracy = sparse_categorical_accuracy;
  table.categorical_accuracy = categorical_accuracy;
  table.sparse_top_k_categorical_accuracy = sparse_top_k_categorical_accuracy;
  table.top_k_categorical_accuracy = top_k_categorical_accuracy;
  table.binary_accuracy = binary_accuracy;
}

}  // namespace pyconvnet::cuda
