#pragma once

#include "cuda/adam.h"

namespace pyconvnet::cuda {
namespace {

// Products and sums are rounded one by one, in Keras's order.

struct SgdElement {
  float momentum;
  bool nesterov;
  float* w;
  const float* gradient;
  float* velocity;
  __device__ void operator()(int64_t i, const Step& step) const {
    const float change = gradient[i] * step.learning_rate;
    if (momentum == 0) {
      w[i] = w[i] - change;
      return;
    }
    const float moved = velocity[i] * momentum - change;
    velocity[i] = moved;
    w[i] = w[i] + (nesterov ? moved * momentum - change : moved);
  }
};

struct RmspropElement {
  float rho, fresh, momentum, epsilon;
  float* w;
  const float* gradient;
  float *velocity, *momentum_buffer;
  __device__ void operator()(int64_t i, const Step& step) const {
    const float g = gradient[i], moved = rho * velocity[i] + fresh * (g * g);
    velocity[i] = moved;
    float change = step.learning_rate * g / sqrtf(moved + epsilon);
    if (momentum != 0) momentum_buffer[i] = change = momentum * momentum_buffer[i] + change;
    w[i] = w[i] - change;
  }
};

struct DecayElement {
  float rate;
  float* w;
  __device__ void operator()(int64_t i, const Step& step) const { w[i] = w[i] - w[i] * rate * step.learning_rate; }
};

struct AverageElement {
  float momentum;
  int64_t overwrite_frequency;
  float *w, *average;
  __device__ void operator()(int64_t i, const Step& step) const {
    const float kept = step.iteration == 0 ? 0.0f : momentum;
    const float moved = kept * average[i] + (1.0f - kept) * w[i];
    average[i] = moved;
    if (overwrite_frequency > 0 && (step.iteration + 1) % overwrite_frequency == 0) w[i] = moved;
  }
};

void sgd(const Sgd& op, const Run& run) {
  for_each_element(fixed(op.size), run, SgdElement{op.momentum, op.nesterov, op.w, op.gradient, op.velocity});
}

// A grid of its own: the step's length is worked out once for each block.
__global__ void __launch_bounds__(kThreads)
    adam_elements(int64_t size, AdamRates rates, const Step* __restrict__ now, float* __restrict__ w,
                  const float* __restrict__ gradient, float* __restrict__ m, float* __restrict__ v) {
  const Step step = *now;
  const AdamStep move = adam_step_of_block(rates, step);
  const int64_t stride = int64_t{gridDim.x} * kThreads;
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < size; i += stride)
    move(w[i], gradient[i], m[i], v[i]);
}

void adam(const Adam& op, const Run& run) {
  if (op.size == 0) return;
  constexpr int64_t kElements = 4 * kThreads;  // of a block: they share the length of the step
  const dim3 grid(static_cast<unsigned>((op.size + kElements - 1) / kElements));
  launch(adam_elements, grid, dim3(kThreads), 0, run, op.size, op.rates, step_of(run), op.w, op.gradient, op.m, op.v);
}

void rmsprop(const Rmsprop& op, const Run& run) {
  for_each_element(fixed(op.size), run,
                   RmspropElement{static_cast<float>(op.rho), static_cast<float>(1.0 - op.rho), op.momentum, op.epsilon,
                                  op.w, op.gradient, op.velocity, op.momentum_buffer});
}

void decay_weights(const DecayWeights& op, const Run& run) {
  for_each_element(fixed(op.size), run, DecayElement{op.rate, op.w});
}

void average_weights(const AverageWeights& op, const Run& run) {
  for_each_element(fixed(op.size), run, AverageElement{op.momentum, op.overwrite_frequency, op.w, op.average});
}

}  // namespace

void add_optimizer(KernelTable& table) {
  table.sgd = sgd;
  table.adam = adam;
  table.rmsprop = rmsprop;
  table.decay_weights = decay_weights;
  table.average_weights = average_weights;
}

}  // namespace pyconvnet::cuda
