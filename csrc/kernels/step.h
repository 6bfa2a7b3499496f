// The end of a step on a device.
#pragma once

#include "kernels/run.h"
#include "kernels/visit.h"

namespace pyconvnet {

// Makes `run.block` the step behind this one: fewer rows left, the next indices, iteration and learning rate.
struct NextStep {
  template <class Visitor>
  void visit(Visitor&) {}
};

}  // namespace pyconvnet
