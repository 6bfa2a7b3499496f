#include "cpu/affine_warp.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "core/denormals.h"

namespace pyconvnet {
namespace {

constexpr int64_t kValuesPerTask = 1024;        // small images share a task
constexpr double kFarthest = 2147483648.0;      // beyond 2^31 pixels a position says nothing about a pixel
constexpr double kOutside = -1.0;               // position of a point that gets cval
constexpr double kReflectedZero = 1e-15 - 1.0;  // scipy keeps reflected positions above kOutside

// The sample at or before a position along one axis, from -1 to length - 1, and the weights of it and the next one.
struct Taps {
  int64_t first;
  double first_weight, second_weight;
};

// Brings a position outside [0, length - 1] back into the image, or to kOutside.
template <FillMode mode>
inline double fold(double position, int64_t length) {
  const double last = static_cast<double>(length - 1);
  if constexpr (mode == FillMode::kNearest) return std::min(std::max(0.0, position), last);
  if (position >= 0.0 && position <= last) return position;
  if constexpr (mode == FillMode::kConstant) {
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

template <FillMode mode>
inline Taps taps_at(double position) {
  int64_t first = static_cast<int64_t>(position);
  if constexpr (mode == FillMode::kReflect || mode == FillMode::kWrap) {
    if (static_cast<double>(first) > position) --first;  // truncated: one too large below zero
  }
  // The second weight is the rest to one, not the fraction: these differ in the last bit.
  const double first_weight = 1.0 - (position - static_cast<double>(first));
  return {first, first_weight, 1.0 - first_weight};
}

// The sample that stands for the one a step outside the image. Except under kReflect it is met with a weight of
// (nearly) zero; scipy mirrors it without repeating the edge.
inline int64_t edge(FillMode mode, int64_t index, int64_t length) {
  if (mode == FillMode::kReflect || length == 1) return index < 0 ? 0 : length - 1;
  return index < 0 ? 1 : length - 2;
}

// Copies an image [h, w, c] with an edge around it: padded[h + 2, w + 2, c], so that no tap has to look where it is.
template <class Pixel>
void pad_image(const AffineWarp& warp, const Pixel* image, double* padded) {
  const int64_t h = warp.h, w = warp.w, c = warp.c, stride = (w + 2) * c;
  for (int64_t row = 0; row < h; ++row) {
    const Pixel* in = image + row * w * c;
    double* out = padded + (row + 1) * stride;
    std::copy_n(in + edge(warp.fill_mode, -1, w) * c, c, out);
    std::copy_n(in, w * c, out + c);
    std::copy_n(in + edge(warp.fill_mode, w, w) * c, c, out + (w + 1) * c);
  }
  std::copy_n(padded + (edge(warp.fill_mode, -1, h) + 1) * stride, stride, padded);
  std::copy_n(padded + (edge(warp.fill_mode, h, h) + 1) * stride, stride, padded + (h + 1) * stride);
}

// Where an image [h, w, c] is written to: mirrored by steps that go backwards.
struct Output {
  float* first;  // its first pixel
  int64_t row_step, column_step;
};

Output output_of(const AffineWarp& warp, int64_t image) {
  const int64_t h = warp.h, w = warp.w, c = warp.c;
  Output out{warp.output + image * h * w * c, w * c, c};
  if (warp.changes[image].upside_down) out.first += (h - 1) * out.row_step, out.row_step = -out.row_step;
  if (warp.changes[image].left_right) out.first += (w - 1) * out.column_step, out.column_step = -out.column_step;
  return out;
}

// channels: c where it is known to the compiler, else 0.
template <FillMode mode, int channels>
void resample(const AffineWarp& warp, const double* padded, const double* m, const Output& output) {
  const int64_t h = warp.h, w = warp.w, c = channels == 0 ? warp.c : channels, stride = (w + 2) * c;
  const float outside = static_cast<float>(warp.cval);
  for (int64_t row = 0; row < h; ++row) {
    const double from_row_y = static_cast<double>(row) * m[0];
    const double from_row_x = static_cast<double>(row) * m[3];
    float* out = output.first + row * output.row_step;
    for (int64_t column = 0; column < w; ++column, out += output.column_step) {
      const double y = fold<mode>(from_row_y + static_cast<double>(column) * m[1] + m[2], h);
      const double x = fold<mode>(from_row_x + static_cast<double>(column) * m[4] + m[5], w);
      if (mode == FillMode::kConstant && (y == kOutside || x == kOutside)) {
        std::fill_n(out, c, outside);
        continue;
      }
      const Taps rows = taps_at<mode>(y), columns = taps_at<mode>(x);
      const double* top = padded + (rows.first + 1) * stride + (columns.first + 1) * c;
      const double* bottom = top + stride;
      for (int64_t channel = 0; channel < c; ++channel) {
        double sum = 0.0;  // also turns a sum of negative zeros into zero, as scipy does
        sum += top[channel] * rows.first_weight * columns.first_weight;
        sum += top[c + channel] * rows.first_weight * columns.second_weight;
        sum += bottom[channel] * rows.second_weight * columns.first_weight;
        sum += bottom[c + channel] * rows.second_weight * columns.second_weight;
        out[channel] = static_cast<float>(sum);
      }
    }
  }
}

using Resample = void (*)(const AffineWarp&, const double*, const double*, const Output&);

template <FillMode mode>
Resample resample_for(int64_t channels) {
  return channels == 1 ? resample<mode, 1> : channels == 3 ? resample<mode, 3> : resample<mode, 0>;
}

Resample resample_for(FillMode mode, int64_t channels) {
  switch (mode) {
    case FillMode::kNearest: return resample_for<FillMode::kNearest>(channels);
    case FillMode::kConstant: return resample_for<FillMode::kConstant>(channels);
    case FillMode::kReflect: return resample_for<FillMode::kReflect>(channels);
    case FillMode::kWrap: return resample_for<FillMode::kWrap>(channels);
  }
  fail("affine_warp", "unknown fill mode");
}

// out: the last pixel of a row.
template <class Pixel, int channels>
void mirror_row(const AffineWarp& warp, const Pixel* row, float* out) {
  const int64_t w = warp.w, c = channels == 0 ? warp.c : channels;
  for (int64_t column = 0; column < w; ++column)
    for (int64_t channel = 0; channel < c; ++channel) out[-column * c + channel] = row[column * c + channel];
}

template <class Pixel>
void copy_image(const AffineWarp& warp, const Pixel* image, const Output& output) {
  const auto mirror = warp.c == 1 ? mirror_row<Pixel, 1> : warp.c == 3 ? mirror_row<Pixel, 3> : mirror_row<Pixel, 0>;
  const int64_t values = warp.w * warp.c;
  for (int64_t row = 0; row < warp.h; ++row) {
    float* out = output.first + row * output.row_step;
    if (output.column_step > 0) {
      std::copy_n(image + row * values, values, out);
    } else {
      mirror(warp, image + row * values, out);
    }
  }
}

template <class Pixel>
void change_image(const AffineWarp& warp, const Pixel* images, int64_t image, Resample resample, double* padded) {
  const Pixel* in = images + warp.rows[image] * warp.h * warp.w * warp.c;
  const Output output = output_of(warp, image);
  if (!warp.changes[image].resampled) return copy_image(warp, in, output);
  pad_image(warp, in, padded);
  resample(warp, padded, warp.matrices + image * 6, output);
}

void check_rows(const AffineWarp& warp) {
  for (int64_t image = 0; image < warp.n; ++image) {
    const int64_t row = warp.rows[image];
    check(row >= 0 && row < warp.available, "affine_warp",
          "rows must be from 0 to " + std::to_string(warp.available - 1) + ", got " + std::to_string(row));
  }
}

void check_matrices(const AffineWarp& warp) {
  const double h = static_cast<double>(warp.h), w = static_cast<double>(warp.w);
  for (int64_t image = 0; image < warp.n; ++image) {
    for (int64_t axis = 0; axis < 2 && warp.changes[image].resampled; ++axis) {
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

size_t affine_warp_scratch_bytes(const AffineWarp& warp) {
  return static_cast<size_t>((warp.h + 2) * (warp.w + 2) * warp.c) * sizeof(double);
}

void affine_warp(ThreadPool& pool, const AffineWarp& warp) {
  check_rows(warp);
  check_matrices(warp);
  const int64_t values = warp.h * warp.w * warp.c;
  if (values == 0) return;
  const Resample resample = resample_for(warp.fill_mode, warp.c);
  const int64_t images_per_task = std::max<int64_t>(1, kValuesPerTask / values);
  const int64_t tasks = (warp.n + images_per_task - 1) / images_per_task;
  const FlushDenormals flush;  // the pool's threads flush them: this thread has to give the same bits
  parallel_for(pool, tasks, [&](int64_t task, int worker) {
    auto* padded = reinterpret_cast<double*>(pool.scratch(worker));
    const int64_t end = std::min(warp.n, (task + 1) * images_per_task);
    for (int64_t image = task * images_per_task; image < end; ++image) {
      if (warp.floats != nullptr) {
        change_image(warp, warp.floats, image, resample, padded);
      } else {
        change_image(warp, warp.bytes, image, resample, padded);
      }
    }
  });
}

}  // namespace pyconvnet
