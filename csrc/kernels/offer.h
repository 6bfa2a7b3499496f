// How a backend that is a module of its own hands its kernel tables to _core: in a capsule of this name.
#pragma once

#include "kernels/kernel_list.h"

namespace pyconvnet {

inline constexpr const char* kKernelOffer = "pyconvnet.kernel_offer";

// What _core asks of a backend beside its kernels.
struct Memory {
  bool host;  // kernels work where NumPy's arrays are, else where CuPy's are
  void (*copy)(void* to, const void* from, size_t bytes, void* stream);  // within this memory, behind earlier kernels
  void (*synchronize)(void* stream);                                     // waits for everything that was launched
};

// Steps of a device, whose numbers lie in its memory. As a graph, launches are recorded once, with the addresses that
// they got, and replayed with one call. The processor has no such thing: all null.
struct Graphs {
  void (*upload)(void* to, const void* from, size_t bytes, void* stream) = nullptr;  // from the processor's memory
  void* (*capture)(void (*launch_all)(void* context, void* stream), void* context) = nullptr;  // answers the graph
  void (*replay)(void* graph, void* stream) = nullptr;
  void (*destroy)(void* graph) = nullptr;
};

struct KernelOffer {
  uint64_t signature;         // of the sources that the module was built from
  const KernelTable* tables;  // they live as long as the process
  int count;
  Memory memory;
  Graphs graphs;
};

// Two modules that disagree on a kernel's name, place or arguments differ in this number.
inline uint64_t kernel_signature() {
  uint64_t hash = 14695981039346656037u;  // FNV-1a
  const auto add = [&hash](uint64_t byte) { hash = (hash ^ byte) * 1099511628211u; };
  const auto add_kernel = [&add](const char* name, size_t bytes) {
    for (; *name != '\0'; ++name) add(static_cast<unsigned char>(*name));
    add(bytes & 255), add(bytes >> 8);
  };
#define PYCONVNET_SIGN(kernel, Arguments) add_kernel(#kernel, sizeof(Arguments));
  PYCONVNET_KERNELS(PYCONVNET_SIGN)
#undef PYCONVNET_SIGN
  add_kernel("Run", sizeof(Run)), add_kernel("Feed", sizeof(Feed));
  add_kernel("KernelOffer", sizeof(KernelOffer)), add_kernel("StepBlock", sizeof(StepBlock));
  return hash;
}

}  // namespace pyconvnet
