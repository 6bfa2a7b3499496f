// y = patches of x times the kernel: [rows * oh * ow, taps * c_in / groups] by [taps * c_in / groups, c_out / groups].
#pragma once

#include "cuda/product_math.h"

namespace pyconvnet::cuda {
namespace {

// The patch of x under an output pixel (outer), its taps and channels (depth).
template <int kVectorOfCopy>
struct Patches {
  static constexpr int kVector = kVectorOfCopy;
  static constexpr bool kAlongDepth = true;
  struct Outer {
    const float* image;  // first channel of the group
    int row, column;     // of the patch, above and left of the image where padded
  };
  struct Depth {
    int row, column;  // in the patch
    int channel;      // in the group
  };
  Conv2dGeometry geometry;
  const float* x;

  __device__ __forceinline__ Outer outer(int pixel, int group) const {
    const Conv2dGeometry& g = geometry;
    const int ow = static_cast<int>(g.ow), oh = static_cast<int>(g.oh), line = pixel / ow;
    return {x + line / oh * (g.h * g.w * g.c_in) + group * (g.c_in / g.groups),
            static_cast<int>(line % oh * g.stride_h - g.pad_top),
            static_cast<int>(pixel % ow * g.stride_w - g.pad_left)};
  }
  __device__ __forceinline__ Depth depth(int i) const {
    const Conv2dGeometry& g = geometry;
    const int channels = static_cast<int>(g.c_in / g.groups), tap = i / channels;
    const int kernel_w = static_cast<int>(g.kernel_w);
    return {static_cast<int>(tap / kernel_w * g.dilation_h), static_cast<int>(tap % kernel_w * g.dilation_w),
            i % channels};
  }
  __device__ __forceinline__ const float* at(const Outer& outer, const Depth& depth) const {
    const Conv2dGeometry& g = geometry;
    const int64_t row = outer.row + depth.row, column = outer.column + depth.column;
    if (row < 0 || row >= g.h || column < 0 || column >= g.w) return nullptr;
    return outer.image + (row * g.w + column) * g.c_in + depth.channel;
  }
  __device__ __forceinline__ const float* anywhere() const { return x; }
};

template <class Math, int kVector>
void forward(const Conv2dForward& op, const Run& run) {
  const Conv2dGeometry& g = op.geometry;
  const ProductShape shape{per_row(g.oh * g.ow), g.group_out(), fixed(g.kernel_h * g.kernel_w * g.group_in()), 1};
  const Matrix<kVector, false> kernel{op.kernel, 1, g.c_out, g.group_out()};
  multiply<Math>(shape, g.groups, run, Patches<kVector>{g, op.x}, kernel,
                 StoreOutput{op.bias, op.relu, g.group_out(), g.c_out, op.y});
}

// A thread for each element of y: a product would have a single column.
struct DepthwiseElement {
  Conv2dForward op;
  __device__ void operator()(int64_t i, const Step&) const {
    const Conv2dGeometry& g = op.geometry;
    const int64_t c = i % g.c_out, pixel = i / g.c_out;
    const int64_t top = pixel / g.ow % g.oh * g.stride_h - g.pad_top, left = pixel % g.ow * g.stride_w - g.pad_left;
    const float* image = op.x + pixel / (g.oh * g.ow) * (g.h * g.w * g.c_in) + c;
    float sum = 0;
    for (int64_t ky = 0; ky < g.kernel_h; ++ky)
      for (int64_t kx = 0; kx < g.kernel_w; ++kx) {
        const int64_t row = top + ky * g.dilation_h, column = left + kx * g.dilation_w;
        if (row >= 0 && row < g.h && column >= 0 && column < g.w)
          sum = fmaf(image[(row * g.w + column) * g.c_in], op.kernel[(ky * g.kernel_w + kx) * g.c_out + c], sum);
      }
    if (op.bias) sum = sum + op.bias[c];
    op.y[i] = op.relu && sum <= 0 ? 0.0f : sum;
  }
};

template <class Math>
void conv2d_forward(const Conv2dForward& op, const Run& run) {
  const Conv2dGeometry& g = op.geometry;
  if (g.is_depthwise()) return for_each_element(per_row(g.out_size()), run, DepthwiseElement{op});
  if (takes_vectors(op.x, g.group_in()) && takes_vectors(op.kernel, g.group_out())) return forward<Math, 4>(op, run);
  forward<Math, 1>(op, run);
}

void conv2d_bfloat16_forward(const Conv2dBfloat16Forward& op, const Run& run) {
  conv2d_forward<Bf16>({op.geometry.conv, op.relu, op.x, op.kernel, op.bias, op.y, nullptr}, run);
}

}  // namespace

void add_conv2d_forward(KernelTable& table) {
  table.conv2d_forward = conv2d_forward<Fp32>;
  table.conv2d_bfloat16_forward = conv2d_bfloat16_forward;
}
void add_conv2d_forward_tf32(KernelTable& table) { table.conv2d_forward = conv2d_forward<Tf32>; }

}  // namespace pyconvnet::cuda
