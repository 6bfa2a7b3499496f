// The module _cuda: kernel tables for _core, and what the CUDA runtime says of this machine. Importing it calls nothing
// of CUDA, so it can be imported where there is no driver.
#include <cuda_runtime.h>
#include <pybind11/pybind11.h>

#include <stdexcept>
#include <string>

#include "cuda/tables.h"

namespace pyconvnet::cuda {

void check_cuda(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  throw std::runtime_error(std::string("cuda: ") + what + " failed: " + cudaGetErrorString(status) + " (" +
                           cudaGetErrorName(status) + ")");
}

namespace {

namespace py = pybind11;

void copy(void* to, const void* from, size_t bytes, void* stream) {
  check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, static_cast<cudaStream_t>(stream)),
             "copying outputs");
}

void upload(void* to, const void* from, size_t bytes, void* stream) {
  check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, static_cast<cudaStream_t>(stream)),
             "uploading the numbers of a step");
}

// A stream for capture alone: nothing runs on it, so it waits for nobody and nobody for it.
class CaptureStream {
 public:
  CaptureStream() { check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "a stream for capture"); }
  ~CaptureStream() { cudaStreamDestroy(stream_); }
  CaptureStream(const CaptureStream&) = delete;
  CaptureStream& operator=(const CaptureStream&) = delete;
  operator cudaStream_t() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

void* capture(void (*launch_all)(void* context, void* stream), void* context) {
  const CaptureStream stream;
  check_cuda(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "beginning to capture a step");
  cudaGraph_t graph = nullptr;
  try {
    launch_all(context, static_cast<cudaStream_t>(stream));
  } catch (...) {
    if (cudaStreamEndCapture(stream, &graph) == cudaSuccess) cudaGraphDestroy(graph);
    cudaGetLastError();
    throw;
  }
  check_cuda(cudaStreamEndCapture(stream, &graph), "capturing a step");
  cudaGraphExec_t executable = nullptr;
  const cudaError_t status = cudaGraphInstantiate(&executable, graph, 0);
  cudaGraphDestroy(graph);
  check_cuda(status, "making a graph of a step");
  return executable;
}

void replay(void* graph, void* stream) {
  check_cuda(cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph), static_cast<cudaStream_t>(stream)),
             "replaying a step");
}

void destroy(void* graph) { cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph)); }

void synchronize(void* stream) {
  check_cuda(cudaStreamSynchronize(static_cast<cudaStream_t>(stream)), "waiting for kernels");
}

// What pyconvnet.config turns into a sentence: the outcome of asking for devices, versions, and the devices.
py::dict probe() {
  int count = 0, driver = 0, runtime = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  cudaGetLastError();  // the question leaves no error behind
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  py::list devices;
  for (int i = 0; status == cudaSuccess && i < count; ++i) {
    cudaDeviceProp properties;
    check_cuda(cudaGetDeviceProperties(&properties, i), "reading a device's properties");
    devices.append(py::make_tuple(properties.name, properties.major * 10 + properties.minor,
                                  static_cast<uint64_t>(properties.totalGlobalMem)));
  }
  py::dict found;
  found["status"] = cudaGetErrorName(status);
  found["message"] = cudaGetErrorString(status);
  found["driver"] = driver;
  found["runtime"] = runtime;
  found["architectures"] = PYCONVNET_CUDA_ARCHITECTURES;
  found["devices"] = devices;
  return found;
}

}  // namespace
}  // namespace pyconvnet::cuda

PYBIND11_MODULE(_cuda, m) {
  using namespace pyconvnet;
  m.doc() = "Kernels of pyconvnet for NVIDIA GPUs. Internal: use the package's public modules.";
  m.def("kernel_tables", [] {
    static const KernelOffer offer = cuda::kernel_offer("cuda", "cuda_tf32", {false, cuda::copy, cuda::synchronize},
                                                        {cuda::upload, cuda::capture, cuda::replay, cuda::destroy});
    return pybind11::capsule(&offer, kKernelOffer);
  });
  m.def("probe", &cuda::probe, "What the CUDA runtime says: status, message, driver, runtime, devices.");
}
