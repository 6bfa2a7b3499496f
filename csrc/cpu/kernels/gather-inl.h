#pragma once

#include "cpu/kernels/gather_row-inl.h"
#include "kernels/kernel_list.h"

namespace pyconvnet::PYCONVNET_ISA_NAMESPACE {
namespace {

inline void gather(const Gather& op, const Run& run) {
  const Feed& feed = run.feeds[op.feed];
  // A task of about 64 KiB: small batches are not worth waking anybody.
  const int64_t rows_a_task = op.size > 16384 ? 1 : 16384 / (op.size > 0 ? op.size : 1);
  const int64_t tasks = (run.rows + rows_a_task - 1) / rows_a_task;
  parallel_for(*run.pool, tasks, [&](int64_t task, int) {
    const int64_t end = (task + 1) * rows_a_task < run.rows ? (task + 1) * rows_a_task : run.rows;
    for (int64_t r = task * rows_a_task; r < end; ++r)
      gather_row(feed, feed.data + run.indices[r] * feed.row_stride, op.out + r * op.size, op.size);
  });
}

inline void gather_labels(const GatherLabels& op, const Run& run) {
  const Feed& feed = run.feeds[op.feed];
  for (int64_t r = 0; r < run.rows; ++r)
    gather_strided(feed, feed.data + run.indices[r] * feed.row_stride, op.out + r * op.size, op.size);
}

}  // namespace

void add_gather(KernelTable& table) {
  table.gather = gather;
  table.gather_labels = gather_labels;
}

}  // namespace pyconvnet::PYCONVNET_ISA_NAMESPACE
