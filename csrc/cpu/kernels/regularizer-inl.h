#pragma once

#include "cpu/kernels/sum-inl.h"
#include "kernels/kernel_list.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

// l1 * sum of |w| + l2 * sum of w^2 over [begin, end): a few vectors in float, then double.
inline double penalty_of(const float* w, int64_t begin, int64_t end, float l1, float l2) {
  const int64_t step = 16 * Vec::kLanes;
  double absolute = 0, squared = 0;
  for (int64_t i = begin; i < end; i += step) {
    Vec sum_absolute = zero(), sum_squared = zero();
    for_each_vector(i, i + step < end ? i + step : end, [&](int64_t k, int64_t lanes) {
      const Vec value = load_lanes(w + k, lanes);
      sum_absolute = sum_absolute + max(value, zero() - value);
      sum_squared = sum_squared + value * value;
    });
    absolute += sum_lanes(sum_absolute);
    squared += sum_lanes(sum_squared);
  }
  return l1 * absolute + l2 * squared;
}

inline double total_penalty(const float* w, int64_t size, float l1, float l2, double* partial, const Run& run) {
  return sum_pieces(*run.pool, size, kPenaltyGrain, partial,
                    [&](int64_t begin, int64_t end) { return penalty_of(w, begin, end, l1, l2); });
}

// gradient += l1 * sign(w) + 2 * l2 * w
inline void add_gradient(const float* w, int64_t size, float l1, float l2, float* gradient, const Run& run) {
  const Vec positive = broadcast(l1), negative = broadcast(-l1), slope = broadcast(2.0f * l2);
  for_each_range(*run.pool, size, kPenaltyGrain, [&](int64_t begin, int64_t end) {
    for_each_vector(begin, end, [&](int64_t i, int64_t lanes) {
      const Vec value = load_lanes(w + i, lanes);
      const Vec sign = select(value > zero(), positive, select(zero() > value, negative, zero()));
      store_lanes(gradient + i, load_lanes(gradient + i, lanes) + (sign + slope * value), lanes);
    });
  });
}

inline void l1_l2(const L1L2& op, const Run& run) {
  op.penalty[0] += total_penalty(op.w, op.size, op.l1, op.l2, op.partial, run);
}

inline void l1_l2_backward(const L1L2Backward& op, const Run& run) {
  add_gradient(op.w, op.size, op.l1, op.l2, op.gradient, run);
}

inline void activity_l1_l2(const ActivityL1L2& op, const Run& run) {
  if (run.rows == 0) return;
  const double total = total_penalty(op.y, run.rows * op.size, op.l1, op.l2, op.partial, run);
  op.penalty[0] += total / static_cast<double>(run.rows);
}

inline void activity_l1_l2_backward(const ActivityL1L2Backward& op, const Run& run) {
  const float rows = static_cast<float>(run.rows);
  add_gradient(op.y, run.rows * op.size, op.l1 / rows, op.l2 / rows, op.dy, run);
}

inline void add_penalty(const AddPenalty& op, const Run& run) {
  op.sums[0] += op.penalty[0] * static_cast<double>(run.rows);
  op.penalty[0] = 0;
}

}  // namespace

void add_regularizer(KernelTable& table) {
  table.l1_l2 = l1_l2;
  table.l1_l2_backward = l1_l2_backward;
  table.activity_l1_l2 = activity_l1_l2;
  table.activity_l1_l2_backward = activity_l1_l2_backward;
  table.add_penalty = add_penalty;
}

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
