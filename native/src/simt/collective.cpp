// What the lanes of a warp do together, and the barriers of a block.
#include <cstring>

#include "simt/engine.h"

namespace simt {
namespace {

bool same_place(const char* file_a, int line_a, const char* file_b, int line_b) {
  return line_a == line_b && (file_a == file_b || strcmp(file_a, file_b) == 0);
}

void check_mask(const Collective& op, const Warp& warp, const Thread& me, uint32_t mask, const char* file, int line) {
  if (!(mask >> me.lane & 1)) fault("%s at %s:%d: lane %d is not in its own mask %08x", op.name, file, line, me.lane, mask);
  if (mask & ~warp.exists)
    fault("%s at %s:%d: lanes %08x of the mask do not exist", op.name, file, line, mask & ~warp.exists);
  if (mask & warp.exited) fault("%s at %s:%d: lanes %08x of the mask have exited", op.name, file, line, mask & warp.exited);
  if (op.whole_warp && mask != 0xffffffffu)
    fault("%s at %s:%d: mask %08x, all 32 lanes must take part", op.name, file, line, mask);
  for (uint32_t left = warp.collecting; left; left &= left - 1) {
    const Thread& other = *warp.lanes[__builtin_ctz(left)];
    if (!(mask >> other.lane & 1) && !(other.mask >> me.lane & 1)) continue;
    if (other.op != &op || other.mask != mask || !same_place(other.file, other.line, file, line))
      fault("divergent warp: %s mask %08x at %s:%d, while lane %d waits in %s mask %08x at %s:%d", op.name, mask, file, line,
            other.lane, other.what, other.mask, other.file, other.line);
  }
}

}  // namespace

void collective(const Collective& op, uint32_t mask, const void* in, void* out, const char* file, int line) {
  Engine& e = engine();
  Thread& me = e.current();
  Warp& warp = e.team->warps[size_t(me.warp)];
  check_mask(op, warp, me, mask, file, line);
  void* order = op.orders ? &warp.order_marks[warp.round & 1] : nullptr;
  if (order) {
    me.fenced = false;
    order_release(order);
  }
  me.op = &op;
  me.mask = mask;
  me.operands = {in, out};
  warp.collecting |= 1u << me.lane;
  if ((warp.collecting & mask) != mask) {
    e.wait(Waits::collective, op.name, file, line);
  } else {
    Lane lanes[32] = {};
    {
      const Unwatched unwatched;
      for (int lane = 0; lane < 32; ++lane)
        if (mask >> lane & 1) lanes[lane] = warp.lanes[lane]->operands;
      op.run(lanes, mask);
    }
    warp.collecting &= ~mask;
    warp.round += op.orders;
    for (int lane = 0; lane < 32; ++lane)
      if (mask >> lane & 1 && lane != me.lane) e.make_ready(*warp.lanes[lane]);
    e.idle_yields = 0;
    e.leave();
  }
  if (order) order_acquire(order);
}

void barrier(int id, int count, bool wait, const char* what, const char* file, int line) {
  Engine& e = engine();
  Thread& me = e.current();
  Block& block = *me.block;
  if (id < 0 || id >= kNumBarriers) fault("%s at %s:%d: barrier %d, there are %d", what, file, line, id, kNumBarriers);
  Barrier& barrier = block.barriers[id];
  const int expected = count ? count : block.num_threads;
  if (count && (count < 0 || count % 32 || count > block.num_threads))
    fault("%s at %s:%d: %d threads, expected a multiple of 32 up to %d", what, file, line, count, block.num_threads);
  if (!count && block.num_exited)
    fault("%s at %s:%d: %d threads of the block have exited", what, file, line, block.num_exited);
  if (!barrier.arrived) {
    barrier.expected = expected;
    barrier.whole_block = !count;
    barrier.what = what;
    barrier.file = file;
    barrier.line = line;
  } else if (barrier.expected != expected) {
    fault("%s at %s:%d: barrier %d for %d threads, but %s at %s:%d for %d", what, file, line, id, expected, barrier.what,
          barrier.file, barrier.line, barrier.expected);
  } else if (!count && !same_place(barrier.file, barrier.line, file, line)) {
    fault("two barriers meet: %s at %s:%d, %s at %s:%d", what, file, line, barrier.what, barrier.file, barrier.line);
  }

  // Two marks by turns: the threads of the next round must not be seen by those slow to leave this one.
  void* mark = block.arena.order_mark(id, barrier.generation);
  me.fenced = false;
  order_release(mark);
  if (++barrier.arrived < expected) {
    if (!wait) return;
    barrier.waiting[me.warp - block.first_warp] |= 1u << me.lane;
    e.wait(Waits::barrier, what, file, line);
    order_acquire(mark);
    return;
  }
  barrier.arrived = 0;
  ++barrier.generation;
  e.idle_yields = 0;
  for (int w = 0; w < block.num_warps; ++w) {
    const Warp& warp = e.team->warps[size_t(block.first_warp + w)];
    for (uint32_t left = barrier.waiting[w]; left; left &= left - 1) e.make_ready(*warp.lanes[__builtin_ctz(left)]);
    barrier.waiting[w] = 0;
  }
  if (!wait) return;
  e.leave();
  order_acquire(mark);
}

void fence() {
  Thread& me = engine().current();
  me.fenced = true;
  if (me.last_atomic) order_acquire(me.last_atomic);
  me.last_atomic = nullptr;
}

void atomic_begins(void* address) {
  Thread& me = engine().current();
  if (me.fenced) order_release(address);
  me.fenced = false;
  engine().idle_yields = 0;
}

void atomic_ends(void* address) { engine().current().last_atomic = address; }

}  // namespace simt
