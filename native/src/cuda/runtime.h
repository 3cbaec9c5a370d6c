// Streams and memory of the current device. Host C++: includes nothing of CUDA.
// Every function throws Error{GA_DEVICE_ERROR} or Error{GA_OUT_OF_MEMORY}.
#pragma once

#include <cstddef>
#include <string>

#include "cuda/stream.h"

namespace genarm::cuda {

// Makes a device the current one of this thread; returns its name. The error says what is missing: driver or device.
std::string device_select(int index);

stream_t stream_create();
void stream_destroy(stream_t stream);
// Waits until everything launched on the stream has been done.
void stream_sync(stream_t stream);

// 256-byte aligned on a GPU; contents are undefined.
void* device_alloc(size_t bytes);
void device_free(void* memory);
void device_clear(void* memory, size_t bytes, stream_t stream);

// In order with the stream's kernels; done when they return.
void copy_to_device(void* device, const void* host, size_t bytes, stream_t stream);
void copy_to_host(void* host, const void* device, size_t bytes, stream_t stream);

}  // namespace genarm::cuda
