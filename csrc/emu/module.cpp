// The module _emu, for tests: the CUDA kernels compiled for the emulator, which runs them on NumPy's memory.
#include <pybind11/pybind11.h>

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
}
