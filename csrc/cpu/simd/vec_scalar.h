// The small vector interface that all CPU kernels are written in, and its portable form (plain C++).
// kLanes: floats in a vector. kRegisters: vector registers that a register tile may fill.
// load_partial / store_partial touch the first n lanes only (1 <= n <= kLanes); other lanes read as zero.
// fma(a, b, c) = a*b + c, rounded once where the hardware has it. max(a, b) gives b where either is NaN.
// exceeds(a, b): a > b in an order where NaN is above every number (and not above itself).
// load_u16 / store_u16 convert between lanes and whole numbers below 65536.
// divide_closely(a, b): a / b within two units in the last place for b from 2^-126 to 2^126, and exactly where b is
// zero, infinite or NaN.
// power_of_two(n): 2^n for whole n from -126 to 127.
// interleave_low(a, b) = a0 b0 a1 b1 ... from the lower halves, interleave_high from the upper halves.
// even_lanes(a, b) = a0 a2 ... b0 b2 ..., odd_lanes(a, b) = a1 a3 ... b1 b3 ....
// bfloat16_pairs(low, high): words of both, each rounded to bfloat16 (to the nearest, ties to even; a NaN stays one),
// `low` in the lower halves.
// Words are 32-bit whole numbers, as many as a Vec has floats; multiply gives both halves of 64-bit products.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

struct Mask {
  uint32_t bits[4];  // all ones or all zeros: selecting takes no branch
};

struct Vec {
  static constexpr int kLanes = 4;
  static constexpr int kRegisters = 16;
  float v[4];
};

template <class F>
inline Vec each_lane(const F& f) {
  return {{f(0), f(1), f(2), f(3)}};
}
inline Vec broadcast(float value) { return {{value, value, value, value}}; }
inline Vec zero() { return broadcast(0.0f); }
inline Vec load(const float* p) { return {{p[0], p[1], p[2], p[3]}}; }
inline Vec load_partial(const float* p, int64_t n) {
  return each_lane([=](int i) { return i < n ? p[i] : 0.0f; });
}
inline void store(float* p, Vec a) {
  for (int i = 0; i < 4; ++i) p[i] = a.v[i];
}
inline void store_partial(float* p, Vec a, int64_t n) {
  for (int i = 0; i < 4; ++i)
    if (i < n) p[i] = a.v[i];
}
inline Vec load_u16(const uint16_t* p) {
  return each_lane([=](int i) { return static_cast<float>(p[i]); });
}
inline void store_u16(uint16_t* p, Vec a) {
  for (int i = 0; i < 4; ++i) p[i] = static_cast<uint16_t>(a.v[i]);
}
inline Vec fma(Vec a, Vec b, Vec c) {
  return each_lane([=](int i) { return a.v[i] * b.v[i] + c.v[i]; });
}
inline Vec operator+(Vec a, Vec b) {
  return each_lane([=](int i) { return a.v[i] + b.v[i]; });
}
inline Vec operator-(Vec a, Vec b) {
  return each_lane([=](int i) { return a.v[i] - b.v[i]; });
}
inline Vec operator*(Vec a, Vec b) {
  return each_lane([=](int i) { return a.v[i] * b.v[i]; });
}
inline Vec operator/(Vec a, Vec b) {
  return each_lane([=](int i) { return a.v[i] / b.v[i]; });
}
inline Vec divide_closely(Vec a, Vec b) { return a / b; }
inline Vec sqrt(Vec a) {
  return each_lane([=](int i) { return std::sqrt(a.v[i]); });
}
inline Vec max(Vec a, Vec b) {
  return each_lane([=](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
}
inline Vec min(Vec a, Vec b) {
  return each_lane([=](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
}
inline Mask mask_of(bool b0, bool b1, bool b2, bool b3) {
  return {{0u - uint32_t{b0}, 0u - uint32_t{b1}, 0u - uint32_t{b2}, 0u - uint32_t{b3}}};
}
inline Mask operator>(Vec a, Vec b) {
  return mask_of(a.v[0] > b.v[0], a.v[1] > b.v[1], a.v[2] > b.v[2], a.v[3] > b.v[3]);
}
inline Mask operator==(Vec a, Vec b) {
  return mask_of(a.v[0] == b.v[0], a.v[1] == b.v[1], a.v[2] == b.v[2], a.v[3] == b.v[3]);
}
inline Mask exceeds(Vec a, Vec b) {
  const auto lane = [](float x, float y) { return (y == y) & !(x <= y); };
  return mask_of(lane(a.v[0], b.v[0]), lane(a.v[1], b.v[1]), lane(a.v[2], b.v[2]), lane(a.v[3], b.v[3]));
}
inline Vec select(Mask m, Vec a, Vec b) {
  uint32_t x[4], y[4];
  std::memcpy(x, a.v, sizeof x);
  std::memcpy(y, b.v, sizeof y);
  for (int i = 0; i < 4; ++i) x[i] = (x[i] & m.bits[i]) | (y[i] & ~m.bits[i]);
  Vec chosen;
  std::memcpy(chosen.v, x, sizeof x);
  return chosen;
}
inline Vec power_of_two(Vec n) {
  return each_lane([=](int i) {
    const float shifted = n.v[i] + 12582912.0f;  // 1.5 * 2^23: n now stands in the lowest bits
    uint32_t bits;
    std::memcpy(&bits, &shifted, sizeof bits);
    bits = (bits << 23) + 0x3f800000u;
    float power;
    std::memcpy(&power, &bits, sizeof power);
    return power;
  });
}
inline uint32_t bfloat16_bits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return value == value ? (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16 : bits >> 16 | 0x40u;
}
inline Vec bfloat16_pairs(Vec low, Vec high) {
  Vec words;
  for (int i = 0; i < 4; ++i) {
    const uint32_t word = bfloat16_bits(low.v[i]) | bfloat16_bits(high.v[i]) << 16;
    std::memcpy(&words.v[i], &word, sizeof word);
  }
  return words;
}
inline Vec interleave_low(Vec a, Vec b) { return {{a.v[0], b.v[0], a.v[1], b.v[1]}}; }
inline Vec interleave_high(Vec a, Vec b) { return {{a.v[2], b.v[2], a.v[3], b.v[3]}}; }
inline Vec even_lanes(Vec a, Vec b) { return {{a.v[0], a.v[2], b.v[0], b.v[2]}}; }
inline Vec odd_lanes(Vec a, Vec b) { return {{a.v[1], a.v[3], b.v[1], b.v[3]}}; }

struct Words {
  uint32_t v[4];
  static Words broadcast(uint32_t word) { return {{word, word, word, word}}; }
};

inline Words lane_numbers() { return {{0, 1, 2, 3}}; }
inline Words operator+(Words a, Words b) {
  return {{a.v[0] + b.v[0], a.v[1] + b.v[1], a.v[2] + b.v[2], a.v[3] + b.v[3]}};
}
inline Words operator^(Words a, Words b) {
  return {{a.v[0] ^ b.v[0], a.v[1] ^ b.v[1], a.v[2] ^ b.v[2], a.v[3] ^ b.v[3]}};
}
inline void multiply(Words a, Words b, Words* high, Words* low) {
  for (int i = 0; i < 4; ++i) {
    const uint64_t product = uint64_t{a.v[i]} * b.v[i];
    high->v[i] = static_cast<uint32_t>(product >> 32);
    low->v[i] = static_cast<uint32_t>(product);
  }
}
inline Vec upper_24_bits(Words a) {
  return each_lane([=](int i) { return static_cast<float>(a.v[i] >> 8); });
}

}  // namespace
}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
