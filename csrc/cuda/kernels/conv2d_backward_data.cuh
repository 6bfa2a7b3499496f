// dx = what each pixel of x gave to, times the transposed kernel:
// [rows * h * w, taps * c_out / groups] by [taps * c_out / groups, c_in / groups].
#pragma once

#include "cuda/product_math.h"

namespace pyconvnet::cuda {
namespace {

// The output pixel that a tap at `reach` (row * dilation) beyond its first row leads to; -1 where there is none.
__device__ __forceinline__ int64_t output_of(int64_t padded, int64_t reach, int64_t stride, int64_t outputs) {
  const int64_t distance = padded - reach;
  return distance >= 0 && distance % stride == 0 && distance / stride < outputs ? distance / stride : -1;
}

// The elements of dy that see a pixel of x (outer), by tap and channel of the output (depth).
template <int kVectorOfCopy>
struct Observers {
  static constexpr int kVector = kVectorOfCopy;
  static constexpr bool kAlongDepth = true;
  struct Outer {
    const float* image;  // of dy, first channel of the group
    int row, column;     // of x, counted from the padding's first
  };
  struct Depth {
    int row, column;  // in the patch
    int channel;      // in the group
  };
  Conv2dGeometry geometry;
  const float* dy;

  __device__ __forceinline__ Outer outer(int pixel, int group) const {
    const Conv2dGeometry& g = geometry;
    const int w = static_cast<int>(g.w), h = static_cast<int>(g.h), line = pixel / w;
    return {dy + line / h * (g.oh * g.ow * g.c_out) + group * (g.c_out / g.groups),
            static_cast<int>(line % h + g.pad_top), static_cast<int>(pixel % w + g.pad_left)};
  }
  __device__ __forceinline__ Depth depth(int i) const {
    const Conv2dGeometry& g = geometry;
    const int channels = static_cast<int>(g.c_out / g.groups), tap = i / channels;
    const int kernel_w = static_cast<int>(g.kernel_w);
    return {static_cast<int>(tap / kernel_w * g.dilation_h), static_cast<int>(tap % kernel_w * g.dilation_w),
            i % channels};
  }
  __device__ __forceinline__ const float* at(const Outer& outer, const Depth& depth) const {
    const Conv2dGeometry& g = geometry;
    const int64_t row = output_of(outer.row, depth.row, g.stride_h, g.oh);
    const int64_t column = output_of(outer.column, depth.column, g.stride_w, g.ow);
    return row < 0 || column < 0 ? nullptr : outer.image + (row * g.ow + column) * g.c_out + depth.channel;
  }
  __device__ __forceinline__ const float* anywhere() const { return dy; }
};

// kernel [taps, c_in / groups, c_out] with channels of the input outside, taps and channels of the output in depth.
template <int kVectorOfCopy>
struct TransposedKernel {
  static constexpr int kVector = kVectorOfCopy;
  static constexpr bool kAlongDepth = true;
  using Outer = const float*;
  using Depth = int64_t;
  Conv2dGeometry geometry;
  const float* kernel;

  __device__ __forceinline__ Outer outer(int channel, int group) const {
    return kernel + channel * geometry.c_out + group * (geometry.c_out / geometry.groups);
  }
  __device__ __forceinline__ Depth depth(int i) const {
    const int channels = static_cast<int>(geometry.c_out / geometry.groups);
    return i / channels * (geometry.c_in / geometry.groups) * geometry.c_out + i % channels;
  }
  __device__ __forceinline__ const float* at(Outer outer, Depth depth) const { return outer + depth; }
  __device__ __forceinline__ const float* anywhere() const { return kernel; }
};

template <class Math, int kVector>
void backward_data(const Conv2dBackwardData& op, const Run& run) {
  const Conv2dGeometry& g = op.geometry;
  const ProductShape shape{per_row(g.h * g.w), g.group_in(), fixed(g.kernel_h * g.kernel_w * g.group_out()), 1};
  multiply<Math>(shape, g.groups, run, Observers<kVector>{g, op.dy}, TransposedKernel<kVector>{g, op.kernel},
                 StoreOutput{nullptr, false, g.group_in(), g.c_in, op.dx});
}

// A thread for each element of dx: a product would have a single column.
struct DepthwiseGradient {
  Conv2dBackwardData op;
  __device__ void operator()(int64_t i, const Step&) const {
    const Conv2dGeometry& g = op.geometry;
    const int64_t c = i % g.c_in, pixel = i / g.c_in;
    const float* image = op.dy + pixel / (g.h * g.w) * (g.oh * g.ow * g.c_out) + c;
    float sum = 0;
    for (int64_t ky = 0; ky < g.kernel_h; ++ky) {
      const int64_t row = output_of(pixel / g.w % g.h + g.pad_top, ky * g.dilation_h, g.stride_h, g.oh);
      for (int64_t kx = 0; kx < g.kernel_w; ++kx) {
        const int64_t column = output_of(pixel % g.w + g.pad_left, kx * g.dilation_w, g.stride_w, g.ow);
        if (row >= 0 && column >= 0)
          sum = fmaf(image[(row * g.ow + column) * g.c_out], op.kernel[(ky * g.kernel_w + kx) * g.c_out + c], sum);
      }
    }
    op.dx[i] = sum;
  }
};

template <class Math>
void conv2d_backward_data(const Conv2dBackwardData& op, const Run& run) {
  const Conv2dGeometry& g = op.geometry;
  if (g.is_depthwise()) return for_each_element(per_row(g.in_size()), run, DepthwiseGradient{op});
  if (takes_vectors(op.dy, g.group_out()) && takes_vectors(op.kernel, g.group_out()))
    return backward_data<Math, 4>(op, run);
  backward_data<Math, 1>(op, run);
}

void conv2d_bfloat16_backward_data(const Conv2dBfloat16BackwardData& op, const Run& run) {
  conv2d_backward_data<Bf16>({op.geometry.conv, op.dy, op.kernel, op.dx, nullptr}, run);
}

}  // namespace

void add_conv2d_backward_data(KernelTable& table) {
  table.conv2d_backward_data = conv2d_backward_data<Fp32>;
  table.conv2d_bfloat16_backward_data = conv2d_bfloat16_backward_data;
}
void add_conv2d_backward_data_tf32(KernelTable& table) { table.conv2d_backward_data = conv2d_backward_data<Tf32>; }

}  // namespace pyconvnet::cuda
