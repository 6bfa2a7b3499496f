#include <pybind11/stl.h>

#include "bindings/backends.h"
#include "bindings/register.h"
#include "core/check.h"
#include "cpu/dispatch.h"

namespace pyconvnet {
namespace {

struct Added {
  const KernelTable* table;
  bool host_memory;
};

std::vector<Added>& added() {
  static std::vector<Added> backends;
  return backends;
}

const KernelTable*& chosen() {
  static const KernelTable* table = nullptr;  // the processor
  return table;
}

void add_from_module(const pybind11::capsule& capsule) {
  const char* name = capsule.name();
  check(name != nullptr && std::string(name) == kKernelOffer, "add_backends", "not a table of kernels");
  add_backends(*capsule.get_pointer<KernelOffer>());
}

}  // namespace

const KernelTable& chosen_kernels() { return chosen() ? *chosen() : active_kernels(); }
std::string active_backend() { return chosen() ? chosen()->name : "cpu"; }

std::vector<std::string> available_backends() {
  std::vector<std::string> names{"cpu"};
  for (const Added& backend : added()) names.emplace_back(backend.table->name);
  return names;
}

void add_backends(const KernelOffer& offer) {
  check(offer.signature == kernel_signature(), "add_backends",
        "this module was built from other sources than pyconvnet._core; install pyconvnet anew");
  for (int i = 0; i < offer.count; ++i) {
    bool known = false;
    for (const Added& backend : added()) known |= backend.table == &offer.tables[i];
    if (!known) added().push_back({&offer.tables[i], offer.host_memory});
  }
}

void set_backend(const std::string& name) {
  if (name == "cpu") return void(chosen() = nullptr);
  std::string offered = "cpu";
  for (const Added& backend : added()) {
    if (backend.table->name == name) {
      check(backend.host_memory, "set_backend",
            "'" + name + "' needs arrays in the GPU's memory, and NumPy's are in the processor's");
      return void(chosen() = backend.table);
    }
    offered += std::string(", ") + backend.table->name;
  }
  fail("set_backend", "unknown backend '" + name + "'; loaded are: " + offered);
}

void register_backend(pybind11::module_& m) {
  m.def("add_backends", &add_from_module, pybind11::arg("kernel_tables"),
        "Adds the kernel tables of a backend's module; adding them again changes nothing.");
  m.def("set_backend", &set_backend, pybind11::arg("name"), "Where new plans and eager ops run.");
  m.def("active_backend", &active_backend);
  m.def("available_backends", &available_backends);
}

}  // namespace pyconvnet
