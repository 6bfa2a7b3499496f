#include "cpu/affine_warp.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "core/denormals.h"

namespace pyconvnet {
namespace {

constexpr int64_t kValuesPerTask = 16384;       // small images share a task
constexpr double kFarthest = 2147483648.0;      // beyond 2^31 pixels a position says nothing about a pixel
constexpr double kOutside = -1.0;               // position of a point that gets cval
constexpr double kReflectedZero = 1e-15 - 1.0;  // scipy keeps reflected positions above kOutside

// The two samples along one axis that a position lies between.
struct Taps {
  int64_t first, second;
  double first_weight, second_weight;
};

// Brings a position outside [0, length - 1] back into the image, or to kOutside.
template <FillMode mode>
inline double fold(double position, int64_t length) {
  const double last = static_cast<double>(length - 1);
  if (position >= 0.0 && position <= last) return position;
  if constexpr (mode == FillMode::kNearest) {
    return position < 0.0 ? 0.0 : last;
  } else if constexpr (mode == FillMode::kConstant) {
    return kOutside;
  } else if (length == 1) {
    return 0.0;
  } else if constexpr (mode == FillMode::kWrap) {
    const double periods = std::trunc(std::abs(position) / last);
    return position < 0.0 ? position + last * (periods + 1.0) : position - last * periods;
  } else {
    const double size = static_cast<double>(length), period = 2.0 * size;
    const double whole = period * std::trunc(std::abs(position) / period);
    if (position < 0.0) {
      if (position < -period) position += whole;
      if (position < -size) return position + period;
      return position > -1e-15 ? kReflectedZero : -position - 1.0;
    }
    position -= whole;
    return position >= size ? period - position - 1.0 : position;
  }
}

// The sample that stands for an index one step outside the image. Except under kReflect it is met
// with a weight of (nearly) zero; scipy mirrors it without repeating the edge.
template <FillMode mode>
inline int64_t edge(int64_t index, int64_t length) {
  if (index >= 0 && index < length) return index;
  if (mode == FillMode::kReflect || length == 1) return index < 0 ? 0 : length - 1;
  return index < 0 ? -index : 2 * length - 2 - index;
}

template <FillMode mode>
inline Taps taps_at(double position, int64_t length) {
  int64_t first = static_cast<int64_t>(position);  // truncated: one too large below zero
  if (static_cast<double>(first) > position) --first;
  // The second weight is the rest to one, not the fraction: these differ in the last bit.
  const double first_weight = 1.0 - (position - static_cast<double>(first));
  const double second_weight = 1.0 - first_weight;
  return {edge<mode>(first, length), edge<mode>(first + 1, length), first_weight, second_weight};
}

template <FillMode mode>
void warp_image(const AffineWarp& warp, int64_t image) {
  const int64_t h = warp.h, w = warp.w, c = warp.c;
  const float* in = warp.images + image * h * w * c;
  const double* m = warp.matrices + image * 6;
  float* out = warp.output + image * h * w * c;
  const float outside = static_cast<float>(warp.cval);
  for (int64_t row = 0; row < h; ++row) {
    const double from_row_y = static_cast<double>(row) * m[0];
    const double from_row_x = static_cast<double>(row) * m[3];
    for (int64_t column = 0; column < w; ++column, out += c) {
      const double y = fold<mode>(from_row_y + static_cast<double>(column) * m[1] + m[2], h);
      const double x = fold<mode>(from_row_x + static_cast<double>(column) * m[4] + m[5], w);
      if (mode == FillMode::kConstant && (y == kOutside || x == kOutside)) {
        std::fill_n(out, c, outside);
        continue;
      }
      const Taps rows = taps_at<mode>(y, h), columns = taps_at<mode>(x, w);
      const float* top_left = in + (rows.first * w + columns.first) * c;
      const float* top_right = in + (rows.first * w + columns.second) * c;
      const float* bottom_left = in + (rows.second * w + columns.first) * c;
      const float* bottom_right = in + (rows.second * w + columns.second) * c;
      for (int64_t channel = 0; channel < c; ++channel) {
        double sum = 0.0;  // also turns a sum of negative zeros into zero, as scipy does
        sum += top_left[channel] * rows.first_weight * columns.first_weight;
        sum += top_right[channel] * rows.first_weight * columns.second_weight;
        sum += bottom_left[channel] * rows.second_weight * columns.first_weight;
        sum += bottom_right[channel] * rows.second_weight * columns.second_weight;
        out[channel] = static_cast<float>(sum);
      }
    }
  }
}

using WarpImage = void (*)(const AffineWarp&, int64_t);

WarpImage warp_image_for(FillMode mode) {
  switch (mode) {
    case FillMode::kNearest: return warp_image<FillMode::kNearest>;
    case FillMode::kConstant: return warp_image<FillMode::kConstant>;
    case FillMode::kReflect: return warp_image<FillMode::kReflect>;
    case FillMode::kWrap: return warp_image<FillMode::kWrap>;
  }
  fail("affine_warp", "unknown fill mode");
}

void check_matrices(const AffineWarp& warp) {
  const double h = static_cast<double>(warp.h), w = static_cast<double>(warp.w);
  for (int64_t image = 0; image < warp.n; ++image) {
    for (int64_t axis = 0; axis < 2; ++axis) {
      const double* m = warp.matrices + image * 6 + axis * 3;
      const double reach = std::abs(m[0]) * h + std::abs(m[1]) * w + std::abs(m[2]);
      check(reach <= kFarthest, "affine_warp",  // false for NaN
            "matrices must be finite and lead at most 2^31 pixels away, matrix " + std::to_string(image) + " does not");
    }
  }
}

}  // namespace

FillMode fill_mode_from_name(const std::string& name) {
  if (name == "nearest") return FillMode::kNearest;
  if (name == "constant") return FillMode::kConstant;
  if (name == "reflect") return FillMode::kReflect;
  if (name == "wrap") return FillMode::kWrap;
  fail("affine_warp", "fill_mode must be 'nearest', 'constant', 'reflect' or 'wrap', got '" + name + "'");
}

void affine_warp(ThreadPool& pool, const AffineWarp& warp) {
  check_matrices(warp);
  const int64_t values = warp.h * warp.w * warp.c;
  if (values == 0) return;
  const WarpImage warp_one = warp_image_for(warp.fill_mode);
  const int64_t images_per_task = std::max<int64_t>(1, kValuesPerTask / values);
  const int64_t tasks = (warp.n + images_per_task - 1) / images_per_task;
  const FlushDenormals flush;  // the pool's threads flush them: this thread has to give the same bits
  parallel_for(pool, tasks, [&](int64_t task, int) {
    const int64_t end = std::min(warp.n, (task + 1) * images_per_task);
    for (int64_t image = task * images_per_task; image < end; ++image) warp_one(warp, image);
  });
}

}  // namespace pyconvnet
