// Shared memory of a block: every declaration between red zones, filled with what uninitialised memory may hold.
#include <sys/mman.h>

#include <cstring>
#include <new>

#include "simt/engine.h"

namespace simt {
namespace {

constexpr size_t kRedZone = 128;
constexpr unsigned char kCanary = 0xca;

char* map_arena() {
  void* memory = mmap(nullptr, kArenaBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return static_cast<char*>(memory);
}

const char* name_of(const Arena::Entry& entry) { return entry.slot ? entry.slot->name : "dynamic shared memory"; }

bool intact(const char* zone) {
  for (size_t i = 0; i < kRedZone; ++i)
    if (static_cast<unsigned char>(zone[i]) != kCanary) return false;
  return true;
}

}  // namespace

// Under ThreadSanitizer every block's memory is fresh: reused, it would carry one block's accesses into the next.
void Arena::open(const LaunchShape& shape) {
  Engine& e = engine();
  if (kThreadSanitizer || e.free_arenas.empty()) {
    memory = map_arena();
  } else {
    memory = e.free_arenas.back();
    e.free_arenas.pop_back();
  }
  used = 16 * kNumBarriers;
  poison_memory(memory + used, kArenaBytes - used);
  dynamic_bytes = shape.shared_bytes;
  asked = shape.asks_for_shared;
  if (dynamic_bytes) dynamic = allocate(nullptr, dynamic_bytes, 16);
}

void Arena::close() {
  if (!kAddressSanitizer)
    for (const Entry& entry : entries)
      if (!intact(entry.data - kRedZone) || !intact(entry.data + entry.bytes))
        fault("memory just outside %s, %zu bytes of shared memory, has been overwritten", name_of(entry), entry.bytes);
  release();
}

void Arena::release() {
  if (!memory) return;
  unpoison_memory(memory, kArenaBytes);
  if (kThreadSanitizer)
    munmap(memory, kArenaBytes);
  else
    engine().free_arenas.push_back(memory);
  memory = nullptr;
  entries.clear();
}

char* Arena::allocate(const Slot* slot, size_t bytes, size_t alignment) {
  const Unwatched unwatched;
  const size_t align = alignment < 16 ? 16 : alignment;
  size_t start = used + kRedZone + 16 * engine().random.below(8);
  start = (start + align - 1) / align * align;
  if (slot) static_bytes += bytes;
  if (static_bytes > kMaxStaticSharedBytes)
    fault("%zu bytes of SMEM, a block has at most %zu: use SMEM_DYN", static_bytes, kMaxStaticSharedBytes);
  if (static_bytes + dynamic_bytes > kMaxSharedBytes || start + bytes + kRedZone > kArenaBytes)
    fault("%zu bytes of shared memory, a block has at most %zu", static_bytes + dynamic_bytes, kMaxSharedBytes);
  if (!asked && static_bytes + dynamic_bytes > kSharedBytesOfAll)
    fault("%zu bytes of shared memory, the launch asks for no more than %zu", static_bytes + dynamic_bytes, kSharedBytesOfAll);
  char* data = memory + start;
  used = start + bytes;
  unpoison_memory(data, bytes);
  if (!kAddressSanitizer) {
    memset(data - kRedZone, kCanary, kRedZone);
    memset(data + bytes, kCanary, kRedZone);
  }
  memset(data, poison_byte(), bytes);
  entries.push_back({slot, data, bytes});
  return data;
}

void* shared(const Slot& slot, size_t bytes, size_t alignment, const char*, int) {
  Arena& arena = engine().current().block->arena;
  for (const Arena::Entry& entry : arena.entries)
    if (entry.slot == &slot) return entry.data;
  return arena.allocate(&slot, bytes, alignment);
}

void* shared_dynamic(const char* file, int line) {
  Arena& arena = engine().current().block->arena;
  if (!arena.dynamic) fault("SMEM_DYN at %s:%d, but the launch gives no dynamic shared memory", file, line);
  return arena.dynamic;
}

bool is_shared(const void* address, size_t bytes) {
  const Arena& arena = engine().current().block->arena;
  const char* first = static_cast<const char*>(address);
  for (const Arena::Entry& entry : arena.entries)
    if (first >= entry.data && first + bytes <= entry.data + entry.bytes) return true;
  return false;
}

}  // namespace simt
