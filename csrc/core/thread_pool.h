// A persistent pool of threads. The calling thread works too; the others spin for a moment after a job and
// then sleep. Each worker begins with a run of neighbouring tasks of its own, the same in every job of as many tasks,
// so that it finds in its cache what it left there; whoever is done helps the others. A kernel's bits must not depend
// on who runs which task: kernels split their work by the problem, never by the number of threads, wherever they add
// things up.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace pyconvnet {

class ThreadPool {
 public:
  using Task = void (*)(const void* context, int64_t task, int worker);

  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }

  // Runs fn(context, task, worker) for task = 0 .. tasks-1 and returns when all are done. The caller holds
  // a PoolLease. worker is 0 .. threads()-1 and unique among the tasks that run at the same time.
  void run(int64_t tasks, Task fn, const void* context);

  // Behind the last task of the run that `task` belongs to, of 0 .. tasks-1: what one worker begins with.
  int64_t end_of_run(int64_t tasks, int64_t task) const {
    return first_task(tasks, static_cast<int>(((task + 1) * threads_ - 1) / tasks) + 1);
  }

  // Scratch memory of each worker, 64-byte aligned. Reserved before the first step, granted inside kernels.
  void reserve_scratch(size_t bytes_per_worker);
  float* scratch(int worker) const { return scratch_[static_cast<size_t>(worker)]; }

 private:
  // The tasks that a worker begins with, as far as nobody has taken them.
  struct alignas(64) Share {
    std::atomic<int64_t> next{0};
    int64_t end = 0;
  };

  int64_t first_task(int64_t tasks, int worker) const { return worker * tasks / threads_; }
  void worker_loop(int worker);
  void work(int worker);
  bool join(uint64_t seen_epoch, uint64_t* state);
  void free_scratch();
  void stop_workers();

  // state_: epoch of the newest job (high 48 bits), "job open" flag, number of workers inside the job.
  static constexpr uint64_t kCountMask = 0x7fff;
  static constexpr uint64_t kOpen = 0x8000;
  static constexpr int kEpochShift = 16;

  int threads_;
  alignas(64) std::atomic<uint64_t> state_{0};
  alignas(64) std::atomic<int> sleepers_{0};
  std::atomic<bool> stop_{false};
  std::vector<Share> shares_;  // [threads]
  Task fn_ = nullptr;
  const void* context_ = nullptr;
  size_t scratch_bytes_ = 0, scratch_alignment_ = 64;
  std::vector<float*> scratch_;
  std::vector<std::thread> workers_;
};

// The pool of this process, made at first use with default_thread_count() threads and again after fork. One plan, or
// one eager op, works on it at a time; others queue in lease_pool().
struct PoolLease {
  std::unique_lock<std::mutex> turn;
  std::shared_ptr<ThreadPool> pool;
  ThreadPool& operator*() const { return *pool; }
  ThreadPool* operator->() const { return pool.get(); }
  ThreadPool* get() const { return pool.get(); }
};
PoolLease lease_pool();

// PYCONVNET_NUM_THREADS if set, else the cores that affinity and the cgroup's quota allow.
int default_thread_count();
void set_num_threads(int threads);
int get_num_threads();

namespace {  // internal linkage: these templates are also compiled inside units with special ISA flags

// Calls fn(task, worker) for every task.
template <class F>
[[maybe_unused]] inline void parallel_for(ThreadPool& pool, int64_t tasks, const F& fn) {
  pool.run(
      tasks, [](const void* context, int64_t task, int worker) { (*static_cast<const F*>(context))(task, worker); },
      &fn);
}

}  // namespace

}  // namespace pyconvnet
