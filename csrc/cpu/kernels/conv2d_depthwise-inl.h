// Depthwise convolution (every channel by itself): vectors run over channels, taps that leave the image are skipped.
#pragma once

#include "cpu/kernels/parallel-inl.h"
#include "kernels/kernel_list.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

// Taps [first, last) of output cell `out` that lie inside an axis of `size` cells.
struct TapRange {
  int64_t first, last;
};
inline TapRange taps_inside(int64_t out, int64_t stride, int64_t dilation, int64_t pad, int64_t taps, int64_t size) {
  const int64_t start = out * stride - pad;
  int64_t first = start >= 0 ? 0 : (-start + dilation - 1) / dilation;
  int64_t last = start >= size ? 0 : (size - 1 - start) / dilation + 1;
  if (last > taps) last = taps;
  if (first > last) first = last;
  return {first, last};
}

// Calls fn(tap, offset of the input pixel in its image) for every tap of output pixel (oh, ow) inside the image.
template <class F>
inline void for_each_tap(const Conv2dGeometry& g, int64_t oh, int64_t ow, const F& fn) {
  const TapRange rows = taps_inside(oh, g.stride_h, g.dilation_h, g.pad_top, g.kernel_h, g.h);
  const TapRange columns = taps_inside(ow, g.stride_w, g.dilation_w, g.pad_left, g.kernel_w, g.w);
  for (int64_t i = rows.first; i < rows.last; ++i)
    for (int64_t j = columns.first; j < columns.last; ++j) {
      const int64_t ih = oh * g.stride_h + i * g.dilation_h - g.pad_top;
      const int64_t iw = ow * g.stride_w + j * g.dilation_w - g.pad_left;
      fn(i * g.kernel_w + j, (ih * g.w + iw) * g.c_in);
    }
}

inline void depthwise_forward(const Conv2dForward& op, const Run& run) {
  const Conv2dGeometry& g = op.geometry;
  parallel_for(*run.pool, run.rows * g.oh, [&](int64_t task, int) {
    const int64_t n = task / g.oh, oh = task % g.oh;
    const float* image = op.x + n * g.in_size();
    for (int64_t ow = 0; ow < g.ow; ++ow) {
      float* y = op.y + n * g.out_size() + (oh * g.ow + ow) * g.c_out;
      for_each_vector(0, g.c_out, [&](int64_t c, int64_t lanes) {
        Vec sum = op.bias ? load_lanes(op.bias + c, lanes) : zero();
        for_each_tap(g, oh, ow, [&](int64_t tap, int64_t offset) {
          sum = fma(load_lanes(image + offset + c, lanes), load_lanes(op.kernel + tap * g.c_out + c, lanes), sum);
        });
        store_lanes(y + c, op.relu ? max(zero(), sum) : sum, lanes);
      });
    }
  });
}

inline void depthwise_backward_data(const Conv2dBackwardData& op, const Run& run) {
  const Conv2dGeometry& g = op.geometry;
  parallel_for(*run.pool, run.rows, [&](int64_t n, int) {
    float* dx = op.dx + n * g.in_size();
    __builtin_memset(dx, 0, static_cast<size_t>(g.in_size()) * sizeof(float));
    for (int64_t oh = 0; oh < g.oh; ++oh)
      for (int64_t ow = 0; ow < g.ow; ++ow) {
        const float* dy = op.dy + n * g.out_size() + (oh * g.ow + ow) * g.c_out;
        for_each_tap(g, oh, ow, [&](int64_t tap, int64_t offset) {
          for_each_vector(0, g.c_out, [&](int64_t c, int64_t lanes) {
            const Vec product = load_lanes(dy + c, lanes) * load_lanes(op.kernel + tap * g.c_out + c, lanes);
            store_lanes(dx + offset + c, load_lanes(dx + offset + c, lanes) + product, lanes);
          });
        });
      }
  });
}

// One task a vector of channels, which goes through the batch in order.
inline void depthwise_backward_weights(const Conv2dBackwardWeights& op, const Run& run) {
  const Conv2dGeometry& g = op.geometry;
  const int64_t taps = g.kernel_h * g.kernel_w;
  parallel_for(*run.pool, (g.c_out + Vec::kLanes - 1) / Vec::kLanes, [&](int64_t task, int) {
    const int64_t c = task * Vec::kLanes, lanes = g.c_out - c < Vec::kLanes ? g.c_out - c : Vec::kLanes;
    for (int64_t tap = 0; tap < taps; ++tap) store_lanes(op.dkernel + tap * g.c_out + c, zero(), lanes);
    Vec bias = zero();
    for (int64_t n = 0; n < run.rows; ++n)
      for (int64_t oh = 0; oh < g.oh; ++oh)
        for (int64_t ow = 0; ow < g.ow; ++ow) {
          const Vec dy = load_lanes(op.dy + n * g.out_size() + (oh * g.ow + ow) * g.c_out + c, lanes);
          bias = bias + dy;
          for_each_tap(g, oh, ow, [&](int64_t tap, int64_t offset) {
            float* sum = op.dkernel + tap * g.c_out + c;
            const Vec x = load_lanes(op.x + n * g.in_size() + offset + c, lanes);
            store_lanes(sum, fma(x, dy, load_lanes(sum, lanes)), lanes);
          });
        }
    if (op.dbias) store_lanes(op.dbias + c, bias, lanes);
  });
}

}  // namespace
}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
