// What this processor, and the operating system's saving of its registers, allow.
#pragma once

#include <string>
#include <vector>

namespace pyconvnet {

bool cpu_has_avx2_fma();
bool cpu_has_avx512();
bool cpu_has_avx512_bf16();
bool cpu_has_amx_bf16();  // asks the operating system for the tiles' registers, which this process has then
std::string cpu_model_name();

}  // namespace pyconvnet
