#include <pybind11/stl.h>

#include <cstring>

#include "bindings/backends.h"
#include "bindings/register.h"
#include "core/check.h"
#include "cpu/dispatch.h"
#include "plan/bind.h"

namespace pyconvnet {
namespace {

std::vector<Backend>& added() {
  static std::vector<Backend> backends;
  return backends;
}

void add_from_module(const pybind11::capsule& capsule) {
  const char* name = capsule.name();
  check(name != nullptr && std::string(name) == kKernelOffer, "add_backends", "not a table of kernels");
  add_backends(*capsule.get_pointer<KernelOffer>());
}

}  // namespace

Backend backend_named(const std::string& who, const std::string& name) {
  constexpr Memory kHost{true, [](void* to, const void* from, size_t bytes, void*) { std::memcpy(to, from, bytes); },
                         [](void*) {}};
  if (name == "cpu") return {&active_kernels(), kHost, {}};
  std::string offered = "cpu";
  for (const Backend& backend : added()) {
    if (backend.kernels->name == name) return backend;
    offered += std::string(", ") + backend.kernels->name;
  }
  fail(who, "unknown backend '" + name + "'; loaded are: " + offered);
}

std::vector<std::string> available_backends() {
  std::vector<std::string> names{"cpu"};
  for (const Backend& backend : added()) names.emplace_back(backend.kernels->name);
  return names;
}

void add_backends(const KernelOffer& offer) {
  check(offer.signature == kernel_signature(), "add_backends",
        "this module was built from other sources than pyconvnet._core; install pyconvnet anew");
  for (int i = 0; i < offer.count; ++i) {
    const KernelTable& table = offer.tables[i];
    std::erase_if(added(), [&table](const Backend& b) { return std::strcmp(b.kernels->name, table.name) == 0; });
    added().push_back({&table, offer.memory, offer.graphs});
  }
}

void register_backend(pybind11::module_& m) {
  m.def("add_backends", &add_from_module, pybind11::arg("kernel_tables"),
        "Adds the kernel tables of a backend's module, in the place of those that had the same names.");
  m.def("available_backends", &available_backends);
  m.def(
      "offers_kernel",
      [](const std::string& kernel, const std::string& backend) {
        return offers(*backend_named("offers_kernel", backend).kernels, kernel);
      },
      pybind11::arg("kernel"), pybind11::arg("backend"), "Whether this backend has this kernel.");
}

}  // namespace pyconvnet
