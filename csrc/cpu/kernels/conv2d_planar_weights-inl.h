// The gradient of few filters: x and dy as planes, a vector of sums for each weight. See PlanarGeometry.
#pragma once

#include "cpu/kernels/conv2d_planar-inl.h"
#include "cpu/kernels/kernel_gradient-inl.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

// Sums of so many taps and filters fit the registers beside a vector of each filter's dy.
constexpr int kSumTaps = Vec::kRegisters == 32 ? 4 : 3;
constexpr int kSumFilters = Vec::kRegisters == 32 ? 6 : 3;

// sums[tap, filter] += x seen through the tap * dy, lane by lane, over `positions` and up to the next whole vector,
// where dy is zero.
template <int kTaps, int kFilters>
[[gnu::noinline]] void sum_products(const float* image, const int64_t* offsets, const float* dy, int64_t dy_step,
                                    int64_t positions, float* sums, int64_t sums_step) {
  Vec sum[kTaps][kFilters];
#pragma GCC unroll 4
  for (int t = 0; t < kTaps; ++t)
#pragma GCC unroll 8
    for (int f = 0; f < kFilters; ++f) sum[t][f] = load(sums + t * sums_step + f * Vec::kLanes);
  const float* seen[kTaps];
#pragma GCC unroll 4
  for (int t = 0; t < kTaps; ++t) seen[t] = image + offsets[t];
  for (int64_t at = 0; at < positions; at += Vec::kLanes) {
    Vec gradient[kFilters];
#pragma GCC unroll 8
    for (int f = 0; f < kFilters; ++f) gradient[f] = load(dy + f * dy_step + at);
#pragma GCC unroll 4
    for (int t = 0; t < kTaps; ++t) {
      const Vec x = load(seen[t] + at);
#pragma GCC unroll 8
      for (int f = 0; f < kFilters; ++f) sum[t][f] = fma(x, gradient[f], sum[t][f]);
    }
  }
#pragma GCC unroll 4
  for (int t = 0; t < kTaps; ++t)
#pragma GCC unroll 8
    for (int f = 0; f < kFilters; ++f) store(sums + t * sums_step + f * Vec::kLanes, sum[t][f]);
}

// All taps and filters over one strip. The bias is a tap that sees ones.
inline void sum_strip(const PlanarGeometry& p, const PlanarScratch& s, int64_t taps, int64_t positions) {
  const int64_t c_out = p.conv.c_out, sums_step = c_out * Vec::kLanes;
  in_pieces<kSumFilters>(c_out, [&](int64_t filter, auto filters) {
    in_pieces<kSumTaps>(taps, [&](int64_t tap, auto few) {
      sum_products<few, filters>(s.image, s.offsets + tap, s.map + filter * p.map_step, p.map_step, positions,
                                 s.sums + tap * sums_step + filter * Vec::kLanes, sums_step);
    });
  });
}

// Two rows of the planes of dy, at `map`, from one row of the gradient behind 2x2 max pooling. What lies in no window
// stays as it is.
inline void unpool_planes(const PlanarGeometry& p, const PooledGradient& row, float* winners, float* map) {
  const int64_t c_out = p.conv.c_out, pooled_w = p.conv.ow / 2;
  for_each_vector(0, pooled_w * c_out, [&](int64_t i, int64_t lanes) {
    store_lanes(winners + i, load_index(row.argmax + i, lanes), lanes);
  });
  for_each_vector(0, pooled_w, [&](int64_t ox, int64_t windows) {
    Vec gradient[Vec::kLanes], winner[Vec::kLanes];
    load_transposed(row.dy + ox * c_out, c_out, windows, c_out, gradient);
    load_transposed(winners + ox * c_out, c_out, windows, c_out, winner);
    for (int64_t c = 0; c < c_out; ++c)
      for (int r = 0; r < 2; ++r) {
        const auto cell = [&](int column) {
          return select(winner[c] == broadcast(static_cast<float>(2 * r + column)), gradient[c], zero());
        };
        const Vec low = interleave_low(cell(0), cell(1)), high = interleave_high(cell(0), cell(1));
        float* to = map + c * p.map_step + r * p.width + 2 * ox;
        store_lanes(to, low, 2 * windows < Vec::kLanes ? 2 * windows : Vec::kLanes);
        if (2 * windows > Vec::kLanes) store_lanes(to + Vec::kLanes, high, 2 * windows - Vec::kLanes);
      }
  });
}

// Planes of dy, of output rows [first, first + rows) of image n.
inline void cut_gradient(const Conv2dBackwardWeights& op, const uint16_t* argmax, const PlanarGeometry& p, int64_t n,
                         int64_t first, int64_t rows, const PlanarScratch& s) {
  const Conv2dGeometry& g = op.geometry;
  if (!argmax) {
    const float* dy = op.dy + n * g.out_size() + first * g.ow * g.c_out;
    for (int64_t r = 0; r < rows; ++r)
      transpose(dy + r * g.ow * g.c_out, g.c_out, g.ow, g.c_out, s.map + r * p.width, p.map_step);
    return;
  }
  for (int64_t r = 0; r + 1 < rows; r += 2) {
    const int64_t at = n * g.pooled_size() + (first + r) / 2 * (g.ow / 2) * g.c_out;
    unpool_planes(p, {op.dy + at, argmax + at}, s.winners, s.map + r * p.width);
  }
}

// Adds up the lanes of `count` vectors.
inline void add_lanes(const float* sums, int64_t count, float* to) {
  for_each_vector(0, count, [&](int64_t i, int64_t vectors) {
    Vec block[Vec::kLanes];
    load_transposed(sums + i * Vec::kLanes, Vec::kLanes, vectors, Vec::kLanes, block);
    for (int half = Vec::kLanes / 2; half > 0; half /= 2)
      for (int lane = 0; lane < half; ++lane) block[lane] = block[lane] + block[lane + half];
    store_lanes(to + i, block[0], vectors);
  });
}

inline bool all_finite(const float* p, int64_t n) {
  bool finite = true;
  for (int64_t i = 0; i < n; ++i) finite &= p[i] - p[i] == 0.0f;
  return finite;
}

// Sums images [begin, end), one at least. False where a sum is not finite: positions that belong to no pixel have a
// gradient of zero, but zero times what is not finite is not zero.
inline bool sum_planes(const Conv2dBackwardWeights& op, const uint16_t* argmax, int64_t begin, int64_t end,
                       float* kernel_sum, float* bias_sum, float* scratch) {
  const Conv2dGeometry& g = op.geometry;
  const PlanarGeometry p(g);
  const PlanarScratch s = planar_scratch(p, scratch);
  const int64_t taps = p.taps + (bias_sum ? 1 : 0);
  s.offsets[p.taps] = s.ones - s.image;
  for (int64_t i = 0; i < p.positions; ++i) s.ones[i] = 1.0f;
  for (int64_t i = 0; i < taps * g.c_out * Vec::kLanes; ++i) s.sums[i] = 0.0f;
  int64_t cleared = 0;  // for strips of so many rows, no position outside the map has another gradient than zero
  for (int64_t n = begin; n < end; ++n)
    for_each_strip(p, 0, g.oh, [&](int64_t row, int64_t rows) {
      if (rows != cleared) __builtin_memset(s.map, 0, static_cast<size_t>(g.c_out * p.map_step) * sizeof(float));
      cleared = rows;
      cut_into_planes(p, op.x + n * g.in_size(), row, rows, s);
      cut_gradient(op, argmax, p, n, row, rows, s);
      sum_strip(p, s, taps, rows * p.width);
    });
  add_lanes(s.sums, p.taps * g.c_out, kernel_sum);
  if (bias_sum) add_lanes(s.sums + p.taps * g.c_out * Vec::kLanes, g.c_out, bias_sum);
  return all_finite(kernel_sum, p.taps * g.c_out);
}

}  // namespace
}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
