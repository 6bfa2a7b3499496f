// Matrix products c = a b on tiles in shared memory, which copies fill some tiles ahead of the arithmetic. Convolutions
// are products whose operands are looked up in images as the copies go (implicit GEMM): nothing is unrolled in memory.
//
// An operand says where its elements are; `outer` is its row in a, its column in b, `depth` what is summed over:
//   static constexpr int kVector        elements that a copy takes: 4, where they lie together and aligned, or 1
//   static constexpr bool kAlongDepth   whether neighbours in memory differ in depth, or in outer
//   Outer outer(int outer, int group)   what its elements of one outer, and of one depth, have in common
//   Depth depth(int depth)
//   const float* at(Outer, Depth)       null where the element is zero (padding)
//   const float* anywhere()             some address of its memory
#pragma once

#include <cstdint>

#include "core/check.h"
#include "cuda/grid.h"
#include "cuda/ptx.h"

namespace pyconvnet::cuda {

constexpr int kTile = 64;   // rows of a, and columns of b, of a block
constexpr int kDepth = 16;  // summed over between two barriers
constexpr int kStages = 3;  // tiles in shared memory: one in use, the others on their way

// A tile of an operand. Rows are padded so that the lanes of a warp meet no bank twice.
template <bool kAlongDepth>
struct Panel {
  alignas(16) float values[kAlongDepth ? kTile : kDepth][kAlongDepth ? kDepth + 4 : kTile + 8];
  __device__ __forceinline__ float at(int outer, int depth) const {
    if constexpr (kAlongDepth)
      return values[outer][depth];
    else
      return values[depth][outer];
  }
};

// A thread's share of the copies that fill panels: always the same outer (or the same few), tile after tile.
template <class Operand, int kThreadsOfBlock>
class PanelLoader {
 public:
  static constexpr bool kAlongDepth = Operand::kAlongDepth;
  static constexpr int kVector = Operand::kVector;
  static constexpr int kAcross = (kAlongDepth ? kDepth : kTile) / kVector;  // copies of a line in shared memory
  static constexpr int kLines = kThreadsOfBlock / kAcross;                  // filled at a time
  static constexpr int kTurns = (kAlongDepth ? kTile : kDepth) / kLines;
  static constexpr int kOuters = kAlongDepth ? kTurns : 1;

  __device__ PanelLoader(const Operand& operand, int group, int first_outer, int outers)
      : operand_(operand), across_(threadIdx.x % kAcross * kVector), line_(threadIdx.x / kAcross) {
#pragma unroll
    for (int i = 0; i < kOuters; ++i) {
      const int outer = first_outer + (kAlongDepth ? line_ + i * kLines : across_);
      inside_[i] = outer < outers;
      outer_[i] = operand_.outer(inside_[i] ? outer : 0, group);
    }
  }

  // Begins to fill the panel with the depths first_depth .. first_depth + kDepth - 1, zeros from end_depth on.
  __device__ __forceinline__ void load(Panel<kAlongDepth>& panel, int first_depth, int end_depth) const {
#pragma unroll
    for (int turn = 0; turn < kTurns; ++turn) {
      const int line = line_ + turn * kLines, depth = first_depth + (kAlongDepth ? across_ : line);
      const int i = kAlongDepth ? turn : 0;
      const float* from = nullptr;
      if (inside_[i] && depth < end_depth) from = operand_.at(outer_[i], operand_.depth(depth));
      const bool wanted = from != nullptr;
      copy_async<4 * kVector>(&panel.values[line][across_], wanted ? from : operand_.anywhere(), wanted);
    }
  }

 private:
  const Operand& operand_;
  const int across_, line_;
  typename Operand::Outer outer_[kOuters];
  bool inside_[kOuters];
};

// m and k may grow with the batch. The sum over k is cut into slices, each of a block of its own.
struct ProductShape {
  Extent m;
  int64_t n;
  Extent k;
  int slices;
};

// Sums over slices first to last; whole tiles, so that vectors stay aligned.
__device__ __forceinline__ int slice_length(int k, int slices) {
  return ((k + slices - 1) / slices + kDepth - 1) / kDepth * kDepth;
}

// Math computes the product of two panels (product_math.h). store.prepare(step), and then store(group, slice, row,
// column, sum) for each element of the tile. Two blocks a multiprocessor: left to itself, ptxas spills to fit a third.
template <class Math, class A, class B, class Store>
__global__ void __launch_bounds__(Math::kThreads, 2)
    product(ProductShape shape, const Step* __restrict__ now, A a, B b, Store store) {
  const Step step = *now;
  struct Shared {
    Panel<A::kAlongDepth> a[kStages];
    Panel<B::kAlongDepth> b[kStages];
  };
  Shared& shared = shared_memory<Shared>();
  store.prepare(step);
  const int m = static_cast<int>(size_of(shape.m, step)), n = static_cast<int>(shape.n);
  const int k = static_cast<int>(size_of(shape.k, step));
  const int first_row = blockIdx.x * kTile, first_column = blockIdx.y * kTile;
  const int group = blockIdx.z / shape.slices, slice = blockIdx.z % shape.slices;
  const int length = slice_length(k, shape.slices), begin = slice * length;
  const int end = begin + length < k ? begin + length : k;
  const int tiles = begin < end ? (end - begin + kDepth - 1) / kDepth : 0;

  const PanelLoader<A, Math::kThreads> load_a(a, group, first_row, m);
  const PanelLoader<B, Math::kThreads> load_b(b, group, first_column, n);
  const auto load = [&](int tile) {
    if (tile < tiles) {
      load_a.load(shared.a[tile % kStages], begin + tile * kDepth, end);
      load_b.load(shared.b[tile % kStages], begin + tile * kDepth, end);
    }
    commit_copies();  // also where there is nothing to copy: the wait below counts groups
  };

  Math math;
  for (int tile = 0; tile < kStages - 1; ++tile) load(tile);
  for (int tile = 0; tile < tiles; ++tile) {
    wait_for_copies<kStages - 2>();
    __syncthreads();  // the tile has landed for everyone, and everyone is done with the one before
    load(tile + kStages - 1);
    math.multiply(shared.a[tile % kStages], shared.b[tile % kStages]);
  }
  math.for_each([&](int row, int column, float sum) {
    if (first_row + row < m && first_column + column < n)
      store(group, slice, first_row + row, first_column + column, sum);
  });
}

template <class Math, class A, class B, class Store>
void multiply(const ProductShape& shape, int64_t groups, const Run& run, const A& a, const B& b, const Store& store) {
  const auto size = [&run](Extent e) { return e.for_each_row ? e.count * run.rows : e.count; };
  const int64_t m = size(shape.m), k = size(shape.k), blocks = groups * shape.slices;
  check(m < INT32_MAX && k < INT32_MAX && shape.n < INT32_MAX && blocks < 65536, "cuda",
        "a product of " + std::to_string(m) + " x " + std::to_string(k) + " by " + std::to_string(shape.n) + " in " +
            std::to_string(blocks) + " parts is too large; use smaller batches");
  if (m == 0) return;
  const auto tiles = [](int64_t length) { return static_cast<unsigned>((length + kTile - 1) / kTile); };
  launch(product<Math, A, B, Store>, dim3(tiles(m), tiles(shape.n), static_cast<unsigned>(blocks)),
         dim3(Math::kThreads), 0, run, shape, step_of(run), a, b, store);
}

// A matrix as it lies in memory.
template <int kVectorOfCopy, bool kNeighboursAlongDepth>
struct Matrix {
  static constexpr int kVector = kVectorOfCopy;
  static constexpr bool kAlongDepth = kNeighboursAlongDepth;
  using Outer = const float*;
  using Depth = int64_t;
  const float* values;
  int64_t outer_step, depth_step, group_step;
  __device__ __forceinline__ Outer outer(int i, int group) const {
    return values + i * outer_step + group * group_step;
  }
  __device__ __forceinline__ Depth depth(int i) const { return i * depth_step; }
  __device__ __forceinline__ const float* at(Outer outer, Depth depth) const { return outer + depth; }
  __device__ __forceinline__ const float* anywhere() const { return values; }
};

// Whether copies may take four elements: the array begins at a multiple of 16 bytes, and lines hold whole vectors.
inline bool takes_vectors(const float* values, int64_t line) {
  return reinterpret_cast<uintptr_t>(values) % 16 == 0 && line % 4 == 0;
}

// ---- what becomes of a sum ----

// The output of a layer, bias and ReLU with it: y [m, groups * n].
struct StoreOutput {
  const float* bias;  // or null
  bool relu;
  int64_t n, columns;  // of a group, of all
  float* y;
  __device__ void prepare(const Step&) {}
  __device__ __forceinline__ float finished(float sum, int64_t column) const {
    if (bias) sum = sum + bias[column];
    return relu && sum <= 0 ? 0.0f : sum;  // in this order NaN stays NaN
  }
  __device__ void operator()(int group, int, int row, int column, float sum) const {
    const int64_t channel = group * n + column;
    y[row * columns + channel] = finished(sum, channel);
  }
};

// A slice's share of a matrix [m, groups * n]; slices lie `slice_step` apart.
struct StoreSlice {
  int64_t n, columns, slice_step;
  float* partial;
  __device__ void prepare(const Step&) {}
  __device__ void operator()(int group, int slice, int row, int column, float sum) const {
    partial[slice * slice_step + row * columns + group * n + column] = sum;
  }
};

// Element i of the sum of the slices, first to last.
__device__ __forceinline__ float sum_of_slices(const float* partial, int64_t slice_step, int slices, int64_t i) {
  float sum = partial[i];
  for (int slice = 1; slice < slices; ++slice) sum = sum + partial[slice * slice_step + i];
  return sum;
}

struct AddSlices {
  const float* partial;
  int64_t slice_step;
  int slices;
  float* out;
  __device__ void operator()(int64_t i, const Step&) const { out[i] = sum_of_slices(partial, slice_step, slices, i); }
};

}  // namespace pyconvnet::cuda
