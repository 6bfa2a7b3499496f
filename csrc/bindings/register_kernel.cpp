// One eager call of one kernel on NumPy arrays: for pyconvnet.ops, tests and benches.
#include <pybind11/stl.h>

#include "bindings/array_view.h"
#include "bindings/register.h"
#include "core/denormals.h"
#include "cpu/dispatch.h"

namespace pyconvnet {
namespace {

namespace py = pybind11;

using Attributes = std::map<std::string, AttributeValue>;

void run_kernel(const std::string& kernel, const Attributes& attributes, const std::map<std::string, py::array>& arrays,
                int64_t rows, uint64_t seed, int64_t iteration, float learning_rate) {
  CallDescription call{kernel, attributes, {}};
  for (const auto& [name, array] : arrays) call.buffers[name] = block_of_array(kernel + " '" + name + "'", array);
  check(rows >= 0, kernel, "rows must not be negative");
  const auto bound = bind_call(active_kernels(), call, rows);
  check(bound->feeds.empty(), kernel, "reads the feeds of a plan and cannot run alone");
  const py::gil_scoped_release release;
  const PoolLease pool = lease_pool();
  pool->reserve_scratch(bound->scratch_bytes);
  const FlushDenormals flush;
  Run run;
  run.rows = rows, run.seed = seed, run.iteration = iteration, run.learning_rate = learning_rate;
  run.pool = pool.get();
  bound->run(run);
}

py::list describe_kernel(const std::string& kernel, const Attributes& attributes) {
  py::list result;
  for (const BufferDescription& b : describe_call({kernel, attributes, {}}))
    result.append(py::make_tuple(b.name, dtype_name(b.dtype), b.count, b.for_each_row, b.role));
  return result;
}

}  // namespace

void register_kernel(pybind11::module_& m) {
  m.def("run_kernel", &run_kernel, "Runs one kernel once on C-contiguous arrays, outputs in place.");
  m.def("describe_kernel", &describe_kernel,
        "The buffers of a kernel: (name, dtype, count, whether count is for each row, role).");
  m.def("kernel_names", &kernel_names);
}

}  // namespace pyconvnet
