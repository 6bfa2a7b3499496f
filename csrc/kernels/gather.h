// The first kernels of a step: rows of the caller's arrays, converted (and scaled by a table) on the way.
#pragma once

#include "kernels/run.h"
#include "kernels/visit.h"

namespace pyconvnet {

struct Gather {
  int64_t feed;  // which of the run's feeds
  int64_t size;  // elements of a row
  float* out;    // [rows, size]

  template <class Visitor>
  void visit(Visitor& v) {
    v.non_negative("feed", feed), v.positive("size", size);
    v.feed(feed, size);
    v.output("out", out, per_row(size));
  }
};

struct GatherLabels {
  int64_t feed;
  int64_t size;
  int32_t* out;  // [rows, size]

  template <class Visitor>
  void visit(Visitor& v) {
    v.non_negative("feed", feed), v.positive("size", size);
    v.feed(feed, size);
    v.output("out", out, per_row(size));
  }
};

}  // namespace pyconvnet
