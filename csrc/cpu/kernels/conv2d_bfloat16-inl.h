// Convolutions of bfloat16 products, see kernels/conv2d_bfloat16.h. Who works on which block changes no bit: a sum's
// terms, and their order, are fixed by the problem.
#pragma once

#include "cpu/kernels/bfloat16_weights-inl.h"
#include "kernels/kernel_list.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

// Blocks of a plane's places, walked as one row, by blocks of columns of a packed kernel.
struct PlaneSweep {
  const float* plane;
  int64_t pixel_words, width;  // of the plane
  const float* packed;
  int64_t tile_size;  // floats of the packed kernel for a tile of columns
  int64_t depth;      // tiles of words of a pixel
  const int64_t *a_offsets, *b_offsets;
  int64_t segments;
  int64_t places, columns;
};

// Calls store(place's row, place's column, first column of the block, columns, sums) for each place.
template <class Store>
inline void sweep_plane(const PlaneSweep& s, RunBlock run_block, const Store& store_sums) {
  alignas(64) float sums[kBlock * kBlock];
  Block block{};
  block.a_step = s.pixel_words * 4, block.a_depth = kTile * 4, block.a_offsets = s.a_offsets,
  block.b_offsets = s.b_offsets;
  block.segments = s.segments, block.depth = s.depth, block.b_step = s.tile_size, block.c = sums;
  for (int64_t column = 0; column < s.columns; column += kBlock) {
    const int64_t columns = s.columns - column < kBlock ? s.columns - column : kBlock;
    block.b = s.packed + column / kTile * s.tile_size;
    block.column_tiles = columns > kTile ? 2 : 1;
    int64_t row = 0, at = 0;
    for (int64_t place = 0; place < s.places; place += kBlock) {
      const int64_t left = s.places - place < kBlock ? s.places - place : kBlock;
      block.a = reinterpret_cast<const char*>(s.plane + place * s.pixel_words);
      block.row_tiles = left > kTile ? 2 : 1;
      run_block(block);
      for (int64_t i = 0; i < left; ++i) {
        store_sums(row, at, column, columns, sums + i * kBlock);
        if (++at == s.width) at = 0, ++row;
      }
    }
  }
}

// Bands of rows: as high as the scratch allows, and lower where there are few images.
struct RowBands {
  int64_t count, rows;
};
inline RowBands row_bands(int64_t images, int64_t rows, int64_t most) {
  const int64_t least = images >= 16 ? 1 : 16 / (images > 0 ? images : 1);
  int64_t count = (rows + most - 1) / most;
  if (count < least) count = least < rows ? least : rows;
  const int64_t height = (rows + count - 1) / count;
  return {(rows + height - 1) / height, height};
}

// ---- forward ----

inline void forward_band(const Conv2dBfloat16Forward& op, int64_t n, int64_t first, int64_t count, float* scratch,
                         RunBlock run_block) {
  const Bfloat16Geometry& g = op.geometry;
  const Conv2dGeometry& conv = g.conv;
  const PlaneAxis rows = g.rows(), columns = g.columns();
  const int64_t words = Bfloat16Geometry::pixel_words(conv.c_in), width = g.forward_width();
  const int64_t plane_size = (count + rows.reach()) * width * words, phases_w = columns.phases();
  float* planes = scratch + conv.offsets_size();
  for (int64_t py = 0; py < rows.phases(); ++py)
    for (int64_t px = 0; px < phases_w; ++px)
      pack_plane(op.x + n * conv.in_size(), conv.w, conv.c_in,
                 {first, count + rows.reach(), rows.stride, py - rows.pad, conv.h},
                 {0, width, columns.stride, px - columns.pad, conv.w}, planes + (py * phases_w + px) * plane_size);

  auto* a_offsets = reinterpret_cast<int64_t*>(scratch);
  int64_t* b_offsets = a_offsets + g.taps();
  const int64_t depth = Bfloat16Geometry::depths(conv.c_in);
  for (int64_t i = 0; i < conv.kernel_h; ++i)
    for (int64_t j = 0; j < conv.kernel_w; ++j) {
      const int64_t tap = i * conv.kernel_w + j, phase = rows.phase(i) * phases_w + columns.phase(j);
      a_offsets[tap] = (phase * plane_size + (rows.offset(i) * width + columns.offset(j)) * words) * 4;
      b_offsets[tap] = tap * depth * kTileWords;
    }
  PlaneSweep s{};
  s.plane = planes, s.pixel_words = words, s.width = width;
  s.packed = op.packed, s.tile_size = g.taps() * depth * kTileWords, s.depth = depth;
  s.a_offsets = a_offsets, s.b_offsets = b_offsets, s.segments = g.taps();
  s.places = (count - 1) * width + conv.ow, s.columns = conv.c_out;
  float* y = op.y + n * conv.out_size() + first * conv.ow * conv.c_out;
  sweep_plane(s, run_block, [&](int64_t row, int64_t at, int64_t column, int64_t size, const float* sums) {
    if (at >= conv.ow) return;
    float* to = y + (row * conv.ow + at) * conv.c_out + column;
    for_each_vector(0, size, [&](int64_t c, int64_t lanes) {
      const Vec sum = op.bias ? load(sums + c) + load_lanes(op.bias + column + c, lanes) : load(sums + c);
      store_lanes(to + c, op.relu ? max(zero(), sum) : sum, lanes);
    });
  });
}

inline void conv2d_bfloat16_forward(const Conv2dBfloat16Forward& op, const Run& run) {
  const Bfloat16Geometry& g = op.geometry;
  const Conv2dGeometry& conv = g.conv;
  for_each_kernel_tap(g, conv.c_in, conv.c_out, op.packed, run, [&](int64_t tap, int64_t tile, float* to) {
    pack_kernel_tap(op.kernel + tap * conv.c_in * conv.c_out, conv.c_in, conv.c_out, tile, to);
  });
  const Bfloat16Dot dot = chosen_dot();
  const RowBands bands = row_bands(run.rows, conv.oh, g.forward_band());
  parallel_for(*run.pool, run.rows * bands.count, [&](int64_t task, int worker) {
    const int64_t first = task % bands.count * bands.rows, left = conv.oh - first;
    with_blocks(dot, [&](RunBlock run_block) {
      forward_band(op, task / bands.count, first, left < bands.rows ? left : bands.rows, run.pool->scratch(worker),
                   run_block);
    });
  });
}

// ---- backward_data ----

// The places of dx of one remainder of rows and columns: its taps are those that read them.
inline void backward_data_phase(const Conv2dBfloat16BackwardData& op, PlaneSweep s, int64_t py, int64_t px,
                                int64_t first_row, float* dx, RunBlock run_block, int64_t* a_offsets,
                                int64_t* b_offsets) {
  const Bfloat16Geometry& g = op.geometry;
  const Conv2dGeometry& conv = g.conv;
  const PlaneAxis rows = g.rows(), columns = g.columns();
  s.segments = 0;
  for (int64_t i = 0; i < conv.kernel_h; ++i)
    for (int64_t j = 0; j < conv.kernel_w; ++j) {
      if (rows.phase(i) != py || columns.phase(j) != px) continue;
      const int64_t back_h = rows.reach() - rows.offset(i), back_w = columns.reach() - columns.offset(j);
      a_offsets[s.segments] = (back_h * s.width + back_w) * s.pixel_words * 4;
      b_offsets[s.segments++] = (i * conv.kernel_w + j) * s.depth * kTileWords;
    }
  const int64_t top = first_row * rows.stride + py - rows.pad;
  const int64_t left = Bfloat16Geometry::data_first(columns) * columns.stride + px - columns.pad;
  sweep_plane(s, run_block, [&](int64_t row, int64_t at, int64_t column, int64_t size, const float* sums) {
    const int64_t h = top + row * rows.stride, w = left + at * columns.stride;
    if (h < 0 || h >= conv.h || w < 0 || w >= conv.w || at + columns.reach() >= s.width) return;
    float* to = dx + (h * conv.w + w) * conv.c_in + column;
    for_each_vector(0, size, [&](int64_t c, int64_t lanes) { store_lanes(to + c, load(sums + c), lanes); });
  });
}

inline void backward_data_band(const Conv2dBfloat16BackwardData& op, int64_t n, int64_t first, int64_t count,
                               float* scratch, RunBlock run_block) {
  const Bfloat16Geometry& g = op.geometry;
  const Conv2dGeometry& conv = g.conv;
  const PlaneAxis rows = g.rows(), columns = g.columns();
  float* plane = scratch + conv.offsets_size();
  const int64_t first_column = Bfloat16Geometry::data_first(columns);
  pack_plane(op.dy + n * conv.out_size(), conv.ow, conv.c_out,
             {first - rows.reach(), count + rows.reach(), 1, 0, conv.oh},
             {first_column - columns.reach(), g.data_width(), 1, 0, conv.ow}, plane);
  PlaneSweep s{};
  s.plane = plane, s.pixel_words = Bfloat16Geometry::pixel_words(conv.c_out), s.width = g.data_width();
  s.depth = Bfloat16Geometry::depths(conv.c_out);
  s.packed = op.packed, s.tile_size = g.taps() * s.depth * kTileWords;
  auto* a_offsets = reinterpret_cast<int64_t*>(scratch);
  int64_t* b_offsets = a_offsets + g.taps();
  s.a_offsets = a_offsets, s.b_offsets = b_offsets;
  s.places = count * s.width - columns.reach(), s.columns = conv.c_in;
  for (int64_t py = 0; py < rows.stride; ++py)
    for (int64_t px = 0; px < columns.stride; ++px)
      backward_data_phase(op, s, py, px, first, op.dx + n * conv.in_size(), run_block, a_offsets, b_offsets);
}

inline void conv2d_bfloat16_backward_data(const Conv2dBfloat16BackwardData& op, const Run& run) {
  const Bfloat16Geometry& g = op.geometry;
  const Conv2dGeometry& conv = g.conv;
  for_each_kernel_tap(g, conv.c_out, conv.c_in, op.packed, run, [&](int64_t tap, int64_t tile, float* to) {
    pack_kernel_tap_transposed(op.kernel + tap * conv.c_in * conv.c_out, conv.c_out, conv.c_in, tile, to);
  });
  const int64_t begin = Bfloat16Geometry::data_first(g.rows()), end = Bfloat16Geometry::data_last(g.rows());
  const Bfloat16Dot dot = chosen_dot();
  const RowBands bands = row_bands(run.rows, end - begin, g.data_band());
  parallel_for(*run.pool, run.rows * bands.count, [&](int64_t task, int worker) {
    const int64_t first = begin + task % bands.count * bands.rows, left = end - first;
    with_blocks(dot, [&](RunBlock run_block) {
      backward_data_band(op, task / bands.count, first, left < bands.rows ? left : bands.rows,
                         run.pool->scratch(worker), run_block);
    });
  });
}

}  // namespace

void add_conv2d_bfloat16(KernelTable& table) {
  table.conv2d_bfloat16_forward = conv2d_bfloat16_forward;
  table.conv2d_bfloat16_backward_data = conv2d_bfloat16_backward_data;
  table.conv2d_bfloat16_backward_weights = conv2d_bfloat16_backward_weights;
}

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
