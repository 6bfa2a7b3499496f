#pragma once

#include <pybind11/pybind11.h>

namespace pyconvnet {

void register_backend(pybind11::module_& m);
void register_bench(pybind11::module_& m);
void register_device(pybind11::module_& m);
void register_kernel(pybind11::module_& m);
void register_plan(pybind11::module_& m);

}  // namespace pyconvnet
