// Convolutions whose products are of bfloat16 numbers (the upper half of a float32, rounded to the nearest, ties to
// even) and whose sums are float32. All arrays are float32: images, kernels and gradients are rounded while they are
// packed, into 32-bit words that hold two numbers of one sum, as the processors' dot products want them.
//
// An image is packed as a plane of pixels with its padding. Where a stride skips pixels, those of each remainder are a
// plane of their own, so that a tap is an offset in a plane, and neighbouring outputs read neighbouring pixels. The
// planes are walked as one row of pixels: what comes out beyond an image's right edge is left out.
#pragma once

#include "kernels/conv2d.h"

namespace pyconvnet {

// One axis of a convolution in planes.
struct PlaneAxis {
  int64_t size, out, kernel, stride, dilation, pad;

  int64_t phase(int64_t tap) const { return tap * dilation % stride; }   // the plane that a tap reads
  int64_t offset(int64_t tap) const { return tap * dilation / stride; }  // and how far from the output's place
  int64_t span() const { return product(kernel - 1, dilation); }
  int64_t reach() const { return span() / stride; }
  int64_t phases() const { return stride <= span() ? stride : span() + 1; }
};

struct Bfloat16Geometry {
  static constexpr int64_t kTile = 16;          // rows, words of a row, and columns of a tile
  static constexpr int64_t kDepth = 2 * kTile;  // numbers of one sum in a row of a tile
  static constexpr int64_t kBlock = 2 * kTile;  // rows and columns of a block: two tiles by two
  // Words of packed pixels that a worker has at a time: what is read again and again stays in the second-level cache.
  static constexpr int64_t kPlaneWords = int64_t{1} << 18;
  Conv2dGeometry conv;

  // The larger functions are inlined always: by themselves they would come in one copy for each instruction set, under
  // one name.
  template <class Visitor>
  void visit(Visitor& v) {
    conv.visit(v);
    v.rule(conv.groups == 1, "bfloat16 needs groups = 1");
  }
  PlaneAxis rows() const { return {conv.h, conv.oh, conv.kernel_h, conv.stride_h, conv.dilation_h, conv.pad_top}; }
  PlaneAxis columns() const { return {conv.w, conv.ow, conv.kernel_w, conv.stride_w, conv.dilation_w, conv.pad_left}; }
  int64_t taps() const { return product(conv.kernel_h, conv.kernel_w); }
  int64_t phases() const { return product(rows().phases(), columns().phases()); }

  // Words of a pixel whose channels are packed in pairs: whole tiles, an odd number of them, as powers of two would
  // share few cache sets.
  static int64_t depths(int64_t channels) { return (channels + kDepth - 1) / kDepth; }
  static int64_t pixel_words(int64_t channels) { return kTile * (depths(channels) | 1); }
  // The kernel: for each tile of columns, tap and kDepth of the other channels [kTile words][kTile columns].
  int64_t kernel_words(int64_t depth_channels, int64_t columns) const {
    return product(round_up(columns, kTile) / kTile, taps(), depths(depth_channels), kTile * kTile);
  }

  // How many rows of outputs of an image are worked on at a time, `plane_row` words each and as much for each row that
  // they reach beyond: as many as fit.
  [[gnu::always_inline]] static int64_t band(int64_t rows, int64_t reach, int64_t plane_row) {
    const int64_t most = kPlaneWords / plane_row - reach;
    return most < 1 ? 1 : most < rows ? most : rows;
  }
  // Forward: planes of x, with room for the last block.
  [[gnu::always_inline]] int64_t forward_width() const { return conv.ow + columns().reach(); }
  [[gnu::always_inline]] int64_t forward_band() const {
    return band(conv.oh, rows().reach(), product(phases(), forward_width(), pixel_words(conv.c_in)));
  }
  [[gnu::always_inline]] int64_t forward_words() const {
    const int64_t pixels = product(phases(), forward_band() + rows().reach(), forward_width());
    return product(pixels + kBlock, pixel_words(conv.c_in));
  }
  // backward_data: the planes of dx, at the places [first, last) of an axis, from one plane of dy.
  [[gnu::always_inline]] static int64_t data_first(const PlaneAxis& axis) { return axis.pad / axis.stride; }
  [[gnu::always_inline]] static int64_t data_last(const PlaneAxis& axis) {
    return (axis.pad + axis.size - 1) / axis.stride + 1;
  }
  [[gnu::always_inline]] int64_t data_width() const {
    return data_last(columns()) - data_first(columns()) + columns().reach();
  }
  [[gnu::always_inline]] int64_t data_band() const {
    const int64_t places = data_last(rows()) - data_first(rows());
    return band(places, rows().reach(), product(data_width(), pixel_words(conv.c_out)));
  }
  [[gnu::always_inline]] int64_t data_words() const {
    return product(product(data_band() + rows().reach(), data_width()) + kBlock, pixel_words(conv.c_out));
  }

  // backward_weights sums over pixels, two neighbours of one channel in a word. Several images, or a band of the rows
  // of one: `pixels` of dy and of x, which is packed twice, with pairs from even and from odd pixels on, so that
  // whatever a tap's offset, its words lie in whole cache lines.
  [[gnu::always_inline]] int64_t weights_width() const { return conv.ow + columns().reach(); }
  [[gnu::always_inline]] int64_t pair_words() const {  // of a pixel of x and of dy
    return product(phases(), round_up(conv.c_in, kTile)) + round_up(conv.c_out, kBlock) / 2;
  }
  [[gnu::always_inline]] int64_t weights_band() const {
    return band(conv.oh, rows().reach(), product(weights_width(), pair_words()));
  }
  [[gnu::always_inline]] int64_t weights_plane() const {
    return product(weights_band() + rows().reach(), weights_width());
  }
  [[gnu::always_inline]] int64_t weights_images() const {
    const int64_t most = kPlaneWords / product(weights_plane(), pair_words());
    return weights_band() < conv.oh || most < 1 ? 1 : most;
  }
  [[gnu::always_inline]] int64_t weights_pixels() const {
    return round_up(product(weights_images(), weights_plane()), kDepth);
  }
  // With what taps reach beyond.
  [[gnu::always_inline]] int64_t weights_x_pixels() const {
    const int64_t reach = product(rows().reach(), weights_width()) + columns().reach();
    return round_up(weights_pixels() + reach, kDepth);
  }
  // Floats that hold where each pixel lies, and what follows the last.
  [[gnu::always_inline]] int64_t weights_places() const { return round_up(product(2, weights_x_pixels() + 1), kTile); }
  [[gnu::always_inline]] int64_t weights_x_words() const {
    return product(phases(), round_up(conv.c_in, kTile), weights_x_pixels());
  }
  [[gnu::always_inline]] int64_t weights_dy_words() const {
    return product(weights_pixels() / 2, round_up(conv.c_out, kBlock));
  }
};

struct Conv2dBfloat16Forward {
  Bfloat16Geometry geometry;
  bool relu;
  const float* x;       // [rows, h, w, c_in]
  const float* kernel;  // [kernel_h, kernel_w, c_in, c_out]
  const float* bias;    // [c_out] or null
  float* y;             // [rows, oh, ow, c_out]
  float* packed;        // words of the kernel

  template <class Visitor>
  void visit(Visitor& v) {
    geometry.visit(v);
    v.attribute("relu", relu);
    const Conv2dGeometry& g = geometry.conv;
    v.input("x", x, per_row(g.in_size()));
    v.input("kernel", kernel, fixed(g.kernel_size()));
    v.optional_input("bias", bias, fixed(g.c_out));
    v.output("y", y, per_row(g.out_size()));
    v.scratch("packed", packed, fixed(geometry.kernel_words(g.c_in, g.c_out)));
    v.worker_scratch(g.offsets_size() + geometry.forward_words());
  }
};

struct Conv2dBfloat16BackwardData {
  Bfloat16Geometry geometry;
  const float* dy;      // [rows, oh, ow, c_out]
  const float* kernel;  // [kernel_h, kernel_w, c_in, c_out]
  float* dx;            // [rows, h, w, c_in]
  float* packed;        // words of the kernel, transposed

  template <class Visitor>
  void visit(Visitor& v) {
    geometry.visit(v);
    const Conv2dGeometry& g = geometry.conv;
    v.input("dy", dy, per_row(g.out_size()));
    v.input("kernel", kernel, fixed(g.kernel_size()));
    v.output("dx", dx, per_row(g.in_size()));
    v.scratch("packed", packed, fixed(geometry.kernel_words(g.c_out, g.c_in)));
    v.worker_scratch(g.offsets_size() + geometry.data_words());
  }
};

struct Conv2dBfloat16BackwardWeights {
  static constexpr int64_t kSlices = 8;  // partial sums over slices of the batch; fixed, so bits are too
  Bfloat16Geometry geometry;
  const float* x;   // [rows, h, w, c_in]
  const float* dy;  // [rows, oh, ow, c_out]
  float* dkernel;   // [kernel_h, kernel_w, c_in, c_out]
  float* dbias;     // [c_out] or null
  float* partial;   // [kSlices] times (dkernel, dbias): the sums of each slice of the batch

  template <class Visitor>
  void visit(Visitor& v) {
    geometry.visit(v);
    const Conv2dGeometry& g = geometry.conv;
    v.input("x", x, per_row(g.in_size()));
    v.input("dy", dy, per_row(g.out_size()));
    v.output("dkernel", dkernel, fixed(g.kernel_size()));
    v.optional_output("dbias", dbias, fixed(g.c_out));
    v.scratch("partial", partial, fixed(product(kSlices, g.kernel_size() + g.c_out)));
    v.worker_scratch(geometry.weights_places() + geometry.weights_x_words() + geometry.weights_dy_words());
  }
};

}  // namespace pyconvnet
