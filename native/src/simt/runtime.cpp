// cuda/runtime.h on the host: device memory is malloc'ed at its exact size, so that AddressSanitizer guards it.
#include "cuda/runtime.h"

#include <cstdlib>
#include <cstring>

#include "error.h"
#include "simt/simt.h"

namespace genarm::cuda {

std::string device_select(int index) {
  if (index != 0) fail(GA_DEVICE_ERROR, "device cuda:%d: the host executor is cuda:0 alone", index);
  return "the host executor";
}

stream_t stream_create() { return simt::stream_create(); }
void stream_destroy(stream_t stream) { simt::stream_destroy(stream); }
void stream_sync(stream_t stream) { simt::stream_sync(stream); }

void* device_alloc(size_t bytes) {
  void* memory = malloc(bytes);
  if (!memory) fail(GA_OUT_OF_MEMORY, "%zu bytes of device memory", bytes);
  return memory;
}

void device_free(void* memory) { free(memory); }

void device_clear(void* memory, size_t bytes, stream_t stream) {
  simt::stream_sync(stream);
  if (bytes) memset(memory, 0, bytes);
}

void copy_to_device(void* device, const void* host, size_t bytes, stream_t stream) {
  simt::stream_sync(stream);
  if (bytes) memcpy(device, host, bytes);
}

void copy_to_host(void* host, const void* device, size_t bytes, stream_t stream) {
  simt::stream_sync(stream);
  if (bytes) memcpy(host, device, bytes);
}

}  // namespace genarm::cuda
