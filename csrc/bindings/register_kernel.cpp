// One eager call of one kernel on NumPy arrays: for pyconvnet.ops, tests and benches.
#include "bindings/eager_call.h"
#include "bindings/register.h"

namespace pyconvnet {
namespace {

namespace py = pybind11;

void run_kernel(const std::string& kernel, const Attributes& attributes, const Arrays& arrays, int64_t rows,
                uint64_t seed, int64_t iteration, float learning_rate, const std::vector<FeedSpec>& feeds,
                const py::array_t<int64_t, py::array::c_style>& indices) {
  check(feeds.empty() || indices.size() == rows, kernel,
        "needs " + std::to_string(rows) + " row indices for its feeds, got " + std::to_string(indices.size()));
  Run run;
  run.rows = rows, run.indices = indices.data(), run.seed = seed;
  run.iteration = iteration, run.learning_rate = learning_rate;
  with_eager_call(kernel, attributes, arrays, make_feeds(kernel, feeds, indices), run,
                  [](const auto& call) { call(); });
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
  m.def(
      "offers_kernel", [](const std::string& kernel) { return offers(chosen_kernels(), kernel); },
      pybind11::arg("kernel"), "Whether the backend that is set has this kernel.");
}

}  // namespace pyconvnet
