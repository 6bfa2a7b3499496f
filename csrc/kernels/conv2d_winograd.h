// 3x3 convolutions of stride 1 by Winograd's minimal filtering F(m x m, 3 x 3), m = 2 or 4: an output tile of m x m
// comes from an input tile d of t x t, t = m + 2, with t^2 multiplications a channel in place of 9 m^2:
//   y = A^T [ (G g G^T) . (B^T d B) ] A         (Lavin and Gray 2015, arXiv:1509.09308)
// The gradients are the adjoints of the same bilinear form, over the same tiles:
//   dd = B [ (G g G^T) . (A dy A^T) ] B^T       dg = G^T [ (B^T d B) . (A dy A^T) ] G
// In between, each of the t^2 positions is a matrix product over tiles and channels.
#pragma once

#include "kernels/conv2d.h"

namespace pyconvnet {

struct WinogradGeometry {
  static constexpr int64_t kWeightsTiles = 64;  // tiles of backward_weights that share scratch: its products' depth
  Conv2dGeometry conv;
  int64_t tile;  // m: outputs of a tile in each direction

  template <class Visitor>
  void visit(Visitor& v) {
    conv.visit(v);
    v.positive("tile", tile);
    v.rule(tile == 2 || tile == 4, "tile must be 2 or 4");
    v.rule(conv.kernel_h == 3 && conv.kernel_w == 3, "Winograd needs a 3x3 kernel");
    v.rule(conv.stride_h == 1 && conv.stride_w == 1 && conv.dilation_h == 1 && conv.dilation_w == 1,
           "Winograd needs stride and dilation 1");
    v.rule(conv.groups == 1, "Winograd needs groups = 1");
  }
  int64_t side() const { return tile + 2; }
  int64_t positions() const { return side() * side(); }
  int64_t tiles_h() const { return (conv.oh + tile - 1) / tile; }
  int64_t tiles_w() const { return (conv.ow + tile - 1) / tile; }
  int64_t tiles() const { return tiles_h() * tiles_w(); }  // of an image
  int64_t kernel_size(int64_t depth, int64_t columns) const {
    return product(positions(), depth, round_up(columns, kMaxColumnBlock));
  }
  // A column block of output channels is one task's part of the weight gradient.
  static constexpr int64_t kWeightsColumns = 128;
  int64_t weights_columns() const { return conv.c_out < kWeightsColumns ? conv.c_out : kWeightsColumns; }

  // Distance of two tiles: whole vectors, and a cache line more, as powers of two would share few cache sets.
  static int64_t tile_step(int64_t channels) { return round_up(channels, 16) + 16; }
  // Distance of two positions of a block; the cache line more for the same reason.
  static int64_t position_step(int64_t tiles, int64_t step) { return tiles * step + 16; }
  int64_t window_size(int64_t channels) const { return round_up(positions() * channels, 16); }
  // Tiles of `from` channels that share a block: as many as take 1.25 MB when transformed, so that they stay in a large
  // second-level cache while the transformed kernels, which often do not, are read as seldom as can be.
  int64_t block_tiles(int64_t from) const {
    const int64_t most = (int64_t{5} << 16) / (positions() * tile_step(from));
    return most > 64 ? 64 : most < 16 ? 16 : most;
  }
  // A block of transformed tiles of `from` channels, and of kMaxColumnBlock columns behind the product.
  int64_t block_scratch(int64_t from) const {
    const int64_t tiles = block_tiles(from);
    return window_size(from) +
           positions() * (position_step(tiles, tile_step(from)) + position_step(tiles, tile_step(kMaxColumnBlock)));
  }
};

struct Conv2dWinogradForward {
  WinogradGeometry geometry;
  bool relu;
  const float* x;             // [rows, h, w, c_in]
  const float* kernel;        // [3, 3, c_in, c_out]
  const float* bias;          // [c_out] or null
  float* y;                   // [rows, oh, ow, c_out]
  float* transformed_kernel;  // [column block][t * t][c_in][block]

  template <class Visitor>
  void visit(Visitor& v) {
    geometry.visit(v);
    v.attribute("relu", relu);
    const Conv2dGeometry& g = geometry.conv;
    v.input("x", x, per_row(g.in_size()));
    v.input("kernel", kernel, fixed(g.kernel_size()));
    v.optional_input("bias", bias, fixed(g.c_out));
    v.output("y", y, per_row(g.out_size()));
    v.scratch("transformed_kernel", transformed_kernel, fixed(geometry.kernel_size(g.c_in, g.c_out)));
    v.worker_scratch(geometry.block_scratch(g.c_in));
  }
};

struct Conv2dWinogradBackwardData {
  WinogradGeometry geometry;
  const float* dy;            // [rows, oh, ow, c_out]
  const float* kernel;        // [3, 3, c_in, c_out]
  float* dx;                  // [rows, h, w, c_in]
  float* transformed_kernel;  // [column block][t * t][c_out][block]

  template <class Visitor>
  void visit(Visitor& v) {
    geometry.visit(v);
    const Conv2dGeometry& g = geometry.conv;
    v.input("dy", dy, per_row(g.out_size()));
    v.input("kernel", kernel, fixed(g.kernel_size()));
    v.output("dx", dx, per_row(g.in_size()));
    v.scratch("transformed_kernel", transformed_kernel, fixed(geometry.kernel_size(g.c_out, g.c_in)));
    v.worker_scratch(geometry.block_scratch(g.c_out));
  }
};

struct Conv2dWinogradBackwardWeights {
  WinogradGeometry geometry;
  const float* x;   // [rows, h, w, c_in]
  const float* dy;  // [rows, oh, ow, c_out]
  float* dkernel;   // [3, 3, c_in, c_out]
  float* dbias;     // [c_out] or null
  float* partial;   // [t][3][c_in, c_out]: transformed back along one axis

  template <class Visitor>
  void visit(Visitor& v) {
    geometry.visit(v);
    const Conv2dGeometry& g = geometry.conv;
    v.input("x", x, per_row(g.in_size()));
    v.input("dy", dy, per_row(g.out_size()));
    v.output("dkernel", dkernel, fixed(g.kernel_size()));
    v.optional_output("dbias", dbias, fixed(g.c_out));
    const int64_t side = geometry.side(), columns = round_up(geometry.weights_columns(), kMaxColumnBlock);
    v.scratch("partial", partial, fixed(product(side, 3, g.c_in, g.c_out)));
    const auto block = [side](int64_t step) {
      return side * WinogradGeometry::position_step(WinogradGeometry::kWeightsTiles, step);
    };
    v.worker_scratch(geometry.window_size(g.c_in > g.c_out ? g.c_in : g.c_out) + side * g.c_in * columns +
                     block(WinogradGeometry::tile_step(g.c_in)) + block(columns));
  }
};

}  // namespace pyconvnet
