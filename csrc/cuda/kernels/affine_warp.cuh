// As on the processor: the arithmetic of scipy in its order, in double, so the same bits.
#pragma once

#include "cuda/feed.h"
#include "cuda/grid.h"

namespace pyconvnet::cuda {
namespace {

constexpr double kReflectedZero = 1e-15 - 1.0;  // scipy keeps reflected positions above -1

__device__ inline bool contains(double length, double position) { return position >= 0.0 && position <= length - 1.0; }

__device__ inline double reflected(double position, double length) {
  const double period = 2.0 * length, whole = period * trunc(fabs(position) / period);
  if (position >= 0.0) {
    const double behind = position - whole;
    return behind >= length ? period - behind - 1.0 : behind;
  }
  const double before = position < -period ? position + whole : position;
  if (before < -length) return before + period;
  return before > -1e-15 ? kReflectedZero : -before - 1.0;
}

__device__ inline double wrapped(double position, double last) {
  const double periods = trunc(fabs(position) / last);
  return position < 0.0 ? position + last * (periods + 1.0) : position - last * periods;
}

// Brings a position outside [0, length - 1] back into the image; NaN too.
__device__ inline double fold(FillMode mode, double position, double length) {
  const double last = length - 1.0;
  if (mode == FillMode::nearest || mode == FillMode::constant) {
    const double behind_zero = position > 0.0 ? position : 0.0;
    return behind_zero < last ? behind_zero : last;
  }
  if (contains(length, position)) return position;
  const double folded = mode == FillMode::wrap ? wrapped(position, last) : reflected(position, length);
  // Positions so far away that their rounding is larger than the image, and all of an image of one pixel.
  return folded >= -1.0 && folded < length && last > 0.0 ? folded : 0.0;
}

// Two samples along an axis, the second one's weight being the rest to one.
struct Taps {
  int64_t index[2];
  double weight[2];
};

// The sample that stands for the one a step outside the image. Except under reflect it is met with a weight of
// (nearly) zero; scipy mirrors it without repeating the edge.
__device__ inline int64_t inside(FillMode mode, int64_t index, int64_t length) {
  if (index >= 0 && index < length) return index;
  if (mode == FillMode::reflect || length == 1) return index < 0 ? 0 : length - 1;
  return index < 0 ? 1 : length - 2;
}

__device__ inline Taps taps_of(FillMode mode, double position, int64_t length) {
  const auto first = static_cast<int64_t>(floor(position));
  const double weight = 1.0 - (position - static_cast<double>(first));
  return {{inside(mode, first, length), inside(mode, first + 1, length)}, {weight, 1.0 - weight}};
}

// A thread for each value of the answer. Images that are mirrored are read from the other side.
struct WarpElement {
  AffineWarp op;

  __device__ float at(const Step& step, int64_t image, int64_t row, int64_t column, int64_t channel) const {
    return element_of_row<float>(step, op.feed, image, (row * op.w + column) * op.c + channel);
  }
  __device__ void operator()(int64_t i, const Step& step) const {
    const int64_t channel = i % op.c, pixel = i / op.c, image = pixel / (op.h * op.w);
    const int32_t* changes = op.changes + image * 3;
    int64_t row = pixel / op.w % op.h, column = pixel % op.w;
    if (changes[1]) row = op.h - 1 - row;
    if (changes[2]) column = op.w - 1 - column;
    op.y[i] = changes[0] ? resampled(step, image, row, column, channel) : at(step, image, row, column, channel);
  }
  __device__ float resampled(const Step& step, int64_t image, int64_t row, int64_t column, int64_t channel) const {
    const FillMode mode{op.fill_mode};
    const double* m = op.matrices + image * 6;
    const auto r = static_cast<double>(row), c = static_cast<double>(column);
    const double y = r * m[0] + c * m[1] + m[2], x = r * m[3] + c * m[4] + m[5];
    const auto h = static_cast<double>(op.h), w = static_cast<double>(op.w);
    if (mode == FillMode::constant && !(contains(h, y) && contains(w, x))) return static_cast<float>(op.cval);
    const Taps rows = taps_of(mode, fold(mode, y, h), op.h), columns = taps_of(mode, fold(mode, x, w), op.w);
    double sum = 0.0;  // also turns a sum of negative zeros into zero, as scipy does
#pragma unroll
    for (int j = 0; j < 2; ++j)
#pragma unroll
      for (int k = 0; k < 2; ++k) {
        const auto value = static_cast<double>(at(step, image, rows.index[j], columns.index[k], channel));
        sum += value * rows.weight[j] * columns.weight[k];
      }
    return static_cast<float>(sum);
  }
};

void affine_warp(const AffineWarp& op, const Run& run) { for_each_element(per_row(op.size()), run, WarpElement{op}); }

}  // namespace

void add_affine_warp(KernelTable& table) { table.affine_warp = affine_warp; }

}  // namespace pyconvnet::cuda
