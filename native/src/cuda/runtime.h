// Streams and memory of the current device. Host C++: includes nothing of CUDA.
// Every function throws Error{GA_DEVICE_ERROR} or Error{GA_OUT_OF_MEMORY}; those that give something back do not: a lost
// device has lost it already.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "cuda/stream.h"
#include "device_bytes.h"

namespace genarm::cuda {

// Above 0; the error says what is missing: driver or device.
int device_count();

// Makes a device the current one of this thread; returns its name. The error says what is missing: driver or device.
std::string device_select(int index);

// Makes a device that was selected the current one of this thread, which may be another than the one that selected it.
void device_use(int index);

// Of the current device.
DeviceBytes device_memory();
int device_processors();

stream_t stream_create();
void stream_destroy(stream_t stream) noexcept;
// Waits until everything launched on the stream has been done.
void stream_sync(stream_t stream);

// 256-byte aligned on a GPU; contents are undefined.
void* device_alloc(size_t bytes);
void device_free(void* memory) noexcept;
void device_clear(void* memory, size_t bytes, stream_t stream);

// Host memory that the device reads and writes in place, at host_on_device(memory).
void* host_alloc(size_t bytes);
void host_free(void* memory) noexcept;
void* host_on_device(void* memory);

// Waits until a word of such memory has the value that a kernel of the stream writes by store_release_system; not for the
// stream.
void wait_for_word(const unsigned* word, unsigned value, stream_t stream);

// In order with the stream's kernels, from host_alloc's memory, which must stay until the copy has been done.
void copy_to_device_later(void* device, const void* host, size_t bytes, stream_t stream);

// The launches that `make` makes on the stream, kept instead of made; launched as one.
struct Graph;
using graph_t = Graph*;
graph_t capture(stream_t stream, const std::function<void()>& make);
void graph_launch(graph_t graph, stream_t stream);
void graph_destroy(graph_t graph) noexcept;

// In order with the stream's kernels; done when they return.
void copy_to_device(void* device, const void* host, size_t bytes, stream_t stream);
void copy_to_host(void* host, const void* device, size_t bytes, stream_t stream);

}  // namespace genarm::cuda
