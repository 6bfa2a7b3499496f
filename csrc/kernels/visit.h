// How a kernel's arguments describe themselves. Each kernel has one argument struct; its visit() names every
// attribute first and every buffer after, so that one visitor can bind a plan's call, one can bind the NumPy
// arrays of an eager call, and one can list what a kernel wants:
//
//   v.attribute("rate", rate);                       int64_t, float, double or bool
//   v.positive("stride", stride);                    int64_t of at least 1; non_negative: of at least 0
//   v.rule(holds, "tile must be 2, 3 or 4");         what attributes and buffers must fulfil together
//   v.feed(feed, size);                              rows of that feed, each of `size` elements
//   v.input("x", x, per_row(features));              const T*: read
//   v.output("y", y, per_row(features));             T*: written, every element of the valid rows
//   v.update("w", w, fixed(count));                  T*: read and written
//   v.optional_input("bias", bias, fixed(c_out));    may be missing (nullptr); so optional_output, _update
//   v.scratch("workspace", workspace, fixed(n));     T*: contents do not outlive the call
//   v.worker_scratch(n);                             n floats for each thread: run.pool->scratch(worker)
//   v.in_place("y", "x");                            these two may be the same memory
//
// Buffers may not overlap otherwise. T is float, int32_t, uint16_t or double.
#pragma once

#include <cstdint>

namespace pyconvnet {

// How many elements a buffer holds: a number for each row of the batch, or a number whatever the batch.
struct Extent {
  int64_t count = 0;
  bool for_each_row = false;
};
inline Extent per_row(int64_t count) { return {count, true}; }
inline Extent fixed(int64_t count) { return {count, false}; }

// Whole-number attributes end here, and so do products of sizes: whoever asks for so many elements finds no buffer that
// holds them, and nothing overflows on the way.
inline constexpr int64_t kMostElements = int64_t{1} << 60;
inline constexpr int64_t kLargestAttribute = int64_t{1} << 48;

template <class... Sizes>
inline int64_t product(int64_t first, Sizes... others) {
  const auto times = [](int64_t a, int64_t b) {
    int64_t c;
    return __builtin_mul_overflow(a, b, &c) || c > kMostElements ? kMostElements : c;
  };
  ((first = times(first, others)), ...);
  return first;
}

}  // namespace pyconvnet
