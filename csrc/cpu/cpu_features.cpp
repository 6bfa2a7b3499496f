#include "cpu/cpu_features.h"

#include <fstream>

namespace pyconvnet {

#if defined(__x86_64__)
// __builtin_cpu_supports looks at CPUID and at XCR0, so a kernel that does not save the registers says no.
bool cpu_has_avx2_fma() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
bool cpu_has_avx512() {
  return cpu_has_avx2_fma() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
}
#else
bool cpu_has_avx2_fma() { return false; }
bool cpu_has_avx512() { return false; }
#endif

std::string cpu_model_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("model name", 0) != 0) continue;
    const size_t name = line.find_first_not_of(" \t:", std::string("model name").size());
    if (name != std::string::npos) return line.substr(name);
  }
  return "unknown";
}

}  // namespace pyconvnet
