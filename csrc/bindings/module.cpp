#include "bindings/register.h"

PYBIND11_MODULE(_core, m) {
  m.doc() = "Kernels, plans and threads of pyconvnet. Internal: use the package's public modules.";
  pyconvnet::register_device(m);
  pyconvnet::register_backend(m);
  pyconvnet::register_kernel(m);
  pyconvnet::register_plan(m);
  pyconvnet::register_bench(m);
}
