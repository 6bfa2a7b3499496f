// How many multiply-adds the processor can do: nothing but independent fma in registers. For the benches.
#pragma once

#include "kernels/run.h"
#include "kernels/visit.h"

namespace pyconvnet {

struct FmaPeak {
  int64_t tasks;        // shared out over the pool
  int64_t repetitions;  // of each task
  float* sums;          // [tasks]: what came out, so that no compiler can leave the work out
  double* flops;        // [1]: operations done, two for each multiply-add

  template <class Visitor>
  void visit(Visitor& v) {
    v.attribute("tasks", tasks), v.attribute("repetitions", repetitions);
    v.output("sums", sums, fixed(tasks));
    v.output("flops", flops, fixed(1));
  }
};

}  // namespace pyconvnet
