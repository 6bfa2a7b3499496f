// The bfloat16 dot products of this build and processor: "amx", "avx512_bf16", and "plain", which every processor has
// and which is as slow as float32. The environment variable PYCONVNET_BFLOAT16 names one to begin with.
#pragma once

#include <string>
#include <vector>

namespace pyconvnet {

std::vector<std::string> available_bfloat16();  // for the active instruction set, best first
std::string active_bfloat16();
void set_bfloat16(const std::string& name);

}  // namespace pyconvnet
