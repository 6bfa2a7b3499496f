#pragma once

#include <algorithm>
#include <cmath>

#include "core/thread_pool.h"
#include "cpu/kernels/gather_row-inl.h"
#include "kernels/kernel_list.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

constexpr int64_t kValuesPerTask = 1024;        // small images share a task
constexpr double kReflectedZero = 1e-15 - 1.0;  // scipy keeps reflected positions above -1

// Loops over the pixels of a span have no branches, so that compilers make vectors of them. The two functions of a span
// stay apart: in one, GCC 12 has more values than registers, and it takes 1.6 times as long.

inline bool contains(double length, double position) { return position >= 0.0 && position <= length - 1.0; }

// Brings a position outside [0, length - 1] back into the image; NaN too.
template <FillMode mode>
inline double fold(double position, double length) {
  const double last = length - 1.0;
  if constexpr (mode == FillMode::nearest || mode == FillMode::constant) return std::min(std::max(0.0, position), last);
  double folded;
  if constexpr (mode == FillMode::wrap) {
    const double periods = std::trunc(std::abs(position) / last);
    folded = position < 0.0 ? position + last * (periods + 1.0) : position - last * periods;
  } else {
    const double period = 2.0 * length, whole = period * std::trunc(std::abs(position) / period);
    const double before = position < -period ? position + whole : position;
    const double mirrored = before > -1e-15 ? kReflectedZero : -before - 1.0;
    const double behind = position - whole;
    const double below = before < -length ? before + period : mirrored;
    const double above = behind >= length ? period - behind - 1.0 : behind;
    folded = position < 0.0 ? below : above;
  }
  // Positions so far away that their rounding is larger than the image, and all of an image of one pixel.
  folded = folded >= -1.0 && folded < length && last > 0.0 ? folded : 0.0;
  return contains(length, position) ? position : folded;
}

// The sample at or before a position along one axis, from -1 to length - 1.
template <FillMode mode>
inline int32_t first_tap(double position) {
  const auto first = static_cast<int32_t>(position);
  if constexpr (mode == FillMode::reflect || mode == FillMode::wrap)
    return first - (static_cast<double>(first) > position ? 1 : 0);  // truncated: one too large below zero
  return first;
}

// Where the pixels of a piece of an output row come from.
struct Span {
  static constexpr int kPixels = 16;
  double row_weights[kPixels], column_weights[kPixels];  // of the first of two rows and of two columns of the image
  int32_t offsets[kPixels];                              // of the first pixel in the padded image; 0: gets cval
};

template <FillMode mode>
[[gnu::noinline]] void locate(const AffineWarp& op, const double* m, int64_t row, int64_t first, Span& span) {
  const auto h = static_cast<double>(op.h), w = static_cast<double>(op.w), left = static_cast<double>(first);
  const auto stride = static_cast<int32_t>((op.w + 2) * op.c), c = static_cast<int32_t>(op.c);
  const double from_row_y = static_cast<double>(row) * m[0], from_row_x = static_cast<double>(row) * m[3];
  for (int i = 0; i < Span::kPixels; ++i) {
    const double column = left + static_cast<double>(i);
    const double at_y = from_row_y + column * m[1] + m[2], y = fold<mode>(at_y, h);
    const double at_x = from_row_x + column * m[4] + m[5], x = fold<mode>(at_x, w);
    const int32_t y1 = first_tap<mode>(y), x1 = first_tap<mode>(x);
    span.row_weights[i] = 1.0 - (y - static_cast<double>(y1));
    span.column_weights[i] = 1.0 - (x - static_cast<double>(x1));
    const int32_t offset = (y1 + 1) * stride + (x1 + 1) * c;
    span.offsets[i] = mode == FillMode::constant && !(contains(h, at_y) && contains(w, at_x)) ? 0 : offset;
  }
}

// One channel of a span; the channel's first value in the padded image is `padded`.
template <FillMode mode>
[[gnu::noinline]] void interpolate(const AffineWarp& op, const float* padded, const Span& span, float* out) {
  constexpr int n = Span::kPixels;
  const int64_t next = op.c, stride = (op.w + 2) * op.c;
  float left[n], right[n], low_left[n], low_right[n];
  for (int i = 0; i < n; ++i) {
    const float* pixel = padded + span.offsets[i];
    left[i] = pixel[0], right[i] = pixel[next];
    low_left[i] = pixel[stride], low_right[i] = pixel[stride + next];
  }
  const auto outside = static_cast<float>(op.cval);
  for (int i = 0; i < n; ++i) {
    // The second weight is the rest to one, not the fraction: these differ in the last bit.
    const double above = span.row_weights[i], below = 1.0 - above;
    const double before = span.column_weights[i], behind = 1.0 - before;
    double sum = 0.0;  // also turns a sum of negative zeros into zero, as scipy does
    sum += static_cast<double>(left[i]) * above * before;
    sum += static_cast<double>(right[i]) * above * behind;
    sum += static_cast<double>(low_left[i]) * below * before;
    sum += static_cast<double>(low_right[i]) * below * behind;
    out[i] = mode == FillMode::constant && span.offsets[i] == 0 ? outside : static_cast<float>(sum);
  }
}

// The sample that stands for the one a step outside the image. Except under reflect it is met with a weight of
// (nearly) zero; scipy mirrors it without repeating the edge.
inline int64_t edge(FillMode mode, int64_t index, int64_t length) {
  if (mode == FillMode::reflect || length == 1) return index < 0 ? 0 : length - 1;
  return index < 0 ? 1 : length - 2;
}

// Copies an image [h, w, c] with an edge around it: padded[h + 2, w + 2, c], so that no tap has to look where it is.
inline void pad_image(const AffineWarp& op, const float* image, float* padded) {
  const FillMode mode{op.fill_mode};
  const int64_t h = op.h, w = op.w, c = op.c, stride = (w + 2) * c;
  for (int64_t row = 0; row < h; ++row) {
    const float* in = image + row * w * c;
    float* out = padded + (row + 1) * stride;
    std::copy_n(in + edge(mode, -1, w) * c, c, out);
    std::copy_n(in, w * c, out + c);
    std::copy_n(in + edge(mode, w, w) * c, c, out + (w + 1) * c);
  }
  std::copy_n(padded + (edge(mode, -1, h) + 1) * stride, stride, padded);
  std::copy_n(padded + (edge(mode, h, h) + 1) * stride, stride, padded + (h + 1) * stride);
}

// Where an image [h, w, c] is written to: mirrored by steps that go backwards.
struct Target {
  float* first;  // its first pixel
  int64_t row_step, column_step;
};

inline Target target_of(const AffineWarp& op, int64_t image) {
  const int32_t* changes = op.changes + image * 3;
  Target target{op.y + image * op.size(), op.w * op.c, op.c};
  if (changes[1]) target.first += (op.h - 1) * target.row_step, target.row_step = -target.row_step;
  if (changes[2]) target.first += (op.w - 1) * target.column_step, target.column_step = -target.column_step;
  return target;
}

template <FillMode mode>
void resample(const AffineWarp& op, const float* padded, const double* matrix, const Target& target) {
  Span span;
  float values[Span::kPixels];
  for (int64_t row = 0; row < op.h; ++row)
    for (int64_t first = 0; first < op.w; first += Span::kPixels) {
      locate<mode>(op, matrix, row, first, span);
      const int64_t count = std::min<int64_t>(op.w - first, Span::kPixels);
      for (int64_t channel = 0; channel < op.c; ++channel) {
        interpolate<mode>(op, padded + channel, span, values);
        float* out = target.first + row * target.row_step + first * target.column_step + channel;
        for (int64_t i = 0; i < count; ++i) out[i * target.column_step] = values[i];
      }
    }
}

inline void copy_pixels(const AffineWarp& op, const float* pixels, const Target& target) {
  for (int64_t row = 0; row < op.h; ++row) {
    const float* in = pixels + row * op.w * op.c;
    float* out = target.first + row * target.row_step;
    if (target.column_step > 0) {
      std::copy_n(in, op.w * op.c, out);
    } else {
      for (int64_t column = 0; column < op.w; ++column)
        std::copy_n(in + column * op.c, op.c, out + column * target.column_step);
    }
  }
}

using Resample = void (*)(const AffineWarp&, const float*, const double*, const Target&);

inline void warp_image(const AffineWarp& op, const Run& run, int64_t image, float* scratch, Resample resample) {
  const Feed& feed = run.feeds[op.feed];
  float *pixels = scratch, *padded = scratch + op.size();
  gather_row(feed, feed.data + run.indices[image] * feed.row_stride, pixels, op.size());
  if (!op.changes[image * 3]) return copy_pixels(op, pixels, target_of(op, image));
  pad_image(op, pixels, padded);
  resample(op, padded, op.matrices + image * 6, target_of(op, image));
}

inline void affine_warp(const AffineWarp& op, const Run& run) {
  constexpr Resample modes[] = {resample<FillMode::nearest>, resample<FillMode::constant>, resample<FillMode::reflect>,
                                resample<FillMode::wrap>};
  const int64_t images_per_task = std::max<int64_t>(1, kValuesPerTask / op.size());
  const int64_t tasks = (run.rows + images_per_task - 1) / images_per_task;
  parallel_for(*run.pool, tasks, [&](int64_t task, int worker) {
    const int64_t end = std::min(run.rows, (task + 1) * images_per_task);
    for (int64_t image = task * images_per_task; image < end; ++image)
      warp_image(op, run, image, run.pool->scratch(worker), modes[op.fill_mode]);
  });
}

}  // namespace

void add_affine_warp(KernelTable& table) { table.affine_warp = affine_warp; }

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
