#include <optional>

#include "bindings/backends.h"
#include "bindings/feeds.h"
#include "bindings/register.h"
#include "core/denormals.h"
#include "plan/device_steps.h"

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
  std::vector<py::object> arrays;
  Memory memory;
  Plan plan;
  std::unique_ptr<DeviceSteps> steps;  // null on the processor
};

CallDescription describe(const CallSpec& spec, const std::vector<py::object>& arrays, const Memory& memory) {
  CallDescription call{std::get<0>(spec), std::get<1>(spec), {}};
  for (const auto& [name, buffer] : std::get<2>(spec)) {
    const auto& [index, offset, count, dtype] = buffer;
    const std::string who = call.kernel + " '" + name + "'";
    check(index >= 0 && static_cast<size_t>(index) < arrays.size(), who,
          "array " + std::to_string(index) + " of " + std::to_string(arrays.size()) + " is not there");
    Block block = block_of_array(who, arrays[static_cast<size_t>(index)], memory);
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

// `step_memory`: of a device whose memory is not NumPy's, STEP_BYTES of it for the numbers of a step. `graphs`: whether
// a device captures its steps.
std::unique_ptr<BoundPlan> make_plan(const std::vector<CallSpec>& specs, std::vector<py::object> arrays,
                                     int64_t capacity, const std::string& backend_name, py::object step_memory,
                                     bool graphs) {
  const Backend backend = backend_named("Plan", backend_name);
  std::vector<CallDescription> calls;
  for (const CallSpec& spec : specs) calls.push_back(describe(spec, arrays, backend.memory));
  std::unique_ptr<DeviceSteps> steps;
  if (backend.graphs.upload != nullptr) {
    StepBlock* block = step_block("Plan", backend.memory, step_memory);
    steps = std::make_unique<DeviceSteps>(*backend.kernels, backend.graphs, block, graphs);
    arrays.push_back(std::move(step_memory));
  }
  return std::unique_ptr<BoundPlan>(
      new BoundPlan{std::move(arrays), backend.memory, Plan(*backend.kernels, calls, capacity), std::move(steps)});
}

// Rows of a plan's output that are copied, step by step, into consecutive rows of the caller's array.
struct Copied {
  const float* from = nullptr;
  float* to = nullptr;
  int64_t row_size = 0;
};

Copied copied_output(const BoundPlan& bound, int64_t rows, const py::object& output, const py::object& out) {
  if (output.is_none() || out.is_none()) return {};
  const Block source = block_of_array("output", output, bound.memory),
              target = block_of_array("out", out, bound.memory);
  check(source.dtype == DType::float32 && target.dtype == DType::float32 && target.writable, "Plan.run",
        "out must be a writable float32 array");
  const int64_t row_size = static_cast<int64_t>(source.bytes / sizeof(float)) / bound.plan.capacity();
  const size_t bytes = static_cast<size_t>(rows * row_size) * sizeof(float);
  check(target.bytes >= bytes, "Plan.run",
        "out must hold " + std::to_string(bytes) + " bytes, got " + std::to_string(target.bytes));
  return {static_cast<const float*>(source.data), static_cast<float*>(target.data), row_size};
}

// The learning rates where kernels read them, as indices_for.
using Rates = py::array_t<float, py::array::c_style | py::array::forcecast>;
const float* rates_for(const BoundPlan& bound, const Rates& rates, const py::object& device_rates) {
  if (bound.memory.host) return rates.data();
  const Block block = block_of_array("Plan.run: device_rates", device_rates, bound.memory);
  check(block.dtype == DType::float32 && block.bytes == static_cast<size_t>(rates.nbytes()), "Plan.run",
        "device_rates must be a copy of the learning rates, float32");
  return static_cast<const float*>(block.data);
}

double* seconds_of(const BoundPlan& bound, int64_t rows, int64_t batch_size, const std::optional<py::array>& seconds) {
  if (!seconds) return nullptr;
  const ArrayView view = view_of_numpy("seconds", *seconds);
  const auto steps = static_cast<size_t>(batch_size < 1 ? 0 : (rows + batch_size - 1) / batch_size);
  check(view.is_contiguous() && view.dtype == DType::float64 && view.writable &&
            view.bytes() >= steps * bound.plan.calls() * sizeof(double),
        "Plan.run", "seconds must be a writable float64 array of [steps, calls]");
  return reinterpret_cast<double*>(view.data);
}

// `learning_rate` is a number, or an array of one for each step. `output` [capacity, size] is copied, step by step,
// into consecutive rows of `out` where both are given. `seconds` [steps, calls] gets the time of each call. On a GPU
// everything is launched on `stream`.
void run_plan(BoundPlan& bound, const std::vector<FeedSpec>& feed_specs, const Indices& indices, int64_t batch_size,
              uint64_t seed, int64_t iteration, const Rates& learning_rate, const py::object& output,
              const py::object& out, const std::optional<py::array>& seconds, uintptr_t stream,
              const py::object& device_indices, const py::object& device_rates) {
  const std::vector<Feed> feeds = make_feeds("Plan.run", feed_specs, indices, bound.memory);
  check_feeds("Plan.run", bound.plan.feeds(), feeds);
  const int64_t* rows_of_feeds = indices_for("Plan.run", indices, device_indices, bound.memory);
  const float* rates_of_device = bound.steps ? rates_for(bound, learning_rate, device_rates) : nullptr;
  const Copied copied = copied_output(bound, indices.size(), output, out);
  double* times = seconds_of(bound, indices.size(), batch_size, seconds);
  const py::gil_scoped_release release;
  const PoolLease pool = lease_pool();
  pool->reserve_scratch(bound.plan.scratch_bytes());
  const FlushDenormals flush;
  Run run;
  run.feeds = feeds.data(), run.seed = seed, run.iteration = iteration, run.pool = pool.get();
  run.stream = reinterpret_cast<void*>(stream);
  const std::span<const float> rates(learning_rate.data(), static_cast<size_t>(learning_rate.size()));
  const auto after_step = [&](int64_t first, int64_t rows) {
    if (copied.to == nullptr) return;
    const size_t bytes = static_cast<size_t>(rows * copied.row_size) * sizeof(float);
    bound.memory.copy(copied.to + first * copied.row_size, copied.from, bytes, run.stream);
  };
  const auto finished = [&] { bound.memory.synchronize(run.stream); };
  if (bound.steps) {
    run.indices = rows_of_feeds;
    bound.steps->run(bound.plan, run, feeds, rates, rates_of_device, indices.size(), batch_size, times, finished,
                     after_step);
    finished();  // the plan's memory serves the next caller, whose stream may be another
  } else {
    bound.plan.run(run, rates, rows_of_feeds, indices.size(), batch_size, times, finished, after_step);
  }
}

}  // namespace

void register_plan(pybind11::module_& m) {
  m.attr("STEP_BYTES") = sizeof(StepBlock);
  py::class_<BoundPlan>(m, "Plan", "Kernel calls bound to arrays; see pyconvnet.plan.")
      .def(py::init(&make_plan), py::arg("calls"), py::arg("arrays"), py::arg("capacity"), py::arg("backend") = "cpu",
           py::arg("step_memory") = py::none(), py::arg("graphs") = true)
      .def("run", &run_plan, py::arg("feeds"), py::arg("indices"), py::arg("batch_size"), py::arg("seed"),
           py::arg("iteration"), py::arg("learning_rate"), py::arg("output") = py::none(), py::arg("out") = py::none(),
           py::arg("seconds") = py::none(), py::arg("stream") = 0, py::arg("device_indices") = py::none(),
           py::arg("device_rates") = py::none())
      .def_property_readonly(
          "scratch_bytes", [](const BoundPlan& bound) { return bound.plan.scratch_bytes(); },
          "The most that a thread works in during one call.")
      .def_property_readonly(
          "captured_rows", [](const BoundPlan& bound) { return bound.steps ? bound.steps->captured_rows() : 0; },
          "The batch size of the step that was captured; 0 where none is.");
}

}  // namespace pyconvnet
