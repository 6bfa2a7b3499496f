// Adam's step on a piece of a variable: alone, or behind the gradient that a fused kernel has just computed.
#pragma once

#include <cmath>

#include "cpu/kernels/parallel-inl.h"
#include "kernels/optimizer.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

struct AdamStep {
  Vec alpha, epsilon, fresh_m, fresh_v;

  AdamStep(const AdamRates& rates, const Run& run) {
    // Keras on TensorFlow rounds the betas to float32 here (not below): 1 - 0.999f is 1.3e-5 smaller than a thousandth.
    const double beta_1 = static_cast<float>(rates.beta_1), beta_2 = static_cast<float>(rates.beta_2);
    const double t = static_cast<double>(run.iteration + 1);
    const double length = run.learning_rate * std::sqrt(1.0 - std::pow(beta_2, t)) / (1.0 - std::pow(beta_1, t));
    alpha = broadcast(static_cast<float>(length)), epsilon = broadcast(rates.epsilon);
    fresh_m = broadcast(static_cast<float>(1.0 - rates.beta_1));
    fresh_v = broadcast(static_cast<float>(1.0 - rates.beta_2));
  }

  // Products and sums are rounded one by one, in Keras's order; the quotient as divide_closely does.
  void operator()(float* w_at, const float* gradient, float* m_at, float* v_at, int64_t lanes) const {
    const Vec g = load_lanes(gradient, lanes);
    Vec m = load_lanes(m_at, lanes), v = load_lanes(v_at, lanes);
    m = m + (g - m) * fresh_m;
    v = v + (g * g - v) * fresh_v;
    store_lanes(m_at, m, lanes);
    store_lanes(v_at, v, lanes);
    store_lanes(w_at, load_lanes(w_at, lanes) - divide_closely(m * alpha, sqrt(v) + epsilon), lanes);
  }
};

}  // namespace
}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
