// The block of sums that bfloat16 convolutions are made of: two tiles by two of 16 x 16 sums.
//   c[row, column] = sum over segments s, depth d and words i of  a[row, s, d, i] . b[column tile, s, d, i, column]
// where a word holds two bfloat16 numbers and . is their dot product. By AMX, by AVX512_BF16, or in plain C++, which
// the other two are compared with.
#pragma once

#include <cstdint>
#include <cstring>

#include "cpu/bfloat16.h"
#include "kernels/conv2d_bfloat16.h"
#if defined(PYCONVNET_BFLOAT16) && defined(__AVX512F__)
#include <immintrin.h>
#define PYCONVNET_BFLOAT16_DOTS 1
#endif

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

constexpr int64_t kTile = Bfloat16Geometry::kTile, kBlock = Bfloat16Geometry::kBlock;
constexpr int64_t kTileWords = kTile * kTile;

struct Block {
  const char* a;             // a row has its 16 words of depth d at a + row * a_step + a_offsets[s] + d * a_depth
  int64_t a_step, a_depth;   // bytes
  const int64_t* a_offsets;  // [segments], bytes
  const float* b;            // the tile of depth d: [16 words][16 columns] at b + b_offsets[s] + d * 256
  int64_t b_step;            // floats from one tile of columns to the next
  const int64_t* b_offsets;  // [segments], floats
  int64_t segments, depth;
  float* c;  // [32][32], 64-byte aligned; what lies beyond the tiles is left alone
  int row_tiles, column_tiles;
};

using RunBlock = void (*)(const Block&);

inline float upper_half(uint32_t word) {
  const uint32_t bits = word & 0xffff0000u;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

inline void run_block_plain(const Block& block) {
  for (int64_t row = 0; row < block.row_tiles * kTile; ++row)
    for (int64_t tile = 0; tile < block.column_tiles; ++tile) {
      float* c = block.c + row * kBlock + tile * kTile;
      float sum[kTile] = {};
      for (int64_t s = 0; s < block.segments; ++s)
        for (int64_t i = 0; i < block.depth * kTile; ++i) {
          uint32_t pair, words[kTile];
          const char* a = block.a + row * block.a_step + block.a_offsets[s] + i / kTile * block.a_depth;
          memcpy(&pair, a + i % kTile * 4, sizeof pair);
          memcpy(words, block.b + tile * block.b_step + block.b_offsets[s] + i * kTile, sizeof words);
          const float low = upper_half(pair << 16), high = upper_half(pair);
          for (int64_t j = 0; j < kTile; ++j) sum[j] += low * upper_half(words[j] << 16) + high * upper_half(words[j]);
        }
      memcpy(c, sum, sizeof sum);
    }
}

#if PYCONVNET_BFLOAT16_DOTS

template <int kRows, int kTiles>
[[gnu::target("avx512bf16")]] inline void run_rows_avx512(const Block& block, int64_t row) {
  float* c = block.c + row * kBlock;
  __m512 sum[kRows][kTiles];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 2
    for (int t = 0; t < kTiles; ++t) sum[r][t] = _mm512_setzero_ps();
  for (int64_t s = 0; s < block.segments; ++s) {
    const char* a = block.a + row * block.a_step + block.a_offsets[s];
    const float* b = block.b + block.b_offsets[s];
    for (int64_t d = 0; d < block.depth; ++d, a += block.a_depth)
      for (int64_t i = 0; i < kTile; ++i, b += kTile) {
        __m512bh words[kTiles];
#pragma GCC unroll 2
        for (int t = 0; t < kTiles; ++t) words[t] = (__m512bh)_mm512_loadu_si512(b + t * block.b_step);
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) {
          int pair;
          memcpy(&pair, a + r * block.a_step + i * 4, sizeof pair);
          const __m512bh pairs = (__m512bh)_mm512_set1_epi32(pair);
#pragma GCC unroll 2
          for (int t = 0; t < kTiles; ++t) sum[r][t] = _mm512_dpbf16_ps(sum[r][t], pairs, words[t]);
        }
      }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 2
    for (int t = 0; t < kTiles; ++t) _mm512_store_ps(c + r * kBlock + t * kTile, sum[r][t]);
}

inline void run_block_avx512(const Block& block) {
  constexpr int kRows = 8;
  for (int64_t row = 0; row < block.row_tiles * kTile; row += kRows)
    block.column_tiles == 2 ? run_rows_avx512<kRows, 2>(block, row) : run_rows_avx512<kRows, 1>(block, row);
}

// Tile registers: 0 to 3 hold the sums, 4 and 5 rows of a, 6 and 7 words of b.
template <int kRowTiles, int kColumnTiles>
[[gnu::target("amx-tile,amx-bf16"), gnu::noinline]] void run_tiles(const Block& block) {
  asm volatile("" ::: "memory");  // what a and b hold has been written: compilers do not see that tiles are loaded
  constexpr int64_t kRow = kBlock * 4;
  float* c = block.c;
  _tile_zero(0);
  if (kColumnTiles == 2) _tile_zero(1);
  if (kRowTiles == 2) _tile_zero(2);
  if (kRowTiles == 2 && kColumnTiles == 2) _tile_zero(3);
  const int64_t second = kTile * block.a_step;
  for (int64_t s = 0; s < block.segments; ++s) {
    const char* a = block.a + block.a_offsets[s];
    const float* b = block.b + block.b_offsets[s];
    for (int64_t d = 0; d < block.depth; ++d, a += block.a_depth, b += kTileWords) {
      _tile_loadd(4, a, block.a_step);
      _tile_loadd(6, b, kTile * 4);
      _tile_dpbf16ps(0, 4, 6);
      if (kColumnTiles == 2) {
        _tile_loadd(7, b + block.b_step, kTile * 4);
        _tile_dpbf16ps(1, 4, 7);
      }
      if (kRowTiles == 2) {
        _tile_loadd(5, a + second, block.a_step);
        _tile_dpbf16ps(2, 5, 6);
        if (kColumnTiles == 2) _tile_dpbf16ps(3, 5, 7);
      }
    }
  }
  _tile_stored(0, c, kRow);
  if (kColumnTiles == 2) _tile_stored(1, c + kTile, kRow);
  if (kRowTiles == 2) _tile_stored(2, c + kTile * kBlock, kRow);
  if (kRowTiles == 2 && kColumnTiles == 2) _tile_stored(3, c + kTile * kBlock + kTile, kRow);
  asm volatile("" ::: "memory");
}

inline void run_block_amx(const Block& block) {
  if (block.row_tiles == 2) return block.column_tiles == 2 ? run_tiles<2, 2>(block) : run_tiles<2, 1>(block);
  block.column_tiles == 2 ? run_tiles<1, 2>(block) : run_tiles<1, 1>(block);
}

struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

[[gnu::target("amx-tile"), gnu::noinline]] void set_up_tiles() {
  const TileConfig config;
  asm volatile("" ::"r"(&config) : "memory");
  _tile_loadconfig(&config);
}
[[gnu::target("amx-tile"), gnu::noinline]] void release_tiles() { _tile_release(); }

// Asked once for a call, and before its tasks: it fails where the environment names a dot product that is not offered.
inline Bfloat16Dot chosen_dot() { return bfloat16_dot(); }

// Runs fn(run), where run(block) computes a block of sums; a thread's tile registers are in use that long.
template <class F>
inline void with_blocks(Bfloat16Dot dot, const F& fn) {
  if (dot == Bfloat16Dot::plain) return fn(run_block_plain);
  if (dot == Bfloat16Dot::avx512_bf16) return fn(run_block_avx512);
  set_up_tiles();
  fn(run_block_amx);
  release_tiles();
}

#else

inline Bfloat16Dot chosen_dot() { return Bfloat16Dot::plain; }

template <class F>
inline void with_blocks(Bfloat16Dot, const F& fn) {
  fn(run_block_plain);
}

#endif

}  // namespace
}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
