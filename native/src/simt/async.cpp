// Copies that land later: cp.async (by the thread that issued them) and bulk copies (by an agent of their own).
#include <cstring>

#include "simt/engine.h"

namespace simt {
namespace {

// The 64 bits of an mbarrier: [phase 1][unused 1][bytes still expected, signed 22][arrivals of a phase 20][pending 20].
struct Mbarrier {
  int pending, count, bytes, phase;
};

Mbarrier decode(uint64_t bits) {
  return {int(bits & 0xfffff), int(bits >> 20 & 0xfffff), int(int64_t(bits << 2) >> 42), int(bits >> 63)};
}

uint64_t encode(const Mbarrier& b) {
  return uint64_t(b.pending) | uint64_t(b.count) << 20 | (uint64_t(b.bytes) & 0x3fffff) << 40 | uint64_t(b.phase) << 63;
}

void* order_mark(uint64_t* barrier, int phase) { return reinterpret_cast<char*>(barrier) + phase; }

void store(Block& block, uint64_t* address, Mbarrier barrier) {
  const Unwatched unwatched;
  Engine& e = engine();
  if (barrier.pending == 0 && barrier.bytes == 0) {
    barrier.phase ^= 1;
    barrier.pending = barrier.count;
    for (Thread* thread : block.team->threads)
      if (thread->block == &block && thread->waits == Waits::mbarrier && thread->address == address) e.make_ready(*thread);
    e.idle_yields = 0;
  }
  *address = encode(barrier);
}

void check_initialised(const Block& block, const uint64_t* barrier, const char* what, const char* file, int line) {
  for (const uint64_t* known : block.mbarriers)
    if (known == barrier) return;
  fault("%s at %s:%d: the mbarrier has not been initialised", what, file, line);
}

void check_copy(const char* what, const void* to, const void* from, int bytes, const char* file, int line) {
  const auto misplaced = (reinterpret_cast<uintptr_t>(to) | reinterpret_cast<uintptr_t>(from)) % uintptr_t(bytes);
  if (misplaced) fault("%s at %s:%d: %d bytes from %p to %p, which are misaligned", what, file, line, bytes, from, to);
}

}  // namespace

bool copy_issue(PendingCopy& copy, void* to, const void* from, int bytes, int valid, const char* file, int line) {
  const Unwatched unwatched;
  Thread& me = engine().current();
  if (bytes != 4 && bytes != 8 && bytes != 16) fault("cp.async at %s:%d: %d bytes, expected 4, 8 or 16", file, line, bytes);
  if (valid < 0 || valid > bytes) fault("cp.async at %s:%d: %d of %d bytes", file, line, valid, bytes);
  check_copy("cp.async", to, from, bytes, file, line);
  if (!is_shared(to, size_t(bytes)))
    fault("cp.async at %s:%d: %d bytes to %p, which is not shared memory", file, line, bytes, to);
  copy.to = to;
  copy.bytes = bytes;
  if (lands_at_once()) return true;
  me.copies.push_back({copy, from, valid, me.group, file, line});
  return false;
}

void copy_commit() { ++engine().current().group; }

bool copy_next(PendingCopy& copy, int keep) {
  const Unwatched unwatched;
  Thread& me = engine().current();
  if (me.copies.empty() || me.copies.front().group >= me.group - keep) return false;
  const AsyncCopy& first = me.copies.front();
  if (memcmp(first.copy.data, first.from, size_t(first.valid)) != 0)
    fault("the source of the cp.async of %s:%d has changed before it was waited for", first.file, first.line);
  copy = first.copy;
  me.copies.erase(me.copies.begin());
  return true;
}

void mbarrier_init(uint64_t* barrier, int count, const char* file, int line) {
  const Unwatched unwatched;
  Block& block = *engine().current().block;
  if (!is_shared(barrier, 8)) fault("mbarrier.init at %s:%d: not shared memory", file, line);
  if (count < 1 || count > 0xfffff) fault("mbarrier.init at %s:%d: %d arrivals", file, line, count);
  block.mbarriers.push_back(barrier);
  *barrier = encode({count, count, 0, 0});
}

void mbarrier_arrive(uint64_t* barrier, int expect_bytes, const char* file, int line) {
  const Unwatched unwatched;
  Block& block = *engine().current().block;
  check_initialised(block, barrier, "mbarrier.arrive", file, line);
  Mbarrier b = decode(*barrier);
  if (b.pending == 0) fault("mbarrier.arrive at %s:%d: more than the %d arrivals of a phase", file, line, b.count);
  order_release(order_mark(barrier, b.phase));
  b.bytes += expect_bytes;
  --b.pending;
  store(block, barrier, b);
}

void mbarrier_wait(uint64_t* barrier, int parity, const char* file, int line) {
  Engine& e = engine();
  Thread& me = e.current();
  check_initialised(*me.block, barrier, "mbarrier.try_wait", file, line);
  for (;;) {
    {
      const Unwatched unwatched;
      if (decode(*barrier).phase != parity) break;
    }
    me.address = barrier;
    e.wait(Waits::mbarrier, "mbarrier.try_wait", file, line);
  }
  order_acquire(order_mark(barrier, parity));
}

void bulk_copy(void* to, const void* from, int bytes, uint64_t* barrier, const char* file, int line) {
  Engine& e = engine();
  Block& block = *e.current().block;
  const Unwatched unwatched;
  check_initialised(block, barrier, "cp.async.bulk", file, line);
  if (bytes <= 0 || bytes % 16) fault("cp.async.bulk at %s:%d: %d bytes, expected a multiple of 16", file, line, bytes);
  check_copy("cp.async.bulk", to, from, 16, file, line);
  if (!is_shared(to, size_t(bytes)))
    fault("cp.async.bulk at %s:%d: %d bytes to %p, which is not shared memory", file, line, bytes, to);
  if (const void* bad = first_poisoned(from, size_t(bytes)))
    fault("cp.async.bulk at %s:%d: %d bytes from %p, of which %p may not be read", file, line, bytes, from, bad);
  BulkCopy copy{&block, to, from, bytes, barrier, {}, std::make_unique<uint64_t>(), file, line};
  auto* source = static_cast<const unsigned char*>(from);
  copy.snapshot.assign(source, source + bytes);
  order_release(copy.order.get());
  e.team->bulk.push_back(std::move(copy));
  if (lands_at_once()) e.land_bulk_copy(true);
}

bool Engine::land_bulk_copy(bool newest) {
  const Unwatched unwatched;
  if (team->bulk.empty()) return false;
  const size_t i = newest ? team->bulk.size() - 1 : random.below(uint32_t(team->bulk.size()));
  const BulkCopy& chosen = team->bulk[i];
  if (memcmp(chosen.snapshot.data(), chosen.from, size_t(chosen.bytes)) != 0) {
    if (self) fault("the source of the cp.async.bulk of %s:%d has changed before it landed", chosen.file, chosen.line);
    error = "the source of the cp.async.bulk of " + std::string(chosen.file) + ":" + std::to_string(chosen.line) +
            " has changed before it landed";
    return true;
  }
  BulkCopy copy = std::move(team->bulk[i]);
  team->bulk.erase(team->bulk.begin() + long(i));
  if (!agent) agent = std::make_unique<Agent>();
  agent->copy(copy.to, copy.from, size_t(copy.bytes), copy.order.get());
  Mbarrier barrier = decode(*copy.barrier);
  agent->release(order_mark(copy.barrier, barrier.phase));
  barrier.bytes -= copy.bytes;
  store(*copy.block, copy.barrier, barrier);
  return true;
}

}  // namespace simt
