#include "cpu/bfloat16_choice.h"

#include <atomic>
#include <cstdlib>

#include "core/check.h"
#include "cpu/bfloat16.h"
#include "cpu/cpu_features.h"
#include "cpu/dispatch.h"

namespace pyconvnet {
namespace {

constexpr const char* kNames[] = {"plain", "avx512_bf16", "amx"};

bool supported(Bfloat16Dot dot) {
#if defined(PYCONVNET_BFLOAT16)
  static const bool avx512 = cpu_has_avx512_bf16(), amx = cpu_has_amx_bf16();
  if (dot == Bfloat16Dot::amx) return amx;
  if (dot == Bfloat16Dot::avx512_bf16) return avx512;
#endif
  return dot == Bfloat16Dot::plain;
}

Bfloat16Dot find(const std::string& who, const std::string& name) {
  std::string offered;
  for (int i = 2; i >= 0; --i) {
    const auto dot = static_cast<Bfloat16Dot>(i);
    if (kNames[i] == name) {
      check(supported(dot), who, "this build or processor does not offer '" + name + "'");
      return dot;
    }
    if (supported(dot)) offered += (offered.empty() ? "" : ", ") + std::string(kNames[i]);
  }
  fail(who, "unknown bfloat16 dot product '" + name + "'; this build and processor offer: " + offered);
}

Bfloat16Dot choose() {
  if (const char* name = std::getenv("PYCONVNET_BFLOAT16"); name != nullptr && *name != '\0')
    return find("PYCONVNET_BFLOAT16", name);
  if (supported(Bfloat16Dot::amx)) return Bfloat16Dot::amx;
  return supported(Bfloat16Dot::avx512_bf16) ? Bfloat16Dot::avx512_bf16 : Bfloat16Dot::plain;
}

std::atomic<Bfloat16Dot>& slot() {
  static std::atomic<Bfloat16Dot> dot{choose()};
  return dot;
}

bool isa_has_dots() { return active_isa() == "avx512"; }  // the kernels of the others know the plain one alone

}  // namespace

Bfloat16Dot bfloat16_dot() { return slot().load(); }
std::string active_bfloat16() { return kNames[isa_has_dots() ? static_cast<int>(bfloat16_dot()) : 0]; }
void set_bfloat16(const std::string& name) { slot().store(find("set_bfloat16", name)); }

std::vector<std::string> available_bfloat16() {
  std::vector<std::string> names;
  for (int i = isa_has_dots() ? 2 : 0; i >= 0; --i)
    if (supported(static_cast<Bfloat16Dot>(i))) names.emplace_back(kNames[i]);
  return names;
}

}  // namespace pyconvnet
