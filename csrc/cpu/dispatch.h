// Which kernel table is in use: the best that the processor supports, or the one that PYCONVNET_ISA names.
#pragma once

#include <string>
#include <vector>

#include "kernels/kernel_list.h"

namespace pyconvnet {

const KernelTable& active_kernels();
std::string active_isa();
std::vector<std::string> compiled_isas();
std::vector<std::string> available_isas();  // compiled and supported by this processor, best first
void set_isa(const std::string& name);

}  // namespace pyconvnet
