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

// d += a b, a 16 x kDepth, b kDepth x 8, d 16 x 8 in fp32, rows and columns across the lanes of a warp. With g = lane /
// 4 and t = lane % 4, Put says what a lane's registers hold of the factors; d holds rows g, g, g + 8, g + 8 and columns
// 2t, 2t + 1, 2t, 2t + 1.
template <int kDepth>
struct Factors {
  float left[16][kDepth], right[kDepth][8];
};

template <int kDepth, class Put>
void multiply_across_lanes(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const Site& site, Put) {
  struct Operands {
    float* d;
    const uint32_t *a, *b;
  } mine{d, a, b};
  collective(~0u, site, &mine, [](void** all) {
    Factors<kDepth> factors;
    for (int lane = 0; lane < 32; ++lane) {
      const Operands& from = *static_cast<Operands*>(all[lane]);
      Put{}(factors, lane / 4, lane % 4, from.a, from.b);
    }
    for (int lane = 0; lane < 32; ++lane) {
      float* out = static_cast<Operands*>(all[lane])->d;
      for (int i = 0; i < 4; ++i) {
        const int row = lane / 4 + 8 * (i / 2), column = 2 * (lane % 4) + i % 2;
        float sum = 0;
        for (int k = 0; k < kDepth; ++k) sum += factors.left[row][k] * factors.right[k][column];
        out[i] += sum;
      }
    }
  });
}

// tf32, of which the hardware ignores the low 13 bits: register r of a holds row g + 8 * (r % 2), column t + 4 * (r /
// 2); register r of b holds row t + 4 * r, column g.
inline void multiply_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const Site& site) {
  struct Put {
    static float value(uint32_t bits) { return __uint_as_float(bits & ~0x1fffu); }
    void operator()(Factors<8>& f, int g, int t, const uint32_t* a, const uint32_t* b) const {
      for (int r = 0; r < 4; ++r) f.left[g + 8 * (r % 2)][t + 4 * (r / 2)] = value(a[r]);
      for (int r = 0; r < 2; ++r) f.right[t + 4 * r][g] = value(b[r]);
    }
  };
  multiply_across_lanes<8>(d, a, b, site, Put{});
}

// bf16, two numbers a register: register r of a holds row g + 8 * (r % 2), columns 2t + 8 * (r / 2) and the next;
// register r of b holds rows 2t + 8 * r and the next, column g.
inline void multiply_bfloat16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const Site& site) {
  struct Put {
    static float value(uint32_t word, int half) { return __uint_as_float(half ? word & 0xffff0000u : word << 16); }
    void operator()(Factors<16>& f, int g, int t, const uint32_t* a, const uint32_t* b) const {
      for (int half = 0; half < 2; ++half) {
        for (int r = 0; r < 4; ++r) f.left[g + 8 * (r % 2)][2 * t + 8 * (r / 2) + half] = value(a[r], half);
        for (int r = 0; r < 2; ++r) f.right[2 * t + 8 * r + half][g] = value(b[r], half);
      }
    }
  };
  multiply_across_lanes<16>(d, a, b, site, Put{});
}

}  // namespace emulator
