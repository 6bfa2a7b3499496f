#include <cstring>
#include <optional>

#include "bindings/backends.h"
#include "bindings/feeds.h"
#include "bindings/register.h"
#include "core/denormals.h"
#include "plan/plan.h"

namespace pyconvnet {
namespace {

namespace py = pybind11;

// A buffer of a call: which of the plan's arrays, from which byte, how many elements of which dtype.
using BufferSpec = std::tuple<int, int64_t, int64_t, std::string>;
using CallSpec = std::tuple<std::string, std::map<std::string, AttributeValue>, std::map<std::string, BufferSpec>>;

DType dtype_named(const std::string& name) {
  for (int i = 0; i <= static_cast<int>(DType::float16); ++i)
    if (name == dtype_name(static_cast<DType>(i))) return static_cast<DType>(i);
  fail("Plan", "unknown dtype '" + name + "'");
}

// Keeps the arrays that the bound calls point into.
struct BoundPlan {
  std::vector<py::array> arrays;
  Plan plan;
};

CallDescription describe(const CallSpec& spec, const std::vector<py::array>& arrays) {
  CallDescription call{std::get<0>(spec), std::get<1>(spec), {}};
  for (const auto& [name, buffer] : std::get<2>(spec)) {
    const auto& [index, offset, count, dtype] = buffer;
    const std::string who = call.kernel + " '" + name + "'";
    check(index >= 0 && static_cast<size_t>(index) < arrays.size(), who,
          "array " + std::to_string(index) + " of " + std::to_string(arrays.size()) + " is not there");
    Block block = block_of_array(who, arrays[static_cast<size_t>(index)]);
    const DType type = dtype_named(dtype);
    const auto available = static_cast<int64_t>(block.bytes),
               bytes = product(count, static_cast<int64_t>(dtype_size(type)));
    check(offset >= 0 && count >= 0 && offset <= available && bytes <= available - offset, who,
          "needs " + std::to_string(bytes) + " bytes from byte " + std::to_string(offset) + ", but its array has " +
              std::to_string(available));
    call.buffers[name] = {static_cast<char*>(block.data) + offset, static_cast<size_t>(bytes), type, block.writable};
  }
  return call;
}

std::unique_ptr<BoundPlan> make_plan(const std::vector<CallSpec>& specs, std::vector<py::array> arrays,
                                     int64_t capacity) {
  std::vector<CallDescription> calls;
  for (const CallSpec& spec : specs) calls.push_back(describe(spec, arrays));
  Plan plan(chosen_kernels(), calls, capacity);
  return std::unique_ptr<BoundPlan>(new BoundPlan{std::move(arrays), std::move(plan)});
}

// `learning_rate` is a number, or an array of one for each step. `output` [capacity, size] is copied, step by step,
// into consecutive rows of `out` where both are given. `seconds` [steps, calls] gets the time of each call.
void run_plan(BoundPlan& bound, const std::vector<FeedSpec>& feed_specs,
              const py::array_t<int64_t, py::array::c_style>& indices, int64_t batch_size, uint64_t seed,
              int64_t iteration, const py::array_t<float, py::array::c_style | py::array::forcecast>& learning_rate,
              std::optional<py::array> output, std::optional<py::array> out, std::optional<py::array> seconds) {
  const std::vector<Feed> feeds = make_feeds("Plan.run", feed_specs, indices);
  check_feeds("Plan.run", bound.plan.feeds(), feeds);
  const float* from = nullptr;
  float* to = nullptr;
  int64_t row_size = 0;
  if (output && out) {
    const Block source = block_of_array("output", *output), target = block_of_array("out", *out);
    check(source.dtype == DType::float32 && target.dtype == DType::float32 && target.writable, "Plan.run",
          "out must be a writable float32 array");
    row_size = static_cast<int64_t>(source.bytes / sizeof(float)) / bound.plan.capacity();
    const size_t bytes = static_cast<size_t>(indices.size() * row_size) * sizeof(float);
    check(target.bytes >= bytes, "Plan.run",
          "out must hold " + std::to_string(bytes) + " bytes, got " + std::to_string(target.bytes));
    from = static_cast<const float*>(source.data), to = static_cast<float*>(target.data);
  }
  double* times = nullptr;
  if (seconds) {
    const Block block = block_of_array("seconds", *seconds);
    const auto steps = static_cast<size_t>(batch_size < 1 ? 0 : (indices.size() + batch_size - 1) / batch_size);
    check(block.dtype == DType::float64 && block.writable && block.bytes >= steps * bound.plan.calls() * sizeof(double),
          "Plan.run", "seconds must be a writable float64 array of [steps, calls]");
    times = static_cast<double*>(block.data);
  }
  const py::gil_scoped_release release;
  const PoolLease pool = lease_pool();
  pool->reserve_scratch(bound.plan.scratch_bytes());
  const FlushDenormals flush;
  Run run;
  run.feeds = feeds.data(), run.seed = seed, run.iteration = iteration, run.pool = pool.get();
  const std::span<const float> rates(learning_rate.data(), static_cast<size_t>(learning_rate.size()));
  bound.plan.run(run, rates, indices.data(), indices.size(), batch_size, times, [&](int64_t first, int64_t rows) {
    if (to) std::memcpy(to + first * row_size, from, static_cast<size_t>(rows * row_size) * sizeof(float));
  });
}

}  // namespace

void register_plan(pybind11::module_& m) {
  py::class_<BoundPlan>(m, "Plan", "Kernel calls bound to arrays; see pyconvnet.plan.")
      .def(py::init(&make_plan), py::arg("calls"), py::arg("arrays"), py::arg("capacity"))
      .def("run", &run_plan, py::arg("feeds"), py::arg("indices"), py::arg("batch_size"), py::arg("seed"),
           py::arg("iteration"), py::arg("learning_rate"), py::arg("output") = py::none(), py::arg("out") = py::none(),
           py::arg("seconds") = py::none())
      .def_property_readonly(
          "scratch_bytes", [](const BoundPlan& bound) { return bound.plan.scratch_bytes(); },
          "The most that a thread works in during one call.");
}

}  // namespace pyconvnet
