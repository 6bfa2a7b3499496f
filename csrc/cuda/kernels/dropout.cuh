#pragma once

#include "core/philox.h"
#include "cuda/grid.h"

namespace pyconvnet::cuda {
namespace {

// What philox4x32 asks of its words: here a single one.
struct Word {
  uint32_t value;
  static __host__ __device__ constexpr Word broadcast(uint32_t value) { return {value}; }
};
__host__ __device__ constexpr Word operator^(Word a, Word b) { return {a.value ^ b.value}; }
__host__ __device__ constexpr void multiply(Word a, Word b, Word* high, Word* low) {
  const uint64_t product = uint64_t{a.value} * b.value;
  *high = {static_cast<uint32_t>(product >> 32)}, *low = {static_cast<uint32_t>(product)};
}

// A thread draws the four words of a block and serves the four elements that they belong to.
struct DropoutBlock {
  int64_t threshold;
  float scale;
  int64_t size, instance;
  const float* x;
  float* y;
  __device__ void operator()(int64_t block, const Step& step) const {
    const uint64_t number = static_cast<uint64_t>(block);
    Word c[4] = {{static_cast<uint32_t>(number)},
                 {static_cast<uint32_t>(number >> 32)},
                 {static_cast<uint32_t>(instance)},
                 {static_cast<uint32_t>(step.iteration)}};
    philox4x32(c, step.seed);
    const int64_t end = size * step.rows;
    for (int word = 0; word < 4; ++word) {
      const int64_t i = 4 * block + word;
      if (i < end) y[i] = (c[word].value >> 8) >= threshold ? x[i] * scale : 0.0f;
    }
  }
};

struct KnownMask {
  float scale;
  const float *dy, *activated;
  float* dx;
  __device__ void operator()(int64_t i, const Step&) const { dx[i] = activated[i] > 0 ? dy[i] * scale : 0.0f; }
};

template <class Op>
void apply_mask(const Op& op, const Run& run, const float* x, float* y) {
  // Enough blocks of four for the whole batch; a row need not be whole blocks.
  const int64_t blocks = (op.size * run.rows + 3) / 4;
  for_each_element(fixed(blocks), run, DropoutBlock{op.threshold, op.scale, op.size, op.instance, x, y});
}

void dropout_forward(const DropoutForward& op, const Run& run) { apply_mask(op, run, op.x, op.y); }
void dropout_backward(const DropoutBackward& op, const Run& run) {
  if (op.activated)
    for_each_element(per_row(op.size), run, KnownMask{op.scale, op.dy, op.activated, op.dx});
  else
    apply_mask(op, run, op.dy, op.dx);
}

}  // namespace

void add_dropout(KernelTable& table) {
  table.dropout_forward = dropout_forward;
  table.dropout_backward = dropout_backward;
}

}  // namespace pyconvnet::cuda
