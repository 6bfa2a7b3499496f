// One eager call of one kernel: for pyconvnet.ops, tests and benches.
#include "bindings/eager_call.h"
#include "bindings/register.h"

namespace pyconvnet {
namespace {

namespace py = pybind11;

void run_kernel(const std::string& kernel, const Attributes& attributes, const Arrays& arrays, int64_t rows,
                uint64_t seed, int64_t iteration, float learning_rate, const std::vector<FeedSpec>& feeds,
                const Indices& indices, const std::string& backend_name, uintptr_t stream,
                const py::object& device_indices, const py::object& step_memory) {
  check(feeds.empty() || indices.size() == rows, kernel,
        "needs " + std::to_string(rows) + " row indices for its feeds, got " + std::to_string(indices.size()));
  const Backend backend = backend_named(kernel, backend_name);
  Run run;
  run.rows = rows, run.seed = seed, run.stream = reinterpret_cast<void*>(stream);
  run.iteration = iteration, run.learning_rate = learning_rate;
  if (!feeds.empty()) run.indices = indices_for(kernel, indices, device_indices, backend.memory);
  with_eager_call(kernel, attributes, arrays, make_feeds(kernel, feeds, indices, backend.memory), backend, step_memory,
                  run, [](const auto& call) { call(); });
}

py::list describe_kernel(const std::string& kernel, const Attributes& attributes) {
  py::list result;
  for (const BufferDescription& b : describe_call({kernel, attributes, {}}))
    result.append(py::make_tuple(b.name, dtype_name(b.dtype), b.count, b.for_each_row, b.role));
  return result;
}

}  // namespace

void register_kernel(pybind11::module_& m) {
  m.def("run_kernel", &run_kernel, py::arg("kernel"), py::arg("attributes"), py::arg("arrays"), py::arg("rows"),
        py::arg("seed"), py::arg("iteration"), py::arg("learning_rate"), py::arg("feeds"), py::arg("indices"),
        py::arg("backend") = "cpu", py::arg("stream") = 0, py::arg("device_indices") = py::none(),
        py::arg("step_memory") = py::none(), "Runs one kernel once on C-contiguous arrays, outputs in place.");
  m.def("describe_kernel", &describe_kernel,
        "The buffers of a kernel: (name, dtype, count, whether count is for each row, role).");
  m.def("kernel_names", &kernel_names);
}

}  // namespace pyconvnet
