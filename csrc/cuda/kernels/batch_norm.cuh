#pragma once

#include "cuda/grid.h"

namespace pyconvnet::cuda {
namespace {

// How the `vectors` rows of a batch (each of `features` channels) are cut for its sums: by the problem only.
struct Slices {
  int64_t vectors, length, count;
};
__device__ __forceinline__ Slices slices_of(int64_t vectors) {
  const int64_t even = (vectors + kBatchNormSlices - 1) / kBatchNormSlices;
  const int64_t length = even < 16 ? 16 : even;
  return {vectors, length, (vectors + length - 1) / length};
}

constexpr int kLanes = 32, kVectors = kThreads / kLanes;  // a block: channels side by side, vectors one below another

struct TwoSums {
  double first, second;
};

// Two sums over a slice for each channel, in double, to partial [slices, 2, features]: grid (channels / 32, slices).
template <class F>
__global__ void __launch_bounds__(kThreads)
    sum_slices(int64_t features, int64_t vectors_a_row, const Step* __restrict__ now, double* __restrict__ partial,
               F term) {
  const Step step = *now;
  struct Shared {
    TwoSums of[kVectors][kLanes];
  };
  Shared& shared = shared_memory<Shared>();
  const int lane = threadIdx.x % kLanes, line = threadIdx.x / kLanes;
  const int64_t channel = int64_t{blockIdx.x} * kLanes + lane, slice = blockIdx.y;
  const Slices slices = slices_of(step.rows * vectors_a_row);
  const int64_t begin = slice * slices.length, limit = begin + slices.length;
  const int64_t end = limit < slices.vectors ? limit : slices.vectors;
  TwoSums sum{0, 0};
  if (channel < features)
    for (int64_t vector = begin + line; vector < end; vector += kVectors) {
      const TwoSums terms = term(vector * features + channel, channel);
      sum.first += terms.first, sum.second += terms.second;
    }
  shared.of[line][lane] = sum;
  __syncthreads();
  if (line == 0 && channel < features) {
    for (int other = 1; other < kVectors; ++other)
      sum.first += shared.of[other][lane].first, sum.second += shared.of[other][lane].second;
    partial[(slice * 2) * features + channel] = sum.first;
    partial[(slice * 2 + 1) * features + channel] = sum.second;
  }
}

// The slices in their order.
__device__ __forceinline__ TwoSums total_of(const double* partial, int64_t features, int64_t channel, int64_t slices) {
  TwoSums total{0, 0};
  for (int64_t slice = 0; slice < slices; ++slice) {
    total.first += partial[(slice * 2) * features + channel];
    total.second += partial[(slice * 2 + 1) * features + channel];
  }
  return total;
}

template <class F>
void sum_over_batch(int64_t features, int64_t size, const Run& run, double* partial, const F& term) {
  const dim3 grid(static_cast<unsigned>((features + kLanes - 1) / kLanes), static_cast<unsigned>(kBatchNormSlices));
  launch(sum_slices<F>, grid, dim3(kThreads), 0, run, features, size / features, step_of(run), partial, term);
}

struct Moments {
  const float* x;
  __device__ TwoSums operator()(int64_t i, int64_t) const {
    const double value = x[i];
    return {value, value * value};
  }
};

struct GradientSums {
  const float *dy, *x, *mean;
  __device__ TwoSums operator()(int64_t i, int64_t channel) const {
    const double d = dy[i];
    return {d, d * (static_cast<double>(x[i]) - static_cast<double>(mean[channel]))};
  }
};

__device__ __forceinline__ double inverse_deviation(double variance, float epsilon) {
  return 1.0 / sqrt(variance + static_cast<double>(epsilon));
}
__device__ __forceinline__ double value_or(const float* values, int64_t channel, double otherwise) {
  return values ? static_cast<double>(values[channel]) : otherwise;
}

// y = (x - shift) * scale + offset
struct ApplyAffine {
  int64_t features;
  const float *affine, *x;
  float* y;
  __device__ void operator()(int64_t i, const Step&) const {
    const int64_t c = i % features;
    y[i] = fmaf(x[i] - affine[c], affine[features + c], affine[2 * features + c]);
  }
};

struct AffineOfMoving {
  BatchNormInference op;
  __device__ void operator()(int64_t c, const Step&) const {
    const double inverse = inverse_deviation(static_cast<double>(op.moving_variance[c]), op.epsilon);
    op.affine[c] = op.moving_mean[c];
    op.affine[op.features + c] = static_cast<float>(value_or(op.gamma, c, 1) * inverse);
    op.affine[2 * op.features + c] = static_cast<float>(value_or(op.beta, c, 0));
  }
};

struct AffineOfBatch {
  BatchNormForward op;
  __device__ void move(float* moving, float batch, int64_t c) const {
    const float keep = static_cast<float>(op.momentum), take = static_cast<float>(1.0 - op.momentum);
    if (moving) moving[c] = moving[c] * keep + batch * take;
  }
  __device__ void operator()(int64_t c, const Step& step) const {
    const int64_t features = op.features;
    const Slices slices = slices_of(step.rows * (op.size / features));
    const double vectors = static_cast<double>(slices.vectors);
    const TwoSums total = total_of(op.partial, features, c, slices.count);
    const double mean = total.first / vectors, difference = total.second / vectors - mean * mean;
    const double variance = difference < 0 ? 0 : difference;  // rounding may push it below zero
    const double gain = value_or(op.gamma, c, 1) * inverse_deviation(variance, op.epsilon);
    const float shift = static_cast<float>(mean);
    op.mean[c] = op.affine[c] = shift;
    op.variance[c] = static_cast<float>(variance);
    op.affine[features + c] = static_cast<float>(gain);
    // What rounding took from the mean comes back here: it shows where the mean is large beside the deviation.
    op.affine[2 * features + c] =
        static_cast<float>(value_or(op.beta, c, 0) + (static_cast<double>(shift) - mean) * gain);
    move(op.moving_mean, shift, c);
    move(op.moving_variance, op.variance[c], c);
  }
};

// dx = dy * affine[0] + ((x - mean) * affine[1] + affine[2])
struct GradientCoefficients {
  BatchNormBackward op;
  bool needs_sums;
  __device__ void operator()(int64_t c, const Step& step) const {
    const int64_t features = op.features;
    const Slices slices = slices_of(step.rows * (op.size / features));
    const TwoSums total = needs_sums ? total_of(op.partial, features, c, slices.count) : TwoSums{0, 0};
    const double inverse = inverse_deviation(static_cast<double>(op.variance[c]), op.epsilon);
    const double gain = value_or(op.gamma, c, 1) * inverse, vectors = static_cast<double>(slices.vectors);
    const bool constant = op.constant_statistics || slices.vectors == 0;
    op.affine[c] = static_cast<float>(gain);
    op.affine[features + c] = constant ? 0.0f : static_cast<float>(-gain * inverse * inverse * total.second / vectors);
    op.affine[2 * features + c] = constant ? 0.0f : static_cast<float>(-gain * total.first / vectors);
    if (op.dgamma) op.dgamma[c] = static_cast<float>(total.second * inverse);
    if (op.dbeta) op.dbeta[c] = static_cast<float>(total.first);
  }
};

struct ApplyGradient {
  int64_t features;
  const float *affine, *dy, *x, *mean;
  float* dx;
  __device__ void operator()(int64_t i, const Step&) const {
    const int64_t c = i % features;
    const float through_statistics = fmaf(x[i] - mean[c], affine[features + c], affine[2 * features + c]);
    dx[i] = fmaf(dy[i], affine[c], through_statistics);
  }
};

void batch_norm_inference(const BatchNormInference& op, const Run& run) {
  for_each_element(fixed(op.features), run, AffineOfMoving{op});
  for_each_element(per_row(op.size), run, ApplyAffine{op.features, op.affine, op.x, op.y});
}

void batch_norm_forward(const BatchNormForward& op, const Run& run) {
  if (run.rows == 0) return;
  sum_over_batch(op.features, op.size, run, op.partial, Moments{op.x});
  for_each_element(fixed(op.features), run, AffineOfBatch{op});
  for_each_element(per_row(op.size), run, ApplyAffine{op.features, op.affine, op.x, op.y});
}

void batch_norm_backward(const BatchNormBackward& op, const Run& run) {
  const bool needs_sums = !op.constant_statistics || op.dgamma != nullptr || op.dbeta != nullptr;
  if (needs_sums) sum_over_batch(op.features, op.size, run, op.partial, GradientSums{op.dy, op.x, op.mean});
  for_each_element(fixed(op.features), run, GradientCoefficients{op, needs_sums});
  if (op.dx != nullptr)
    for_each_element(per_row(op.size), run, ApplyGradient{op.features, op.affine, op.dy, op.x, op.mean, op.dx});
}

}  // namespace

void add_batch_norm(KernelTable& table) {
  table.batch_norm_inference = batch_norm_inference;
  table.batch_norm_forward = batch_norm_forward;
  table.batch_norm_backward = batch_norm_backward;
}

}  // namespace pyconvnet::cuda
