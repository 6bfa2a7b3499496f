// ldmatrix and mma.sync with the fragment layouts of the PTX ISA, "Matrix multiply-accumulate operation".
#pragma once

#include "emu/warp.h"

namespace emulator {

// Four matrices of 8 rows of 16 bytes: lane i names row i % 8 of matrix i / 8, and gets of each matrix word i % 4 of
// row i / 4.
inline void load_matrices(uint32_t (&result)[4], const void* row, const Site& site) {
  if (reinterpret_cast<uintptr_t>(row) % 16) fail("ldmatrix: a row is not aligned to 16 bytes");
  struct Operands {
    uint32_t row[4], out[4];
  } mine;
  std::memcpy(mine.row, row, sizeof mine.row);  // read by the lane that names the row, so that races are its own
  collective(~0u, site, &mine, [](void** all) {
    for (int matrix = 0; matrix < 4; ++matrix)
      for (int lane = 0; lane < 32; ++lane)
        static_cast<Operands*>(all[lane])->out[matrix] =
            static_cast<Operands*>(all[8 * matrix + lane / 4])->row[lane % 4];
  });
  std::memcpy(result, mine.out, sizeof mine.out);
}

// d += a b: a is 16 x 8, b is 8 x 8, tf32, of which the hardware ignores the low 13 bits; d is 16 x 8, fp32. With
// g = lane / 4 and t = lane % 4, register r of a holds row g + 8 * (r % 2), column t + 4 * (r / 2); register r of b
// holds row t + 4 * r, column g; d holds rows g, g, g + 8, g + 8 and columns 2t, 2t + 1, 2t, 2t + 1.
inline void multiply_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const Site& site) {
  struct Operands {
    float* d;
    const uint32_t *a, *b;
  } mine{d, a, b};
  collective(~0u, site, &mine, [](void** all) {
    float left[16][8], right[8][8];
    const auto value = [](uint32_t bits) { return __uint_as_float(bits & ~0x1fffu); };
    for (int lane = 0; lane < 32; ++lane) {
      const Operands& from = *static_cast<Operands*>(all[lane]);
      const int g = lane / 4, t = lane % 4;
      for (int r = 0; r < 4; ++r) left[g + 8 * (r % 2)][t + 4 * (r / 2)] = value(from.a[r]);
      for (int r = 0; r < 2; ++r) right[t + 4 * r][g] = value(from.b[r]);
    }
    for (int lane = 0; lane < 32; ++lane) {
      float* out = static_cast<Operands*>(all[lane])->d;
      for (int i = 0; i < 4; ++i) {
        const int row = lane / 4 + 8 * (i / 2), column = 2 * (lane % 4) + i % 2;
        float sum = 0;
        for (int k = 0; k < 8; ++k) sum += left[row][k] * right[k][column];
        out[i] += sum;
      }
    }
  });
}

}  // namespace emulator
