#include "cuda/runtime.h"

#include <cuda_runtime.h>

#include "error.h"

namespace genarm::cuda {
namespace {

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  const ga_status kind = status == cudaErrorMemoryAllocation ? GA_OUT_OF_MEMORY : GA_DEVICE_ERROR;
  fail(kind, "%s: %s", what, cudaGetErrorString(status));
}

}  // namespace

std::string device_select(int index) {
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
  if (index < 0 || index >= count) fail(GA_DEVICE_ERROR, "device cuda:%d: this machine has %d NVIDIA GPUs", index, count);
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, index), "device properties");
  if (properties.major < 8)
    fail(GA_DEVICE_ERROR, "device cuda:%d: %s is sm_%d%d, the kernels need sm_80 or newer", index, properties.name,
         properties.major, properties.minor);
  check(cudaSetDevice(index), "cudaSetDevice");
  return properties.name;
}

stream_t stream_create() {
  stream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
  return stream;
}

void stream_destroy(stream_t stream) { check(cudaStreamDestroy(stream), "cudaStreamDestroy"); }

void stream_sync(stream_t stream) { check(cudaStreamSynchronize(stream), "cudaStreamSynchronize"); }

void* device_alloc(size_t bytes) {
  void* memory = nullptr;
  check(cudaMalloc(&memory, bytes), "cudaMalloc");
  return memory;
}

void device_free(void* memory) { check(cudaFree(memory), "cudaFree"); }

void device_clear(void* memory, size_t bytes, stream_t stream) {
  check(cudaMemsetAsync(memory, 0, bytes, stream), "cudaMemset");
}

void copy_to_device(void* device, const void* host, size_t bytes, stream_t stream) {
  check(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream), "copy to the device");
  stream_sync(stream);
}

void copy_to_host(void* host, const void* device, size_t bytes, stream_t stream) {
  check(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream), "copy to the host");
  stream_sync(stream);
}

}  // namespace genarm::cuda
