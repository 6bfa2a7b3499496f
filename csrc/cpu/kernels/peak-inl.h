#pragma once

#include "core/thread_pool.h"
#include "kernels/kernel_list.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

// Chains that do not wait for each other: more than latency times throughput, and they stay in registers.
constexpr int kChains = Vec::kRegisters * 3 / 4;

inline float run_chains(int64_t repetitions) {
  // Every lane tends to 1, each from elsewhere: a compiler that sees equal lanes computes one of them.
  const Vec factor = broadcast(0.999f), term = broadcast(0.001f);
  float lanes[Vec::kLanes];
  for (int i = 0; i < Vec::kLanes; ++i) lanes[i] = 0.1f * static_cast<float>(i);
  Vec chain[kChains];
#pragma GCC unroll 32
  for (int i = 0; i < kChains; ++i) chain[i] = load(lanes) + broadcast(0.01f * static_cast<float>(i));
  for (int64_t r = 0; r < repetitions; ++r) {
#pragma GCC unroll 32
    for (int i = 0; i < kChains; ++i) chain[i] = fma(chain[i], factor, term);
  }
  Vec sum = chain[0];
#pragma GCC unroll 32
  for (int i = 1; i < kChains; ++i) sum = sum + chain[i];
  store(lanes, sum);
  float total = 0;
  for (int i = 0; i < Vec::kLanes; ++i) total += lanes[i];
  return total;
}

inline void fma_peak(const FmaPeak& op, const Run& run) {
  parallel_for(*run.pool, op.tasks, [&](int64_t task, int) { op.sums[task] = run_chains(op.repetitions); });
  op.flops[0] = 2.0 * kChains * Vec::kLanes * static_cast<double>(op.tasks) * static_cast<double>(op.repetitions);
}

}  // namespace

void add_peak(KernelTable& table) { table.fma_peak = fma_peak; }

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
