#include "core/thread_pool.h"

#include <pthread.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <new>
#include <string>

#include "core/check.h"
#include "core/denormals.h"

#if defined(__linux__)
#include <sched.h>
#include <sys/mman.h>
#endif

namespace pyconvnet {
namespace {

constexpr int kMaxThreads = 256;
constexpr size_t kCacheLine = 64, kHugePage = size_t{2} << 20;
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kHugeScratch = false;  // its end is watched
#else
constexpr bool kHugeScratch = true;
#endif
constexpr std::chrono::microseconds kSpin{60};  // longer than a gap between two kernels, shorter than a nap

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Cores granted by the cgroup's CPU quota (version 2, then 1), or 0 where there is none.
int cgroup_quota() {
  double quota = 0, period = 0;
  std::string word;
  if (std::ifstream v2("/sys/fs/cgroup/cpu.max"); v2 >> word >> period) {
    if (word == "max") return 0;
    quota = std::strtod(word.c_str(), nullptr);
  } else {
    std::ifstream q("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"), p("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
    if (!(q >> quota) || !(p >> period)) return 0;
  }
  if (quota <= 0 || period <= 0) return 0;
  const int cores = static_cast<int>(quota / period + 0.5);
  return cores > 0 ? cores : 1;
}

int allowed_cores() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  const unsigned cores = std::thread::hardware_concurrency();
  return cores > 0 ? static_cast<int>(cores) : 1;
}

// Never destroyed: at process exit the workers of a library must not be joined from a static destructor.
struct Global {
  std::mutex turn;   // held while a plan runs
  std::mutex state;  // guards the rest
  std::shared_ptr<ThreadPool> pool;
};
Global& global() {
  static auto* instance = new Global;
  return *instance;
}

int requested_threads = 0;

// Only the forking thread lives on in the child: its pool object is dropped without joining anybody.
void after_fork_in_child() { new (&global()) Global; }

std::shared_ptr<ThreadPool> global_pool() {
  const std::lock_guard<std::mutex> lock(global().state);
  if (!global().pool) {
    static const int registered = pthread_atfork(nullptr, nullptr, after_fork_in_child);
    (void)registered;
    global().pool = std::make_shared<ThreadPool>(requested_threads > 0 ? requested_threads : default_thread_count());
  }
  return global().pool;
}

}  // namespace

ThreadPool::ThreadPool(int threads)
    : threads_(threads), shares_(static_cast<size_t>(threads)), scratch_(static_cast<size_t>(threads), nullptr) {
  workers_.reserve(static_cast<size_t>(threads));
  try {
    for (int worker = 1; worker < threads; ++worker) workers_.emplace_back([this, worker] { worker_loop(worker); });
  } catch (...) {  // no more threads to be had: those that run must end before the error goes on
    stop_workers();
    throw;
  }
}

ThreadPool::~ThreadPool() {
  stop_workers();
  free_scratch();
}

void ThreadPool::stop_workers() {
  stop_.store(true);
  state_.fetch_add(uint64_t{1} << kEpochShift);
  state_.notify_all();
  for (std::thread& thread : workers_) thread.join();
}

void ThreadPool::free_scratch() {
  for (float*& block : scratch_) {
    ::operator delete(block, std::align_val_t{scratch_alignment_});
    block = nullptr;
  }
}

void ThreadPool::reserve_scratch(size_t bytes_per_worker) {
  if (bytes_per_worker <= scratch_bytes_) return;
  free_scratch();
  scratch_bytes_ = 0;
  // Kernels step through much scratch in strides of many small pages.
  const bool large = kHugeScratch && bytes_per_worker >= kHugePage / 2;
  const size_t bytes = large ? (bytes_per_worker + kHugePage - 1) / kHugePage * kHugePage : bytes_per_worker;
  scratch_alignment_ = large ? kHugePage : kCacheLine;
  for (float*& block : scratch_) {
    block = static_cast<float*>(::operator new(bytes, std::align_val_t{scratch_alignment_}));
#if defined(__linux__)
    if (large) madvise(block, bytes, MADV_HUGEPAGE);
#endif
  }
  scratch_bytes_ = bytes;
}

void ThreadPool::run(int64_t tasks, Task fn, const void* context) {
  if (tasks <= 1 || threads_ == 1) {
    for (int64_t task = 0; task < tasks; ++task) fn(context, task, 0);
    return;
  }
  fn_ = fn;
  context_ = context;
  for (int worker = 0; worker < threads_; ++worker) {
    Share& share = shares_[static_cast<size_t>(worker)];
    share.next.store(first_task(tasks, worker), std::memory_order_relaxed);
    share.end = first_task(tasks, worker + 1);
  }
  const uint64_t epoch = (state_.load(std::memory_order_relaxed) >> kEpochShift) + 1;
  state_.store((epoch << kEpochShift) | kOpen);
  if (sleepers_.load() > 0) state_.notify_all();
  work(0);
  // Closed: a worker that has not joined by now is not waited for.
  state_.fetch_and(~kOpen);
  for (int i = 0; (state_.load(std::memory_order_acquire) & kCountMask) != 0; ++i)
    i < 4096 ? pause() : std::this_thread::yield();  // a worker may be waiting for this very core
}

void ThreadPool::work(int worker) {
  for (int i = 0; i < threads_; ++i) {
    Share& share = shares_[static_cast<size_t>((worker + i) % threads_)];
    if (share.next.load(std::memory_order_relaxed) >= share.end) continue;
    for (;;) {
      const int64_t task = share.next.fetch_add(1, std::memory_order_relaxed);
      if (task >= share.end) break;
      fn_(context_, task, worker);
    }
  }
}

bool ThreadPool::join(uint64_t seen_epoch, uint64_t* state) {
  uint64_t current = *state;
  while ((current & kOpen) && (current >> kEpochShift) != seen_epoch) {
    if (state_.compare_exchange_weak(current, current + 1, std::memory_order_acq_rel)) {
      *state = current;
      return true;
    }
  }
  *state = current;
  return false;
}

void ThreadPool::worker_loop(int worker) {
  const FlushDenormals flush;
  uint64_t seen_epoch = 0;
  while (!stop_.load(std::memory_order_relaxed)) {
    uint64_t state = state_.load(std::memory_order_acquire);
    const auto give_up = std::chrono::steady_clock::now() + kSpin;
    for (int i = 0; (state >> kEpochShift) == seen_epoch; ++i) {
      if (i % 32 == 31 && std::chrono::steady_clock::now() > give_up) {
        sleepers_.fetch_add(1);
        state_.wait(state);
        sleepers_.fetch_sub(1);
      }
      pause();
      state = state_.load(std::memory_order_acquire);
      // The count and the flag change without a new job; only a new epoch wakes the loop.
    }
    if (stop_.load(std::memory_order_relaxed)) return;
    if (join(seen_epoch, &state)) {
      work(worker);
      state_.fetch_sub(1, std::memory_order_release);
    }
    seen_epoch = state >> kEpochShift;
  }
}

int default_thread_count() {
  if (const char* text = std::getenv("PYCONVNET_NUM_THREADS"); text != nullptr && *text != '\0') {
    char* end = nullptr;
    const long threads = std::strtol(text, &end, 10);
    check(*end == '\0' && threads >= 1 && threads <= kMaxThreads, "PYCONVNET_NUM_THREADS",
          "must be a whole number from 1 to 256, got '" + std::string(text) + "'");
    return static_cast<int>(threads);
  }
  const int cores = allowed_cores(), quota = cgroup_quota();
  const int threads = quota > 0 && quota < cores ? quota : cores;
  return threads < kMaxThreads ? threads : kMaxThreads;
}

PoolLease lease_pool() {
  std::unique_lock<std::mutex> turn(global().turn);
  return {std::move(turn), global_pool()};
}

void set_num_threads(int threads) {
  check(threads >= 1 && threads <= kMaxThreads, "set_num_threads",
        "threads must be from 1 to 256, got " + std::to_string(threads));
  const std::lock_guard<std::mutex> turn(global().turn);  // waits for a running plan
  const std::lock_guard<std::mutex> lock(global().state);
  requested_threads = threads;
  if (global().pool && global().pool->threads() != threads) global().pool.reset();
}

int get_num_threads() { return global_pool()->threads(); }

}  // namespace pyconvnet
