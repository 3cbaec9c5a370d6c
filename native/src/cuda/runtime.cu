#include "cuda/runtime.h"

#include <cuda_runtime.h>

#include "cuda/launch.h"
#include "error.h"

namespace genarm::cuda {
namespace {

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  const ga_status kind = status == cudaErrorMemoryAllocation ? GA_OUT_OF_MEMORY : GA_DEVICE_ERROR;
  fail(kind, "%s: %s", what, cudaGetErrorString(status));
}

}  // namespace

int device_count() {
  int driver = 0, runtime = 0, count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaErrorInsufficientDriver && cudaDriverGetVersion(&driver) == cudaSuccess && driver == 0)
    fail(GA_DEVICE_ERROR, "device cuda: this machine has no NVIDIA driver (libcuda.so.1)");
  if (status == cudaErrorInsufficientDriver) {
    cudaRuntimeGetVersion(&runtime);
    fail(GA_DEVICE_ERROR, "device cuda: the NVIDIA driver supports CUDA %d.%d, this library needs %d.%d", driver / 1000,
         driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
  }
  if (status == cudaErrorNoDevice || (status == cudaSuccess && count == 0))
    fail(GA_DEVICE_ERROR, "device cuda: this machine has no NVIDIA GPU");
  check(status, "device cuda");
  return count;
}

std::string device_select(int index) {
  const int count = device_count();
  if (index < 0 || index >= count) fail(GA_DEVICE_ERROR, "device cuda:%d: this machine has %d NVIDIA GPUs", index, count);
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, index), "device properties");
  if (properties.major < 8)
    fail(GA_DEVICE_ERROR, "device cuda:%d: %s is sm_%d%d, the kernels need sm_80 or newer", index, properties.name,
         properties.major, properties.minor);
  device_use(index);
  return properties.name;
}

void device_use(int index) {
  static thread_local int current = -1;
  if (current == index) return;
  check(cudaSetDevice(index), "cudaSetDevice");
  current = index;
}

DeviceBytes device_memory() {
  size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  return {int64_t(free), int64_t(total)};
}

int device_processors() {
  int device = 0, processors = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device), "device attributes");
  return processors;
}

bool device_overlaps_kernels() {
  static thread_local int asked = -1;
  static thread_local bool overlaps = false;
  int device = 0, major = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  if (device == asked) return overlaps;
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device), "device attributes");
  overlaps = major >= 9;
  asked = device;
  return overlaps;
}

stream_t stream_create() {
  stream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
  return stream;
}

void stream_destroy(stream_t stream) noexcept { cudaStreamDestroy(stream); }

void stream_sync(stream_t stream) { check(cudaStreamSynchronize(stream), "cudaStreamSynchronize"); }

void* device_alloc(size_t bytes) {
  void* memory = nullptr;
  check(cudaMalloc(&memory, bytes), "cudaMalloc");
  return memory;
}

void device_free(void* memory) noexcept { cudaFree(memory); }

void device_clear(void* memory, size_t bytes, stream_t stream) {
  check(cudaMemsetAsync(memory, 0, bytes, stream), "cudaMemset");
}

void* host_alloc(size_t bytes) {
  void* memory = nullptr;
  check(cudaHostAlloc(&memory, bytes, cudaHostAllocMapped), "cudaHostAlloc");
  return memory;
}

void host_free(void* memory) noexcept { cudaFreeHost(memory); }

void* host_on_device(void* memory) {
  void* device = nullptr;
  check(cudaHostGetDevicePointer(&device, memory, 0), "cudaHostGetDevicePointer");
  return device;
}

void wait_for_word(const unsigned* word, unsigned value, stream_t stream) {
  constexpr int kLooks = 4096;  // between two questions about the stream, which cost a microsecond
  for (;;) {
    for (int i = 0; i < kLooks; ++i)
      if (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value) return;
    const cudaError_t status = cudaStreamQuery(stream);
    if (status == cudaErrorNotReady) continue;
    check(status, "the step");
    if (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value) return;
    fail(GA_DEVICE_ERROR, "the step has ended without its tokens");
  }
}

void copy_to_device_later(void* device, const void* host, size_t bytes, stream_t stream) {
  check(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream), "copy to the device");
}

graph_t capture(stream_t stream, const std::function<void()>& make) {
  cudaGraph_t graph = nullptr;
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  try {
    make();
  } catch (...) {
    if (cudaStreamEndCapture(stream, &graph) == cudaSuccess && graph) cudaGraphDestroy(graph);
    throw;
  }
  check(cudaStreamEndCapture(stream, &graph), "cudaStreamEndCapture");
  cudaGraphExec_t executable = nullptr;
  const cudaError_t status = cudaGraphInstantiate(&executable, graph, 0);
  cudaGraphDestroy(graph);
  check(status, "cudaGraphInstantiate");
  return reinterpret_cast<graph_t>(executable);
}

void graph_launch(graph_t graph, stream_t stream) {
  check(cudaGraphLaunch(reinterpret_cast<cudaGraphExec_t>(graph), stream), "cudaGraphLaunch");
}

void graph_destroy(graph_t graph) noexcept { cudaGraphExecDestroy(reinterpret_cast<cudaGraphExec_t>(graph)); }

void copy_to_device(void* device, const void* host, size_t bytes, stream_t stream) {
  check(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream), "copy to the device");
  stream_sync(stream);
}

void copy_to_host(void* host, const void* device, size_t bytes, stream_t stream) {
  check(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream), "copy to the host");
  stream_sync(stream);
}

}  // namespace genarm::cuda
