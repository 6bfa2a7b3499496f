// Instructions that C++ has no words for, by name. The only place with assembly; the emulator has its own of each.
#pragma once

#include <type_traits>

#include "cuda/device.h"

namespace pyconvnet::cuda {

#if defined(__CUDACC__)

// Turing (7.5) copies through registers and has no tensor cores for these numbers; devices.py gives it products in
// fp32.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#define PYCONVNET_BEFORE_AMPERE 1
#else
#define PYCONVNET_BEFORE_AMPERE 0
#endif

__device__ __forceinline__ unsigned shared_address(const void* p) {
  return static_cast<unsigned>(__cvta_generic_to_shared(p));
}

// Begins to copy 4 or 16 bytes from global into shared memory; where not `wanted`, nothing is read and zeros land.
template <int kBytes>
__device__ __forceinline__ void copy_async(void* to, const void* from, bool wanted) {
  static_assert(kBytes == 4 || kBytes == 16, "cp.async copies 4, 8 or 16 bytes; kernels need 4 and 16");
#if PYCONVNET_BEFORE_AMPERE
  using Bytes = std::conditional_t<kBytes == 16, uint4, unsigned>;
  *static_cast<Bytes*>(to) = wanted ? *static_cast<const Bytes*>(from) : Bytes{};
#else
  const int bytes = wanted ? kBytes : 0;
  if constexpr (kBytes == 16)
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "r"(bytes)
                 : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(shared_address(to)), "l"(from), "r"(bytes)
                 : "memory");
#endif
}
// Ends a group of copies.
__device__ __forceinline__ void commit_copies() {
#if !PYCONVNET_BEFORE_AMPERE
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
// Waits for all groups of this thread but the newest kPending.
template <int kPending>
__device__ __forceinline__ void wait_for_copies() {
#if !PYCONVNET_BEFORE_AMPERE
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
#endif
}

// Four matrices of 8 rows of 16 bytes each: lane i names row i % 8 of matrix i / 8, and gets of each matrix the word
// i % 4 of row i / 4.
__device__ __forceinline__ void load_matrices(uint32_t (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
}

// fp32 to tf32 (10 bits of fraction): to the nearest, ties away from zero.
__device__ __forceinline__ uint32_t to_tf32(float x) {
  uint32_t r = 0;
#if PYCONVNET_BEFORE_AMPERE
  __trap();
#else
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(r) : "f"(x));
#endif
  return r;
}

// Two fp32 to bf16 (7 bits of fraction), to the nearest, ties to even: the first in the lower half.
__device__ __forceinline__ uint32_t to_bfloat16(float low, float high) {
  uint32_t r = 0;
#if PYCONVNET_BEFORE_AMPERE
  __trap();
#else
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));
#endif
  return r;
}

// d += a b on the tensor cores, a 16 x 8, b 8 x 8, d 16 x 8. With g = lane / 4 and t = lane % 4:
//   a[r] is row g + 8 * (r % 2), column t + 4 * (r / 2)       b[r] is row t + 4 * r, column g
//   d[r] is row g + 8 * (r / 2), column 2 * t + r % 2
__device__ __forceinline__ void multiply_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#if PYCONVNET_BEFORE_AMPERE
  __trap();
#else
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

// The same in bf16, a 16 x 16, b 16 x 8: two numbers a word, the lower half first.
//   a[r] is row g + 8 * (r % 2), columns 2 * t + 8 * (r / 2) and the next       b[r] is rows 2 * t + 8 * r and the next
__device__ __forceinline__ void multiply_bfloat16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#if PYCONVNET_BEFORE_AMPERE
  __trap();
#else
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

#else

template <int kBytes>
void copy_async(void* to, const void* from, bool wanted) {
  emulator::begin_copy(to, from, wanted ? kBytes : 0, kBytes);
}
inline void commit_copies() { emulator::commit_copies(); }
template <int kPending>
void wait_for_copies() {
  emulator::wait_for_copies(kPending);
}
inline void load_matrices(uint32_t (&r)[4], const void* row, EMULATOR_HERE) {
  emulator::load_matrices(r, row, {"load_matrices", file, line});
}
inline uint32_t to_tf32(float x) {
  const uint32_t bits = __float_as_uint(x);
  const bool finite = (bits & 0x7f800000) != 0x7f800000;
  return finite ? (bits + 0x1000) & ~0x1fffu : bits;
}
inline uint32_t to_bfloat16(float low, float high) {
  const auto rounded = [](float x) -> uint32_t {
    const uint32_t bits = __float_as_uint(x);
    if (x != x) return 0x7fffu;
    return (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
  };
  return rounded(low) | rounded(high) << 16;
}
inline void multiply_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], EMULATOR_HERE) {
  emulator::multiply_tf32(d, a, b, {"multiply_tf32", file, line});
}
inline void multiply_bfloat16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], EMULATOR_HERE) {
  emulator::multiply_bfloat16(d, a, b, {"multiply_bfloat16", file, line});
}

#endif

}  // namespace pyconvnet::cuda
