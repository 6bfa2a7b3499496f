// dkernel = transposed patches of x times dy: [taps * c_in / groups, rows * oh * ow] by [rows * oh * ow, c_out /
// groups]. The pixels are cut into slices, whatever the GPU; these are added first to last.
#pragma once

#include "cuda/columns.h"
#include "cuda/product_math.h"

namespace pyconvnet::cuda {
namespace {

// Taps and channels of x (outer) under the output pixels (depth).
template <int kVectorOfCopy>
struct TransposedPatches {
  static constexpr int kVector = kVectorOfCopy;
  static constexpr bool kAlongDepth = false;
  struct Outer {
    int row, column;  // in the patch, from the padding on
    int channel;      // of x
  };
  struct Depth {
    const float* image;
    int row, column;  // of the patch
  };
  Conv2dGeometry geometry;
  const float* x;

  __device__ __forceinline__ Outer outer(int i, int group) const {
    const Conv2dGeometry& g = geometry;
    const int channels = static_cast<int>(g.c_in / g.groups), tap = i / channels;
    const int kernel_w = static_cast<int>(g.kernel_w);
    return {static_cast<int>(tap / kernel_w * g.dilation_h - g.pad_top),
            static_cast<int>(tap % kernel_w * g.dilation_w - g.pad_left), group * channels + i % channels};
  }
  __device__ __forceinline__ Depth depth(int pixel) const {
    const Conv2dGeometry& g = geometry;
    const int ow = static_cast<int>(g.ow), oh = static_cast<int>(g.oh), line = pixel / ow;
    return {x + line / oh * (g.h * g.w * g.c_in), static_cast<int>(line % oh * g.stride_h),
            static_cast<int>(pixel % ow * g.stride_w)};
  }
  __device__ __forceinline__ const float* at(const Outer& outer, const Depth& depth) const {
    const Conv2dGeometry& g = geometry;
    const int64_t row = outer.row + depth.row, column = outer.column + depth.column;
    if (row < 0 || row >= g.h || column < 0 || column >= g.w) return nullptr;
    return depth.image + (row * g.w + column) * g.c_in + outer.channel;
  }
  __device__ __forceinline__ const float* anywhere() const { return x; }
};

// What pixel i adds to the gradient of tap and channel `column` of a depthwise kernel.
struct DepthwiseTerm {
  Conv2dGeometry geometry;
  const float *x, *dy;
  __device__ float operator()(int64_t i, int64_t column) const {
    const Conv2dGeometry& g = geometry;
    const int64_t c = column % g.c_out, tap = column / g.c_out;
    const int64_t row = i / g.ow % g.oh * g.stride_h - g.pad_top + tap / g.kernel_w * g.dilation_h;
    const int64_t across = i % g.ow * g.stride_w - g.pad_left + tap % g.kernel_w * g.dilation_w;
    if (row < 0 || row >= g.h || across < 0 || across >= g.w) return 0;
    const int64_t image = i / (g.oh * g.ow);
    return x[((image * g.h + row) * g.w + across) * g.c_in + c] * dy[i * g.c_out + c];
  }
};

template <class Math, int kVector>
void backward_weights(const Conv2dBackwardWeights& op, const Run& run) {
  const Conv2dGeometry& g = op.geometry;
  const ProductShape shape{fixed(g.kernel_h * g.kernel_w * g.group_in()), g.group_out(), per_row(g.oh * g.ow),
                           static_cast<int>(op.kSlices)};
  const Matrix<kVector, false> gradient{op.dy, 1, g.c_out, g.group_out()};
  multiply<Math>(shape, g.groups, run, TransposedPatches<kVector>{g, op.x}, gradient,
                 StoreSlice{g.group_out(), g.c_out, g.kernel_size(), op.partial});
}

template <class Math>
void conv2d_backward_weights(const Conv2dBackwardWeights& op, const Run& run) {
  const Conv2dGeometry& g = op.geometry;
  constexpr int kSlices = Conv2dBackwardWeights::kSlices;
  const int64_t size = g.kernel_size();
  if (g.is_depthwise())
    add_columns(per_row(g.oh * g.ow), size, kSlices, size, op.partial, run, DepthwiseTerm{g, op.x, op.dy});
  else if (takes_vectors(op.x, g.group_in()) && takes_vectors(op.dy, g.group_out()))
    backward_weights<Math, 4>(op, run);
  else
    backward_weights<Math, 1>(op, run);
  for_each_element(fixed(size), run, AddSlices{op.partial, size, kSlices, op.dkernel});
  if (op.dbias == nullptr) return;
  float* partial = op.partial + kSlices * size;  // behind the kernels' slices
  add_columns(per_row(g.oh * g.ow), g.c_out, kSlices, g.c_out, partial, run, MatrixTerm{op.dy, g.c_out});
  for_each_element(fixed(g.c_out), run, AddSlices{partial, g.c_out, kSlices, op.dbias});
}

// The gradient of the bias is summed in fp32, as on the processor.
void conv2d_bfloat16_backward_weights(const Conv2dBfloat16BackwardWeights& op, const Run& run) {
  static_assert(Conv2dBfloat16BackwardWeights::kSlices == Conv2dBackwardWeights::kSlices);
  conv2d_backward_weights<Bf16>({op.geometry.conv, op.x, op.dy, op.dkernel, op.dbias, op.partial}, run);
}

}  // namespace

void add_conv2d_backward_weights(KernelTable& table) {
  table.conv2d_backward_weights = conv2d_backward_weights<Fp32>;
  table.conv2d_bfloat16_backward_weights = conv2d_bfloat16_backward_weights;
}
void add_conv2d_backward_weights_tf32(KernelTable& table) {
  table.conv2d_backward_weights = conv2d_backward_weights<Tf32>;
}

}  // namespace pyconvnet::cuda
