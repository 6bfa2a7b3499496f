#pragma once

#include "cpu/kernels/exp-inl.h"
#include "cpu/kernels/parallel-inl.h"
#include "kernels/kernel_list.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

constexpr int64_t kActivationGrain = 8192;  // elements of a task

// y[i] = fn(x[i]) by vectors.
template <class F>
inline void map(const Run& run, int64_t size, const float* x, float* y, const F& fn) {
  for_each_range(*run.pool, size, kActivationGrain, [&](int64_t begin, int64_t end) {
    for_each_vector(begin, end,
                    [&](int64_t i, int64_t lanes) { store_lanes(y + i, fn(load_lanes(x + i, lanes)), lanes); });
  });
}

// dx[i] = fn(dy[i], saved[i]) by vectors.
template <class F>
inline void map(const Run& run, int64_t size, const float* dy, const float* saved, float* dx, const F& fn) {
  for_each_range(*run.pool, size, kActivationGrain, [&](int64_t begin, int64_t end) {
    for_each_vector(begin, end, [&](int64_t i, int64_t lanes) {
      store_lanes(dx + i, fn(load_lanes(dy + i, lanes), load_lanes(saved + i, lanes)), lanes);
    });
  });
}

// fn(offset) for every last axis of the batch, some at a time.
template <class F>
inline void for_each_last_axis(const Run& run, int64_t size, int64_t features, const F& fn) {
  const int64_t grain = features < kActivationGrain ? kActivationGrain / features : 1;
  for_each_range(*run.pool, size / features, grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) fn(row * features);
  });
}

// exp(x) / sum of exp(x)
inline void softmax(const float* x, float* y, int64_t features) {
  const Vec scale = broadcast(static_cast<float>(1.0 / softmax_exps(x, features, y).sum));
  for_each_vector(0, features,
                  [&](int64_t i, int64_t lanes) { store_lanes(y + i, load_lanes(y + i, lanes) * scale, lanes); });
}

// dx = y (dy - sum of dy y)
inline void softmax_backward(const float* dy, const float* y, float* dx, int64_t features) {
  double dot = 0;
  for (int64_t i = 0; i < features; ++i) dot += static_cast<double>(dy[i]) * static_cast<double>(y[i]);
  const Vec common = broadcast(static_cast<float>(dot));
  for_each_vector(0, features, [&](int64_t i, int64_t lanes) {
    store_lanes(dx + i, load_lanes(y + i, lanes) * (load_lanes(dy + i, lanes) - common), lanes);
  });
}

inline void activation_forward(const ActivationForward& op, const Run& run) {
  const int64_t size = run.rows * op.size;
  const float* x = op.x;
  float* y = op.y;
  const Vec parameter = broadcast(op.parameter);
  switch (static_cast<ActivationFunction>(op.function)) {
    case ActivationFunction::relu:
      return map(run, size, x, y, [](Vec a) { return max(zero(), a); });  // in this order NaN stays NaN
    case ActivationFunction::sigmoid: return map(run, size, x, y, [](Vec a) { return sigmoid(a).value; });
    case ActivationFunction::tanh: return map(run, size, x, y, [](Vec a) { return hyperbolic_tangent(a); });
    case ActivationFunction::softmax:
      return for_each_last_axis(run, size, op.features,
                                [&](int64_t offset) { softmax(x + offset, y + offset, op.features); });
    case ActivationFunction::elu:
      return map(run, size, x, y,
                 [=](Vec a) { return select(a > zero(), a, parameter * expm1_of_negative(min(zero(), a))); });
    case ActivationFunction::leaky_relu:
      return map(run, size, x, y, [=](Vec a) { return select(a > zero(), a, parameter * a); });
    case ActivationFunction::gelu: return map(run, size, x, y, [](Vec a) { return a * normal(a).distribution; });
    case ActivationFunction::silu: return map(run, size, x, y, [](Vec a) { return a * sigmoid(a).value; });
    case ActivationFunction::softplus:
      return map(run, size, x, y,
                 [](Vec a) { return max(zero(), a) + log1p_of_unit(exp_of_negative(zero() - absolute(a))); });
    case ActivationFunction::clipped_relu:
      return map(run, size, x, y, [=](Vec a) { return min(parameter, max(zero(), a)); });
  }
}

// saved: y, or x for gelu and silu.
inline void activation_backward(const ActivationBackward& op, const Run& run) {
  const int64_t size = run.rows * op.size;
  const float *dy = op.dy, *saved = op.saved;
  float* dx = op.dx;
  const Vec parameter = broadcast(op.parameter), one = broadcast(1.0f);
  switch (static_cast<ActivationFunction>(op.function)) {
    case ActivationFunction::relu:
      return map(run, size, dy, saved, dx, [](Vec d, Vec y) { return select(y > zero(), d, zero()); });
    case ActivationFunction::sigmoid:
      return map(run, size, dy, saved, dx, [=](Vec d, Vec y) { return d * (y * (one - y)); });
    case ActivationFunction::tanh:
      return map(run, size, dy, saved, dx, [=](Vec d, Vec y) { return d * ((one - y) * (one + y)); });
    case ActivationFunction::softmax:
      return for_each_last_axis(run, size, op.features, [&](int64_t offset) {
        softmax_backward(dy + offset, saved + offset, dx + offset, op.features);
      });
    case ActivationFunction::elu:  // y + alpha = alpha exp(x)
      return map(run, size, dy, saved, dx, [=](Vec d, Vec y) { return select(y > zero(), d, d * (y + parameter)); });
    case ActivationFunction::leaky_relu:
      return map(run, size, dy, saved, dx, [=](Vec d, Vec y) { return select(y > zero(), d, parameter * d); });
    case ActivationFunction::gelu:
      return map(run, size, dy, saved, dx, [](Vec d, Vec x) {
        const Normal n = normal(x);
        return d * fma(x, n.density, n.distribution);
      });
    case ActivationFunction::silu:
      return map(run, size, dy, saved, dx, [=](Vec d, Vec x) {
        const Sigmoid s = sigmoid(x);
        return d * (s.value * fma(x, s.complement, one));
      });
    case ActivationFunction::softplus:  // sigmoid(x) = 1 - exp(-y)
      return map(run, size, dy, saved, dx, [](Vec d, Vec y) { return zero() - d * expm1_of_negative(zero() - y); });
    case ActivationFunction::clipped_relu:
      return map(run, size, dy, saved, dx,
                 [=](Vec d, Vec y) { return select(y > zero(), select(parameter > y, d, zero()), zero()); });
  }
}

}  // namespace

void add_activation(KernelTable& table) {
  table.activation_forward = activation_forward;
  table.activation_backward = activation_backward;
}

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
