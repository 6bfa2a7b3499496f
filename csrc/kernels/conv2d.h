// 2-D convolution (cross-correlation, as in Keras): NHWC activations, HWIO kernels, float32.
//   y[n, oh, ow, co] = bias[co] + sum over kh, kw, ci of
//       x[n, oh*stride_h + kh*dilation_h - pad_top, ow*stride_w + kw*dilation_w - pad_left, ci] * kernel[kh, kw, ci,
//       co]
// With groups, output channel co sees the input channels of its group only.
#pragma once

#include "kernels/blocks.h"
#include "kernels/run.h"
#include "kernels/visit.h"

namespace pyconvnet {

struct Conv2dGeometry {
  int64_t h, w, c_in;     // input
  int64_t oh, ow, c_out;  // output
  int64_t kernel_h, kernel_w;
  int64_t stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
  int64_t groups;

  template <class Visitor>
  void visit(Visitor& v) {
    v.positive("h", h), v.positive("w", w), v.positive("c_in", c_in);
    v.positive("oh", oh), v.positive("ow", ow), v.positive("c_out", c_out);
    v.positive("kernel_h", kernel_h), v.positive("kernel_w", kernel_w);
    v.positive("stride_h", stride_h), v.positive("stride_w", stride_w);
    v.positive("dilation_h", dilation_h), v.positive("dilation_w", dilation_w);
    v.non_negative("pad_top", pad_top), v.non_negative("pad_left", pad_left);
    v.positive("groups", groups);
    v.rule(c_in % groups == 0 && c_out % groups == 0, "groups must divide c_in and c_out");
    v.rule(pad_top <= product(kernel_h - 1, dilation_h) && pad_left <= product(kernel_w - 1, dilation_w),
           "padding must be smaller than what the kernel spans");
  }
  int64_t in_size() const { return product(h, w, c_in); }
  int64_t out_size() const { return product(oh, ow, c_out); }
  int64_t group_in() const { return c_in / groups; }
  int64_t group_out() const { return c_out / groups; }
  bool is_depthwise() const { return groups > 1 && groups == c_in && groups == c_out; }
  // Behind a 2x2 max pooling whose windows lie side by side; an odd last row or column is in none.
  int64_t pooled_size() const { return product(oh / 2, ow / 2, c_out); }
  // How the gradient of the kernel is computed. With few input channels the taps of a row join them. Pixels of dy with
  // many channels lie so far apart that they share few cache sets: their columns are gathered first.
  bool joins_taps() const { return groups == 1 && c_in < 8; }
  bool packs_dy() const { return groups == 1 && !joins_taps() && c_out >= 128; }
  // Floats that hold the offsets of all taps, in a and in b, at the head of a worker's scratch.
  int64_t offsets_size() const { return round_up(product(4, kernel_h, kernel_w), 16); }
  int64_t kernel_size() const { return product(kernel_h, kernel_w, group_in(), c_out); }
  // Of x and dy, that stay in the first-level cache for all taps; whole rows of output pixels, two at least.
  static constexpr int64_t kChunkPixels = 128;
  int64_t chunk_size() const { return product(2 * ow > kChunkPixels ? 2 * ow : kChunkPixels, c_out); }
  // A row of the kernel sees one run of kernel_w * c_in numbers side by side; with dilation or groups, each tap its
  // own.
  bool whole_rows() const { return groups == 1 && dilation_w == 1; }
  int64_t runs() const { return whole_rows() ? kernel_h : kernel_h * kernel_w; }
  int64_t run_size() const { return whole_rows() ? kernel_w * c_in : group_in(); }
  // From the first run to run number `run`, in an image with `width` pixels a row.
  int64_t run_offset(int64_t run, int64_t width) const {
    const int64_t kh = whole_rows() ? run : run / kernel_w, kw = whole_rows() ? 0 : run % kernel_w;
    return (kh * dilation_h * width + kw * dilation_w) * c_in;
  }
  // Rows and columns that the taps of all output pixels reach, from the first tap of the first pixel on.
  int64_t reached_h() const { return product(oh - 1, stride_h) + product(kernel_h - 1, dilation_h) + 1; }
  int64_t reached_w() const { return product(ow - 1, stride_w) + product(kernel_w - 1, dilation_w) + 1; }
  int64_t reached_size() const { return product(reached_h(), reached_w(), c_in); }
  bool reads_inside() const { return pad_top == 0 && pad_left == 0 && reached_h() <= h && reached_w() <= w; }
};

// How a convolution is computed whose few filters would leave lanes of a vector empty: vectors run over pixels, and
// images and maps are planes, one for each channel. All rows of a plane are as wide as the padded image, so that an
// output pixel and what it sees through a tap are always equally far apart: a strip of rows is one long row of
// positions, of which those behind the last column belong to no pixel.
struct PlanarGeometry {
  static constexpr int64_t kMostFilters = 8;
  static constexpr int64_t kPositions = 64;  // no ISA takes more in one step
  static constexpr int64_t kLanes = 16;      // no ISA has more
  // Of a strip's image and map, so that both stay in the first-level cache.
  static constexpr int64_t kStripFloats = int64_t{7} << 10;
  static constexpr int64_t kMostSpan = 16;

  const Conv2dGeometry& conv;
  int64_t taps, width, span_h, span_w;
  int64_t strip_rows;              // output rows of a strip: an even number, as pooling joins two
  int64_t positions;               // of a strip
  int64_t image_step;              // floats from plane to plane of the image
  int64_t map_step;                // and of the map, where pooling may read two vectors behind the last row
  int64_t offsets_size, row_size;  // floats that hold where taps lie, and the winners of a pooled row

  // Many filters fill vectors themselves, and many channels, or few taps, do not pay for planes. Rows are not to be
  // padded to twice their width, nor cut again for strip after strip.
  static bool fits(const Conv2dGeometry& g) {
    const int64_t span_h = product(g.kernel_h - 1, g.dilation_h), span_w = product(g.kernel_w - 1, g.dilation_w);
    return g.groups == 1 && g.c_in <= 3 && g.c_out <= kMostFilters && g.stride_h == 1 && g.stride_w == 1 &&
           product(g.kernel_h, g.kernel_w) >= 4 && span_w <= g.ow && span_h <= kMostSpan;
  }
  explicit PlanarGeometry(const Conv2dGeometry& g)
      : conv(g),
        taps(product(g.kernel_h, g.kernel_w, g.c_in)),
        width(g.reached_w()),
        span_h(product(g.kernel_h - 1, g.dilation_h)),
        span_w(product(g.kernel_w - 1, g.dilation_w)),
        strip_rows(kStripFloats / product(width, g.c_in + g.c_out) / 2 * 2) {
    const int64_t all = round_up(g.oh, 2);
    strip_rows = strip_rows > all ? all : strip_rows < 2 ? 2 : strip_rows;
    positions = round_up(product(strip_rows, width), kPositions);
    image_step = round_up(positions + product(span_h, width) + span_w, kLanes);
    map_step = positions + 2 * kLanes;
    offsets_size = round_up(product(2, taps + 1), kLanes);
    row_size = round_up(product(g.ow / 2, g.c_out), kLanes);
  }
  // Of a worker's scratch: also the image before it is cut into planes; and for the gradient of the kernel a plane of
  // ones, which is what the bias sees, and a vector for each sum.
  int64_t scratch_size() const {
    return offsets_size + product(2, conv.c_in, image_step) + product(conv.c_out, map_step) + row_size;
  }
  int64_t weights_scratch_size() const { return scratch_size() + positions + product(taps + 1, conv.c_out, kLanes); }
};

struct Conv2dForward {
  Conv2dGeometry geometry;
  bool relu;
  const float* x;       // [rows, h, w, c_in]
  const float* kernel;  // [kernel_h, kernel_w, c_in / groups, c_out]
  const float* bias;    // [c_out] or null
  float* y;             // [rows, oh, ow, c_out]
  float* packed;        // the kernel, in blocks of columns

  template <class Visitor>
  void visit(Visitor& v) {
    visit_attributes(v);
    visit_buffers(v, geometry.out_size(), 0);
  }
  template <class Visitor>
  void visit_attributes(Visitor& v) {
    geometry.visit(v);
    v.attribute("relu", relu);
  }
  // With so many numbers in y, and floats for each worker on top of its own.
  template <class Visitor>
  void visit_buffers(Visitor& v, int64_t y_size, int64_t more) {
    const Conv2dGeometry& g = geometry;
    v.input("x", x, per_row(g.in_size()));
    v.input("kernel", kernel, fixed(g.kernel_size()));
    v.optional_input("bias", bias, fixed(g.c_out));
    v.output("y", y, per_row(y_size));
    v.scratch("packed", packed,
              fixed(product(g.kernel_h, g.kernel_w, g.c_in, round_up(g.group_out(), kMaxColumnBlock))));
    const int64_t rows = g.is_depthwise() ? 0 : g.offsets_size() + g.reached_size() + more;
    const int64_t planes = PlanarGeometry::fits(g) ? PlanarGeometry(g).scratch_size() : 0;
    v.worker_scratch(rows > planes ? rows : planes);
  }
};

struct Conv2dBackwardData {
  static constexpr int64_t kHeardPixels = 96;  // of dy that are multiplied at once, or a row
  Conv2dGeometry geometry;
  const float* dy;      // [rows, oh, ow, c_out]
  const float* kernel;  // [kernel_h, kernel_w, c_in / groups, c_out]
  float* dx;            // [rows, h, w, c_in]
  float* packed;        // the kernel, transposed, in blocks of columns

  template <class Visitor>
  void visit(Visitor& v) {
    geometry.visit(v);
    const Conv2dGeometry& g = geometry;
    v.input("dy", dy, per_row(g.out_size()));
    v.input("kernel", kernel, fixed(g.kernel_size()));
    v.output("dx", dx, per_row(g.in_size()));
    v.scratch("packed", packed,
              fixed(product(g.kernel_h, g.kernel_w, g.c_out, round_up(g.group_in(), kMaxColumnBlock))));
    v.worker_scratch(g.is_depthwise() ? 0 : offsets_size() + products_size() + g.reached_size());
  }
  // Offsets of the taps and which rows of the kernel are heard through; what some rows of dy add to dx.
  int64_t offsets_size() const { return geometry.offsets_size() + round_up(product(4, geometry.kernel_h), 16); }
  int64_t products_size() const {
    return product(geometry.ow > kHeardPixels ? geometry.ow : kHeardPixels, kMaxColumnBlock);
  }
};

struct Conv2dBackwardWeights {
  static constexpr int64_t kSlices = 8;  // partial sums over slices of the batch; fixed, so bits are too
  Conv2dGeometry geometry;
  const float* x;   // [rows, h, w, c_in]
  const float* dy;  // [rows, oh, ow, c_out]
  float* dkernel;   // [kernel_h, kernel_w, c_in / groups, c_out]
  float* dbias;     // [c_out] or null
  float* partial;   // [kSlices] times (dkernel, dbias): the sums of each slice of the batch

  template <class Visitor>
  void visit(Visitor& v) {
    geometry.visit(v);
    visit_buffers(v, geometry.out_size(), 0);
  }
  // With so many numbers in dy, and floats for each worker on top of its own.
  template <class Visitor>
  void visit_buffers(Visitor& v, int64_t dy_size, int64_t more) {
    const Conv2dGeometry& g = geometry;
    v.input("x", x, per_row(g.in_size()));
    v.input("dy", dy, per_row(dy_size));
    v.output("dkernel", dkernel, fixed(g.kernel_size()));
    v.optional_output("dbias", dbias, fixed(g.c_out));
    v.scratch("partial", partial, fixed(product(kSlices, g.kernel_size() + g.c_out)));
    // Sums of what two pixels side by side see, and a padded image; or packed dy.
    const int64_t windows = product(2, g.kernel_h, g.kernel_w + g.stride_w, g.c_in, g.c_out) + g.reached_size();
    const int64_t pixels = g.ow > g.kChunkPixels ? g.ow : g.kChunkPixels;
    const int64_t packed = g.packs_dy() ? product(pixels, round_up(g.c_out, kMaxColumnBlock)) : 0;
    const int64_t rows = (g.joins_taps() ? windows : packed) + more;
    const int64_t planes = PlanarGeometry::fits(g) ? PlanarGeometry(g).weights_scratch_size() : 0;
    v.worker_scratch(rows > planes ? rows : planes);
  }
};

}  // namespace pyconvnet
