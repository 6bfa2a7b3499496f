// The kernel tables of this backend, from all of its stems: products in fp32, and on tensor cores in TF32.
#pragma once

#include "cuda/stem_list.h"  // made by CMake: PYCONVNET_CUDA_STEMS(X) and PYCONVNET_TF32_STEMS(X)
#include "kernels/offer.h"

namespace pyconvnet::cuda {

#define PYCONVNET_DECLARE_STEM(stem) void add_##stem(KernelTable& table);
#define PYCONVNET_DECLARE_TF32_STEM(stem) void add_##stem##_tf32(KernelTable& table);
PYCONVNET_CUDA_STEMS(PYCONVNET_DECLARE_STEM)
PYCONVNET_TF32_STEMS(PYCONVNET_DECLARE_TF32_STEM)
#undef PYCONVNET_DECLARE_STEM
#undef PYCONVNET_DECLARE_TF32_STEM

// The tables live as long as the process.
inline KernelOffer kernel_offer(const char* name, const char* tf32_name, const Memory& memory, const Graphs& graphs) {
#define PYCONVNET_ADD_STEM(stem) add_##stem(table);
#define PYCONVNET_ADD_TF32_STEM(stem) add_##stem##_tf32(table);
  const auto* tables = new KernelTable[]{
      [&] {
        KernelTable table;
        table.name = name;
        PYCONVNET_CUDA_STEMS(PYCONVNET_ADD_STEM)
        return table;
      }(),
      [&] {
        KernelTable table;
        table.name = tf32_name;
        PYCONVNET_CUDA_STEMS(PYCONVNET_ADD_STEM)
        PYCONVNET_TF32_STEMS(PYCONVNET_ADD_TF32_STEM)
        return table;
      }(),
  };
#undef PYCONVNET_ADD_STEM
#undef PYCONVNET_ADD_TF32_STEM
  return {kernel_signature(), tables, 2, memory, graphs};
}

}  // namespace pyconvnet::cuda
