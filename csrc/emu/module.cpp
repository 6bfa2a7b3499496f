// The module _emu, for tests: the CUDA kernels compiled for the emulator, which runs them on NumPy's memory.
#include <pybind11/pybind11.h>

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

}  // namespace

PYBIND11_MODULE(_emu, m) {
  m.doc() = "The CUDA kernels on an emulator. For tests only.";
  m.def("kernel_tables", [] {
    return pybind11::capsule(&pyconvnet::cuda::kernel_offer("emu", "emu_tf32", true), pyconvnet::kKernelOffer);
  });
  m.def("set_order", &set_order, pybind11::arg("order"), pybind11::arg("seed") = 1,
        "In which order the threads of a block, and the blocks of a grid, run between barriers.");
}
