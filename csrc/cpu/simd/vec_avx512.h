// Sixteen floats of AVX-512. See vec_scalar.h for the interface.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

struct Mask {
  __mmask16 bits;
};

struct Vec {
  static constexpr int kLanes = 16;
  static constexpr int kRegisters = 32;
  __m512 v;
};

// GCC 12 takes the plain forms of max, min, sqrt and of conversions for reads of an uninitialized vector and
// warns; the zero-masked ones with every lane on are the same instructions.
constexpr __mmask16 kAllLanes = 0xffff;

inline __mmask16 lanes_below(int64_t n) { return static_cast<__mmask16>((1u << n) - 1u); }
inline Vec zero() { return {_mm512_setzero_ps()}; }
inline Vec broadcast(float value) { return {_mm512_set1_ps(value)}; }
inline Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
inline Vec load_partial(const float* p, int64_t n) { return {_mm512_maskz_loadu_ps(lanes_below(n), p)}; }
inline void store(float* p, Vec a) { _mm512_storeu_ps(p, a.v); }
inline void store_partial(float* p, Vec a, int64_t n) { _mm512_mask_storeu_ps(p, lanes_below(n), a.v); }
inline Vec load_u16(const uint16_t* p) {
  const __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return {_mm512_maskz_cvtepi32_ps(kAllLanes, _mm512_maskz_cvtepu16_epi32(kAllLanes, words))};
}
inline void store_u16(uint16_t* p, Vec a) {
  const __m512i wide = _mm512_maskz_cvttps_epi32(kAllLanes, a.v);
  const __m256i words = _mm512_maskz_cvtepi32_epi16(kAllLanes, wide);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), words);
}
inline Vec fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
inline Vec operator+(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
inline Vec operator-(Vec a, Vec b) { return {_mm512_sub_ps(a.v, b.v)}; }
inline Vec operator*(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline Vec operator/(Vec a, Vec b) { return {_mm512_div_ps(a.v, b.v)}; }
inline Vec sqrt(Vec a) { return {_mm512_maskz_sqrt_ps(kAllLanes, a.v)}; }
inline Vec max(Vec a, Vec b) { return {_mm512_maskz_max_ps(kAllLanes, a.v, b.v)}; }
inline Vec min(Vec a, Vec b) { return {_mm512_maskz_min_ps(kAllLanes, a.v, b.v)}; }
inline Mask operator>(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ)}; }
inline Mask operator==(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ)}; }
inline Mask exceeds(Vec a, Vec b) {
  const __mmask16 b_is_number = _mm512_cmp_ps_mask(b.v, b.v, _CMP_ORD_Q);
  return {_mm512_mask_cmp_ps_mask(b_is_number, a.v, b.v, _CMP_NLE_UQ)};
}
inline Vec select(Mask m, Vec a, Vec b) { return {_mm512_mask_blend_ps(m.bits, b.v, a.v)}; }
// By an estimate of 1 / b (14 bits) and a step of Newton's: multiply-adds beside other work, where a division keeps its
// one unit busy for ten cycles. Of zero and infinity the estimate is exact, and the step, 0 * infinity, is left out.
inline Vec divide_closely(Vec a, Vec b) {
  const __m512 estimate = _mm512_maskz_rcp14_ps(kAllLanes, b.v);
  const __m512 rest = _mm512_fnmadd_ps(b.v, estimate, _mm512_set1_ps(1.0f));
  const __mmask16 number = _mm512_cmp_ps_mask(rest, rest, _CMP_ORD_Q);
  return {_mm512_mul_ps(a.v, _mm512_mask3_fmadd_ps(rest, estimate, estimate, number))};
}
inline Vec power_of_two(Vec n) {
  const __m512i exponent = _mm512_add_epi32(_mm512_maskz_cvtps_epi32(kAllLanes, n.v), _mm512_set1_epi32(127));
  return {_mm512_castsi512_ps(_mm512_maskz_slli_epi32(kAllLanes, exponent, 23))};
}

inline __m512i bfloat16_upper(Vec a) {  // the lower halves hold anything
  const __m512i bits = _mm512_castps_si512(a.v);
  const __m512i odd = _mm512_and_si512(_mm512_maskz_srli_epi32(kAllLanes, bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  const __mmask16 not_a_number = _mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q);
  return _mm512_mask_or_epi32(rounded, not_a_number, bits, _mm512_set1_epi32(0x400000));
}
inline Vec bfloat16_pairs(Vec low, Vec high) {
  const __m512i lower = _mm512_maskz_srli_epi32(kAllLanes, bfloat16_upper(low), 16);
  const __m512i mask = _mm512_set1_epi32(static_cast<int>(0xffff0000u));
  return {_mm512_castsi512_ps(_mm512_or_si512(lower, _mm512_and_si512(mask, bfloat16_upper(high))))};
}

inline Vec interleave_low(Vec a, Vec b) {
  const __m512i index = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  return {_mm512_permutex2var_ps(a.v, index, b.v)};
}
inline Vec interleave_high(Vec a, Vec b) {
  const __m512i index = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  return {_mm512_permutex2var_ps(a.v, index, b.v)};
}
inline Vec even_lanes(Vec a, Vec b) {
  const __m512i index = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  return {_mm512_permutex2var_ps(a.v, index, b.v)};
}
inline Vec odd_lanes(Vec a, Vec b) {
  const __m512i index = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  return {_mm512_permutex2var_ps(a.v, index, b.v)};
}

struct Words {
  __m512i v;
  static Words broadcast(uint32_t word) { return {_mm512_set1_epi32(static_cast<int>(word))}; }
};

inline Words lane_numbers() { return {_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)}; }
inline Words operator+(Words a, Words b) { return {_mm512_add_epi32(a.v, b.v)}; }
inline Words operator^(Words a, Words b) { return {_mm512_xor_si512(a.v, b.v)}; }
inline void multiply(Words a, Words b, Words* high, Words* low) {
  // Between the halves of a lane by shuffles: shifts would wait for the port that multiplies.
  constexpr __mmask8 all = 0xff;
  const __m512i even = _mm512_maskz_mul_epu32(all, a.v, b.v);
  const __m512i odd = _mm512_maskz_mul_epu32(all, _mm512_maskz_shuffle_epi32(kAllLanes, a.v, _MM_PERM_DDBB), b.v);
  high->v = _mm512_mask_shuffle_epi32(odd, 0x5555, even, _MM_PERM_DDBB);
  low->v = _mm512_mask_shuffle_epi32(even, 0xaaaa, odd, _MM_PERM_CCAA);
}
inline Vec upper_24_bits(Words a) {
  return {_mm512_maskz_cvtepi32_ps(kAllLanes, _mm512_maskz_srli_epi32(kAllLanes, a.v, 8))};
}

}  // namespace
}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
