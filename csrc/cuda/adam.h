// Adam's step on a weight: alone, or behind the gradient that a fused kernel has just computed.
#pragma once

#include "cuda/grid.h"

namespace pyconvnet::cuda {

struct AdamStep {
  float alpha, epsilon, fresh_m, fresh_v;

  // Products and sums are rounded one by one, in Keras's order.
  __device__ __forceinline__ void operator()(float& w, float g, float& m, float& v) const {
    const float new_m = m + (g - m) * fresh_m, new_v = v + (g * g - v) * fresh_v;
    m = new_m;
    v = new_v;
    w = w - new_m * alpha / (sqrtf(new_v) + epsilon);
  }
};

// All threads of the block take part: one works the length of the step out, in double, for all.
__device__ inline AdamStep adam_step_of_block(const AdamRates& rates, const Step& step) {
  struct Shared {
    AdamStep step;
  };
  Shared& shared = shared_memory<Shared>();
  if (threadIdx.x == 0) {
    // Keras on TensorFlow rounds the betas to float32 here (not below): 1 - 0.999f is 1.3e-5 smaller than a thousandth.
    const double beta_1 = static_cast<float>(rates.beta_1), beta_2 = static_cast<float>(rates.beta_2);
    const double t = static_cast<double>(step.iteration + 1);
    const double length = step.learning_rate * sqrt(1.0 - pow(beta_2, t)) / (1.0 - pow(beta_1, t));
    shared.step = {static_cast<float>(length), rates.epsilon, static_cast<float>(1.0 - rates.beta_1),
                   static_cast<float>(1.0 - rates.beta_2)};
  }
  __syncthreads();
  return shared.step;
}

}  // namespace pyconvnet::cuda
