// A block of CUDA threads: who is ready, who waits at the barrier, and who runs next.
#pragma once

#include <memory>
#include <random>
#include <utility>

#include "emu/fiber.h"

namespace emulator {

enum class Order { forward, reverse, random };

struct Options {
  Order order = Order::forward;  // in which ready threads, and blocks, run
  uint32_t seed = 1;             // of the random order
};
inline Options options;

// A warp-wide operation in progress: lanes leave pointers to their operands, the last one to arrive computes every
// lane's result and lets the others go.
struct Collective {
  unsigned mask = 0, arrived = 0;
  Site site{};
  void* operands[32];
};

struct Block {
  std::vector<Fiber> fibers;
  std::vector<uint64_t> ready;                 // a bit for each fiber
  std::vector<std::vector<Collective>> warps;  // operations in progress, one for each mask
  int count = 0, live = 0, at_barrier = 0;
  uint64_t phase = 0;  // barriers passed
  Site barrier_site{};
  std::vector<std::pair<const void*, std::unique_ptr<char[]>>> statics;  // shared_memory<T>(), by type
  std::vector<size_t> static_sizes;
  std::unique_ptr<char, decltype(&std::free)> dynamic{nullptr, &std::free};
  size_t dynamic_size = 0;
};

inline Block block;
inline std::string failure;
inline void (*kernel_body)(void*) = nullptr;
inline void* kernel_arguments = nullptr;
inline std::mt19937 generator;

inline int lane_id() { return current->index & 31; }
inline int warp_id() { return current->index >> 5; }

inline std::string place(const uint3& p) {
  return "(" + std::to_string(p.x) + "," + std::to_string(p.y) + "," + std::to_string(p.z) + ")";
}

// Ends the launch with an error, from inside a kernel.
[[noreturn]] inline void fail(const std::string& message) {
  failure = "thread " + place(threadIdx) + " of block " + place(blockIdx) + ": " + message;
  to_scheduler(false);
  std::abort();
}

EMULATOR_NO_TSAN inline void set_ready(int i, bool on) {
  const uint64_t bit = uint64_t{1} << (i & 63);
  if (on) {
    block.ready[static_cast<size_t>(i >> 6)] |= bit;
    block.fibers[static_cast<size_t>(i)].state = State::ready;
  } else {
    block.ready[static_cast<size_t>(i >> 6)] &= ~bit;
  }
}

EMULATOR_NO_TSAN inline void release_barrier() {
  for (int i = 0; i < block.count; ++i)
    if (block.fibers[static_cast<size_t>(i)].state == State::at_barrier) set_ready(i, true);
  block.at_barrier = 0;
  ++block.phase;
}

// All threads of the block meet.
EMULATOR_NO_TSAN inline void barrier(const Site& site) {
  [[maybe_unused]] const uint64_t phase = block.phase;
  EMULATOR_RELEASE(barrier_order[phase & 1]);
  {
    const Quiet quiet;
    Fiber& me = *current;
    me.site = site;
    if (block.at_barrier == 0)
      block.barrier_site = site;
    else if (!(block.barrier_site == site))
      fail("this thread is at " + site.text() + ", others wait at " + block.barrier_site.text());
    if (block.live != block.count)
      fail(std::to_string(block.count - block.live) + " thread(s) returned before the others reached " + site.text());
    me.state = State::at_barrier;
    set_ready(me.index, false);
    if (++block.at_barrier == block.live) release_barrier();
    to_scheduler(false);
  }
  EMULATOR_ACQUIRE(barrier_order[phase & 1]);
}

[[noreturn]] EMULATOR_NO_TSAN inline void run_thread() {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, &scheduler_stack, &scheduler_stack_size);
#endif
  EMULATOR_ACQUIRE(launch_order);
  kernel_body(kernel_arguments);
  {
    const Quiet quiet;
    current->state = State::done;
    set_ready(current->index, false);
    --block.live;
    if (block.at_barrier > 0) fail("returned from the kernel while other threads wait at " + block.barrier_site.text());
  }
  EMULATOR_RELEASE(done_order);
  to_scheduler(true);
  std::abort();
}

// The next ready fiber in the chosen order, or -1.
EMULATOR_NO_TSAN inline int pick() {
  const int words = static_cast<int>(block.ready.size());
  if (options.order == Order::reverse) {
    for (int w = words - 1; w >= 0; --w)
      if (const uint64_t bits = block.ready[static_cast<size_t>(w)]) return w * 64 + 63 - __builtin_clzll(bits);
    return -1;
  }
  const int start =
      options.order == Order::random ? static_cast<int>(generator() % static_cast<unsigned>(block.count)) : 0;
  for (int k = 0, w = start >> 6; k <= words; ++k, w = (w + 1) % words) {
    uint64_t bits = block.ready[static_cast<size_t>(w)];
    if (k == 0) bits &= ~uint64_t{0} << (start & 63);
    if (bits) return w * 64 + __builtin_ctzll(bits);
  }
  return -1;
}

// Who waits where, when nobody can go on.
inline std::string stuck_report() {
  std::string report = "deadlock in block " + place(blockIdx) + ":";
  std::vector<std::pair<std::string, int>> waiting;
  for (int i = 0; i < block.count; ++i) {
    const Fiber& fiber = block.fibers[static_cast<size_t>(i)];
    const std::string where = fiber.state == State::done ? "have returned" : "wait at " + fiber.site.text();
    const auto known = std::find_if(waiting.begin(), waiting.end(), [&](const auto& w) { return w.first == where; });
    if (known == waiting.end())
      waiting.push_back({where, 1});
    else
      ++known->second;
  }
  for (const auto& [where, threads] : waiting) report += " " + std::to_string(threads) + " thread(s) " + where + ";";
  return report;
}

EMULATOR_NO_TSAN inline void run_block() {
  // NaN in every type of float: nobody may count on what an earlier block left.
  for (size_t i = 0; i < block.statics.size(); ++i)
    std::memset(block.statics[i].second.get(), 0xFF, block.static_sizes[i]);
  if (block.dynamic_size) std::memset(block.dynamic.get(), 0xFF, block.dynamic_size);
  block.live = block.count;
  block.at_barrier = 0;
  block.phase = 0;
  for (auto& warp : block.warps) warp.clear();
  int i = 0;
  for (unsigned z = 0; z < blockDim.z; ++z)
    for (unsigned y = 0; y < blockDim.y; ++y)
      for (unsigned x = 0; x < blockDim.x; ++x, ++i) {
        Fiber& fiber = block.fibers[static_cast<size_t>(i)];
        fiber.thread = {x, y, z};
        fiber.index = i;
        fiber.copies.clear();
        prepare_stack(fiber, &run_thread);  // no frame in between: a race detector would keep it
        set_ready(i, true);
      }
  EMULATOR_RELEASE(launch_order);
  failure.clear();
  while (block.live > 0) {
    const int next = pick();
    if (next < 0) throw Error(stuck_report());
    resume(block.fibers[static_cast<size_t>(next)]);
    if (!failure.empty()) throw Error(failure);
  }
  EMULATOR_ACQUIRE(done_order);
}

}  // namespace emulator

// Where a kernel called a meeting point: default arguments name the caller's line.
#define EMULATOR_HERE const char *file = __builtin_FILE(), int line = __builtin_LINE()

inline void __syncthreads(EMULATOR_HERE) { emulator::barrier({"__syncthreads", file, line}); }
