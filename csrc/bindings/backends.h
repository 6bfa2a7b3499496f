// Whose kernels a plan or an eager op calls: the processor's, or those of a backend whose module has been added.
#pragma once

#include <string>
#include <vector>

#include "kernels/offer.h"

namespace pyconvnet {

struct Backend {
  const KernelTable* kernels;
  Memory memory;
  Graphs graphs;
};

Backend backend_named(const std::string& who, const std::string& name);  // or fails
std::vector<std::string> available_backends();
void add_backends(const KernelOffer& offer);

}  // namespace pyconvnet
