#pragma once

#include <math.h>

#include "cpu/kernels/parallel-inl.h"
#include "kernels/kernel_list.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

// How the `vectors` rows of a batch (each of `features` channels) are cut for its sums: by the problem only.
struct Slices {
  int64_t vectors, length, count;
};
inline Slices slices_of(int64_t vectors) {
  const int64_t even = (vectors + kBatchNormSlices - 1) / kBatchNormSlices;
  const int64_t length = even < 16 ? 16 : even;
  return {vectors, length, (vectors + length - 1) / length};
}

// Two sums over the batch for each channel, term(row offset, channel, &first, &second), in double: for each
// slice, then the slices in their order. The totals end up in partial[0 .. 2 * features).
template <class F>
inline void sum_over_batch(ThreadPool& pool, const Slices& slices, int64_t features, double* partial, const F& term) {
  parallel_for(pool, slices.count, [&](int64_t slice, int) {
    double* __restrict first = partial + slice * 2 * features;
    double* __restrict second = first + features;
    for (int64_t c = 0; c < features; ++c) first[c] = second[c] = 0;
    const int64_t begin = slice * slices.length, limit = begin + slices.length;
    const int64_t end = limit < slices.vectors ? limit : slices.vectors;
    int64_t row = begin;
    for (; row + 2 <= end; row += 2) {  // two rows at a time: half the traffic of the sums
      for (int64_t c = 0; c < features; ++c) {
        double a0, a1, b0, b1;
        term(row * features, c, &a0, &b0);
        term((row + 1) * features, c, &a1, &b1);
        first[c] += a0 + a1;
        second[c] += b0 + b1;
      }
    }
    if (row == end) return;
    for (int64_t c = 0; c < features; ++c) {
      double a, b;
      term(row * features, c, &a, &b);
      first[c] += a;
      second[c] += b;
    }
  });
  for (int64_t slice = 1; slice < slices.count; ++slice)
    for (int64_t i = 0; i < 2 * features; ++i) partial[i] += partial[slice * 2 * features + i];
}

// fn(offset of the row, channel, lanes) over the whole batch, by vectors.
template <class F>
inline void for_each_channel_vector(ThreadPool& pool, int64_t vectors, int64_t features, const F& fn) {
  const int64_t grain = features < 16384 ? 16384 / features : 1;
  for_each_range(pool, vectors, grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      for_each_vector(0, features, [&](int64_t c, int64_t lanes) { fn(row * features, c, lanes); });
  });
}

// y = (x - shift) * scale + offset
inline void apply_affine(ThreadPool& pool, int64_t vectors, int64_t features, const float* affine, const float* x,
                         float* y) {
  const float *shift = affine, *scale = affine + features, *offset = affine + 2 * features;
  for_each_channel_vector(pool, vectors, features, [=](int64_t row, int64_t c, int64_t lanes) {
    const Vec centred = load_lanes(x + row + c, lanes) - load_lanes(shift + c, lanes);
    store_lanes(y + row + c, fma(centred, load_lanes(scale + c, lanes), load_lanes(offset + c, lanes)), lanes);
  });
}

inline double inverse_deviation(double variance, float epsilon) {
  return 1.0 / ::sqrt(variance + static_cast<double>(epsilon));
}
inline double value_or(const float* values, int64_t c, double otherwise) {
  return values != nullptr ? static_cast<double>(values[c]) : otherwise;
}

inline void batch_norm_inference(const BatchNormInference& op, const Run& run) {
  float *shift = op.affine, *scale = op.affine + op.features, *offset = op.affine + 2 * op.features;
  for (int64_t c = 0; c < op.features; ++c) {
    const double inverse = inverse_deviation(static_cast<double>(op.moving_variance[c]), op.epsilon);
    shift[c] = op.moving_mean[c];
    scale[c] = static_cast<float>(value_or(op.gamma, c, 1) * inverse);
    offset[c] = static_cast<float>(value_or(op.beta, c, 0));
  }
  apply_affine(*run.pool, run.rows * (op.size / op.features), op.features, op.affine, op.x, op.y);
}

inline void move_towards(float* moving, const float* batch, double momentum, int64_t features) {
  const float keep = static_cast<float>(momentum), take = static_cast<float>(1.0 - momentum);
  if (moving != nullptr)
    for (int64_t c = 0; c < features; ++c) moving[c] = moving[c] * keep + batch[c] * take;
}

inline void batch_norm_forward(const BatchNormForward& op, const Run& run) {
  const int64_t features = op.features, vectors = run.rows * (op.size / features);
  if (vectors == 0) return;
  const float* x = op.x;
  sum_over_batch(*run.pool, slices_of(vectors), features, op.partial,
                 [x](int64_t row, int64_t c, double* first, double* second) {
                   const double value = static_cast<double>(x[row + c]);
                   *first = value;
                   *second = value * value;
                 });
  float *shift = op.affine, *scale = op.affine + features, *offset = op.affine + 2 * features;
  for (int64_t c = 0; c < features; ++c) {
    const double mean = op.partial[c] / static_cast<double>(vectors);
    const double difference = op.partial[features + c] / static_cast<double>(vectors) - mean * mean;
    const double variance = difference < 0 ? 0 : difference;  // rounding may push it below zero
    const double gain = value_or(op.gamma, c, 1) * inverse_deviation(variance, op.epsilon);
    op.mean[c] = shift[c] = static_cast<float>(mean);
    op.variance[c] = static_cast<float>(variance);
    scale[c] = static_cast<float>(gain);
    // What rounding took from the mean comes back here: it shows where the mean is large beside the deviation.
    offset[c] = static_cast<float>(value_or(op.beta, c, 0) + (static_cast<double>(shift[c]) - mean) * gain);
  }
  move_towards(op.moving_mean, op.mean, op.momentum, features);
  move_towards(op.moving_variance, op.variance, op.momentum, features);
  apply_affine(*run.pool, vectors, features, op.affine, x, op.y);
}

inline void batch_norm_backward(const BatchNormBackward& op, const Run& run) {
  const int64_t features = op.features, vectors = run.rows * (op.size / features);
  const float *x = op.x, *dy = op.dy, *mean = op.mean;
  for (int64_t i = 0; i < 2 * features; ++i) op.partial[i] = 0;
  if (!op.constant_statistics || op.dgamma != nullptr || op.dbeta != nullptr)
    sum_over_batch(*run.pool, slices_of(vectors), features, op.partial,
                   [=](int64_t row, int64_t c, double* first, double* second) {
                     const double d = static_cast<double>(dy[row + c]);
                     *first = d;
                     *second = d * (static_cast<double>(x[row + c]) - static_cast<double>(mean[c]));
                   });
  float *gain = op.affine, *slope = op.affine + features, *offset = op.affine + 2 * features;
  for (int64_t c = 0; c < features; ++c) {
    const double inverse = inverse_deviation(static_cast<double>(op.variance[c]), op.epsilon);
    const double sum_dy = op.partial[c], sum_dy_normal = op.partial[features + c] * inverse;
    if (op.dbeta != nullptr) op.dbeta[c] = static_cast<float>(sum_dy);
    if (op.dgamma != nullptr) op.dgamma[c] = static_cast<float>(sum_dy_normal);
    const double a = value_or(op.gamma, c, 1) * inverse;
    gain[c] = static_cast<float>(a);
    slope[c] = static_cast<float>(-a * inverse * sum_dy_normal / static_cast<double>(vectors));
    offset[c] = static_cast<float>(-a * sum_dy / static_cast<double>(vectors));
  }
  if (op.dx == nullptr) return;
  float* dx = op.dx;
  if (op.constant_statistics)
    for_each_channel_vector(*run.pool, vectors, features, [=](int64_t row, int64_t c, int64_t lanes) {
      store_lanes(dx + row + c, load_lanes(dy + row + c, lanes) * load_lanes(gain + c, lanes), lanes);
    });
  else
    for_each_channel_vector(*run.pool, vectors, features, [=](int64_t row, int64_t c, int64_t lanes) {
      const Vec centred = load_lanes(x + row + c, lanes) - load_lanes(mean + c, lanes);
      const Vec through_statistics = fma(centred, load_lanes(slope + c, lanes), load_lanes(offset + c, lanes));
      store_lanes(dx + row + c, fma(load_lanes(dy + row + c, lanes), load_lanes(gain + c, lanes), through_statistics),
                  lanes);
    });
}

}  // namespace

void add_batch_norm(KernelTable& table) {
  table.batch_norm_inference = batch_norm_inference;
  table.batch_norm_forward = batch_norm_forward;
  table.batch_norm_backward = batch_norm_backward;
}

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
