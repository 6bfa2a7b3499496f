// Random transformations of a batch of images: affine resampling by linear interpolation, as in
// scipy.ndimage.affine_transform with order=1 (the same arithmetic in the same order, so the same bits), and
// mirroring. Images are rows of a feed, so those of a batch are taken and converted on the way.
#pragma once

#include "kernels/run.h"
#include "kernels/visit.h"

namespace pyconvnet {

// What lies outside an image.
enum class FillMode : int64_t {
  nearest,   // a a a | a b c d | d d d
  constant,  // k k k | a b c d | k k k
  reflect,   // c b a | a b c d | d c b
  wrap,      // b c d | a b c d | b c d: the period is length - 1, as in scipy's mode "wrap"
};

struct AffineWarp {
  int64_t feed;  // images [available, h, w, c]
  int64_t h, w, c;
  int64_t fill_mode;       // a FillMode
  double cval;             // the constant of FillMode::constant
  const double* matrices;  // [rows, 2, 3]: (row, column, 1) of an output pixel to (row, column) in the image
  const int32_t* changes;  // [rows, 3], 0 or 1: resampled (or pixels kept), then upside down, left and right
  float* y;                // [rows, h, w, c]

  int64_t size() const { return product(h, w, c); }
  int64_t padded_size() const { return product(h + 2, w + 2, c); }  // with an edge all around

  template <class Visitor>
  void visit(Visitor& v) {
    v.non_negative("feed", feed);
    v.positive("h", h), v.positive("w", w), v.positive("c", c);
    v.non_negative("fill_mode", fill_mode), v.attribute("cval", cval);
    v.rule(fill_mode <= static_cast<int64_t>(FillMode::wrap), "fill_mode must be from 0 to 3");
    v.rule(padded_size() <= INT32_MAX, "an image must have fewer than 2^31 values");
    v.feed(feed, size());
    v.input("matrices", matrices, per_row(6)), v.input("changes", changes, per_row(3));
    v.output("y", y, per_row(size()));
    v.worker_scratch(size() + padded_size());  // the image as floats, without and with its edge
  }
};

}  // namespace pyconvnet
