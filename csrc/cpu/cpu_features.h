// What this processor, and the operating system's saving of its registers, allow.
#pragma once

#include <string>
#include <vector>

namespace pyconvnet {

bool cpu_has_avx2_fma();
bool cpu_has_avx512();
std::string cpu_model_name();

}  // namespace pyconvnet
