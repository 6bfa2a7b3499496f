#pragma once

#include <cmath>

#include "cpu/kernels/sum-inl.h"
#include "kernels/kernel_list.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

// A few vectors are added in float, then in double.
inline double squares_of(const float* values, int64_t begin, int64_t end) {
  const int64_t step = 16 * Vec::kLanes;
  double sum = 0;
  for (int64_t i = begin; i < end; i += step) {
    Vec squares = zero();
    for_each_vector(i, i + step < end ? i + step : end, [&](int64_t k, int64_t lanes) {
      const Vec value = load_lanes(values + k, lanes);
      squares = squares + value * value;
    });
    sum += sum_lanes(squares);
  }
  return sum;
}

inline void sum_of_squares(const SumOfSquares& op, const Run& run) {
  const double before = op.before ? op.before[0] : 0.0;
  op.sum[0] = before + sum_pieces(*run.pool, op.size, kSquaresGrain, op.partial,
                                  [&](int64_t begin, int64_t end) { return squares_of(op.gradient, begin, end); });
}

// gradient = fn(gradient)
template <class F>
inline void change(float* gradient, int64_t size, const Run& run, const F& fn) {
  for_each_range(*run.pool, size, kSquaresGrain, [&](int64_t begin, int64_t end) {
    for_each_vector(begin, end, [&](int64_t i, int64_t lanes) {
      store_lanes(gradient + i, fn(load_lanes(gradient + i, lanes)), lanes);
    });
  });
}

inline void clip_by_value(const ClipByValue& op, const Run& run) {
  const Vec high = broadcast(op.limit), low = broadcast(-op.limit);
  // NaN is on neither side and stays.
  change(op.gradient, op.size, run, [&](Vec g) { return select(g > high, high, select(low > g, low, g)); });
}

inline float norm_of(const double* sum) { return std::sqrt(static_cast<float>(*sum)); }

inline void clip_by_norm(const ClipByNorm& op, const Run& run) {
  const float norm = norm_of(op.sum);
  // Written so that NaN wins.
  const Vec limit = broadcast(op.limit), divisor = broadcast(norm <= op.limit ? op.limit : norm);
  change(op.gradient, op.size, run, [&](Vec g) { return g * limit / divisor; });
}

inline void clip_by_global_norm(const ClipByGlobalNorm& op, const Run& run) {
  const float norm = norm_of(op.sum), inverse = 1.0f / norm, largest = static_cast<float>(1.0 / op.limit);
  const float clipped = static_cast<float>(op.limit) * (inverse < largest ? inverse : largest);
  const Vec scale = broadcast(clipped + (norm - norm));
  change(op.gradient, op.size, run, [&](Vec g) { return g * scale; });
}

}  // namespace

void add_clip(KernelTable& table) {
  table.sum_of_squares = sum_of_squares;
  table.clip_by_value = clip_by_value;
  table.clip_by_norm = clip_by_norm;
  table.clip_by_global_norm = clip_by_global_norm;
}

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
