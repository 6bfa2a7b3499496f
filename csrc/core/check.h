// Errors. The library never prints and never aborts: every broken rule becomes an exception that names
// who broke it, the rule, and what was got. pybind11 turns std::invalid_argument into ValueError.
#pragma once

#include <stdexcept>
#include <string>

namespace pyconvnet {

[[noreturn]] inline void fail(const std::string& who, const std::string& message) {
  throw std::invalid_argument(who + ": " + message);
}

inline void check(bool condition, const std::string& who, const std::string& message) {
  if (!condition) fail(who, message);
}

}  // namespace pyconvnet
