// A launch: the blocks of the grid, one after another.
#pragma once

#include <functional>
#include <mutex>
#include <tuple>

#include "emu/block.h"

namespace emulator {

inline std::mutex launch_mutex;  // the state of a launch is global: one at a time

// Who runs the launches in the place of the fibers, if anybody: tests hand them to an interpreter of nvcc's output. The
// arguments are bytes, as they lie in memory.
using Launcher = std::function<void(const void* kernel, dim3 grid, dim3 threads, size_t shared_bytes,
                                    const std::vector<std::string>& arguments)>;
inline Launcher launcher;

// Launches that are recorded, in the place of a captured graph: each with the arguments that it got.
using Recording = std::vector<std::function<void()>>;
inline thread_local Recording* recording = nullptr;  // of this thread, while it captures

template <class... P>
void run_grid(void (*kernel)(P...), dim3 grid, dim3 threads, size_t shared_bytes, const std::tuple<P...>& arguments);

template <class... P, class... A>
void launch(void (*kernel)(P...), dim3 grid, dim3 threads, size_t shared_bytes, A&&... arguments) {
  const std::tuple<P...> given(static_cast<P>(arguments)...);
  if (recording != nullptr)
    recording->push_back([=] { run_grid(kernel, grid, threads, shared_bytes, given); });
  else
    run_grid(kernel, grid, threads, shared_bytes, given);
}

template <class... P>
void run_grid(void (*kernel)(P...), dim3 grid, dim3 threads, size_t shared_bytes, const std::tuple<P...>& arguments) {
  const size_t count = size_t{threads.x} * threads.y * threads.z, blocks = size_t{grid.x} * grid.y * grid.z;
  if (count == 0 || count > 1024 || threads.z > 64) throw Error("launch: a block must have from 1 to 1024 threads");
  if (blocks == 0 || grid.y > 65535 || grid.z > 65535) throw Error("launch: bad grid size");
  if (shared_bytes > 227 * 1024) throw Error("launch: more than 227 KB of shared memory");
  if (launcher) {
    std::vector<std::string> raw;
    const auto add = [&raw](const auto& given) {
      raw.emplace_back(reinterpret_cast<const char*>(&given), sizeof given);
    };
    std::apply([&](const auto&... given) { (add(given), ...); }, arguments);
    return launcher(reinterpret_cast<const void*>(kernel), grid, threads, shared_bytes, raw);
  }
  const std::lock_guard<std::mutex> lock(launch_mutex);
  std::tuple<void (*)(P...), P...> packed = std::tuple_cat(std::make_tuple(kernel), arguments);
  kernel_arguments = &packed;
  kernel_body = [](void* p) {
    std::apply([](auto function, const auto&... given) { function(given...); }, *static_cast<decltype(packed)*>(p));
  };
  gridDim = grid;
  blockDim = threads;
  block.count = static_cast<int>(count);
  if (block.fibers.size() < count) block.fibers.resize(count);
  block.ready.assign((count + 63) / 64, 0);
  block.warps.resize((count + 31) / 32);
  block.dynamic.reset(shared_bytes ? static_cast<char*>(std::aligned_alloc(128, (shared_bytes + 127) / 128 * 128))
                                   : nullptr);
  block.dynamic_size = shared_bytes;
  block.statics.clear();
  block.static_sizes.clear();
  generator.seed(options.seed);
#if defined(__SANITIZE_THREAD__)
  scheduler_tsan_fiber = __tsan_get_current_fiber();
#endif
  std::vector<size_t> order(blocks);
  for (size_t i = 0; i < blocks; ++i) order[i] = options.order == Order::reverse ? blocks - 1 - i : i;
  if (options.order == Order::random) std::shuffle(order.begin(), order.end(), generator);
  for (const size_t b : order) {
    blockIdx = {static_cast<unsigned>(b % grid.x), static_cast<unsigned>(b / grid.x % grid.y),
                static_cast<unsigned>(b / grid.x / grid.y)};
    run_block();
  }
}

}  // namespace emulator
