// What the benches measure from C++, so that Python's own time stays out of it.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "bindings/eager_call.h"
#include "bindings/register.h"
#include "cpu/dispatch.h"

namespace pyconvnet {
namespace {

namespace py = pybind11;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// Calls run() again and again for `seconds`, at least once; the seconds of each call.
template <class F>
std::vector<double> time_runs(const std::string& who, double seconds, const F& run) {
  check(std::isfinite(seconds) && seconds > 0, who, "seconds must be positive, got " + std::to_string(seconds));
  std::vector<double> samples;
  const double end = now() + seconds;
  double start = now();
  do {
    run();
    const double stop = now();
    samples.push_back(stop - start);
    start = stop;
  } while (start < end);
  return samples;
}

double fastest(const std::vector<double>& samples) { return *std::min_element(samples.begin(), samples.end()); }

// GFLOP/s of all threads together in their fastest millisecond: what no kernel can beat.
double measure_fma_peak(double seconds) {
  const PoolLease pool = lease_pool();
  // Tasks of about 20 microseconds, and many of them, so that a thread that comes late takes fewer.
  FmaPeak op{.tasks = 64 * pool->threads(), .repetitions = 5000, .sums = nullptr, .flops = nullptr};
  std::vector<float> sums(static_cast<size_t>(op.tasks));
  double flops = 0;
  op.sums = sums.data(), op.flops = &flops;
  Run run;
  run.pool = pool.get();
  const KernelTable& kernels = active_kernels();
  const auto samples = time_runs("measure_fma_peak", seconds, [&] { kernels.fma_peak(op, run); });
  return flops / fastest(samples) * 1e-9;
}

// GB/s, bytes read plus bytes written, of all threads copying blocks far larger than the caches.
double measure_copy_bandwidth(double seconds) {
  constexpr size_t kPiece = size_t{1} << 20, kPieces = 128;
  const PoolLease pool = lease_pool();
  std::vector<char> from(kPiece * kPieces, 1), to(kPiece * kPieces);
  const auto copy = [&] {
    parallel_for(*pool, kPieces, [&](int64_t piece, int) {
      const size_t begin = static_cast<size_t>(piece) * kPiece;
      std::memcpy(to.data() + begin, from.data() + begin, kPiece);
    });
  };
  const auto samples = time_runs("measure_copy_bandwidth", seconds, copy);
  return 2.0 * kPiece * kPieces / fastest(samples) * 1e-9;
}

std::vector<double> time_kernel(const std::string& kernel, const Attributes& attributes, const Arrays& arrays,
                                int64_t rows, double seconds) {
  check(rows >= 1, kernel, "rows must be positive");
  Run run;
  run.rows = rows;
  return with_eager_call(kernel, attributes, arrays, {}, backend_named(kernel, "cpu"), py::none(), run,
                         [&](const auto& call) { return time_runs("time_kernel", seconds, call); });
}

}  // namespace

void register_bench(py::module_& m) {
  m.def("measure_fma_peak", &measure_fma_peak, py::arg("seconds"), py::call_guard<py::gil_scoped_release>(),
        "GFLOP/s of all threads of the pool with the instruction set in use, best of many runs.");
  m.def("measure_copy_bandwidth", &measure_copy_bandwidth, py::arg("seconds"), py::call_guard<py::gil_scoped_release>(),
        "GB/s read plus written by all threads, best of many copies.");
  m.def("time_kernel", &time_kernel, "Runs one kernel again and again; the seconds of each run.");
}

}  // namespace pyconvnet
