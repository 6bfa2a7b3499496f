// Steps of a plan on a device. Their numbers lie in a block of its memory, which the last kernel of each step moves on;
// so a step can be captured as a graph and replayed.
#pragma once

#include "kernels/offer.h"
#include "plan/plan.h"

namespace pyconvnet {

// A block for the step of `run`, the first of `rows` rows in all, as it will be read at `place`.
StepBlock first_block(const std::string& who, const Run& run, const std::vector<Feed>& feeds, int64_t rows,
                      const StepBlock* place);

class DeviceSteps {
 public:
  // `block`: of the device's memory, alive as long as this. `replayed`: whether steps are captured.
  DeviceSteps(const KernelTable& kernels, const Graphs& graphs, StepBlock* block, bool replayed)
      : kernels_(&kernels), graphs_(graphs), block_(block), replayed_(replayed) {}
  ~DeviceSteps() { forget(); }
  DeviceSteps(const DeviceSteps&) = delete;
  DeviceSteps& operator=(const DeviceSteps&) = delete;

  int64_t captured_rows() const { return rows_of_graph_; }

  // As Plan::run, on feeds, indices and learning rates in the device's memory; `rates` are the same ones.
  template <class Wait, class F>
  void run(const Plan& plan, Run run, const std::vector<Feed>& feeds, std::span<const float> rates,
           const float* device_rates, int64_t count, int64_t batch_size, double* seconds, const Wait& finished,
           const F& after_step) {
    plan.check_steps(rates, count, batch_size);
    if (count == 0) return;
    const auto rows_from = [&](int64_t first) { return first + batch_size < count ? batch_size : count - first; };
    run.rows = rows_from(0), run.learning_rate = rates[0], run.block = block_;
    StepBlock block = first_block("Plan.run", run, feeds, count, block_);
    block.learning_rates = device_rates, block.rates_step = rates.size() > 1, block.batch_size = batch_size;
    graphs_.upload(block_, &block, sizeof block, run.stream);
    for (int64_t first = 0; first < count; first += batch_size) {
      run.rows = rows_from(first);
      if (replayed_ && warm_ && seconds == nullptr) {
        capture(plan, run, batch_size);
        graphs_.replay(graph_, run.stream);
      } else {
        seconds = plan.run_step(run, seconds, finished);
        kernels_->next_step({}, run);
        warm_ = true;  // kernels are loaded; that cannot be captured
      }
      after_step(first, run.rows);
    }
  }

 private:
  void capture(const Plan& plan, Run run, int64_t batch_size);
  void forget();

  const KernelTable* kernels_;
  Graphs graphs_;
  StepBlock* block_;
  bool replayed_, warm_ = false;
  void* graph_ = nullptr;
  int64_t rows_of_graph_ = 0;  // grids are as large as these need
};

}  // namespace pyconvnet
