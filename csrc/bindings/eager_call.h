// A kernel called alone on arrays, outside any plan.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bindings/backends.h"
#include "bindings/feeds.h"
#include "core/denormals.h"
#include "plan/device_steps.h"

namespace pyconvnet {

using Attributes = std::map<std::string, AttributeValue>;
using Arrays = std::map<std::string, pybind11::object>;

// Adds a block for each scratch buffer of the call that has none; all of them lie in the memory that is answered.
inline std::unique_ptr<float[]> add_scratch(CallDescription& call, int64_t rows) {
  constexpr size_t kLine = 64 / sizeof(float);  // each begins with a cache line, as in a plan
  const auto floats_of = [](const Block& block) { return (block.bytes / sizeof(float) + kLine) / kLine * kLine; };
  std::vector<std::pair<std::string, Block>> missing;
  size_t floats = 0;
  for (const BufferDescription& b : describe_call(call)) {
    if (b.role != "scratch" || call.buffers.count(b.name)) continue;
    const auto count = static_cast<size_t>(product(b.count, b.for_each_row ? rows : 1));
    missing.push_back({b.name, {nullptr, count * dtype_size(b.dtype), b.dtype, true}});
    floats += floats_of(missing.back().second);
  }
  std::unique_ptr<float[]> memory(new float[floats + kLine]);
  float* at = memory.get() + (0 - reinterpret_cast<uintptr_t>(memory.get()) / sizeof(float)) % kLine;
  for (auto& [name, block] : missing) {
    block.data = at;
    at += floats_of(block);
    call.buffers[name] = block;
  }
  return memory;
}

// Binds `kernel` to `arrays` and answers use(call), without the GIL and with the pool to itself; call() runs it once.
// Scratch that is not among the arrays is made here, but in a GPU's memory, and `step_memory` is as for a plan. What
// the kernel gathers comes from rows `run.indices` of `feeds`.
template <class F>
auto with_eager_call(const std::string& kernel, const Attributes& attributes, const Arrays& arrays,
                     const std::vector<Feed>& feeds, const Backend& backend, pybind11::object step_memory, Run run,
                     const F& use) {
  CallDescription description{kernel, attributes, {}};
  for (const auto& [name, array] : arrays)
    description.buffers[name] = block_of_array(kernel + " '" + name + "'", array, backend.memory);
  check(run.rows >= 0, kernel, "rows must not be negative");
  check_offered(*backend.kernels, kernel);
  const std::unique_ptr<float[]> scratch = backend.memory.host ? add_scratch(description, run.rows) : nullptr;
  const auto bound = bind_call(*backend.kernels, description, run.rows);
  check_feeds(kernel, bound->feeds, feeds);
  if (backend.graphs.upload != nullptr) {
    run.block = step_block(kernel, backend.memory, step_memory);
    const StepBlock block = first_block(kernel, run, feeds, run.rows, run.block);
    backend.graphs.upload(run.block, &block, sizeof block, run.stream);
  }
  const pybind11::gil_scoped_release release;  // before the lease: whoever holds it may be waiting for the GIL
  const PoolLease pool = lease_pool();
  pool->reserve_scratch(bound->scratch_bytes);
  const FlushDenormals flush;
  run.feeds = feeds.data(), run.pool = pool.get();
  return use([&] { bound->run(run); });
}

}  // namespace pyconvnet
