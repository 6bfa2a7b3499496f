// Eight floats of AVX2 with FMA. See vec_scalar.h for the interface.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

struct Mask {
  __m256 bits;
};

struct Vec {
  static constexpr int kLanes = 8;
  static constexpr int kRegisters = 16;
  __m256 v;
};

inline __m256i lanes_below(int64_t n) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), lane);
}
inline Vec zero() { return {_mm256_setzero_ps()}; }
inline Vec broadcast(float value) { return {_mm256_set1_ps(value)}; }
inline Vec load(const float* p) { return {_mm256_loadu_ps(p)}; }
inline Vec load_partial(const float* p, int64_t n) { return {_mm256_maskload_ps(p, lanes_below(n))}; }
inline void store(float* p, Vec a) { _mm256_storeu_ps(p, a.v); }
inline void store_partial(float* p, Vec a, int64_t n) { _mm256_maskstore_ps(p, lanes_below(n), a.v); }
inline Vec load_u16(const uint16_t* p) {
  const __m128i words = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return {_mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(words))};
}
inline void store_u16(uint16_t* p, Vec a) {
  const __m256i wide = _mm256_cvttps_epi32(a.v);
  const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), words);
}
inline Vec fma(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
inline Vec operator+(Vec a, Vec b) { return {_mm256_add_ps(a.v, b.v)}; }
inline Vec operator-(Vec a, Vec b) { return {_mm256_sub_ps(a.v, b.v)}; }
inline Vec operator*(Vec a, Vec b) { return {_mm256_mul_ps(a.v, b.v)}; }
inline Vec operator/(Vec a, Vec b) { return {_mm256_div_ps(a.v, b.v)}; }
inline Vec divide_closely(Vec a, Vec b) { return a / b; }
inline Vec sqrt(Vec a) { return {_mm256_sqrt_ps(a.v)}; }
inline Vec max(Vec a, Vec b) { return {_mm256_max_ps(a.v, b.v)}; }
inline Vec min(Vec a, Vec b) { return {_mm256_min_ps(a.v, b.v)}; }
inline Mask operator>(Vec a, Vec b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_GT_OQ)}; }
inline Mask operator==(Vec a, Vec b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ)}; }
inline Mask exceeds(Vec a, Vec b) {
  const __m256 b_is_number = _mm256_cmp_ps(b.v, b.v, _CMP_ORD_Q);
  return {_mm256_and_ps(b_is_number, _mm256_cmp_ps(a.v, b.v, _CMP_NLE_UQ))};
}
inline Vec select(Mask m, Vec a, Vec b) { return {_mm256_blendv_ps(b.v, a.v, m.bits)}; }
inline Vec power_of_two(Vec n) {
  const __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n.v), _mm256_set1_epi32(127));
  return {_mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23))};
}

inline __m256i bfloat16_upper(Vec a) {  // the lower halves hold anything
  const __m256i bits = _mm256_castps_si256(a.v);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
  const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
  const __m256i not_a_number = _mm256_castps_si256(_mm256_cmp_ps(a.v, a.v, _CMP_UNORD_Q));
  return _mm256_blendv_epi8(rounded, quiet, not_a_number);
}
inline Vec bfloat16_pairs(Vec low, Vec high) {
  const __m256i lower = _mm256_srli_epi32(bfloat16_upper(low), 16);
  return {_mm256_castsi256_ps(_mm256_blend_epi16(lower, bfloat16_upper(high), 0xaa))};
}

inline Vec interleave_low(Vec a, Vec b) {
  const __m256 low = _mm256_unpacklo_ps(a.v, b.v), high = _mm256_unpackhi_ps(a.v, b.v);
  return {_mm256_permute2f128_ps(low, high, 0x20)};
}
inline Vec interleave_high(Vec a, Vec b) {
  const __m256 low = _mm256_unpacklo_ps(a.v, b.v), high = _mm256_unpackhi_ps(a.v, b.v);
  return {_mm256_permute2f128_ps(low, high, 0x31)};
}
inline Vec pairs_in_order(__m256 halves) {  // from pairs 0, 2, 1, 3 of lanes
  return {_mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(halves), 0xd8))};
}
inline Vec even_lanes(Vec a, Vec b) { return pairs_in_order(_mm256_shuffle_ps(a.v, b.v, 0x88)); }
inline Vec odd_lanes(Vec a, Vec b) { return pairs_in_order(_mm256_shuffle_ps(a.v, b.v, 0xdd)); }

struct Words {
  __m256i v;
  static Words broadcast(uint32_t word) { return {_mm256_set1_epi32(static_cast<int>(word))}; }
};

inline Words lane_numbers() { return {_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)}; }
inline Words operator+(Words a, Words b) { return {_mm256_add_epi32(a.v, b.v)}; }
inline Words operator^(Words a, Words b) { return {_mm256_xor_si256(a.v, b.v)}; }
inline void multiply(Words a, Words b, Words* high, Words* low) {
  const __m256i even = _mm256_mul_epu32(a.v, b.v);
  const __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(a.v, 32), b.v);
  high->v = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
  low->v = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
}
inline Vec upper_24_bits(Words a) { return {_mm256_cvtepi32_ps(_mm256_srli_epi32(a.v, 8))}; }

}  // namespace
}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
