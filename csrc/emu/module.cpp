// The module _emu, for tests: the CUDA kernels compiled for the emulator, which runs them on NumPy's memory.
#include <dlfcn.h>
#include <pybind11/pybind11.h>

#include <cfenv>
#include <cstring>
#include <memory>

#include "core/check.h"
#include "cuda/tables.h"
#include "emu/emulator.h"

namespace {

void set_order(const std::string& order, uint32_t seed) {
  using emulator::Order;
  pyconvnet::check(order == "forward" || order == "reverse" || order == "random", "set_order",
                   "order must be 'forward', 'reverse' or 'random', got '" + order + "'");
  emulator::options.order = order == "forward" ? Order::forward : order == "reverse" ? Order::reverse : Order::random;
  emulator::options.seed = seed;
}

// Denormals are numbers, as on a GPU, while Python computes inside of a step that flushes them.
class Denormals {
 public:
  Denormals() { std::fegetenv(&saved_), std::fesetenv(FE_DFL_ENV); }
  ~Denormals() { std::fesetenv(&saved_); }
  Denormals(const Denormals&) = delete;
  Denormals& operator=(const Denormals&) = delete;

 private:
  std::fenv_t saved_;
};

void set_launcher(const pybind11::object& callback) {
  namespace py = pybind11;
  static py::object* const held = new py::object;  // never destroyed: Python may be gone by then
  *held = callback;
  emulator::launcher = nullptr;
  if (callback.is_none()) return;
  emulator::launcher = [](const void* kernel, dim3 grid, dim3 threads, size_t shared_bytes, const auto& arguments) {
    const py::gil_scoped_acquire acquire;
    const Denormals denormals;
    const auto tuple = [](dim3 d) { return py::make_tuple(d.x, d.y, d.z); };
    Dl_info module;
    pyconvnet::check(dladdr(kernel, &module) != 0, "launch", "the kernel is in no module");
    const auto place = static_cast<const char*>(kernel) - static_cast<const char*>(module.dli_fbase);
    py::list bytes;
    for (const std::string& argument : arguments) bytes.append(py::bytes(argument));
    (*held)(place, tuple(grid), tuple(threads), shared_bytes, bytes);
  };
}

void* capture(void (*launch_all)(void* context, void* stream), void* context) {
  auto recorded = std::make_unique<emulator::Recording>();
  emulator::recording = recorded.get();
  try {
    launch_all(context, nullptr);
  } catch (...) {
    emulator::recording = nullptr;
    throw;
  }
  emulator::recording = nullptr;
  return recorded.release();
}

void replay(void* graph, void*) {
  for (const auto& launch : *static_cast<emulator::Recording*>(graph)) launch();
}

void destroy(void* graph) { delete static_cast<emulator::Recording*>(graph); }

// The kernels, as those of the processor's memory ("emu"), or in the place of a GPU's ("cuda").
const pyconvnet::KernelOffer& offer(bool in_place_of_gpu) {
  using namespace pyconvnet;
  const auto copy = [](void* to, const void* from, size_t bytes, void*) { std::memcpy(to, from, bytes); };
  const auto synchronize = [](void*) {};
  const Graphs graphs{copy, &capture, &replay, &destroy};
  static const KernelOffer own = cuda::kernel_offer("emu", "emu_tf32", {true, copy, synchronize}, graphs);
  static const KernelOffer stand_in = cuda::kernel_offer("cuda", "cuda_tf32", {false, copy, synchronize}, graphs);
  return in_place_of_gpu ? stand_in : own;
}

}  // namespace

PYBIND11_MODULE(_emu, m) {
  m.doc() = "The CUDA kernels on an emulator. For tests only.";
  m.def(
      "kernel_tables",
      [](bool in_place_of_gpu) { return pybind11::capsule(&offer(in_place_of_gpu), pyconvnet::kKernelOffer); },
      pybind11::arg("in_place_of_gpu") = false);
  m.def("set_order", &set_order, pybind11::arg("order"), pybind11::arg("seed") = 1,
        "In which order the threads of a block, and the blocks of a grid, run between barriers.");
  m.def("set_launcher", &set_launcher, pybind11::arg("callback"),
        "callback(kernel, grid, block, shared_bytes, arguments) runs the launches from now on; None: the fibers. "
        "`kernel` is where its code lies in this module, each argument is bytes.");
}
