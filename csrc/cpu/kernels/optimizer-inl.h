#pragma once

#include <cmath>

#include "cpu/kernels/parallel-inl.h"
#include "kernels/kernel_list.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

// Calls fn(i, lanes) over a variable. These kernels wait for memory; a small variable is not worth waking anybody.
template <class F>
inline void for_each_weight(int64_t size, const Run& run, const F& fn) {
  for_each_range(*run.pool, size, 32768, [&](int64_t begin, int64_t end) { for_each_vector(begin, end, fn); });
}

// Products and sums are rounded one by one, in Keras's order.

inline void sgd(const Sgd& op, const Run& run) {
  const Vec rate = broadcast(run.learning_rate), momentum = broadcast(op.momentum);
  if (op.momentum == 0) {
    for_each_weight(op.size, run, [&](int64_t i, int64_t lanes) {
      store_lanes(op.w + i, load_lanes(op.w + i, lanes) - load_lanes(op.gradient + i, lanes) * rate, lanes);
    });
    return;
  }
  for_each_weight(op.size, run, [&](int64_t i, int64_t lanes) {
    const Vec step = load_lanes(op.gradient + i, lanes) * rate;
    const Vec velocity = load_lanes(op.velocity + i, lanes) * momentum - step;
    store_lanes(op.velocity + i, velocity, lanes);
    store_lanes(op.w + i, load_lanes(op.w + i, lanes) + (op.nesterov ? velocity * momentum - step : velocity), lanes);
  });
}

inline void adam(const Adam& op, const Run& run) {
  // Keras on TensorFlow rounds the betas to float32 here (not below): 1 - 0.999f is 1.3e-5 smaller than a thousandth.
  const double beta_1 = static_cast<float>(op.beta_1), beta_2 = static_cast<float>(op.beta_2);
  const double t = static_cast<double>(run.iteration + 1);
  const double alpha = run.learning_rate * std::sqrt(1.0 - std::pow(beta_2, t)) / (1.0 - std::pow(beta_1, t));
  const Vec step = broadcast(static_cast<float>(alpha)), epsilon = broadcast(op.epsilon);
  const Vec fresh_m = broadcast(static_cast<float>(1.0 - op.beta_1));
  const Vec fresh_v = broadcast(static_cast<float>(1.0 - op.beta_2));
  for_each_weight(op.size, run, [&](int64_t i, int64_t lanes) {
    const Vec g = load_lanes(op.gradient + i, lanes);
    Vec m = load_lanes(op.m + i, lanes), v = load_lanes(op.v + i, lanes);
    m = m + (g - m) * fresh_m;
    v = v + (g * g - v) * fresh_v;
    store_lanes(op.m + i, m, lanes);
    store_lanes(op.v + i, v, lanes);
    store_lanes(op.w + i, load_lanes(op.w + i, lanes) - m * step / (sqrt(v) + epsilon), lanes);
  });
}

inline void rmsprop(const Rmsprop& op, const Run& run) {
  const Vec rate = broadcast(run.learning_rate), momentum = broadcast(op.momentum), epsilon = broadcast(op.epsilon);
  const Vec rho = broadcast(static_cast<float>(op.rho)), fresh = broadcast(static_cast<float>(1.0 - op.rho));
  for_each_weight(op.size, run, [&](int64_t i, int64_t lanes) {
    const Vec g = load_lanes(op.gradient + i, lanes);
    const Vec velocity = rho * load_lanes(op.velocity + i, lanes) + fresh * (g * g);
    store_lanes(op.velocity + i, velocity, lanes);
    Vec step = rate * g / sqrt(velocity + epsilon);
    if (op.momentum != 0) {
      step = momentum * load_lanes(op.momentum_buffer + i, lanes) + step;
      store_lanes(op.momentum_buffer + i, step, lanes);
    }
    store_lanes(op.w + i, load_lanes(op.w + i, lanes) - step, lanes);
  });
}

}  // namespace

void add_optimizer(KernelTable& table) {
  table.sgd = sgd;
  table.adam = adam;
  table.rmsprop = rmsprop;
}

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
