// How kernels are launched, get shared memory and learn of the step: the only place that knows whether nvcc compiles
// them for a GPU or g++ for the emulator.
//
// So that every kernel runs both ways: one struct Shared a kernel, from shared_memory<Shared>(); no early return in
// front of a barrier; collectives of whole warps; no libraries inside kernels; no CUDA memory calls in launchers.
#pragma once

#include "kernels/kernel_list.h"

#if defined(__CUDACC__)
#include <cuda_runtime.h>
#else
#include "emu/emulator.h"
#endif

namespace pyconvnet::cuda {

// What changes from step to step lies in the device's memory. Whatever depends on the rows of a batch is worked out in
// the kernel from there, so that a step that is captured once can be replayed with other numbers.
inline const Step* step_of(const Run& run) { return &run.block->step; }

inline cudaStream_t stream_of(const Run& run) { return static_cast<cudaStream_t>(run.stream); }

#if defined(__CUDACC__)

// Throws what the runtime says of a call that failed.
void check_cuda(cudaError_t status, const char* what);

template <class... P, class... A>
void launch(void (*kernel)(P...), dim3 grid, dim3 threads, size_t shared_bytes, const Run& run, A&&... arguments) {
  constexpr size_t kWithoutAsking = 48 * 1024;
  if (shared_bytes > kWithoutAsking)
    check_cuda(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                                    static_cast<int>(shared_bytes)),
               "shared memory of a kernel");
  kernel<<<grid, threads, shared_bytes, stream_of(run)>>>(static_cast<P>(arguments)...);
  check_cuda(cudaGetLastError(), "launch of a kernel");
}

// The block's one object of this type (at most 48 KB).
template <class T>
__device__ __forceinline__ T& shared_memory() {
  __shared__ alignas(16) unsigned char memory[sizeof(T)];
  return reinterpret_cast<T&>(memory);
}

extern __shared__ __align__(128) unsigned char dynamic_memory[];

// The same of any size; the launch says how large.
template <class T>
__device__ __forceinline__ T& dynamic_shared_memory() {
  return *reinterpret_cast<T*>(dynamic_memory);
}

#else

template <class... P, class... A>
void launch(void (*kernel)(P...), dim3 grid, dim3 threads, size_t shared_bytes, const Run&, A&&... arguments) {
  emulator::launch(kernel, grid, threads, shared_bytes, static_cast<A&&>(arguments)...);
}

template <class T>
T& shared_memory() {
  return emulator::static_shared_memory<T>();
}

template <class T>
T& dynamic_shared_memory() {
  return *reinterpret_cast<T*>(emulator::block.dynamic.get());
}

#endif

}  // namespace pyconvnet::cuda
