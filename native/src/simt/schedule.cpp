// Who runs next, who waits for what, and what is said when nobody can run.
#include <cstdarg>
#include <cstdio>
#include <map>

#include "simt/engine.h"

namespace simt {

ThreadView* self = nullptr;

Engine& engine() {
  static Engine* const the_engine = new Engine;  // never freed: kernels have read it, which nothing orders before exit
  return *the_engine;
}

void set_seed(uint64_t seed) {
  Engine& e = engine();
  e.seed = seed;
  e.random.state = seed * 0x9e3779b97f4a7c15u + 1;
}

unsigned char poison_byte() { return engine().seed & 2 ? 0x7f : 0xff; }

bool lands_at_once() {
  Engine& e = engine();
  const uint64_t mode = e.seed % 3;
  return mode == 1 || (mode == 2 && e.random.below(2));
}

void fault(const char* format, ...) {
  const Unwatched unwatched;
  // Static: a fiber that is left behind frees nothing.
  static char text[2048];
  int used = 0;
  if (self) {
    const Thread& me = engine().current();
    const LaunchShape& shape = me.block->team->launch->shape;
    used = snprintf(text, sizeof text, "kernel of %s:%d, block (%u,%u,%u) thread (%u,%u,%u): ", shape.file, shape.line,
                    me.block_index.x, me.block_index.y, me.block_index.z, me.thread_index.x, me.thread_index.y,
                    me.thread_index.z);
  }
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text + used, sizeof text - size_t(used), format, arguments);
  va_end(arguments);
  Engine& e = engine();
  if (!self) throw Fault(text);
  e.error = text;
  Thread& me = e.current();
  self = nullptr;
  e.host.switch_from(me.fiber);
  __builtin_unreachable();
}

void Engine::make_ready(Thread& thread) {
  Team& its_team = *thread.block->team;
  Warp& warp = its_team.warps[size_t(thread.warp)];
  thread.waits = Waits::nothing;
  warp.ready |= 1u << thread.lane;
  its_team.ready_ranks[warp.rank / 64] |= uint64_t(1) << warp.rank % 64;
}

// Odd seeds let the best warp run on, which spreads warps as far apart as they can be; any_warp overrides that,
// or a spinning warp would keep the one that it waits for from running.
Thread* Engine::pick(bool any_warp) {
  Team& t = *team;
  const int num_words = (int(t.warps.size()) + 63) / 64;
  int word = 0, shift = 0;
  if (any_warp || !(seed & 1)) {
    const uint32_t start = random.below(uint32_t(t.warps.size()));
    word = int(start / 64);
    shift = int(start % 64);
  }
  for (int tried = 0; tried <= num_words; ++tried, word = (word + 1) % num_words, shift = 0) {
    const uint64_t ranks = t.ready_ranks[word] >> shift << shift;
    if (!ranks) continue;
    Warp& warp = t.warps[size_t(t.warp_of_rank[size_t(word * 64 + __builtin_ctzll(ranks))])];
    const uint32_t turn = random.next() & 31;
    const uint32_t turned = warp.ready >> turn | warp.ready << (-turn & 31);
    return warp.lanes[(uint32_t(__builtin_ctz(turned)) + turn) & 31];
  }
  return nullptr;
}

// Where copies land late, they do when nobody can run (Engine::run) or somebody spins.
void Engine::maybe_land_bulk_copy(bool spinning) {
  if (team->bulk.empty()) return;
  if (seed % 3 == 2 ? random.below(4) == 0 : spinning && random.below(64) == 0) land_bulk_copy();
}

void Engine::leave() {
  Thread& me = current();
  Thread* next = pick(false);
  if (next == &me) return;
  self = next;
  (next ? next->fiber : host).switch_from(me.fiber);
}

void Engine::wait(Waits reason, const char* what, const char* file, int line) {
  Thread& me = current();
  Warp& warp = team->warps[size_t(me.warp)];
  me.waits = reason;
  me.what = what;
  me.file = file;
  me.line = line;
  warp.ready &= ~(1u << me.lane);
  if (!warp.ready) team->ready_ranks[warp.rank / 64] &= ~(uint64_t(1) << warp.rank % 64);
  maybe_land_bulk_copy(false);
  leave();
}

void yield(bool spinning, const char* file, int line) {
  Engine& e = engine();
  Thread& me = e.current();
  e.maybe_land_bulk_copy(spinning);
  if (spinning && ++e.idle_yields > kMaxIdleYields) {
    e.error = e.where_everybody_waits();  // in the engine: a fiber that is left behind frees nothing
    fault("no progress: %d turns of spinning, here at %s:%d; %s", kMaxIdleYields, file, line, e.error.c_str());
  }
  Thread* next = e.pick(spinning);
  if (next == &me) return;
  self = next;
  next->fiber.switch_from(me.fiber);
}

void maybe_yield(const char* file, int line) {
  if (engine().random.below(4) == 0) yield(false, file, line);
}

std::string Engine::where_everybody_waits() {
  std::map<std::string, int> places;
  for (const Thread* thread : team->threads) {
    if (thread->waits == Waits::exited) continue;
    std::string place = "running";
    if (thread->waits != Waits::nothing)
      place = std::string(thread->what) + " (" + thread->file + ":" + std::to_string(thread->line) + ")";
    ++places[place];
  }
  std::string text;
  for (const auto& [place, count] : places) text += std::to_string(count) + " in " + place + "; ";
  if (team->num_exited) text += std::to_string(team->num_exited) + " have exited; ";
  return text;
}

void Engine::open_grid(Team& t) {
  for (Thread* thread : t.threads)
    if (thread->waits == Waits::grid) make_ready(*thread);
  t.num_at_grid = 0;
}

}  // namespace simt
