// The kernel's gradient by bfloat16 products: sums over pixels, of all output channels by all input channels. A task is
// a slice of the batch, whose images are taken a few at a time. dy has zeros where the plane of x has no output, so
// that a tap is an offset in the row of all pixels.
#pragma once

#include "cpu/kernels/bfloat16_pack-inl.h"
#include "cpu/kernels/kernel_gradient-inl.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

// Words of two neighbouring pixels each, for 16 channels: calls fn(word, first pixel, second pixel).
template <class F>
inline void for_each_pair(const float* images, const int64_t* places, int64_t c, int64_t channels, const F& fn) {
  for (int64_t word = 0; word < kTile; ++word) {
    const int64_t *at = places + 2 * word, first = at[0], second = at[1];
    for (int64_t i = 0; i < kTile; i += Vec::kLanes)
      fn(word * kTile + i, first < 0 ? zero() : load_below(images + first, c + i, channels),
         second < 0 ? zero() : load_below(images + second, c + i, channels));
  }
}

// x: [tile of 16 channels][pairs of pixels][16 channels].
inline void pack_pixel_pairs(const float* images, const int64_t* places, int64_t pixels, int64_t channels, float* to) {
  for (int64_t c = 0; c < channels; c += kTile)
    for (int64_t p = 0; p < pixels; p += Bfloat16Geometry::kDepth, to += kTileWords)
      for_each_pair(images, places + p, c, channels,
                    [&](int64_t i, Vec first, Vec second) { store(to + i, bfloat16_pairs(first, second)); });
}

// dy: [block of 32 channels][32 pixels][32 channels][16 words]. Adds each channel's sum to `bias`, or sets it; may be
// null.
inline void pack_pixel_rows(const float* images, const int64_t* places, int64_t pixels, int64_t channels, float* to,
                            float* bias, bool accumulate) {
  for (int64_t c = 0; c < channels; c += kTile) {
    Vec sums[kTile / Vec::kLanes];
    for (int64_t i = 0; i < kTile; i += Vec::kLanes)
      sums[i / Vec::kLanes] = bias && accumulate ? load_below(bias, c + i, channels) : zero();
    float* tile = to + c / kBlock * kBlock * (pixels / 2) + c % kBlock * kTile;
    for (int64_t p = 0; p < pixels; p += Bfloat16Geometry::kDepth, tile += 2 * kTileWords) {
      alignas(64) float words[kTileWords];
      for_each_pair(images, places + p, c, channels, [&](int64_t i, Vec first, Vec second) {
        Vec& sum = sums[i % kTile / Vec::kLanes];
        sum = sum + first + second;
        store(words + i, bfloat16_pairs(first, second));
      });
      transpose_tile(words, kTile, tile, kTile);
    }
    if (!bias) continue;
    for_each_vector(c, channels - c < kTile ? channels : c + kTile,
                    [&](int64_t i, int64_t lanes) { store_lanes(bias + i, sums[(i - c) / Vec::kLanes], lanes); });
  }
}

// Adds a block of sums [columns][rows] to [rows][columns] of the kernel's gradient, or sets it.
inline void add_turned(const float* sums, bool accumulate, float* to, int64_t to_step, int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; i += kTile)
    for (int64_t j = 0; j < columns; j += kTile) {
      alignas(64) float turned[kTileWords];
      transpose_tile(sums + j * kBlock + i, kBlock, turned, kTile);
      for (int64_t r = i; r < rows && r < i + kTile; ++r)
        for_each_vector(0, columns - j < kTile ? columns - j : kTile, [&](int64_t c, int64_t lanes) {
          float* all = to + r * to_step + j + c;
          const Vec sum = load(turned + (r - i) * kTile + c);
          store_lanes(all, accumulate ? load_lanes(all, lanes) + sum : sum, lanes);
        });
    }
}

struct SliceOfWeights {
  const Conv2dBfloat16BackwardWeights& op;
  const Bfloat16Geometry& g;
  const Conv2dGeometry& conv;
  PlaneAxis rows, columns;
  RunBlock run_block;
  float *kernel_sum, *bias_sum;
  int64_t* places;
  float *x, *dy;

  // Images [n, n + images), rows [first, first + count) of their outputs.
  void add(int64_t n, int64_t images, int64_t first, int64_t count, bool accumulate) const {
    const int64_t width = g.weights_width(), height = count + rows.reach();
    const int64_t pixels = round_up(images * height * width, Bfloat16Geometry::kDepth);
    const int64_t x_pixels = round_up(pixels + rows.reach() * width + columns.reach(), Bfloat16Geometry::kDepth);
    const int64_t x_size = round_up(conv.c_in, kTile) * x_pixels / 2;
    plane_places(images, conv.out_size(), conv.ow, conv.c_out, {first, height, 1, 0, first + count},
                 {0, width, 1, 0, conv.ow}, pixels, places);
    pack_pixel_rows(op.dy + n * conv.out_size(), places, pixels, conv.c_out, dy, bias_sum, accumulate);
    for (int64_t phase = 0; phase < g.phases(); ++phase) {
      const int64_t py = phase / columns.phases(), px = phase % columns.phases();
      plane_places(images, conv.in_size(), conv.w, conv.c_in, {first, height, rows.stride, py - rows.pad, conv.h},
                   {0, width, columns.stride, px - columns.pad, conv.w}, x_pixels + 1, places);
      for (int64_t odd = 0; odd < 2; ++odd)
        pack_pixel_pairs(op.x + n * conv.in_size(), places + odd, x_pixels, conv.c_in, x + (2 * phase + odd) * x_size);
    }
    multiply(pixels, x_pixels, width, accumulate);
  }

  void multiply(int64_t pixels, int64_t x_pixels, int64_t width, bool accumulate) const {
    alignas(64) float sums[kBlock * kBlock];
    const int64_t no_offset = 0, x_size = round_up(conv.c_in, kTile) * x_pixels / 2;
    Block block{};
    block.a_step = kTile * 4, block.a_depth = kBlock * kTile * 4;
    block.a_offsets = block.b_offsets = &no_offset;
    block.segments = 1, block.depth = pixels / Bfloat16Geometry::kDepth;
    block.b_step = x_pixels / 2 * kTile, block.c = sums;
    for (int64_t co = 0; co < conv.c_out; co += kBlock)
      for (int64_t ci = 0; ci < conv.c_in; ci += kBlock)
        for (int64_t i = 0; i < conv.kernel_h; ++i)
          for (int64_t j = 0; j < conv.kernel_w; ++j) {
            const int64_t left_in = conv.c_in - ci, left_out = conv.c_out - co;
            const int64_t phase = rows.phase(i) * columns.phases() + columns.phase(j);
            const int64_t offset = rows.offset(i) * width + columns.offset(j);
            block.a = reinterpret_cast<const char*>(dy + co * (pixels / 2));
            block.b = x + (2 * phase + offset % 2) * x_size + ci * (x_pixels / 2) + offset / 2 * kTile;
            block.row_tiles = left_out > kTile ? 2 : 1, block.column_tiles = left_in > kTile ? 2 : 1;
            run_block(block);
            add_turned(sums, accumulate, kernel_sum + ((i * conv.kernel_w + j) * conv.c_in + ci) * conv.c_out + co,
                       conv.c_out, left_in < kBlock ? left_in : kBlock, left_out < kBlock ? left_out : kBlock);
          }
  }
};

inline void conv2d_bfloat16_backward_weights(const Conv2dBfloat16BackwardWeights& op, const Run& run) {
  const Bfloat16Geometry& g = op.geometry;
  const Conv2dGeometry& conv = g.conv;
  if (run.rows == 0) return clear_gradient(conv, op.dkernel, op.dbias);
  const Bfloat16Dot dot = chosen_dot();
  constexpr int64_t kSlices = Conv2dBfloat16BackwardWeights::kSlices;
  const int64_t slices = run.rows < kSlices ? run.rows : kSlices, band = g.weights_band(), most = g.weights_images();
  parallel_for(*run.pool, slices, [&](int64_t slice, int worker) {
    const int64_t begin = slice * run.rows / slices, end = (slice + 1) * run.rows / slices;
    float* sums = op.partial + slice * (conv.kernel_size() + conv.c_out);
    float* scratch = run.pool->scratch(worker);
    float *x = scratch + g.weights_places(), *dy = x + g.weights_x_words();
    const int64_t pieces = (end - begin + most - 1) / most;  // of as many images each as can be
    with_blocks(dot, [&](RunBlock run_block) {
      const SliceOfWeights job{op,
                               g,
                               conv,
                               g.rows(),
                               g.columns(),
                               run_block,
                               sums,
                               op.dbias ? sums + conv.kernel_size() : nullptr,
                               reinterpret_cast<int64_t*>(scratch),
                               x,
                               dy};
      for (int64_t piece = 0; piece < pieces; ++piece) {
        const int64_t n = begin + piece * (end - begin) / pieces, last = begin + (piece + 1) * (end - begin) / pieces;
        for (int64_t row = 0; row < conv.oh; row += band)
          job.add(n, last - n, row, conv.oh - row < band ? conv.oh - row : band, piece > 0 || row > 0);
      }
    });
  });
  add_parts(conv, op.partial, slices, op.dkernel, op.dbias, run);
}

}  // namespace
}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
