// Random transformations of a batch of images: affine resampling by linear interpolation, as in
// scipy.ndimage.affine_transform with order=1 (the same arithmetic in the same order, so the same
// bits), and mirroring. One translation unit for every ISA.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/thread_pool.h"

namespace pyconvnet {

// What lies outside an image.
enum class FillMode {
  kNearest,   // a a a | a b c d | d d d
  kConstant,  // k k k | a b c d | k k k
  kReflect,   // c b a | a b c d | d c b
  kWrap,      // b c d | a b c d | b c d: the period is length - 1, as in scipy's mode "wrap"
};

// "nearest", "constant", "reflect" or "wrap"; throws std::invalid_argument for any other name.
FillMode fill_mode_from_name(const std::string& name);

// What happens to an image: it is resampled or keeps its pixels, and is mirrored afterwards.
struct Changes {
  uint8_t resampled, upside_down, left_right;  // 0 or 1
};

struct AffineWarp {
  const float* floats;     // [available, h, w, c] or null
  const uint8_t* bytes;    // the same where floats is null
  const int64_t* rows;     // [n]: which images are taken
  const double* matrices;  // [n, 2, 3]: (row, column, 1) of an output pixel to (row, column) in the image
  const Changes* changes;  // [n]
  float* output;           // [n, h, w, c], must not overlap images
  int64_t available, n, h, w, c;
  FillMode fill_mode;
  double cval;  // the constant of kConstant
};

// Scratch of each worker of the pool.
size_t affine_warp_scratch_bytes(const AffineWarp& warp);

// Runs on the pool, whose lease the caller holds and whose scratch is reserved. Throws std::invalid_argument before
// anything is written if a row is not there, or a matrix is not finite or leads further than 2^31 pixels away.
void affine_warp(ThreadPool& pool, const AffineWarp& warp);

}  // namespace pyconvnet
