#include <pybind11/stl.h>

#include "bindings/register.h"
#include "core/thread_pool.h"
#include "cpu/bfloat16_choice.h"
#include "cpu/cpu_features.h"
#include "cpu/dispatch.h"

namespace pyconvnet {

void register_device(pybind11::module_& m) {
  m.def("active_isa", &active_isa, "The instruction set whose kernels new plans and eager ops use.");
  m.def("set_isa", &set_isa, pybind11::arg("name"));
  m.def("available_isas", &available_isas, "Compiled in and supported by this processor, best first.");
  m.def("compiled_isas", &compiled_isas);
  m.def("active_bfloat16", &active_bfloat16,
        "The dot product of bfloat16 numbers that the active instruction set uses; 'plain' is as slow as float32.");
  m.def("set_bfloat16", &set_bfloat16, pybind11::arg("name"));
  m.def("available_bfloat16", &available_bfloat16, "Of the active instruction set on this processor, best first.");
  m.def("cpu_model_name", &cpu_model_name);
  m.def("set_num_threads", &set_num_threads, pybind11::arg("threads"),
        pybind11::call_guard<pybind11::gil_scoped_release>());
  m.def("get_num_threads", &get_num_threads);
  m.def("compiler", [] { return std::string(PYCONVNET_COMPILER); });
}

}  // namespace pyconvnet
