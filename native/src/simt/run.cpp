// A team of resident blocks: put together, run to its end, taken apart.
#include <algorithm>

#include "simt/engine.h"

namespace simt {
namespace {

void begin_thread() {
  Thread& me = engine().current();
  Launch& launch = *me.block->team->launch;
  order_acquire(launch.begin.get());
  if (!launch.shape.overlaps && launch.previous_end) order_acquire(launch.previous_end.get());
}

void check_block_end(Thread& me) {
  Block& block = *me.block;
  if (block.team->launch->shape.overlaps && !block.waited_for_grid)
    fault("the block has ended without grid_wait: kernels after it no longer wait for those before it");
  for (const BulkCopy& bulk : block.team->bulk)
    if (bulk.block == &block) fault("the block has ended; the bulk copy of %s:%d is in flight", bulk.file, bulk.line);
  block.arena.close();
}

void end_thread() {
  Engine& e = engine();
  Thread& me = e.current();
  Block& block = *me.block;
  Warp& warp = e.team->warps[size_t(me.warp)];
  if (!me.copies.empty())
    fault("exits while an asynchronous copy of %s:%d is in flight", me.copies[0].file, me.copies[0].line);
  order_release(block.team->launch->end.get());

  for (int lane = 0; lane < 32; ++lane) {
    const Thread* other = warp.lanes[lane];
    if (warp.collecting >> lane & 1 && other->mask >> me.lane & 1)
      fault("exits while lane %d waits for it in %s (%s:%d)", lane, other->what, other->file, other->line);
  }
  for (const Barrier& barrier : block.barriers)
    if (barrier.arrived && barrier.whole_block)
      fault("exits while %d threads wait at %s (%s:%d)", barrier.arrived, barrier.what, barrier.file, barrier.line);

  warp.exited |= 1u << me.lane;
  if (++block.num_exited == block.num_threads) check_block_end(me);
  ++e.team->num_exited;
  e.idle_yields = 0;
  e.wait(Waits::exited, "exit", "", 0);
}

void thread_main() {
  Fiber::entered();
  for (;;) {
    begin_thread();
    engine().current().block->team->launch->kernel();
    end_thread();
  }
}

Thread* take_thread(Engine& e) {
  Thread* thread = e.free_threads.front();
  e.free_threads.pop_front();
  return thread;
}

// First in, first out, and under ThreadSanitizer twice as many as a team needs: a thread that ran in the block before
// would be ordered after it, and hide a race between the two.
void fill_pool(Engine& e, size_t num_threads) {
  const size_t wanted = kThreadSanitizer ? 2 * num_threads : num_threads;
  while (e.free_threads.size() < wanted) {
    e.all_threads.push_back(std::make_unique<Thread>());
    e.all_threads.back()->fiber.create(thread_main);
    e.free_threads.push_back(e.all_threads.back().get());
  }
}

void place_thread(Engine& e, Team& team, Block& block, int i) {
  const LaunchShape& shape = team.launch->shape;
  Thread& thread = *take_thread(e);
  const unsigned n = unsigned(i), x = shape.block.x, y = shape.block.y;
  thread.thread_index = {n % x, n / x % y, n / (x * y)};
  thread.block_index = block.index;
  thread.block_size = shape.block;
  thread.grid_size = shape.grid;
  thread.block = &block;
  thread.warp = block.first_warp + i / 32;
  thread.lane = i % 32;
  thread.waits = Waits::nothing;
  thread.fenced = false;
  thread.last_atomic = nullptr;
  thread.group = 0;
  Warp& warp = team.warps[size_t(thread.warp)];
  warp.exists |= 1u << thread.lane;
  warp.lanes[thread.lane] = &thread;
  team.threads.push_back(&thread);
  e.make_ready(thread);
}

}  // namespace

std::unique_ptr<Team> Engine::assemble(Launch& launch, int num_blocks) {
  const Unwatched unwatched;
  auto t = std::make_unique<Team>();
  t->launch = &launch;
  const dim3 grid = launch.shape.grid, size = launch.shape.block;
  const int num_threads = int(size.x * size.y * size.z), num_warps = (num_threads + 31) / 32;
  fill_pool(*this, size_t(num_blocks) * size_t(num_threads));
  t->warps.resize(size_t(num_blocks * num_warps));
  for (int i = 0; i < int(t->warps.size()); ++i) t->warp_of_rank.push_back(i);
  for (size_t i = t->warps.size(); i > 1; --i) std::swap(t->warp_of_rank[i - 1], t->warp_of_rank[random.below(uint32_t(i))]);
  for (size_t i = 0; i < t->warps.size(); ++i) t->warps[size_t(t->warp_of_rank[i])].rank = int(i);

  for (int b = 0; b < num_blocks; ++b) {
    const uint32_t n = launch.block_order[launch.next_block++];
    t->blocks.push_back(std::make_unique<Block>());
    Block& block = *t->blocks.back();
    block.team = t.get();
    block.index = {n % grid.x, n / grid.x % grid.y, n / (grid.x * grid.y)};
    block.num_threads = num_threads;
    block.first_warp = b * num_warps;
    block.num_warps = num_warps;
    block.arena.open(launch.shape);
    for (int i = 0; i < num_threads; ++i) place_thread(*this, *t, block, i);
  }
  return t;
}

bool Engine::run(Team& t) {
  const Unwatched unwatched;
  team = &t;
  idle_yields = 0;
  bool done = false;
  for (;;) {
    if (Thread* next = pick(false)) {
      self = next;
      next->fiber.switch_from(host);
      self = nullptr;
      if (!error.empty()) break;
      continue;
    }
    done = t.num_exited == int(t.threads.size());
    if (done) break;
    if (land_bulk_copy()) {
      if (!error.empty()) break;
      continue;
    }
    if (t.num_at_grid) break;
    error = "kernel of " + std::string(t.launch->shape.file) + ":" + std::to_string(t.launch->shape.line) +
            ", deadlock: " + where_everybody_waits();
    break;
  }
  team = nullptr;
  return done;
}

void Engine::disband(Team& t, bool abandoned) {
  const Unwatched unwatched;
  for (Thread* thread : t.threads) {
    if (thread->waits != Waits::exited) thread->fiber.restart(t.launch->end.get());
    thread->copies.clear();
    thread->block = nullptr;
    free_threads.push_back(thread);
  }
  if (abandoned)
    for (auto& block : t.blocks) block->arena.release();
}

}  // namespace simt
