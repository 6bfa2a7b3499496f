#pragma once

#include "cuda/softmax.h"

namespace pyconvnet::cuda {
namespace {

__device__ __forceinline__ float sigmoid(float x) {
  const float small = expf(-fabsf(x)), larger = 1.0f / (1.0f + small);  // never overflows
  return x < 0 ? small * larger : larger;
}

// The normal distribution function P(X <= x).
__device__ __forceinline__ float normal_distribution(float x) { return 0.5f * erfcf(-x * 0.707106781f); }

// In this order NaN stays NaN.
__device__ __forceinline__ float relu(float x) { return x <= 0 ? 0.0f : x; }

__device__ float activate(ActivationFunction function, float parameter, float x) {
  switch (function) {
    case ActivationFunction::relu: return relu(x);
    case ActivationFunction::sigmoid: return sigmoid(x);
    case ActivationFunction::tanh: return tanhf(x);
    case ActivationFunction::elu: return x > 0 ? x : parameter * expm1f(x);
    case ActivationFunction::leaky_relu: return x > 0 ? x : parameter * x;
    case ActivationFunction::gelu: return x * normal_distribution(x);
    case ActivationFunction::silu: return x * sigmoid(x);
    case ActivationFunction::softplus: return relu(x) + log1pf(expf(-fabsf(x)));
    case ActivationFunction::clipped_relu: {
      const float y = relu(x);
      return y > parameter ? parameter : y;
    }
    case ActivationFunction::softmax: break;  // no function of one element
  }
  return x;
}

// The derivative at an element, from y, or from x for gelu and silu, times d.
__device__ float through_activation(ActivationFunction function, float parameter, float d, float saved) {
  switch (function) {
    case ActivationFunction::relu: return saved > 0 ? d : 0.0f;
    case ActivationFunction::sigmoid: return d * (saved * (1.0f - saved));
    case ActivationFunction::tanh: return d * ((1.0f - saved) * (1.0f + saved));
    case ActivationFunction::elu: return saved > 0 ? d : d * (saved + parameter);  // y + alpha = alpha exp(x)
    case ActivationFunction::leaky_relu: return saved > 0 ? d : parameter * d;
    case ActivationFunction::gelu: {
      const float density = 0.398942280f * expf(-0.5f * saved * saved);  // 1 / sqrt(2 pi)
      return d * fmaf(saved, density, normal_distribution(saved));
    }
    case ActivationFunction::silu: return d * (sigmoid(saved) * fmaf(saved, sigmoid(-saved), 1.0f));
    case ActivationFunction::softplus: return -d * expm1f(-saved);  // sigmoid(x) = 1 - exp(-y)
    case ActivationFunction::clipped_relu: return saved > 0 && saved < parameter ? d : 0.0f;
    case ActivationFunction::softmax: break;
  }
  return d;
}

struct ActivateElement {
  ActivationFunction function;
  float parameter;
  const float* x;
  float* y;
  __device__ void operator()(int64_t i, const Step&) const { y[i] = activate(function, parameter, x[i]); }
};

struct ActivateBackward {
  ActivationFunction function;
  float parameter;
  const float *dy, *saved;
  float* dx;
  __device__ void operator()(int64_t i, const Step&) const {
    dx[i] = through_activation(function, parameter, dy[i], saved[i]);
  }
};

struct SoftmaxOfVector {
  int64_t features;
  const float* x;
  float* y;
  __device__ void operator()(int64_t vector, int lane, const Step&) const {
    const float* from = x + vector * features;
    const SoftmaxSum s = softmax_sum(from, features, lane);
    for (int64_t i = lane; i < features; i += 32) y[vector * features + i] = expf(from[i] - s.largest) / s.sum;
  }
};

// dx = y (dy - sum of dy y)
struct SoftmaxBackward {
  int64_t features;
  const float *dy, *y;
  float* dx;
  __device__ void operator()(int64_t vector, int lane, const Step&) const {
    const int64_t begin = vector * features, end = begin + features;
    float dot = 0;
    for (int64_t i = begin + lane; i < end; i += 32) dot = fmaf(dy[i], y[i], dot);
    dot = sum_of_warp(dot);
    for (int64_t i = begin + lane; i < end; i += 32) dx[i] = y[i] * (dy[i] - dot);
  }
};

void activation_forward(const ActivationForward& op, const Run& run) {
  const auto function = static_cast<ActivationFunction>(op.function);
  if (function == ActivationFunction::softmax)
    for_each_warp(per_row(op.size / op.features), run, SoftmaxOfVector{op.features, op.x, op.y});
  else
    for_each_element(per_row(op.size), run, ActivateElement{function, op.parameter, op.x, op.y});
}

void activation_backward(const ActivationBackward& op, const Run& run) {
  const auto function = static_cast<ActivationFunction>(op.function);
  if (function == ActivationFunction::softmax)
    for_each_warp(per_row(op.size / op.features), run, SoftmaxBackward{op.features, op.dy, op.saved, op.dx});
  else
    for_each_element(per_row(op.size), run, ActivateBackward{function, op.parameter, op.dy, op.saved, op.dx});
}

}  // namespace

void add_activation(KernelTable& table) {
  table.activation_forward = activation_forward;
  table.activation_backward = activation_backward;
}

}  // namespace pyconvnet::cuda
