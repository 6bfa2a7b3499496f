// Four floats of NEON (AArch64). See vec_scalar.h for the interface.
#pragma once

#include <arm_neon.h>

#include <cstdint>

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

struct Mask {
  uint32x4_t bits;
};

struct Vec {
  static constexpr int kLanes = 4;
  static constexpr int kRegisters = 32;
  float32x4_t v;
};

inline Vec zero() { return {vdupq_n_f32(0.0f)}; }
inline Vec broadcast(float value) { return {vdupq_n_f32(value)}; }
inline Vec load(const float* p) { return {vld1q_f32(p)}; }
inline Vec load_partial(const float* p, int64_t n) {
  float lanes[4] = {};
  for (int64_t i = 0; i < n; ++i) lanes[i] = p[i];
  return {vld1q_f32(lanes)};
}
inline void store(float* p, Vec a) { vst1q_f32(p, a.v); }
inline void store_partial(float* p, Vec a, int64_t n) {
  float lanes[4];
  vst1q_f32(lanes, a.v);
  for (int64_t i = 0; i < n; ++i) p[i] = lanes[i];
}
inline Vec load_u16(const uint16_t* p) { return {vcvtq_f32_u32(vmovl_u16(vld1_u16(p)))}; }
inline void store_u16(uint16_t* p, Vec a) { vst1_u16(p, vmovn_u32(vcvtq_u32_f32(a.v))); }
inline Vec fma(Vec a, Vec b, Vec c) { return {vfmaq_f32(c.v, a.v, b.v)}; }
inline Vec operator+(Vec a, Vec b) { return {vaddq_f32(a.v, b.v)}; }
inline Vec operator-(Vec a, Vec b) { return {vsubq_f32(a.v, b.v)}; }
inline Vec operator*(Vec a, Vec b) { return {vmulq_f32(a.v, b.v)}; }
inline Vec operator/(Vec a, Vec b) { return {vdivq_f32(a.v, b.v)}; }
inline Vec divide_closely(Vec a, Vec b) { return a / b; }
inline Vec sqrt(Vec a) { return {vsqrtq_f32(a.v)}; }
// As on x86: the second operand where either is NaN.
inline Vec max(Vec a, Vec b) { return {vbslq_f32(vcgtq_f32(a.v, b.v), a.v, b.v)}; }
inline Vec min(Vec a, Vec b) { return {vbslq_f32(vcltq_f32(a.v, b.v), a.v, b.v)}; }
inline Mask operator>(Vec a, Vec b) { return {vcgtq_f32(a.v, b.v)}; }
inline Mask operator==(Vec a, Vec b) { return {vceqq_f32(a.v, b.v)}; }
inline Mask exceeds(Vec a, Vec b) {
  const uint32x4_t b_is_number = vceqq_f32(b.v, b.v);
  return {vbicq_u32(b_is_number, vcleq_f32(a.v, b.v))};
}
inline Vec select(Mask m, Vec a, Vec b) { return {vbslq_f32(m.bits, a.v, b.v)}; }
inline Vec power_of_two(Vec n) {
  const int32x4_t exponent = vaddq_s32(vcvtq_s32_f32(n.v), vdupq_n_s32(127));
  return {vreinterpretq_f32_s32(vshlq_n_s32(exponent, 23))};
}
inline uint32x4_t bfloat16_upper(Vec a) {  // the lower halves hold anything
  const uint32x4_t bits = vreinterpretq_u32_f32(a.v), odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
  const uint32x4_t rounded = vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
  return vbslq_u32(vceqq_f32(a.v, a.v), rounded, vorrq_u32(bits, vdupq_n_u32(0x400000)));
}
inline Vec bfloat16_pairs(Vec low, Vec high) {
  const uint32x4_t lower = vshrq_n_u32(bfloat16_upper(low), 16);
  return {vreinterpretq_f32_u32(vorrq_u32(lower, vandq_u32(bfloat16_upper(high), vdupq_n_u32(0xffff0000u))))};
}
inline Vec interleave_low(Vec a, Vec b) { return {vzip1q_f32(a.v, b.v)}; }
inline Vec interleave_high(Vec a, Vec b) { return {vzip2q_f32(a.v, b.v)}; }
inline Vec even_lanes(Vec a, Vec b) { return {vuzp1q_f32(a.v, b.v)}; }
inline Vec odd_lanes(Vec a, Vec b) { return {vuzp2q_f32(a.v, b.v)}; }

struct Words {
  uint32x4_t v;
  static Words broadcast(uint32_t word) { return {vdupq_n_u32(word)}; }
};

inline Words lane_numbers() {
  const uint32_t lanes[4] = {0, 1, 2, 3};
  return {vld1q_u32(lanes)};
}
inline Words operator+(Words a, Words b) { return {vaddq_u32(a.v, b.v)}; }
inline Words operator^(Words a, Words b) { return {veorq_u32(a.v, b.v)}; }
inline void multiply(Words a, Words b, Words* high, Words* low) {
  const uint32x4_t lower = vreinterpretq_u32_u64(vmull_u32(vget_low_u32(a.v), vget_low_u32(b.v)));
  const uint32x4_t upper = vreinterpretq_u32_u64(vmull_high_u32(a.v, b.v));
  high->v = vuzp2q_u32(lower, upper);
  low->v = vuzp1q_u32(lower, upper);
}
inline Vec upper_24_bits(Words a) { return {vcvtq_f32_u32(vshrq_n_u32(a.v, 8))}; }

}  // namespace
}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
