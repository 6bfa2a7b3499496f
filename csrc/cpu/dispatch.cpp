#include "cpu/dispatch.h"

#include <atomic>
#include <cstdlib>

#include "core/check.h"
#include "cpu/cpu_features.h"
#include "cpu/isa_list.h"  // made by CMake: PYCONVNET_ISAS(X) and PYCONVNET_STEMS(X)

namespace pyconvnet {

// Every thin unit offers one function: the kernels of one stem for one instruction set.
#define PYCONVNET_DECLARE_STEM(stem) void add_##stem(KernelTable& table);
#define PYCONVNET_ADD_STEM(stem) add_##stem(table);
#define PYCONVNET_DEFINE_TABLE(isa)       \
  namespace isa {                         \
  PYCONVNET_STEMS(PYCONVNET_DECLARE_STEM) \
  static KernelTable make_table() {       \
    KernelTable table;                    \
    table.name = #isa;                    \
    PYCONVNET_STEMS(PYCONVNET_ADD_STEM)   \
    return table;                         \
  }                                       \
  }
PYCONVNET_ISAS(PYCONVNET_DEFINE_TABLE)

namespace {

struct Candidate {
  KernelTable table;
  bool supported;
};

bool supports(const std::string& isa) {
  if (isa == "avx512") return cpu_has_avx512();
  if (isa == "avx2") return cpu_has_avx2_fma();
  return true;  // scalar; neon is part of every AArch64
}

// Best first, as CMake lists them.
const std::vector<Candidate>& candidates() {
  static const std::vector<Candidate> list = [] {
    std::vector<Candidate> found;
#define PYCONVNET_ADD_CANDIDATE(isa) found.push_back({isa::make_table(), supports(#isa)});
    PYCONVNET_ISAS(PYCONVNET_ADD_CANDIDATE)
#undef PYCONVNET_ADD_CANDIDATE
    return found;
  }();
  return list;
}

const KernelTable& find(const std::string& who, const std::string& name) {
  std::string offered;
  for (const Candidate& candidate : candidates()) {
    if (candidate.table.name == name) {
      check(candidate.supported, who, "this processor does not support '" + name + "'");
      return candidate.table;
    }
    if (candidate.supported) offered += (offered.empty() ? "" : ", ") + std::string(candidate.table.name);
  }
  fail(who, "unknown instruction set '" + name + "'; this build and processor offer: " + offered);
}

const KernelTable* choose() {
  if (const char* name = std::getenv("PYCONVNET_ISA"); name != nullptr && *name != '\0')
    return &find("PYCONVNET_ISA", name);
  for (const Candidate& candidate : candidates())
    if (candidate.supported) return &candidate.table;
  fail("pyconvnet", "no kernel table");  // scalar is always there
}

std::atomic<const KernelTable*>& slot() {
  static std::atomic<const KernelTable*> table{choose()};
  return table;
}

}  // namespace

const KernelTable& active_kernels() { return *slot().load(); }
std::string active_isa() { return active_kernels().name; }
void set_isa(const std::string& name) { slot().store(&find("set_isa", name)); }

std::vector<std::string> compiled_isas() {
  std::vector<std::string> names;
  for (const Candidate& candidate : candidates()) names.emplace_back(candidate.table.name);
  return names;
}

std::vector<std::string> available_isas() {
  std::vector<std::string> names;
  for (const Candidate& candidate : candidates())
    if (candidate.supported) names.emplace_back(candidate.table.name);
  return names;
}

}  // namespace pyconvnet
