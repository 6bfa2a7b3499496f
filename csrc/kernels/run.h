// What changes from step to step. Everything else is fixed when a plan is built.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/thread_pool.h"

namespace pyconvnet {

enum class DType : int32_t { float32, float64, uint8, int8, uint16, int16, int32, uint32, int64, uint64, float16 };

inline size_t dtype_size(DType dtype) {
  constexpr size_t sizes[] = {4, 8, 1, 1, 2, 2, 4, 4, 8, 8, 2};
  return sizes[static_cast<int>(dtype)];
}

// One array of the caller (images, labels, sample weights) from which the rows of a batch are gathered.
struct Feed {
  static constexpr int kMaxRank = 8;
  const std::byte* data = nullptr;
  DType dtype = DType::float32;
  int rank = 0;                   // axes behind the first one
  int64_t row_stride = 0;         // bytes from row to row
  int64_t shape[kMaxRank] = {};   // of one row
  int64_t stride[kMaxRank] = {};  // bytes
  const float* table = nullptr;   // uint8 only: 256 values to read in place of 0 .. 255
};

struct Run {
  int64_t rows = 0;                  // valid rows of this batch, at most the plan's capacity
  const int64_t* indices = nullptr;  // [rows]: which rows of the feeds
  const Feed* feeds = nullptr;
  uint64_t seed = 0;
  int64_t iteration = 0;  // optimizer steps finished before this one
  float learning_rate = 0;
  ThreadPool* pool = nullptr;
  void* stream = nullptr;             // of a device: where its kernels run, one after another
  struct StepBlock* block = nullptr;  // of a device: the same in its memory, where its kernels read it
};

// What a device's kernels see of a step, in its memory: so a step that is captured once can be replayed with other
// numbers.
struct Step {
  int64_t rows = 0;
  const int64_t* indices = nullptr;
  const Feed* feeds = nullptr;
  uint64_t seed = 0;
  int64_t iteration = 0;
  float learning_rate = 0;
};
struct StepBlock {
  Step step;
  const float* learning_rates = nullptr;  // of this step and the next ones
  int64_t rates_step = 0;                 // 0: one rate for all of them
  int64_t batch_size = 0, rows_left = 0;  // from this step on
  static constexpr size_t kMostFeeds = 24;
  Feed feeds[kMostFeeds];
};

}  // namespace pyconvnet
