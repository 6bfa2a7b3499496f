#pragma once

#include "cuda/sum.h"

namespace pyconvnet::cuda {
namespace {

struct Square {
  const float* values;
  __device__ double operator()(int64_t i) const { return static_cast<double>(values[i]) * values[i]; }
};

struct StoreSum {
  const double* before;
  double* sum;
  __device__ void operator()(double squares, const Step&) const { *sum = (before ? *before : 0.0) + squares; }
};

struct ClipByValueElement {
  float limit;
  float* gradient;
  __device__ void operator()(int64_t i, const Step&) const {
    const float g = gradient[i];  // NaN is on neither side and stays
    gradient[i] = g > limit ? limit : (g < -limit ? -limit : g);
  }
};

__device__ __forceinline__ float norm_of(const double* sum) { return sqrtf(static_cast<float>(*sum)); }

struct ClipByNormElement {
  float limit;
  float* gradient;
  const double* sum;
  __device__ void operator()(int64_t i, const Step&) const {
    const float norm = norm_of(sum);
    gradient[i] = gradient[i] * limit / (norm <= limit ? limit : norm);  // written so that NaN wins
  }
};

struct ClipByGlobalNormElement {
  float limit, largest;
  float* gradient;
  const double* sum;
  __device__ void operator()(int64_t i, const Step&) const {
    const float norm = norm_of(sum), inverse = 1.0f / norm;
    gradient[i] *= limit * (inverse < largest ? inverse : largest) + (norm - norm);
  }
};

void sum_of_squares(const SumOfSquares& op, const Run& run) {
  sum_elements(fixed(op.size), kSquaresGrain, op.partial, run, Square{op.gradient}, StoreSum{op.before, op.sum});
}

void clip_by_value(const ClipByValue& op, const Run& run) {
  for_each_element(fixed(op.size), run, ClipByValueElement{op.limit, op.gradient});
}

void clip_by_norm(const ClipByNorm& op, const Run& run) {
  for_each_element(fixed(op.size), run, ClipByNormElement{op.limit, op.gradient, op.sum});
}

void clip_by_global_norm(const ClipByGlobalNorm& op, const Run& run) {
  for_each_element(
      fixed(op.size), run,
      ClipByGlobalNormElement{static_cast<float>(op.limit), static_cast<float>(1.0 / op.limit), op.gradient, op.sum});
}

}  // namespace

void add_clip(KernelTable& table) {
  table.sum_of_squares = sum_of_squares;
  table.clip_by_value = clip_by_value;
  table.clip_by_norm = clip_by_norm;
  table.clip_by_global_norm = clip_by_global_norm;
}

}  // namespace pyconvnet::cuda
