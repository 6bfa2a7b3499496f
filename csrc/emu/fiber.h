// A fiber: a stack of its own and a way to switch to it. Sanitizers are told of every switch.
#pragma once

#include <sys/mman.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "emu/vocabulary.h"
#if defined(__x86_64__)
#define EMULATOR_SWITCHES_BY_HAND 1
#else
#define EMULATOR_SWITCHES_BY_HAND 0  // other processors: ucontext, slower (a system call for each switch)
#include <ucontext.h>
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
extern "C" void AnnotateIgnoreReadsBegin(const char*, int);
extern "C" void AnnotateIgnoreReadsEnd(const char*, int);
extern "C" void AnnotateIgnoreWritesBegin(const char*, int);
extern "C" void AnnotateIgnoreWritesEnd(const char*, int);
#define EMULATOR_NO_TSAN __attribute__((no_sanitize("thread")))
#else
#define EMULATOR_NO_TSAN
#endif

namespace emulator {

struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Where in a kernel's source a fiber waits.
struct Site {
  const char *what, *file;
  int line;
  bool operator==(const Site& other) const {
    return line == other.line && !std::strcmp(what, other.what) && !std::strcmp(file, other.file);
  }
  std::string text() const { return std::string(what) + " at " + file + ":" + std::to_string(line); }
};

enum class State : uint8_t { ready, at_barrier, at_collective, done };

struct AsyncCopy {
  void* to;
  const void* from;
  int bytes;  // read; the rest of `size` becomes zero
  int size;
};

struct Fiber {
  void* stack_pointer = nullptr;
#if !EMULATOR_SWITCHES_BY_HAND
  ucontext_t context;
#endif
  char* stack = nullptr;
  size_t stack_size = 0;
  uint3 thread{};
  int index = 0;
  State state = State::done;
  Site site{};
  std::vector<std::vector<AsyncCopy>> copies;  // cp.async groups, the last one still open
  void* asan_stack = nullptr;
  void* tsan_fiber = nullptr;
};

inline Fiber* current = nullptr;
inline void* scheduler_stack_pointer = nullptr;
#if !EMULATOR_SWITCHES_BY_HAND
inline ucontext_t scheduler_context;
#endif
#if defined(__SANITIZE_ADDRESS__)
inline void* scheduler_asan_stack = nullptr;
inline const void* scheduler_stack = nullptr;
inline size_t scheduler_stack_size = 0;
#endif

// What happens before what, for the race detector: threads of a block are ordered by barriers alone.
#if defined(__SANITIZE_THREAD__)
inline void* scheduler_tsan_fiber = nullptr;
inline char launch_order, done_order, fence_order, barrier_order[2], warp_order[64];
inline void release_order(void* what) { __tsan_release(what); }
inline void acquire_order(void* what) { __tsan_acquire(what); }
struct Quiet {  // the emulator's own bookkeeping is not the kernel's memory traffic
  EMULATOR_NO_TSAN Quiet() {
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  }
  EMULATOR_NO_TSAN ~Quiet() {
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
};
#define EMULATOR_RELEASE(what) emulator::release_order(&emulator::what)
#define EMULATOR_ACQUIRE(what) emulator::acquire_order(&emulator::what)
#else
struct Quiet {
  Quiet() {}
  ~Quiet() {}
};
#define EMULATOR_RELEASE(what) ((void)0)
#define EMULATOR_ACQUIRE(what) ((void)0)
#endif

#if EMULATOR_SWITCHES_BY_HAND
// Saves the registers that a function must preserve and the stack pointer, and goes on on the other stack.
__attribute__((naked, noinline)) inline void switch_stack(void** /*save*/, void* /*load*/) {
  asm("pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15\n\t"
      "movq %rsp, (%rdi)\n\tmovq %rsi, %rsp\n\t"
      "popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp\n\tret");
}
#endif

// From the current fiber back to the scheduler.
EMULATOR_NO_TSAN inline void to_scheduler([[maybe_unused]] bool finished) {
  Fiber* me = current;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(finished ? nullptr : &me->asan_stack, scheduler_stack, scheduler_stack_size);
#endif
#if defined(__SANITIZE_THREAD__)
  __tsan_switch_to_fiber(scheduler_tsan_fiber, __tsan_switch_to_fiber_no_sync);
#endif
#if EMULATOR_SWITCHES_BY_HAND
  switch_stack(&me->stack_pointer, scheduler_stack_pointer);
#else
  swapcontext(&me->context, &scheduler_context);
#endif
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(me->asan_stack, nullptr, nullptr);
#endif
}

// From the scheduler into a fiber, until that comes back.
EMULATOR_NO_TSAN inline void resume(Fiber& fiber) {
  current = &fiber;
  threadIdx = fiber.thread;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&scheduler_asan_stack, fiber.stack, fiber.stack_size);
#endif
#if defined(__SANITIZE_THREAD__)
  __tsan_switch_to_fiber(fiber.tsan_fiber, __tsan_switch_to_fiber_no_sync);
#endif
#if EMULATOR_SWITCHES_BY_HAND
  switch_stack(&scheduler_stack_pointer, fiber.stack_pointer);
#else
  swapcontext(&scheduler_context, &fiber.context);
#endif
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(scheduler_asan_stack, nullptr, nullptr);
#endif
}

// Gives the fiber a stack, once, and lets it begin with entry().
EMULATOR_NO_TSAN inline void prepare_stack(Fiber& fiber, void (*entry)()) {
  constexpr size_t kStackBytes = 256 * 1024, kPage = 4096;  // address space; the lowest page guards
  if (fiber.stack == nullptr) {
    void* memory =
        mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, kPage, PROT_NONE)) throw Error("no memory for the threads' stacks");
    fiber.stack = static_cast<char*>(memory);
    fiber.stack_size = kStackBytes;
  }
#if defined(__SANITIZE_ADDRESS__)
  ASAN_UNPOISON_MEMORY_REGION(fiber.stack + kPage, fiber.stack_size - kPage);
#endif
#if defined(__SANITIZE_THREAD__)
  if (!fiber.tsan_fiber) fiber.tsan_fiber = __tsan_create_fiber(0);
#endif
#if EMULATOR_SWITCHES_BY_HAND
  // Staggered: stacks at equal offsets fight for the same cache sets.
  void** top = reinterpret_cast<void**>(fiber.stack + fiber.stack_size - fiber.index * 320 % 8192);
  *--top = nullptr;                         // a return address: entry() is entered as if called
  *--top = reinterpret_cast<void*>(entry);  // popped by ret
  for (int i = 0; i < 6; ++i) *--top = nullptr;
  fiber.stack_pointer = top;
#else
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = fiber.stack;
  fiber.context.uc_stack.ss_size = fiber.stack_size;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, entry, 0);
#endif
}

}  // namespace emulator
