// The transforms of F(2x2, 3x3), F(3x3, 3x3) and F(4x4, 3x3), and of its narrow tiles, on vectors of channels: along
// one axis, and along both.
#pragma once

#include <cstdint>

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

inline Vec times(float factor, Vec a) { return broadcast(factor) * a; }
inline Vec add_times(Vec sum, float factor, Vec a) { return fma(broadcast(factor), a, sum); }

// Matrices of F(m, 3) times a vector: input B^T, output A^T, kernel G, and their transposes. `point` says which of a
// block's kPoints the n-th one is. Inlined always: a call would send all of a tile's vectors through memory, and the
// compiler decides otherwise once a unit has many tiles.
template <int kTile>
struct Winograd;

// Interpolation at 0, 1, -1 and infinity.
template <>
struct Winograd<2> {
  static constexpr int kTile = 2, kSide = 4, kPoints = 4;
  static constexpr int point(int n) { return n; }
  [[gnu::always_inline]] static void input(const Vec (&d)[4], Vec (&v)[4]) {
    v[0] = d[0] - d[2], v[1] = d[1] + d[2], v[2] = d[2] - d[1], v[3] = d[1] - d[3];
  }
  [[gnu::always_inline]] static void input_adjoint(const Vec (&v)[4], Vec (&d)[4]) {
    d[0] = v[0], d[1] = v[1] - v[2] + v[3], d[2] = v[1] + v[2] - v[0], d[3] = zero() - v[3];
  }
  [[gnu::always_inline]] static void output(const Vec (&m)[4], Vec (&y)[2]) {
    y[0] = m[0] + m[1] + m[2], y[1] = m[1] - m[2] - m[3];
  }
  [[gnu::always_inline]] static void output_adjoint(const Vec (&y)[2], Vec (&m)[4]) {
    m[0] = y[0], m[1] = y[0] + y[1], m[2] = y[0] - y[1], m[3] = zero() - y[1];
  }
  [[gnu::always_inline]] static void kernel(const Vec (&g)[3], Vec (&u)[4]) {
    const Vec outer = times(0.5f, g[0] + g[2]), middle = times(0.5f, g[1]);
    u[0] = g[0], u[1] = outer + middle, u[2] = outer - middle, u[3] = g[2];
  }
  [[gnu::always_inline]] static void kernel_adjoint(const Vec (&u)[4], Vec (&g)[3]) {
    const Vec even = times(0.5f, u[1] + u[2]);
    g[0] = u[0] + even, g[1] = times(0.5f, u[1] - u[2]), g[2] = even + u[3];
  }
};

// Interpolation at 0, 1, -1, 2 and infinity.
template <>
struct Winograd<3> {
  static constexpr int kTile = 3, kSide = 5, kPoints = 5;
  static constexpr int point(int n) { return n; }
  [[gnu::always_inline]] static void input(const Vec (&d)[5], Vec (&v)[5]) {
    const Vec odd = d[3] - d[1];
    v[0] = add_times(odd, 2, d[0] - d[2]);
    v[1] = add_times(d[3] - d[2], -2, d[1]);
    v[2] = add_times(add_times(d[3], -3, d[2]), 2, d[1]);
    v[3] = odd;
    v[4] = add_times(d[4] - d[2], -2, odd);
  }
  [[gnu::always_inline]] static void input_adjoint(const Vec (&v)[5], Vec (&d)[5]) {
    const Vec odd = add_times(v[0] + v[3], -2, v[4]);
    d[0] = times(2, v[0]);
    d[1] = add_times(zero() - odd, 2, v[2] - v[1]);
    d[2] = add_times(add_times(zero() - v[1] - v[4], -2, v[0]), -3, v[2]);
    d[3] = odd + v[1] + v[2];
    d[4] = v[4];
  }
  [[gnu::always_inline]] static void output(const Vec (&m)[5], Vec (&y)[3]) {
    const Vec sum = m[1] + m[2];
    y[0] = m[0] + sum + m[3];
    y[1] = add_times(m[1] - m[2], 2, m[3]);
    y[2] = add_times(sum + m[4], 4, m[3]);
  }
  [[gnu::always_inline]] static void output_adjoint(const Vec (&y)[3], Vec (&m)[5]) {
    const Vec even = y[0] + y[2];
    m[0] = y[0], m[1] = even + y[1], m[2] = even - y[1], m[3] = add_times(add_times(y[0], 2, y[1]), 4, y[2]),
    m[4] = y[2];
  }
  [[gnu::always_inline]] static void kernel(const Vec (&g)[3], Vec (&u)[5]) {
    const Vec even = g[0] + g[2];
    u[0] = times(0.5f, g[0]), u[1] = times(-0.5f, even + g[1]), u[2] = times(1.0f / 6, g[1] - even);
    u[3] = add_times(add_times(times(1.0f / 6, g[0]), 1.0f / 3, g[1]), 2.0f / 3, g[2]), u[4] = g[2];
  }
  [[gnu::always_inline]] static void kernel_adjoint(const Vec (&u)[5], Vec (&g)[3]) {
    const Vec outer = add_times(times(-0.5f, u[1]), -1.0f / 6, u[2]);
    g[0] = add_times(add_times(outer, 0.5f, u[0]), 1.0f / 6, u[3]);
    g[1] = add_times(add_times(times(-0.5f, u[1]), 1.0f / 6, u[2]), 1.0f / 3, u[3]);
    g[2] = add_times(outer + u[4], 2.0f / 3, u[3]);
  }
};

// Interpolation at 0, 1, -1, 2, -2 and infinity.
template <>
struct Winograd<4> {
  static constexpr int kTile = 4, kSide = 6, kPoints = 6;
  static constexpr int point(int n) { return n; }
  [[gnu::always_inline]] static void input(const Vec (&d)[6], Vec (&v)[6]) {
    const Vec even1 = add_times(d[4], -4, d[2]), odd1 = add_times(d[3], -4, d[1]);
    const Vec even2 = d[4] - d[2], odd2 = times(2, d[3] - d[1]);
    v[0] = add_times(add_times(d[4], -5, d[2]), 4, d[0]);
    v[1] = even1 + odd1, v[2] = even1 - odd1, v[3] = even2 + odd2, v[4] = even2 - odd2;
    v[5] = add_times(add_times(d[5], -5, d[3]), 4, d[1]);
  }
  [[gnu::always_inline]] static void input_adjoint(const Vec (&v)[6], Vec (&d)[6]) {
    const Vec sum1 = v[1] + v[2], difference1 = v[1] - v[2], sum2 = v[3] + v[4], difference2 = v[3] - v[4];
    d[0] = times(4, v[0]);
    d[1] = add_times(times(4, v[5] - difference1), -2, difference2);
    d[2] = add_times(add_times(zero() - sum2, -4, sum1), -5, v[0]);
    d[3] = add_times(add_times(difference1, 2, difference2), -5, v[5]);
    d[4] = v[0] + sum1 + sum2;
    d[5] = v[5];
  }
  [[gnu::always_inline]] static void output(const Vec (&m)[6], Vec (&y)[4]) {
    const Vec sum1 = m[1] + m[2], difference1 = m[1] - m[2], sum2 = m[3] + m[4], difference2 = m[3] - m[4];
    y[0] = m[0] + sum1 + sum2;
    y[1] = add_times(difference1, 2, difference2);
    y[2] = add_times(sum1, 4, sum2);
    y[3] = add_times(difference1 + m[5], 8, difference2);
  }
  [[gnu::always_inline]] static void output_adjoint(const Vec (&y)[4], Vec (&m)[6]) {
    const Vec even1 = y[0] + y[2], odd1 = y[1] + y[3];
    const Vec even2 = add_times(y[0], 4, y[2]), odd2 = add_times(times(2, y[1]), 8, y[3]);
    m[0] = y[0], m[1] = even1 + odd1, m[2] = even1 - odd1, m[3] = even2 + odd2, m[4] = even2 - odd2, m[5] = y[3];
  }
  [[gnu::always_inline]] static void kernel(const Vec (&g)[3], Vec (&u)[6]) {
    const Vec outer1 = times(-1.0f / 6, g[0] + g[2]), middle1 = times(-1.0f / 6, g[1]);
    const Vec outer2 = add_times(times(1.0f / 24, g[0]), 1.0f / 6, g[2]), middle2 = times(1.0f / 12, g[1]);
    u[0] = times(0.25f, g[0]), u[1] = outer1 + middle1, u[2] = outer1 - middle1;
    u[3] = outer2 + middle2, u[4] = outer2 - middle2, u[5] = g[2];
  }
  [[gnu::always_inline]] static void kernel_adjoint(const Vec (&u)[6], Vec (&g)[3]) {
    const Vec sum1 = times(-1.0f / 6, u[1] + u[2]), sum2 = u[3] + u[4];
    g[0] = add_times(add_times(sum1, 1.0f / 24, sum2), 0.25f, u[0]);
    g[1] = add_times(times(1.0f / 6, u[2] - u[1]), 1.0f / 12, u[3] - u[4]);
    g[2] = add_times(sum1, 1.0f / 6, sum2) + u[5];
  }
};

// The narrow tiles of F(4x4), of two outputs: F(2, 3) at 0, 1, -1 and infinity, so scaled that the kernels of F(4, 3)
// are theirs.
struct NarrowWinograd {
  static constexpr int kTile = 2, kSide = 4, kPoints = 6;
  static constexpr int point(int n) { return n < 3 ? n : 5; }
  static constexpr bool has(int64_t number) {
    for (int n = 0; n < kSide; ++n)
      if (point(n) == number) return true;
    return false;
  }
  [[gnu::always_inline]] static void input(const Vec (&d)[4], Vec (&v)[4]) {
    v[0] = times(4, d[0] - d[2]), v[1] = times(-3, d[1] + d[2]), v[2] = times(3, d[1] - d[2]), v[3] = d[3] - d[1];
  }
  [[gnu::always_inline]] static void input_adjoint(const Vec (&v)[4], Vec (&d)[4]) {
    d[0] = times(4, v[0]);
    d[1] = add_times(zero() - v[3], -3, v[1] - v[2]);
    d[2] = add_times(times(-3, v[1] + v[2]), -4, v[0]);
    d[3] = v[3];
  }
  [[gnu::always_inline]] static void output(const Vec (&m)[4], Vec (&y)[2]) {
    y[0] = m[0] + m[1] + m[2], y[1] = m[1] - m[2] + m[3];
  }
  [[gnu::always_inline]] static void output_adjoint(const Vec (&y)[2], Vec (&m)[4]) {
    m[0] = y[0], m[1] = y[0] + y[1], m[2] = y[0] - y[1], m[3] = y[1];
  }
};

// The n-th point of a tile down its columns and the m-th along its rows, among a block's positions.
template <class Down, class Along>
constexpr int position(int n, int m) {
  return Down::point(n) * Along::kPoints + Along::point(m);
}

// Each matrix as a function from kFrom numbers to kTo.
template <class W>
struct InputTransform {
  static constexpr int kFrom = W::kSide, kTo = W::kSide;
  static constexpr int point(int n) { return W::point(n); }
  [[gnu::always_inline]] static void apply(const Vec (&d)[kFrom], Vec (&v)[kTo]) { W::input(d, v); }
};
template <class W>
struct InputAdjoint {
  static constexpr int kFrom = W::kSide, kTo = W::kSide;
  [[gnu::always_inline]] static void apply(const Vec (&v)[kFrom], Vec (&d)[kTo]) { W::input_adjoint(v, d); }
};
template <class W>
struct OutputTransform {
  static constexpr int kFrom = W::kSide, kTo = W::kTile;
  [[gnu::always_inline]] static void apply(const Vec (&m)[kFrom], Vec (&y)[kTo]) { W::output(m, y); }
};
template <class W>
struct OutputAdjoint {
  static constexpr int kFrom = W::kTile, kTo = W::kSide;
  static constexpr int point(int n) { return W::point(n); }
  [[gnu::always_inline]] static void apply(const Vec (&y)[kFrom], Vec (&m)[kTo]) { W::output_adjoint(y, m); }
};
template <class W>
struct KernelTransform {
  static constexpr int kFrom = 3, kTo = W::kSide;
  [[gnu::always_inline]] static void apply(const Vec (&g)[kFrom], Vec (&u)[kTo]) { W::kernel(g, u); }
};
template <class W>
struct KernelAdjoint {
  static constexpr int kFrom = W::kSide, kTo = 3;
  [[gnu::always_inline]] static void apply(const Vec (&u)[kFrom], Vec (&g)[kTo]) { W::kernel_adjoint(u, g); }
};

// Which points down the columns are computed: some, or all.
template <int... kNumbers>
struct SomeRows {
  static constexpr int kCount = sizeof...(kNumbers);
  static constexpr int at(int n) {
    constexpr int numbers[] = {kNumbers...};
    return numbers[n];
  }
};
template <int kAll>
struct AllRows {
  static constexpr int kCount = kAll;
  static constexpr int at(int n) { return n; }
};

// Some rows of M in M'^T, for the matrices M down the columns of `in` and M' along its rows.
template <class Rows, class Down, class Along>
[[gnu::always_inline]] inline void transform_rows(const Vec (&in)[Down::kFrom][Along::kFrom],
                                                  Vec (&out)[Rows::kCount][Along::kTo]) {
  Vec columns_done[Rows::kCount][Along::kFrom];
#pragma GCC unroll 8
  for (int j = 0; j < Along::kFrom; ++j) {
    Vec column[Down::kFrom], done[Down::kTo];
#pragma GCC unroll 8
    for (int i = 0; i < Down::kFrom; ++i) column[i] = in[i][j];
    Down::apply(column, done);
#pragma GCC unroll 8
    for (int n = 0; n < Rows::kCount; ++n) columns_done[n][j] = done[Rows::at(n)];
  }
#pragma GCC unroll 8
  for (int n = 0; n < Rows::kCount; ++n) Along::apply(columns_done[n], out[n]);
}

template <class Down, class Along>
[[gnu::always_inline]] inline void transform_both(const Vec (&in)[Down::kFrom][Along::kFrom],
                                                  Vec (&out)[Down::kTo][Along::kTo]) {
  transform_rows<AllRows<Down::kTo>, Down, Along>(in, out);
}

}  // namespace
}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
