#pragma once

#include "core/philox.h"
#include "cpu/kernels/parallel-inl.h"
#include "kernels/kernel_list.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

// Elements that one vector of Philox blocks serves.
constexpr int64_t kGroup = 4 * Vec::kLanes;

// Writes (word >> 8), as floats, of the elements first .. first + kGroup - 1; first is a multiple of kGroup.
inline void draw(uint64_t seed, uint32_t instance, uint32_t iteration, int64_t first, Vec (&drawn)[4]) {
  const uint64_t block = static_cast<uint64_t>(first) / 4;  // no carry between the lanes of its lower half
  Words c[4] = {Words::broadcast(static_cast<uint32_t>(block)) + lane_numbers(),
                Words::broadcast(static_cast<uint32_t>(block >> 32)), Words::broadcast(instance),
                Words::broadcast(iteration)};
  philox4x32(c, seed);
  // From one word of all blocks a vector to the four words of one block after another.
  Vec u[4];
  for (int word = 0; word < 4; ++word) u[word] = upper_24_bits(c[word]);
  const Vec even_low = interleave_low(u[0], u[2]), odd_low = interleave_low(u[1], u[3]);
  const Vec even_high = interleave_high(u[0], u[2]), odd_high = interleave_high(u[1], u[3]);
  drawn[0] = interleave_low(even_low, odd_low);
  drawn[1] = interleave_high(even_low, odd_low);
  drawn[2] = interleave_low(even_high, odd_high);
  drawn[3] = interleave_high(even_high, odd_high);
}

template <class Op>
inline void apply_mask(const Op& op, const Run& run, const float* x, float* y) {
  const Vec threshold = broadcast(static_cast<float>(op.threshold)), scale = broadcast(op.scale);
  const uint32_t instance = static_cast<uint32_t>(op.instance), iteration = static_cast<uint32_t>(run.iteration);
  for_each_range(*run.pool, run.rows * op.size, 256 * kGroup, [&](int64_t begin, int64_t end) {
    for (int64_t first = begin; first < end; first += kGroup) {
      Vec drawn[4];
      draw(run.seed, instance, iteration, first, drawn);
      for (int part = 0; part < 4; ++part) {
        const int64_t i = first + part * Vec::kLanes, left = end - i;
        if (left <= 0) break;
        const int64_t lanes = left < Vec::kLanes ? left : Vec::kLanes;
        const Vec kept = load_lanes(x + i, lanes) * scale;
        store_lanes(y + i, select(threshold > drawn[part], zero(), kept), lanes);
      }
    }
  });
}

inline void dropout_forward(const DropoutForward& op, const Run& run) { apply_mask(op, run, op.x, op.y); }

inline void apply_known_mask(const DropoutBackward& op, const Run& run) {
  const Vec scale = broadcast(op.scale);
  for_each_range(*run.pool, run.rows * op.size, 256 * kGroup, [&](int64_t begin, int64_t end) {
    for_each_vector(begin, end, [&](int64_t i, int64_t lanes) {
      const Vec kept = load_lanes(op.dy + i, lanes) * scale;
      store_lanes(op.dx + i, select(load_lanes(op.activated + i, lanes) > zero(), kept, zero()), lanes);
    });
  });
}

inline void dropout_backward(const DropoutBackward& op, const Run& run) {
  op.activated ? apply_known_mask(op, run) : apply_mask(op, run, op.dy, op.dx);
}

}  // namespace

void add_dropout(KernelTable& table) {
  table.dropout_forward = dropout_forward;
  table.dropout_backward = dropout_backward;
}

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
