// The pool under ThreadSanitizer: jobs from several threads at once, while the number of workers changes.
#include <cstdint>
#include <cstdio>
#include <thread>
#include <vector>

#include "core/thread_pool.h"

namespace {

// Every task adds its number to a place of its own and writes to its worker's scratch; the sum is known.
bool job(pyconvnet::ThreadPool& pool, int64_t tasks) {
  std::vector<int64_t> found(static_cast<size_t>(tasks), 0);
  pyconvnet::parallel_for(pool, tasks, [&](int64_t task, int worker) {
    float* scratch = pool.scratch(worker);
    scratch[0] = static_cast<float>(task);
    found[static_cast<size_t>(task)] += static_cast<int64_t>(scratch[0]);
  });
  int64_t sum = 0;
  for (int64_t value : found) sum += value;
  return sum == tasks * (tasks - 1) / 2;
}

// The runs that workers begin with: as many as workers or tasks, side by side, and equally long but for one task.
bool runs_cover_all_tasks(int threads, int64_t tasks) {
  const pyconvnet::ThreadPool pool(threads);
  int64_t begin = 0, runs = 0;
  for (; begin < tasks; ++runs) {
    const int64_t end = pool.end_of_run(tasks, begin), length = end - begin;
    if (length < 1 || length < tasks / threads || length > tasks / threads + 1) return false;
    for (int64_t task = begin; task < end; ++task)
      if (pool.end_of_run(tasks, task) != end) return false;
    begin = end;
  }
  return begin == tasks && runs == (tasks < threads ? tasks : threads);
}

}  // namespace

int main() {
  for (int threads = 1; threads < 6; ++threads)
    for (int64_t tasks = 1; tasks < 70; ++tasks)
      if (!runs_cover_all_tasks(threads, tasks)) return std::puts("the runs of tasks are not those of the workers"), 1;
  bool right[3] = {true, true, true};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 3; ++caller)
    callers.emplace_back([caller, &right] {
      for (int round = 0; round < 300; ++round) {
        if (round % 50 == caller) pyconvnet::set_num_threads(1 + (round / 50 + caller) % 4);
        const pyconvnet::PoolLease pool = pyconvnet::lease_pool();
        pool->reserve_scratch(static_cast<size_t>(64 + round));
        for (const int64_t tasks : {2, 3, 64}) right[caller] = job(*pool, tasks) && right[caller];
      }
    });
  for (std::thread& caller : callers) caller.join();
  if (!right[0] || !right[1] || !right[2]) return std::puts("a task was lost or done twice"), 1;
  return 0;
}
