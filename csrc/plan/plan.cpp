#include "plan/plan.h"

namespace pyconvnet {

Plan::Plan(const KernelTable& table, const std::vector<CallDescription>& calls, int64_t capacity)
    : capacity_(capacity) {
  check(capacity >= 1, "Plan", "capacity must be positive, got " + std::to_string(capacity));
  for (const CallDescription& call : calls) {
    calls_.push_back(bind_call(table, call, capacity));
    const std::vector<FeedUse>& feeds = calls_.back()->feeds;
    feeds_.insert(feeds_.end(), feeds.begin(), feeds.end());
    if (calls_.back()->scratch_bytes > scratch_bytes_) scratch_bytes_ = calls_.back()->scratch_bytes;
  }
}

void Plan::check_steps(std::span<const float> learning_rates, int64_t count, int64_t batch_size) const {
  check(batch_size >= 1 && batch_size <= capacity_, "Plan.run",
        "batch_size must be from 1 to the plan's capacity " + std::to_string(capacity_) + ", got " +
            std::to_string(batch_size));
  const size_t steps = static_cast<size_t>((count + batch_size - 1) / batch_size), rates = learning_rates.size();
  check(
      rates == 1 || rates == steps, "Plan.run",
      "needs one learning rate, or one for each of " + std::to_string(steps) + " steps, got " + std::to_string(rates));
}

}  // namespace pyconvnet
