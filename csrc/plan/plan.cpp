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

}  // namespace pyconvnet
