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

void copy_to_device(void* device, const void* host, size_t bytes, stream_t stream) {
  check(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream), "copy to the device");
  stream_sync(stream);
}

void copy_to_host(void* host, const void* device, size_t bytes, stream_t stream) {
  check(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream), "copy to the host");
  stream_sync(stream);
}

}  // namespace genarm::cuda
