// A plan: kernel calls bound to addresses, run step after step. Immutable once built; a step allocates nothing,
// chooses nothing, and looks at nothing but the Run.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <vector>

#include "plan/bind.h"

namespace pyconvnet {

class Plan {
 public:
  Plan(const KernelTable& table, const std::vector<CallDescription>& calls, int64_t capacity);

  // Runs one step for each piece of `batch_size` indices; the last piece may be shorter. run.iteration counts up;
  // `learning_rates` holds one for every step, or a single one for all. After each step, `after_step(first index,
  // rows)` may copy outputs away. `seconds`, where it is not null, gets [steps, calls]: how long each call took until
  // `finished()` came back.
  template <class Wait, class F>
  void run(Run run, std::span<const float> learning_rates, const int64_t* indices, int64_t count, int64_t batch_size,
           double* seconds, const Wait& finished, const F& after_step) const {
    check_steps(learning_rates, count, batch_size);
    const size_t rates = learning_rates.size();
    const float* rate = learning_rates.data();
    for (int64_t first = 0; first < count; first += batch_size, ++run.iteration, rate += rates > 1) {
      run.learning_rate = *rate;
      run.rows = first + batch_size < count ? batch_size : count - first;
      run.indices = indices + first;
      seconds = run_step(run, seconds, finished);
      after_step(first, run.rows);
    }
  }

  // Every call, once, on the rows that `run` names.
  void run_step(const Run& run) const {
    for (const auto& call : calls_) call->run(run);
  }

  // The same; `seconds`, where it is not null, gets how long each call took until `finished()` came back. Answers where
  // those of the next step go.
  template <class Wait>
  double* run_step(const Run& run, double* seconds, const Wait& finished) const {
    if (seconds == nullptr) return run_step(run), nullptr;
    for (const auto& call : calls_) {
      const auto start = std::chrono::steady_clock::now();
      call->run(run);
      finished();
      *seconds++ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
    return seconds;
  }

  // Refuses a batch beyond the capacity, and another number of learning rates than one, or one for each step.
  void check_steps(std::span<const float> learning_rates, int64_t count, int64_t batch_size) const;

  size_t scratch_bytes() const { return scratch_bytes_; }
  const std::vector<FeedUse>& feeds() const { return feeds_; }
  int64_t capacity() const { return capacity_; }
  size_t calls() const { return calls_.size(); }

 private:
  std::vector<std::unique_ptr<BoundCall>> calls_;
  int64_t capacity_;
  size_t scratch_bytes_ = 0;
  std::vector<FeedUse> feeds_;
};

}  // namespace pyconvnet
