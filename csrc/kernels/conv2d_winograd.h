// 3x3 convolutions of stride 1 by Winograd's minimal filtering F(m x m, 3 x 3), m = 2, 3 or 4: an output tile of m x m
// comes from an input tile d of t x t, t = m + 2, with t^2 multiplications a channel in place of 9 m^2:
//   y = A^T [ (G g G^T) . (B^T d B) ] A         (Lavin and Gray 2015, arXiv:1509.09308)
// The gradients are the adjoints of the same bilinear form, over the same tiles:
//   dd = B [ (G g G^T) . (A dy A^T) ] B^T       dg = G^T [ (B^T d B) . (A dy A^T) ] G
// In between, each of the t^2 positions is a matrix product over tiles and channels.
// Where one or two rows or columns of outputs are left behind a whole tile of F(4x4), the last tiles are narrow: F(2,
// 3) along that axis, at four of the six points of F(4, 3), so that they share its transformed kernels. The other
// points' products run over fewer tiles.
#pragma once

#include "kernels/conv2d.h"

namespace pyconvnet {

struct WinogradGeometry {
  Conv2dGeometry conv;
  int64_t tile;  // m: outputs of a whole tile in each direction

  template <class Visitor>
  void visit(Visitor& v) {
    conv.visit(v);
    v.positive("tile", tile);
    v.rule(tile >= 2 && tile <= 4, "tile must be 2, 3 or 4");
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
  static constexpr int64_t kNarrow = 2;                    // outputs of a narrow tile
  // Whether the last tile of an axis with so many outputs is one.
  [[gnu::always_inline]] bool narrow(int64_t outputs) const {
    return tile == 4 && outputs > tile && (outputs - 1) % tile < kNarrow;
  }
  int64_t kernel_size(int64_t depth, int64_t columns) const {
    return product(positions(), depth, round_up(columns, kMaxColumnBlock));
  }
  // The weight gradient is summed over tiles at each position, [c_in][c_out]. Where the sums of all positions stay in
  // the second-level cache, a task takes a group of tiles, each of which is transformed once. Else it takes two rows of
  // positions, a block of output channels, and a group of tiles or all.
  static constexpr int64_t kWeightsRows = 2;
  bool weights_by_tiles() const {
    return product(positions(), conv.c_in, round_up(conv.c_out, kMaxColumnBlock)) <= int64_t{5} << 15;
  }
  // Output channels of a task: with rows of positions, 12 x 16,384 sums where there are no more than 256 input
  // channels. Inlined always, as the next ones are: a function by itself would come in one copy for each instruction
  // set, under one name.
  [[gnu::always_inline]] int64_t weights_columns() const {
    const int64_t columns = conv.c_in <= 128 ? 128 : kMaxColumnBlock;
    return weights_by_tiles() || conv.c_out < columns ? conv.c_out : columns;
  }
  // Into how many groups the tiles are cut: two where there is but one block of channels, so that threads can share.
  [[gnu::always_inline]] int64_t weights_groups() const {
    return weights_by_tiles() ? 8 : weights_columns() == conv.c_out ? 2 : 1;
  }
  // What a group leaves behind: the kernel's gradient, or each row transformed back along one axis; and the bias's.
  [[gnu::always_inline]] int64_t weights_part() const {
    return product(weights_by_tiles() ? 9 : side() * 3, conv.c_in, conv.c_out) + conv.c_out;
  }
  int64_t weights_positions() const { return weights_by_tiles() ? positions() : kWeightsRows * side(); }
  // Tiles that share scratch, the depth of the products: as many as keep it below 1.4 MB, but 16 at least.
  [[gnu::always_inline]] int64_t weights_tiles() const {
    const int64_t columns = round_up(weights_columns(), kMaxColumnBlock), tile_size = tile_step(conv.c_in) + columns;
    const int64_t most = ((int64_t{3} << 17) * 7 / 8 / weights_positions() - conv.c_in * columns) / tile_size;
    return most > kMostTiles ? kMostTiles : most < 16 ? 16 : most;
  }

  static constexpr int64_t kMostTiles = 64;  // of a block
  // Distance of two tiles: whole vectors, and a cache line more, as powers of two would share few cache sets.
  static int64_t tile_step(int64_t channels) { return round_up(channels, 16) + 16; }
  // Distance of two positions of a block; the cache line more for the same reason.
  static int64_t position_step(int64_t tiles, int64_t step) { return tiles * step + 16; }
  int64_t window_size(int64_t channels) const { return round_up(positions() * channels, 16); }
  // Tiles of `from` channels that share a block: as many as take 1.5 MB when transformed, so that they stay in a large
  // second-level cache while the transformed kernels, which often do not, are read as seldom as can be.
  int64_t block_tiles(int64_t from) const {
    const int64_t most = (int64_t{6} << 16) / (positions() * tile_step(from));
    return most > kMostTiles ? kMostTiles : most < 16 ? 16 : most;
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
    visit_attributes(v);
    visit_buffers(v, geometry.conv.out_size());
  }
  template <class Visitor>
  void visit_attributes(Visitor& v) {
    geometry.visit(v);
    v.attribute("relu", relu);
  }
  template <class Visitor>
  void visit_buffers(Visitor& v, int64_t y_size) {
    const Conv2dGeometry& g = geometry.conv;
    v.input("x", x, per_row(g.in_size()));
    v.input("kernel", kernel, fixed(g.kernel_size()));
    v.optional_input("bias", bias, fixed(g.c_out));
    v.output("y", y, per_row(y_size));
    v.scratch("transformed_kernel", transformed_kernel, fixed(geometry.kernel_size(g.c_in, g.c_out)));
    v.worker_scratch(geometry.block_scratch(g.c_in));
  }
};

struct Conv2dWinogradBackwardData {
  WinogradGeometry geometry;
  const float* dy;            // [rows, oh, ow, c_out]
  const float* kernel;        // [3, 3, c_in, c_out]
  const float* activated;     // [rows, h, w, c_in] or null: the outputs of a ReLU, and dx is what it lets through
  float* dx;                  // [rows, h, w, c_in]
  float* transformed_kernel;  // [column block][t * t][c_out][block]

  template <class Visitor>
  void visit(Visitor& v) {
    geometry.visit(v);
    visit_buffers(v, geometry.conv.out_size());
  }
  template <class Visitor>
  void visit_buffers(Visitor& v, int64_t dy_size) {
    const Conv2dGeometry& g = geometry.conv;
    v.input("dy", dy, per_row(dy_size));
    v.input("kernel", kernel, fixed(g.kernel_size()));
    v.optional_input("activated", activated, per_row(g.in_size()));
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
  float* partial;   // [group][weights_part()]

  template <class Visitor>
  void visit(Visitor& v) {
    geometry.visit(v);
    visit_buffers(v, geometry.conv.out_size());
  }
  template <class Visitor>
  void visit_buffers(Visitor& v, int64_t dy_size) {
    const Conv2dGeometry& g = geometry.conv;
    v.input("x", x, per_row(g.in_size()));
    v.input("dy", dy, per_row(dy_size));
    v.output("dkernel", dkernel, fixed(g.kernel_size()));
    v.optional_output("dbias", dbias, fixed(g.c_out));
    const int64_t columns = round_up(geometry.weights_columns(), kMaxColumnBlock), tiles = geometry.weights_tiles();
    v.scratch("partial", partial, fixed(product(geometry.weights_groups(), geometry.weights_part())));
    const auto block = [tiles](int64_t step) { return WinogradGeometry::position_step(tiles, step); };
    v.worker_scratch(geometry.window_size(g.c_in > g.c_out ? g.c_in : g.c_out) +
                     product(geometry.weights_positions(),
                             g.c_in * columns + block(WinogradGeometry::tile_step(g.c_in)) + block(columns)));
  }
};

}  // namespace pyconvnet
