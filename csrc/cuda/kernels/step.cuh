#pragma once

#include "cuda/device.h"

namespace pyconvnet::cuda {
namespace {

__global__ void advance(StepBlock* block) {
  Step& step = block->step;
  block->rows_left -= step.rows;
  step.rows = block->rows_left < block->batch_size ? block->rows_left : block->batch_size;
  step.indices += block->batch_size;
  ++step.iteration;
  if (block->rows_left > 0) {  // behind the last step there is no rate
    block->learning_rates += block->rates_step;
    step.learning_rate = *block->learning_rates;
  }
}

void next_step(const NextStep&, const Run& run) { launch(advance, dim3(1), dim3(1), 0, run, run.block); }

}  // namespace

void add_step(KernelTable& table) { table.next_step = next_step; }

}  // namespace pyconvnet::cuda
