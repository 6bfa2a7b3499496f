#pragma once

#include "cuda/sum.h"

namespace pyconvnet::cuda {
namespace {

struct PenaltyOfElement {
  const float* w;
  double l1, l2;
  __device__ double operator()(int64_t i) const {
    const double value = w[i];
    return l1 * fabs(value) + l2 * (value * value);
  }
};

struct AddToPenalty {
  double* penalty;
  bool for_each_row;  // the penalty of a row
  __device__ void operator()(double sum, const Step& step) const {
    *penalty += for_each_row ? sum / static_cast<double>(step.rows) : sum;
  }
};

// gradient += l1 * sign(w) + 2 * l2 * w
struct PenaltyGradient {
  const float* w;
  float l1, l2;
  bool for_each_row;
  float* gradient;
  __device__ void operator()(int64_t i, const Step& step) const {
    const float rows = for_each_row ? static_cast<float>(step.rows) : 1.0f;
    const float value = w[i], sign = value > 0 ? l1 / rows : (value < 0 ? -l1 / rows : 0.0f);
    gradient[i] = gradient[i] + (sign + 2.0f * (l2 / rows) * value);
  }
};

struct BookPenalty {
  double *penalty, *sums;
  __device__ void operator()(int64_t, const Step& step) const {
    sums[0] += *penalty * static_cast<double>(step.rows);
    *penalty = 0;
  }
};

void l1_l2(const L1L2& op, const Run& run) {
  sum_elements(fixed(op.size), kPenaltyGrain, op.partial, run, PenaltyOfElement{op.w, op.l1, op.l2},
               AddToPenalty{op.penalty, false});
}

void l1_l2_backward(const L1L2Backward& op, const Run& run) {
  for_each_element(fixed(op.size), run, PenaltyGradient{op.w, op.l1, op.l2, false, op.gradient});
}

void activity_l1_l2(const ActivityL1L2& op, const Run& run) {
  if (run.rows == 0) return;
  sum_elements(per_row(op.size), kPenaltyGrain, op.partial, run, PenaltyOfElement{op.y, op.l1, op.l2},
               AddToPenalty{op.penalty, true});
}

void activity_l1_l2_backward(const ActivityL1L2Backward& op, const Run& run) {
  for_each_element(per_row(op.size), run, PenaltyGradient{op.y, op.l1, op.l2, true, op.dy});
}

void add_penalty(const AddPenalty& op, const Run& run) {
  for_each_element(fixed(1), run, BookPenalty{op.penalty, op.sums});
}

}  // namespace

void add_regularizer(KernelTable& table) {
  table.l1_l2 = l1_l2;
  table.l1_l2_backward = l1_l2_backward;
  table.activity_l1_l2 = activity_l1_l2;
  table.activity_l1_l2_backward = activity_l1_l2_backward;
  table.add_penalty = add_penalty;
}

}  // namespace pyconvnet::cuda
