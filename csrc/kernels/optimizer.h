// One optimizer step on one variable. The learning rate and the step's number come with the run. Shares near 1 are
// double: 1 - 0.999f is off by a hundred-thousandth.
#pragma once

#include "kernels/run.h"
#include "kernels/visit.h"

namespace pyconvnet {

// velocity = momentum * velocity - lr * g;  w += velocity, or momentum * velocity - lr * g with Nesterov.
struct Sgd {
  int64_t size;
  float momentum;
  bool nesterov;
  float* w;               // [size]
  const float* gradient;  // [size]
  float* velocity;        // [size]; only with momentum

  template <class Visitor>
  void visit(Visitor& v) {
    v.non_negative("size", size), v.attribute("momentum", momentum), v.attribute("nesterov", nesterov);
    v.update("w", w, fixed(size));
    v.input("gradient", gradient, fixed(size));
    if (momentum != 0) v.update("velocity", velocity, fixed(size));
  }
};

// m += (g - m) (1 - beta_1);  v += (g^2 - v) (1 - beta_2);  w -= alpha m / (sqrt(v) + epsilon)
// with alpha = lr sqrt(1 - beta_2^t) / (1 - beta_1^t) at step t = 1, 2, ..., of betas rounded to float32 as in Keras.
struct AdamRates {
  double beta_1, beta_2;
  float epsilon;

  template <class Visitor>
  void visit(Visitor& v) {
    v.attribute("beta_1", beta_1), v.attribute("beta_2", beta_2), v.attribute("epsilon", epsilon);
  }
};

struct Adam {
  int64_t size;
  AdamRates rates;
  float* w;               // [size]
  const float* gradient;  // [size]
  float* m;               // [size]
  float* v;               // [size]

  template <class Visitor>
  void visit(Visitor& visitor) {
    visitor.non_negative("size", size), rates.visit(visitor);
    visitor.update("w", w, fixed(size));
    visitor.input("gradient", gradient, fixed(size));
    visitor.update("m", m, fixed(size));
    visitor.update("v", v, fixed(size));
  }
};

// velocity = rho velocity + (1 - rho) g^2;  step = lr g / sqrt(velocity + epsilon);  w -= step, or with momentum
// momentum_buffer = momentum momentum_buffer + step;  w -= momentum_buffer.
struct Rmsprop {
  int64_t size;
  double rho;
  float momentum, epsilon;
  float* w;                // [size]
  const float* gradient;   // [size]
  float* velocity;         // [size]
  float* momentum_buffer;  // [size]; only with momentum

  template <class Visitor>
  void visit(Visitor& v) {
    v.non_negative("size", size), v.attribute("rho", rho);
    v.attribute("momentum", momentum), v.attribute("epsilon", epsilon);
    v.update("w", w, fixed(size));
    v.input("gradient", gradient, fixed(size));
    v.update("velocity", velocity, fixed(size));
    if (momentum != 0) v.update("momentum_buffer", momentum_buffer, fixed(size));
  }
};

// w -= w * rate * lr, before the step itself (decoupled weight decay, AdamW).
struct DecayWeights {
  int64_t size;
  float rate;
  float* w;  // [size]

  template <class Visitor>
  void visit(Visitor& v) {
    v.non_negative("size", size), v.attribute("rate", rate);
    v.update("w", w, fixed(size));
  }
};

// average = momentum average + (1 - momentum) w, behind the step; the first step's average is w. After every
// `overwrite_frequency` steps (0: never) the weights become their average.
struct AverageWeights {
  int64_t size, overwrite_frequency;
  float momentum;
  float* w;        // [size]
  float* average;  // [size]

  template <class Visitor>
  void visit(Visitor& v) {
    v.non_negative("size", size), v.non_negative("overwrite_frequency", overwrite_frequency);
    v.attribute("momentum", momentum);
    v.update("w", w, fixed(size));
    v.update("average", average, fixed(size));
  }
};

}  // namespace pyconvnet
