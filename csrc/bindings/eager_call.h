// A kernel called alone on NumPy arrays, outside any plan.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bindings/backends.h"
#include "bindings/feeds.h"
#include "core/denormals.h"

namespace pyconvnet {

using Attributes = std::map<std::string, AttributeValue>;
using Arrays = std::map<std::string, pybind11::array>;

// Binds `kernel` to `arrays` and answers use(call), without the GIL and with the pool to itself; call() runs it once.
// What the kernel gathers comes from rows `run.indices` of `feeds`.
template <class F>
auto with_eager_call(const std::string& kernel, const Attributes& attributes, const Arrays& arrays,
                     const std::vector<Feed>& feeds, Run run, const F& use) {
  CallDescription description{kernel, attributes, {}};
  for (const auto& [name, array] : arrays)
    description.buffers[name] = block_of_array(kernel + " '" + name + "'", array);
  check(run.rows >= 0, kernel, "rows must not be negative");
  const auto bound = bind_call(chosen_kernels(), description, run.rows);
  check_feeds(kernel, bound->feeds, feeds);
  const pybind11::gil_scoped_release release;  // before the lease: whoever holds it may be waiting for the GIL
  const PoolLease pool = lease_pool();
  pool->reserve_scratch(bound->scratch_bytes);
  const FlushDenormals flush;
  run.feeds = feeds.data(), run.pool = pool.get();
  return use([&] { bound->run(run); });
}

}  // namespace pyconvnet
