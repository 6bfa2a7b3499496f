#include "plan/device_steps.h"

namespace pyconvnet {

StepBlock first_block(const std::string& who, const Run& run, const std::vector<Feed>& feeds, int64_t rows,
                      const StepBlock* place) {
  check(feeds.size() <= StepBlock::kMostFeeds, who,
        "a device reads from at most " + std::to_string(StepBlock::kMostFeeds) + " arrays, got " +
            std::to_string(feeds.size()));
  StepBlock block;
  block.step = {run.rows, run.indices, place->feeds, run.seed, run.iteration, run.learning_rate};
  block.batch_size = run.rows, block.rows_left = rows;
  for (size_t i = 0; i < feeds.size(); ++i) block.feeds[i] = feeds[i];
  return block;
}

void DeviceSteps::capture(const Plan& plan, Run run, int64_t batch_size) {
  if (graph_ != nullptr && rows_of_graph_ == batch_size) return;
  forget();
  struct Context {
    const Plan& plan;
    const KernelTable& kernels;
    Run run;
  };
  run.rows = batch_size;
  Context context{plan, *kernels_, run};
  graph_ = graphs_.capture(
      [](void* given, void* stream) {
        Context& at = *static_cast<Context*>(given);
        at.run.stream = stream;
        at.plan.run_step(at.run);
        at.kernels.next_step({}, at.run);
      },
      &context);
  rows_of_graph_ = batch_size;
}

void DeviceSteps::forget() {
  if (graph_ != nullptr) graphs_.destroy(graph_);
  graph_ = nullptr;
  rows_of_graph_ = 0;
}

}  // namespace pyconvnet
