// cuda/runtime.h on the host: device memory is malloc'ed at its exact size, so that AddressSanitizer guards it.
#include "cuda/runtime.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "error.h"
#include "simt/simt.h"

namespace {
bool device_is_lost = false;
}

void simt::set_device_lost(bool lost) { device_is_lost = lost; }

namespace genarm::cuda {
namespace {

void require_device(const char* what) {
  if (device_is_lost) fail(GA_DEVICE_ERROR, "%s: the device is lost", what);
}

}  // namespace

int device_count() { return 1; }

void device_use(int) {}

DeviceBytes device_memory() { return {int64_t(1) << 30, int64_t(1) << 30}; }

int device_processors() { return 4; }

std::string device_select(int index) {
  if (index != 0) fail(GA_DEVICE_ERROR, "device cuda:%d: the host executor is cuda:0 alone", index);
  return "the host executor";
}

stream_t stream_create() { return simt::stream_create(); }
void stream_destroy(stream_t stream) noexcept { simt::stream_destroy(stream); }
void stream_sync(stream_t stream) {
  require_device("stream_sync");
  simt::stream_sync(stream);
}

void* device_alloc(size_t bytes) {
  require_device("device_alloc");
  void* memory = malloc(bytes);
  if (!memory) fail(GA_OUT_OF_MEMORY, "%zu bytes of device memory", bytes);
  return memory;
}

void device_free(void* memory) noexcept { free(memory); }

void device_clear(void* memory, size_t bytes, stream_t stream) {
  stream_sync(stream);
  if (bytes) memset(memory, 0, bytes);
}

void* host_alloc(size_t bytes) { return device_alloc(bytes); }
void host_free(void* memory) noexcept { free(memory); }
void* host_on_device(void* memory) { return memory; }

// Nothing runs beside the host here: what was launched runs now, and no more of it than writes the word.
void wait_for_word(const unsigned* word, unsigned value, stream_t stream) {
  require_device("the step");
  while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value && simt::stream_do_next(stream)) {
  }
  if (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value) return;
  simt::stream_sync(stream);
  if (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value) fail(GA_DEVICE_ERROR, "the step has ended without its tokens");
}

void copy_to_device_later(void* device, const void* host, size_t bytes, stream_t stream) {
  require_device("copy to the device");
  simt::stream_later(stream, [=] { copy_to_device(device, host, bytes, stream); });
}

struct Graph {
  std::vector<simt::RecordedLaunch> launches;
};

graph_t capture(stream_t stream, const std::function<void()>& make) {
  require_device("capture");
  auto graph = std::make_unique<Graph>();
  simt::stream_record(stream, &graph->launches);
  try {
    make();
  } catch (...) {
    simt::stream_record(stream, nullptr);
    throw;
  }
  simt::stream_record(stream, nullptr);
  return graph.release();
}

// The first kernel of a graph follows whatever came before it: programmatic launches overlap within a graph.
void graph_launch(graph_t graph, stream_t stream) {
  require_device("graph_launch");
  simt::stream_later(stream, [=] {
    bool first = true;
    for (const simt::RecordedLaunch& each : graph->launches) {
      simt::LaunchShape shape = each.shape;
      shape.overlaps = shape.overlaps && !first;
      first = false;
      simt::stream_launch(stream, shape, each.kernel);
    }
  });
}

void graph_destroy(graph_t graph) noexcept { delete graph; }

void copy_to_device(void* device, const void* host, size_t bytes, stream_t stream) {
  stream_sync(stream);
  if (bytes) memcpy(device, host, bytes);
}

void copy_to_host(void* host, const void* device, size_t bytes, stream_t stream) {
  stream_sync(stream);
  if (bytes) memcpy(host, device, bytes);
}

}  // namespace genarm::cuda
