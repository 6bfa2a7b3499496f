#pragma once

#include "cpu/kernels/adam-inl.h"
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
  const AdamStep step(op.rates, run);
  for_each_weight(op.size, run,
                  [&](int64_t i, int64_t lanes) { step(op.w + i, op.gradient + i, op.m + i, op.v + i, lanes); });
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

inline void decay_weights(const DecayWeights& op, const Run& run) {
  const Vec rate = broadcast(run.learning_rate), decay = broadcast(op.rate);
  for_each_weight(op.size, run, [&](int64_t i, int64_t lanes) {
    const Vec w = load_lanes(op.w + i, lanes);
    store_lanes(op.w + i, w - w * decay * rate, lanes);
  });
}

inline void average_weights(const AverageWeights& op, const Run& run) {
  const float kept = run.iteration == 0 ? 0.0f : op.momentum;
  const Vec momentum = broadcast(kept), fresh = broadcast(1.0f - kept);
  const bool overwrite = op.overwrite_frequency > 0 && (run.iteration + 1) % op.overwrite_frequency == 0;
  for_each_weight(op.size, run, [&](int64_t i, int64_t lanes) {
    const Vec average = momentum * load_lanes(op.average + i, lanes) + fresh * load_lanes(op.w + i, lanes);
    store_lanes(op.average + i, average, lanes);
    if (overwrite) store_lanes(op.w + i, average, lanes);
  });
}

}  // namespace

void add_optimizer(KernelTable& table) {
  table.sgd = sgd;
  table.adam = adam;
  table.rmsprop = rmsprop;
  table.decay_weights = decay_weights;
  table.average_weights = average_weights;
}

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
