// Philox4x32-10: counter-based random numbers (Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As
// Easy as 1, 2, 3", SC 2011). A block of four words is a function of its counter and the key, so any block
// can be made at any time by any thread, on any machine.
#pragma once

#include <cstdint>

namespace pyconvnet {
namespace {  // internal linkage: compiled inside units with special ISA flags

// Turns counters c[0 .. 3] into random words, in place. Words holds one counter word of several blocks, one a
// lane; it comes with operator^ and multiply (cpu/simd/vec_scalar.h). constexpr: for kernels on devices too.
template <class Words>
[[maybe_unused]] constexpr void philox4x32(Words (&c)[4], uint64_t key) {
  const Words multiplier0 = Words::broadcast(0xD2511F53u);
  const Words multiplier1 = Words::broadcast(0xCD9E8D57u);
  uint32_t key0 = static_cast<uint32_t>(key), key1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    Words high0, low0, high1, low1;
    multiply(c[0], multiplier0, &high0, &low0);
    multiply(c[2], multiplier1, &high1, &low1);
    c[0] = high1 ^ c[1] ^ Words::broadcast(key0);
    c[1] = low1;
    c[2] = high0 ^ c[3] ^ Words::broadcast(key1);
    c[3] = low0;
    key0 += 0x9E3779B9u;  // the golden ratio and sqrt(3) - 1, as 32-bit fractions
    key1 += 0xBB67AE85u;
  }
}

}  // namespace
}  // namespace pyconvnet
