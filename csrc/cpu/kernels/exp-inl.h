// exp and functions made of it, a vector at a time, good to a few units in the last place.
#pragma once

#include "cpu/kernels/parallel-inl.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

// ((c[0] x + c[1]) x + c[2]) x + ...
template <int kTerms>
inline Vec polynomial(Vec x, const float (&c)[kTerms]) {
  Vec sum = broadcast(c[0]);
  for (int i = 1; i < kTerms; ++i) sum = fma(sum, x, broadcast(c[i]));
  return sum;
}

inline Vec absolute(Vec x) { return max(x, zero() - x); }

// x = n ln 2 + r with whole n and |r| <= ln 2 / 2, so exp(x) = power * (1 + fraction), where power = 2^n and
// fraction = exp(r) - 1, which keeps its digits near zero.
struct Exponential {
  Vec power, fraction;
};

// For x <= 0. Below -87.3, where exp(x) is no longer a normal float, x counts as -87.3; NaN stays NaN.
inline Exponential exponential(Vec x) {
  const Vec argument = max(broadcast(-87.3f), x);
  const Vec rounder = broadcast(12582912.0f);  // 1.5 * 2^23: adding it rounds to a whole number
  const Vec n = fma(argument, broadcast(1.44269504f), rounder) - rounder;
  // ln 2 in two parts, the first with few bits, so that n times it is exact.
  const Vec r = fma(n, broadcast(2.12194440e-4f), fma(n, broadcast(-0.693359375f), argument));
  constexpr float taylor[] = {1.0f / 5040, 1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 1.0f / 2};
  return {power_of_two(n), fma(r * r, polynomial(r, taylor), r)};
}

// exp(x) for x <= 0; 0 below -87.3.
inline Vec exp_of_negative(Vec x) {
  const Exponential e = exponential(x);
  return select(broadcast(-87.3f) > x, zero(), e.power * (broadcast(1.0f) + e.fraction));
}

// Of a softmax, which is exps / sum: writes exp(x - largest), which never overflows, to exps where wanted.
struct SoftmaxSum {
  float largest;
  double sum;
};
inline SoftmaxSum softmax_exps(const float* x, int64_t size, float* exps) {
  SoftmaxSum result{x[0], 0};
  for (int64_t i = 1; i < size; ++i) result.largest = x[i] > result.largest ? x[i] : result.largest;
  for_each_vector(0, size, [&](int64_t i, int64_t lanes) {
    const Vec e = exp_of_negative(load_lanes(x + i, lanes) - broadcast(result.largest));
    float lane[Vec::kLanes];
    store(lane, e);
    for (int64_t j = 0; j < lanes; ++j) result.sum += static_cast<double>(lane[j]);
    if (exps) store_lanes(exps + i, e, lanes);
  });
  return result;
}

// exp(x) - 1 for x <= 0.
inline Vec expm1_of_negative(Vec x) {
  const Exponential e = exponential(x);
  return fma(e.power, e.fraction, e.power - broadcast(1.0f));
}

// log(1 + x) for 0 <= x <= 1: 2 artanh(t) with t = x / (2 + x) <= 1/3, by its series.
inline Vec log1p_of_unit(Vec x) {
  const Vec t = x / (broadcast(2.0f) + x), t2 = t * t;
  constexpr float series[] = {1.0f / 15, 1.0f / 13, 1.0f / 11, 1.0f / 9, 1.0f / 7, 1.0f / 5, 1.0f / 3};
  const Vec doubled = t + t;
  return fma(doubled * t2, polynomial(t2, series), doubled);
}

// 1 / (1 + exp(-x)) and one minus it, each with its own digits.
struct Sigmoid {
  Vec value, complement;
};
inline Sigmoid sigmoid(Vec x) {
  const Vec one = broadcast(1.0f), small = exp_of_negative(zero() - absolute(x));
  const Vec larger = one / (one + small), smaller = small * larger;
  const Mask negative = zero() > x;
  return {select(negative, smaller, larger), select(negative, larger, smaller)};
}

// The sign of x times (1 - exp(-2|x|)) / (1 + exp(-2|x|)).
inline Vec hyperbolic_tangent(Vec x) {
  const Vec magnitude = absolute(x);
  const Vec minus = expm1_of_negative(zero() - (magnitude + magnitude));
  const Vec quotient = minus / (broadcast(2.0f) + minus);
  return select(x > zero(), zero() - quotient, quotient);
}

// The normal distribution function P(X <= x) and its density. Its left tail is exp(-x^2 / 2) times a slowly
// falling function, which a polynomial in t = 1 / (1 + 0.3 |x|) meets to 4e-9 (least squares, reweighted
// until the largest relative error on 0 .. 14 stopped falling). Far out, the rounding of x^2 costs more than that.
struct Normal {
  Vec distribution, density;
};
inline Normal normal(Vec x) {
  const Vec one = broadcast(1.0f), magnitude = absolute(x);
  const Vec bell = exp_of_negative(x * x * broadcast(-0.5f));
  const Vec t = one / fma(magnitude, broadcast(0.3f), one);
  constexpr float fit[] = {-0.0206122641f, 0.112372816f,  -0.228060797f, 0.191573054f, -0.0792403817f,
                           0.0960542113f,  0.0784267932f, 0.110227071f,  0.11957287f,  0.119686633f};
  const Vec tail = bell * t * polynomial(t, fit);
  return {select(x > zero(), one - tail, tail), bell * broadcast(0.39894228f)};  // 1 / sqrt(2 pi)
}

}  // namespace
}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
