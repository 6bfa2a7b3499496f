// Where new plans and eager ops run: on the processor, or on a backend whose module has been added.
#pragma once

#include <string>
#include <vector>

#include "kernels/offer.h"

namespace pyconvnet {

const KernelTable& chosen_kernels();  // of the backend that is set
std::string active_backend();         // "cpu" until another is set
std::vector<std::string> available_backends();
void add_backends(const KernelOffer& offer);
void set_backend(const std::string& name);

}  // namespace pyconvnet
