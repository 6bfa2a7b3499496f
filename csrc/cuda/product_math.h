// The arithmetic of a product's tile: fp32 on the ordinary units, or TF32 or bf16 on the tensor cores.
#pragma once

#include "cuda/product.h"

namespace pyconvnet::cuda {

// 256 threads, each with 4 x 4 sums.
class Fp32 {
 public:
  static constexpr int kThreads = 256;

  template <class PanelA, class PanelB>
  __device__ __forceinline__ void multiply(const PanelA& a, const PanelB& b) {
#pragma unroll
    for (int k = 0; k < kDepth; ++k) {
      float left[kSide], right[kSide];
#pragma unroll
      for (int i = 0; i < kSide; ++i) left[i] = a.at(row() + i, k), right[i] = b.at(column() + i, k);
#pragma unroll
      for (int i = 0; i < kSide; ++i)
#pragma unroll
        for (int j = 0; j < kSide; ++j) sum_[i][j] = fmaf(left[i], right[j], sum_[i][j]);
    }
  }

  // function(row, column, sum) for this thread's sums.
  template <class F>
  __device__ __forceinline__ void for_each(const F& function) const {
#pragma unroll
    for (int i = 0; i < kSide; ++i)
#pragma unroll
      for (int j = 0; j < kSide; ++j) function(row() + i, column() + j, sum_[i][j]);
  }

 private:
  static constexpr int kSide = 4, kAcross = kTile / kSide;
  __device__ static int row() { return threadIdx.x / kAcross * kSide; }
  __device__ static int column() { return threadIdx.x % kAcross * kSide; }
  float sum_[kSide][kSide] = {};
};

// The sums of tensor cores: four warps, two by two, each with 32 x 32 sums in fp32.
class WarpTiles {
 public:
  static constexpr int kThreads = 128;

  template <class F>
  __device__ __forceinline__ void for_each(const F& function) const {
    const int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
#pragma unroll
    for (int i = 0; i < kDown; ++i)
#pragma unroll
      for (int j = 0; j < kAcross; ++j)
#pragma unroll
        for (int r = 0; r < 4; ++r)
          function(row() + 16 * i + g + 8 * (r / 2), column() + 8 * j + 2 * t + r % 2, sum_[i][j][r]);
  }

 protected:
  static constexpr int kWarpTile = 32, kDown = kWarpTile / 16, kAcross = kWarpTile / 8;
  __device__ static int row() { return threadIdx.x / 64 * kWarpTile; }
  __device__ static int column() { return threadIdx.x / 32 % 2 * kWarpTile; }
  float sum_[kDown][kAcross][4] = {};
};

// Factors are rounded to TF32 (10 bits of fraction).
class Tf32 : public WarpTiles {
 public:
  template <bool kAlongDepthA, bool kAlongDepthB>
  __device__ __forceinline__ void multiply(const Panel<kAlongDepthA>& a, const Panel<kAlongDepthB>& b) {
#pragma unroll
    for (int k = 0; k < kDepth; k += 8) {
      uint32_t left[kDown][4], right[kAcross][2];
#pragma unroll
      for (int i = 0; i < kDown; ++i) load_left(left[i], a, row() + 16 * i, k);
#pragma unroll
      for (int j = 0; j < kAcross; j += 2) load_right(right[j], right[j + 1], b, column() + 8 * j, k);
#pragma unroll
      for (int i = 0; i < kDown; ++i)
#pragma unroll
        for (int j = 0; j < kAcross; ++j) multiply_tf32(sum_[i][j], left[i], right[j]);
    }
  }

 private:
  __device__ __forceinline__ static void round(uint32_t& bits) { bits = to_tf32(__uint_as_float(bits)); }

  // 16 rows, 8 depths: the layout of multiply_tf32's first factor.
  template <bool kAlongDepth>
  __device__ __forceinline__ static void load_left(uint32_t (&r)[4], const Panel<kAlongDepth>& a, int row, int k) {
    const int lane = threadIdx.x % 32;
    if constexpr (kAlongDepth) {
      load_matrices(r, &a.values[row + lane % 16][k + lane / 16 * 4]);
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i)
        r[i] = __float_as_uint(a.at(row + lane / 4 + 8 * (i % 2), k + lane % 4 + 4 * (i / 2)));
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) round(r[i]);
  }

  // 16 columns, 8 depths: two second factors side by side.
  template <bool kAlongDepth>
  __device__ __forceinline__ static void load_right(uint32_t (&first)[2], uint32_t (&second)[2],
                                                    const Panel<kAlongDepth>& b, int column, int k) {
    const int lane = threadIdx.x % 32;
    if constexpr (kAlongDepth) {
      uint32_t r[4];
      load_matrices(r, &b.values[column + lane / 16 * 8 + lane % 8][k + lane / 8 % 2 * 4]);
      first[0] = r[0], first[1] = r[1], second[0] = r[2], second[1] = r[3];
    } else {
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        first[i] = __float_as_uint(b.at(column + lane / 4, k + lane % 4 + 4 * i));
        second[i] = __float_as_uint(b.at(column + 8 + lane / 4, k + lane % 4 + 4 * i));
      }
    }
#pragma unroll
    for (int i = 0; i < 2; ++i) round(first[i]), round(second[i]);
  }
};

// Factors are rounded to bf16 (7 bits of fraction) on their way from shared memory, two neighbours in depth a word.
class Bf16 : public WarpTiles {
 public:
  template <bool kAlongDepthA, bool kAlongDepthB>
  __device__ __forceinline__ void multiply(const Panel<kAlongDepthA>& a, const Panel<kAlongDepthB>& b) {
    static_assert(kDepth % 16 == 0);
    const int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
#pragma unroll
    for (int k = 0; k < kDepth; k += 16) {
      uint32_t left[kDown][4], right[kAcross][2];
#pragma unroll
      for (int i = 0; i < kDown; ++i)
#pragma unroll
        for (int r = 0; r < 4; ++r) left[i][r] = pair(a, row() + 16 * i + g + 8 * (r % 2), k + 2 * t + 8 * (r / 2));
#pragma unroll
      for (int j = 0; j < kAcross; ++j)
#pragma unroll
        for (int r = 0; r < 2; ++r) right[j][r] = pair(b, column() + 8 * j + g, k + 2 * t + 8 * r);
#pragma unroll
      for (int i = 0; i < kDown; ++i)
#pragma unroll
        for (int j = 0; j < kAcross; ++j) multiply_bfloat16(sum_[i][j], left[i], right[j]);
    }
  }

 private:
  template <bool kAlongDepth>
  __device__ __forceinline__ static uint32_t pair(const Panel<kAlongDepth>& panel, int outer, int depth) {
    return to_bfloat16(panel.at(outer, depth), panel.at(outer, depth + 1));
  }
};

}  // namespace pyconvnet::cuda
