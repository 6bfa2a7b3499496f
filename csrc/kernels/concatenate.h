// Arrays side by side along one axis. A call copies one of them into, or out of, its place:
//   joined[row, i, offset + j] = part[row, i, j]
// `outer` counts the positions in front of that axis, the lengths count all elements from it on.
#pragma once

#include "kernels/run.h"
#include "kernels/visit.h"

namespace pyconvnet {

struct ConcatenateGeometry {
  int64_t outer;   // positions of a row
  int64_t length;  // of the part, at each position
  int64_t total;   // of all parts together
  int64_t offset;  // where this part begins; offset + length <= total

  template <class Visitor>
  void visit(Visitor& v) {
    v.positive("outer", outer), v.positive("length", length), v.positive("total", total);
    v.non_negative("offset", offset);
    v.rule(offset <= total && length <= total - offset, "offset + length must not exceed total");
  }
  int64_t part_size() const { return product(outer, length); }
  int64_t joined_size() const { return product(outer, total); }
};

struct ConcatenateForward {
  ConcatenateGeometry geometry;
  const float* part;  // [rows, outer, length]
  float* joined;      // [rows, outer, total]: the other parts' places stay as they are

  template <class Visitor>
  void visit(Visitor& v) {
    geometry.visit(v);
    v.input("part", part, per_row(geometry.part_size()));
    v.update("joined", joined, per_row(geometry.joined_size()));
  }
};

struct ConcatenateBackward {
  ConcatenateGeometry geometry;
  const float* djoined;  // [rows, outer, total]
  float* dpart;          // [rows, outer, length]

  template <class Visitor>
  void visit(Visitor& v) {
    geometry.visit(v);
    v.input("djoined", djoined, per_row(geometry.joined_size()));
    v.output("dpart", dpart, per_row(geometry.part_size()));
  }
};

}  // namespace pyconvnet
