// A convolution and the 2x2 max pooling behind it in one: the map between them is never stored whole, and neither is
// its gradient, three quarters of which are zeros. Windows lie side by side without padding; an odd last row or column
// is in none. argmax says which cell of a window won, row * 2 + column, as in kernels/pool2d.h. The same bits as one by
// one.
#pragma once

#include "kernels/conv2d.h"
#include "kernels/conv2d_winograd.h"

namespace pyconvnet {

template <class Visitor>
void visit_pooling(Visitor& v, const Conv2dGeometry& g) {
  v.rule(g.oh >= 2 && g.ow >= 2, "a map that is pooled must have two rows and two columns");
}
template <class Visitor>
void visit_pooling(Visitor& v, const WinogradGeometry& g) {
  visit_pooling(v, g.conv);
  v.rule(g.tile % 2 == 0, "a tile that is pooled must have whole windows");
}

struct Conv2dPoolForward {
  Conv2dForward conv;  // y: [rows, oh / 2, ow / 2, c_out]
  uint16_t* argmax;    // [rows, oh / 2, ow / 2, c_out] or null

  template <class Visitor>
  void visit(Visitor& v) {
    conv.visit_attributes(v);
    const Conv2dGeometry& g = conv.geometry;
    visit_pooling(v, g);
    v.rule(!g.is_depthwise(), "a depthwise convolution is not pooled on the way");
    conv.visit_buffers(v, g.pooled_size(), product(strip_rows(), g.ow, g.c_out));
    v.optional_output("argmax", argmax, per_row(g.pooled_size()));
  }
  // Rows of the map that are computed before they are pooled: so few that they stay in the first-level cache where the
  // kernel does too; else a megabyte of them, so that the kernel is not read often. Inlined always, see
  // WinogradGeometry::weights_tiles.
  [[gnu::always_inline]] int64_t strip_rows() const {
    const Conv2dGeometry& g = conv.geometry;
    const int64_t floats = g.kernel_size() > int64_t{1} << 12 ? int64_t{1} << 18 : int64_t{1} << 12;
    const int64_t rows = floats / product(g.ow, g.c_out) / 2 * 2, all = g.oh / 2 * 2;
    return rows > all ? all : rows < 2 ? 2 : rows;
  }
};

// Of few input channels only, whose taps are joined.
struct Conv2dPoolBackwardWeights {
  Conv2dBackwardWeights conv;  // dy: [rows, oh / 2, ow / 2, c_out]
  const uint16_t* argmax;      // [rows, oh / 2, ow / 2, c_out], of the forward pass

  template <class Visitor>
  void visit(Visitor& v) {
    conv.geometry.visit(v);
    const Conv2dGeometry& g = conv.geometry;
    visit_pooling(v, g);
    v.rule(g.joins_taps(), "needs groups = 1 and fewer than 8 input channels");
    conv.visit_buffers(v, g.pooled_size(), g.chunk_size());
    v.input("argmax", argmax, per_row(g.pooled_size()));
  }
};

struct Conv2dWinogradPoolForward {
  Conv2dWinogradForward conv;  // y: [rows, oh / 2, ow / 2, c_out]
  uint16_t* argmax;            // [rows, oh / 2, ow / 2, c_out] or null

  template <class Visitor>
  void visit(Visitor& v) {
    conv.visit_attributes(v);
    const Conv2dGeometry& g = conv.geometry.conv;
    visit_pooling(v, conv.geometry);
    conv.visit_buffers(v, g.pooled_size());
    v.optional_output("argmax", argmax, per_row(g.pooled_size()));
  }
};

// Both gradients by Winograd.
template <class Gradient>
struct Conv2dWinogradPoolGradient {
  Gradient conv;           // dy: [rows, oh / 2, ow / 2, c_out]
  const uint16_t* argmax;  // [rows, oh / 2, ow / 2, c_out], of the forward pass

  template <class Visitor>
  void visit(Visitor& v) {
    conv.geometry.visit(v);
    const Conv2dGeometry& g = conv.geometry.conv;
    visit_pooling(v, conv.geometry);
    conv.visit_buffers(v, g.pooled_size());
    v.input("argmax", argmax, per_row(g.pooled_size()));
  }
};
using Conv2dWinogradPoolBackwardData = Conv2dWinogradPoolGradient<Conv2dWinogradBackwardData>;
using Conv2dWinogradPoolBackwardWeights = Conv2dWinogradPoolGradient<Conv2dWinogradBackwardWeights>;

}  // namespace pyconvnet
