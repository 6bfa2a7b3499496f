// Sliding a packed kernel over one image.
#pragma once

#include "cpu/kernels/pack-inl.h"
#include "cpu/kernels/tile.h"
#include "kernels/kernel_list.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

// Positions of the taps: where each segment starts, relative to the first pixel of a tile (a) and in the
// packed kernel (b). A segment is a run of channels that lie side by side.
struct Taps {
  int64_t* a_offsets;
  int64_t* b_offsets;
  int64_t segments;
  int64_t depth;
};

// A worker's scratch begins with room for the offsets of all taps.
inline Taps taps_in_scratch(const Conv2dGeometry& g, float* scratch) {
  auto* offsets = reinterpret_cast<int64_t*>(scratch);
  return {offsets, offsets + g.kernel_h * g.kernel_w, 0, 0};
}

struct Sweep {
  const float* image;  // first tap of output pixel (0, 0); no tap leaves the memory behind it
  int64_t image_row_step, image_pixel_step;
  Taps taps;
  const float* packed;  // for each group and each block of columns: [segments * depth][block]
  int64_t groups;
  int64_t group_channels;  // of the image
  int64_t columns;         // output channels of a group
  float* out;
  int64_t out_row_step, out_pixel_step;
  int64_t first_row, last_row, width;  // which output pixels
  const float* bias;
  bool relu;
};

// All pixels of a block of columns, for one run of taps and channels.
inline void sweep_pixels(const Sweep& s, const TileShape& shape, Tile tile, const float* image, float* out) {
  for (int64_t row = s.first_row; row < s.last_row; ++row) {
    tile.a = image + row * s.image_row_step;
    tile.c = out + row * s.out_row_step;
    run_tiles(tile, shape, s.width);
  }
}

// A deep kernel goes over the image piece by piece: the piece stays in the first-level cache for all pixels, whose sums
// wait in `out` meanwhile. The order of the sums, and so every bit, is that of one sweep.
inline void sweep_in_pieces(const Sweep& s, const TileShape& shape, Tile tile, const float* image, float* out) {
  const int64_t zero_offset = 0;
  const float *packed = tile.b, *bias = tile.bias;
  const int64_t piece = kPanelFloats / shape.width;
  tile.a_offsets = tile.b_offsets = &zero_offset, tile.segments = 1;
  for (int64_t segment = 0; segment < s.taps.segments; ++segment)
    for (int64_t d = 0; d < s.taps.depth; d += piece) {
      const bool first = segment == 0 && d == 0, last_piece = d + piece >= s.taps.depth;
      tile.depth = last_piece ? s.taps.depth - d : piece;
      tile.b = packed + s.taps.b_offsets[segment] + d * shape.width;
      tile.accumulate = !first, tile.bias = first ? bias : nullptr;
      tile.relu = s.relu && last_piece && segment + 1 == s.taps.segments;
      sweep_pixels(s, shape, tile, image + s.taps.a_offsets[segment] + d, out);
    }
}

inline void sweep(const Sweep& s, const TileShape& shape) {
  const int64_t taps_depth = s.taps.segments * s.taps.depth;
  Tile tile{};
  tile.a_offsets = s.taps.a_offsets, tile.b_offsets = s.taps.b_offsets;
  tile.segments = s.taps.segments, tile.depth = s.taps.depth;
  tile.row_step = s.image_pixel_step, tile.depth_step = 1;
  tile.b_step = shape.width, tile.c_step = s.out_pixel_step;
  tile.relu = s.relu;
  const float* packed = s.packed;
  for (int64_t group = 0; group < s.groups; ++group) {
    for (int64_t column = 0; column < s.columns; column += shape.width, packed += taps_depth * shape.width) {
      const int64_t channel = group * s.columns + column;
      const float* image = s.image + group * s.group_channels;
      tile.b = packed;
      tile.columns = s.columns - column < shape.width ? s.columns - column : shape.width;
      tile.bias = s.bias ? s.bias + channel : nullptr;
      if (taps_depth * shape.width > 2 * kPanelFloats && s.taps.depth * shape.width > kPanelFloats / 4)
        sweep_in_pieces(s, shape, tile, image, s.out + channel);
      else
        sweep_pixels(s, shape, tile, image, s.out + channel);
    }
  }
}

// Images and bands of rows: enough tasks for any pool even where the batch is small.
struct Bands {
  int64_t count;
  int64_t rows;
};
inline Bands bands(int64_t images, int64_t rows) {
  int64_t count = images >= 16 ? 1 : 16 / (images > 0 ? images : 1);
  if (count > rows) count = rows > 0 ? rows : 1;
  const int64_t height = (rows + count - 1) / count;
  return {height > 0 ? (rows + height - 1) / height : 1, height};
}

}  // namespace
}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
