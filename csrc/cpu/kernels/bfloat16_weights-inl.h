// The kernel's gradient by bfloat16 products: sums over pixels. A task is a slice of the batch, whose images are taken
// a few at a time: x is packed with the pixels of a channel side by side, so that a tap is an offset, and dy with zeros
// where the plane of x has no output.
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

// [16 channels of a tile][pixels], row_words words apart, for all channels.
inline void pack_pixel_rows(const float* images, const int64_t* places, int64_t pixels, int64_t channels,
                            int64_t row_words, float* to) {
  for (int64_t c = 0; c < channels; c += kTile)
    for (int64_t p = 0; p < pixels; p += Bfloat16Geometry::kDepth) {
      alignas(64) float words[kTileWords];
      for_each_pair(images, places + p, c, channels,
                    [&](int64_t i, Vec first, Vec second) { store(words + i, bfloat16_pairs(first, second)); });
      transpose_tile(words, kTile, to + c * row_words + p / 2, row_words);
    }
}

// [tile of 16 channels][32 pixels][16 words][16 channels]. Adds each channel's sum to `bias`, or sets it; may be null.
inline void pack_pixel_pairs(const float* images, const int64_t* places, int64_t pixels, int64_t channels, float* to,
                             float* bias, bool accumulate) {
  for (int64_t c = 0; c < channels; c += kTile) {
    Vec sums[kTile / Vec::kLanes];
    for (int64_t i = 0; i < kTile; i += Vec::kLanes)
      sums[i / Vec::kLanes] = bias && accumulate ? load_below(bias, c + i, channels) : zero();
    for (int64_t p = 0; p < pixels; p += Bfloat16Geometry::kDepth, to += kTileWords)
      for_each_pair(images, places + p, c, channels, [&](int64_t i, Vec first, Vec second) {
        Vec& sum = sums[i % kTile / Vec::kLanes];
        sum = sum + first + second;
        store(to + i, bfloat16_pairs(first, second));
      });
    if (!bias) continue;
    for_each_vector(c, channels - c < kTile ? channels : c + kTile,
                    [&](int64_t i, int64_t lanes) { store_lanes(bias + i, sums[(i - c) / Vec::kLanes], lanes); });
  }
}

// Adds a block of sums of one tap to the kernel's gradient, or sets it.
inline void sum_tap(RunBlock run_block, Block block, float* to, int64_t to_step, int64_t rows, int64_t columns) {
  const auto each_row = [&](const auto& fn) {
    for (int64_t i = 0; i < rows; ++i)
      for_each_vector(0, columns,
                      [&](int64_t j, int64_t lanes) { fn(block.c + i * kBlock + j, to + i * to_step + j, lanes); });
  };
  if (block.accumulate) each_row([](float* sum, float* all, int64_t lanes) { store(sum, load_lanes(all, lanes)); });
  run_block(block);
  each_row([](float* sum, float* all, int64_t lanes) { store_lanes(all, load(sum), lanes); });
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
    const int64_t reach = rows.reach() * width + columns.reach();
    plane_places(images, conv.out_size(), conv.ow, conv.c_out, {first, height, 1, 0, first + count},
                 {0, width, 1, 0, conv.ow}, pixels, places);
    pack_pixel_pairs(op.dy + n * conv.out_size(), places, pixels, conv.c_out, dy, bias_sum, accumulate);
    const int64_t seen = round_up(pixels + reach, Bfloat16Geometry::kDepth);
    for (int64_t phase = 0; phase < g.phases(); ++phase) {
      const int64_t py = phase / columns.phases(), px = phase % columns.phases();
      plane_places(images, conv.in_size(), conv.w, conv.c_in, {first, height, rows.stride, py - rows.pad, conv.h},
                   {0, width, columns.stride, px - columns.pad, conv.w}, seen, places);
      pack_pixel_rows(op.x + n * conv.in_size(), places, seen, conv.c_in, g.weights_row(),
                      x + phase * round_up(conv.c_in, kTile) * g.weights_row());
    }
    multiply(pixels, width, accumulate);
  }

  void multiply(int64_t pixels, int64_t width, bool accumulate) const {
    alignas(64) float sums[kBlock * kBlock];
    const int64_t no_offset = 0, phase_size = round_up(conv.c_in, kTile) * g.weights_row();
    Block block{};
    block.a_step = g.weights_row() * 4, block.a_offsets = block.b_offsets = &no_offset;
    block.segments = 1, block.depth = pixels / Bfloat16Geometry::kDepth;
    block.b_step = pixels / 2 * kTile, block.c = sums, block.accumulate = accumulate;
    for (int64_t co = 0; co < conv.c_out; co += kBlock)
      for (int64_t ci = 0; ci < conv.c_in; ci += kBlock)
        for (int64_t i = 0; i < conv.kernel_h; ++i)
          for (int64_t j = 0; j < conv.kernel_w; ++j) {
            const int64_t left_in = conv.c_in - ci, left_out = conv.c_out - co;
            const int64_t phase = rows.phase(i) * columns.phases() + columns.phase(j);
            const int64_t offset = rows.offset(i) * width + columns.offset(j);
            block.a = reinterpret_cast<const char*>(x + phase * phase_size + ci * g.weights_row()) + offset * 2;
            block.b = dy + co / kTile * block.b_step;
            block.row_tiles = left_in > kTile ? 2 : 1, block.column_tiles = left_out > kTile ? 2 : 1;
            sum_tap(run_block, block, kernel_sum + ((i * conv.kernel_w + j) * conv.c_in + ci) * conv.c_out + co,
                    conv.c_out, left_in < kBlock ? left_in : kBlock, left_out < kBlock ? left_out : kBlock);
          }
  }
};

inline void conv2d_bfloat16_backward_weights(const Conv2dBfloat16BackwardWeights& op, const Run& run) {
  const Bfloat16Geometry& g = op.geometry;
  const Conv2dGeometry& conv = g.conv;
  if (run.rows == 0) {
    __builtin_memset(op.dkernel, 0, static_cast<size_t>(conv.kernel_size()) * sizeof(float));
    if (op.dbias) __builtin_memset(op.dbias, 0, static_cast<size_t>(conv.c_out) * sizeof(float));
    return;
  }
  constexpr int64_t kSlices = Conv2dBfloat16BackwardWeights::kSlices;
  const int64_t slices = run.rows < kSlices ? run.rows : kSlices, band = g.weights_band(), most = g.weights_images();
  parallel_for(*run.pool, slices, [&](int64_t slice, int worker) {
    const int64_t begin = slice * run.rows / slices, end = (slice + 1) * run.rows / slices;
    float* sums = op.partial + slice * (conv.kernel_size() + conv.c_out);
    float* scratch = run.pool->scratch(worker);
    float *x = scratch + 4 * g.weights_row(), *dy = x + g.weights_x_words();
    const int64_t pieces = (end - begin + most - 1) / most;  // of as many images each as can be
    with_blocks([&](RunBlock run_block) {
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
