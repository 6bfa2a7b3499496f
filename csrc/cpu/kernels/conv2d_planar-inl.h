// Convolutions of few filters: vectors run over pixels in place of channels. See PlanarGeometry.
#pragma once

#include <type_traits>

#include "cpu/kernels/max_window-inl.h"
#include "cpu/kernels/pack-inl.h"
#include "kernels/conv2d.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

inline bool is_planar(const Conv2dGeometry& g) { return PlanarGeometry::fits(g) && 4 * g.c_out <= 3 * Vec::kLanes; }

// Calls fn(n), n at least 1 and at most kMost, with n as a constant.
template <int kMost, class F>
inline void with_constant(int64_t n, const F& fn) {
  if (n >= kMost) return fn(std::integral_constant<int, kMost>{});
  if constexpr (kMost > 1) with_constant<kMost - 1>(n, fn);
}

// Calls fn(first, count) for equal pieces of `total` things, none larger than kMost; count is a constant.
template <int kMost, class F>
inline void in_pieces(int64_t total, const F& fn) {
  const int64_t pieces = (total + kMost - 1) / kMost;
  for (int64_t piece = 0; piece < pieces; ++piece) {
    const int64_t first = piece * total / pieces;
    with_constant<kMost>((piece + 1) * total / pieces - first, [&](auto count) { fn(first, count); });
  }
}

// A worker's scratch, laid out.
struct PlanarScratch {
  int64_t* offsets;    // [taps]: from the position of an output pixel to what it sees, in the image's planes
  float* image;        // [c_in] planes
  float* interleaved;  // the same strip as it lay in the image
  float* map;          // [c_out] planes, of y or dy
  float* winners;      // of a pooled row, [ow / 2, c_out]
  float* ones;         // [positions]: only of the gradient of the kernel, as what follows
  float* sums;         // [taps + 1, c_out] vectors
};

inline PlanarScratch planar_scratch(const PlanarGeometry& p, float* scratch) {
  const Conv2dGeometry& g = p.conv;
  PlanarScratch s{};
  s.offsets = reinterpret_cast<int64_t*>(scratch);
  s.image = scratch + p.offsets_size;
  s.interleaved = s.image + g.c_in * p.image_step;
  s.map = s.interleaved + g.c_in * p.image_step;
  s.winners = s.map + g.c_out * p.map_step;
  s.ones = s.winners + p.row_size;
  s.sums = s.ones + p.positions;
  int64_t* offset = s.offsets;
  for (int64_t kh = 0; kh < g.kernel_h; ++kh)
    for (int64_t kw = 0; kw < g.kernel_w; ++kw)
      for (int64_t ci = 0; ci < g.c_in; ++ci)
        *offset++ = ci * p.image_step + kh * g.dilation_h * p.width + kw * g.dilation_w;
  return s;
}

// Planes of what output rows [first, first + rows) of an image see. Behind them zeros: there are positions that belong
// to no pixel, and what they see is multiplied too.
inline void cut_into_planes(const PlanarGeometry& p, const float* image, int64_t first, int64_t rows,
                            const PlanarScratch& s) {
  const Conv2dGeometry& g = p.conv;
  const int64_t seen = rows + p.span_h, pixels = seen * p.width;
  float* copy = g.c_in > 1 ? s.interleaved : s.image;
  copy_padded(image, g.h, g.w, g.c_in, first - g.pad_top, seen, -g.pad_left, p.width, copy);
  if (g.c_in > 1) transpose(copy, g.c_in, pixels, g.c_in, s.image, p.image_step);
  for (int64_t ci = 0; ci < g.c_in; ++ci)
    for_each_vector(pixels, p.image_step,
                    [&](int64_t i, int64_t lanes) { store_lanes(s.image + ci * p.image_step + i, zero(), lanes); });
}

// Calls fn(first row, rows) for all strips of output rows [first, last).
template <class F>
inline void for_each_strip(const PlanarGeometry& p, int64_t first, int64_t last, const F& fn) {
  const int64_t most = p.strip_rows;
  for (int64_t row = first; row < last; row += most) fn(row, last - row < most ? last - row : most);
}

// ---- forward ----

// Four vectors of positions, two with 16 registers, and as many filters as the registers hold.
constexpr int kPlanarVectors = Vec::kRegisters == 32 ? 4 : 2;
constexpr int kPlanarFilters = 6;

// The sums of kFilters planes from `filter` on, in the order of the register tile: the same bits.
template <int kFilters>
[[gnu::noinline]] void sum_taps(const Conv2dForward& op, const PlanarGeometry& p, const PlanarScratch& s,
                                int64_t filter, int64_t positions) {
  const int64_t taps = p.taps, c_out = op.geometry.c_out, step = p.map_step;
  for (int64_t at = 0; at < positions; at += kPlanarVectors * Vec::kLanes) {
    Vec sum[kFilters][kPlanarVectors];
#pragma GCC unroll 8
    for (int f = 0; f < kFilters; ++f)
#pragma GCC unroll 4
      for (Vec& start : sum[f]) start = op.bias ? broadcast(op.bias[filter + f]) : zero();
    const float* weights = op.kernel + filter;
    for (int64_t tap = 0; tap < taps; ++tap, weights += c_out) {
      Vec seen[kPlanarVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kPlanarVectors; ++v) seen[v] = load(s.image + s.offsets[tap] + at + v * Vec::kLanes);
#pragma GCC unroll 8
      for (int f = 0; f < kFilters; ++f) {
        const Vec weight = broadcast(weights[f]);
#pragma GCC unroll 4
        for (int v = 0; v < kPlanarVectors; ++v) sum[f][v] = fma(seen[v], weight, sum[f][v]);
      }
    }
#pragma GCC unroll 8
    for (int f = 0; f < kFilters; ++f)
#pragma GCC unroll 4
      for (int v = 0; v < kPlanarVectors; ++v)  // in this order a NaN stays one
        store(s.map + (filter + f) * step + at + v * Vec::kLanes, op.relu ? max(zero(), sum[f][v]) : sum[f][v]);
  }
}

// Two rows of the map, at `map`, pooled into one row of y and argmax, which may be null.
inline void pool_planes(const PlanarGeometry& p, const float* map, float* winners, float* y, uint16_t* argmax) {
  const int64_t c_out = p.conv.c_out, pooled_w = p.conv.ow / 2;
  for_each_vector(0, pooled_w, [&](int64_t ox, int64_t windows) {
    Vec best[Vec::kLanes], index[Vec::kLanes];
    for (int64_t c = 0; c < Vec::kLanes; ++c) {
      best[c] = index[c] = zero();
      if (c >= c_out) continue;
      const float *upper = map + c * p.map_step + 2 * ox, *lower = upper + p.width;
      const Vec top[2] = {load(upper), load(upper + Vec::kLanes)}, bottom[2] = {load(lower), load(lower + Vec::kLanes)};
      const Winner winner = winner_of({even_lanes(top[0], top[1]), odd_lanes(top[0], top[1]),
                                       even_lanes(bottom[0], bottom[1]), odd_lanes(bottom[0], bottom[1])});
      best[c] = winner.best, index[c] = winner.index;
    }
    transpose_block(best);
    for (int64_t i = 0; i < windows; ++i) store_partial(y + (ox + i) * c_out, best[i], c_out);
    if (!argmax) return;
    transpose_block(index);
    for (int64_t i = 0; i < windows; ++i) store_partial(winners + (ox + i) * c_out, index[i], c_out);
  });
  if (argmax)
    for_each_vector(0, pooled_w * c_out,
                    [&](int64_t i, int64_t lanes) { store_index(argmax + i, load_lanes(winners + i, lanes), lanes); });
}

// Output rows [first, last) of image n as planes, strip by strip, for fn(first row, rows, scratch).
template <class F>
inline void planar_image(const Conv2dForward& op, const PlanarGeometry& p, int64_t n, int64_t first, int64_t last,
                         float* scratch, const F& fn) {
  const Conv2dGeometry& g = op.geometry;
  const PlanarScratch s = planar_scratch(p, scratch);
  for_each_strip(p, first, last, [&](int64_t row, int64_t rows) {
    cut_into_planes(p, op.x + n * g.in_size(), row, rows, s);
    in_pieces<kPlanarFilters>(
        g.c_out, [&](int64_t filter, auto filters) { sum_taps<filters>(op, p, s, filter, rows * p.width); });
    fn(row, rows, s);
  });
}

inline void planar_forward(const Conv2dForward& op, int64_t n, int64_t first, int64_t last, float* scratch) {
  const Conv2dGeometry& g = op.geometry;
  const PlanarGeometry p(g);
  planar_image(op, p, n, first, last, scratch, [&](int64_t row, int64_t rows, const PlanarScratch& s) {
    for (int64_t r = 0; r < rows; ++r)
      transpose(s.map + r * p.width, p.map_step, g.c_out, g.ow, op.y + n * g.out_size() + (row + r) * g.ow * g.c_out,
                g.c_out);
  });
}

// Pooled rows [first, last).
inline void planar_pool_forward(const Conv2dForward& op, uint16_t* argmax, int64_t n, int64_t first, int64_t last,
                                float* scratch) {
  const Conv2dGeometry& g = op.geometry;
  const PlanarGeometry p(g);
  planar_image(op, p, n, 2 * first, 2 * last, scratch, [&](int64_t row, int64_t rows, const PlanarScratch& s) {
    for (int64_t r = 0; r < rows; r += 2) {
      const int64_t at = n * g.pooled_size() + (row + r) / 2 * (g.ow / 2) * g.c_out;
      pool_planes(p, s.map + r * p.width, s.winners, op.y + at, argmax ? argmax + at : nullptr);
    }
  });
}

}  // namespace
}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
