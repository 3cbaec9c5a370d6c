// The executor's own state. Everything here is used by one OS thread and by its fibers.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "simt/fiber.h"
#include "simt/simt.h"

namespace simt {

constexpr int kMaxWarps = 512;  // of a team
constexpr int kNumBarriers = 16;
constexpr size_t kArenaBytes = 256 << 10;
constexpr size_t kMaxSharedBytes = 99 << 10;  // of sm_86, sm_89 and sm_120; sm_80 and sm_90 have more
constexpr size_t kSharedBytesOfAll = 48 << 10;
constexpr size_t kMaxStaticSharedBytes = 48 << 10;
constexpr int kMaxIdleYields = 2'000'000;

struct Random {
  uint64_t state;
  uint32_t next() {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const uint64_t mixed = (state ^ state >> 29) * 0xbf58476d1ce4e5b9u;
    return uint32_t(mixed >> 32);
  }
  uint32_t below(uint32_t n) { return uint32_t(uint64_t(next()) * n >> 32); }
};

struct Block;
struct Team;
struct Launch;
struct Thread;

struct AsyncCopy {
  PendingCopy copy;
  const void* from;
  int valid;
  int group;
  const char* file;
  int line;
};

enum class Waits { nothing, barrier, collective, grid, mbarrier, exited };

struct Thread : ThreadView {
  Fiber fiber;
  Block* block = nullptr;
  int warp = 0;  // of the team
  Waits waits = Waits::nothing;
  // Where it waits.
  const char* what = "";
  const char* file = "";
  int line = 0;
  const Collective* op = nullptr;
  uint32_t mask = 0;
  Lane operands = {};
  const void* address = nullptr;
  // Memory order.
  bool fenced = false;
  void* last_atomic = nullptr;
  // cp.async.
  std::vector<AsyncCopy> copies;
  int group = 0;
};

struct Warp {
  uint32_t exists = 0, ready = 0, exited = 0, collecting = 0;
  int rank = 0;
  Thread* lanes[32] = {};
  uint64_t order_marks[2] = {};
  int round = 0;
};

struct Barrier {
  int arrived = 0, expected = 0;
  bool whole_block = false;
  int generation = 0;
  const char* what = "";
  const char* file = "";
  int line = 0;
  uint32_t waiting[32] = {};  // by warp of the block
};

// Shared memory of a block: [order marks of the barriers][slots between red zones].
struct Arena {
  struct Entry {
    const Slot* slot;
    char* data;
    size_t bytes;
  };
  char* memory = nullptr;
  size_t used = 0;         // of the arena
  size_t static_bytes = 0;
  char* dynamic = nullptr;
  size_t dynamic_bytes = 0;
  bool asked = false;  // LaunchShape::asks_for_shared
  std::vector<Entry> entries;

  void open(const LaunchShape& shape);
  void close();    // checks the red zones
  void release();  // does not
  char* allocate(const Slot* slot, size_t bytes, size_t alignment);
  void* order_mark(int barrier, int generation) { return memory + 16 * barrier + 8 * (generation & 1); }
};

struct Block {
  Team* team = nullptr;
  uint3 index = {};
  int num_threads = 0, num_exited = 0;
  int first_warp = 0, num_warps = 0;
  Arena arena;
  Barrier barriers[kNumBarriers];
  bool waited_for_grid = false;
  std::vector<const uint64_t*> mbarriers;
};

struct BulkCopy {
  Block* block;
  void* to;
  const void* from;
  int bytes;
  uint64_t* barrier;
  std::vector<unsigned char> snapshot;
  std::unique_ptr<uint64_t> order;
  const char* file;
  int line;
};

// Blocks that are resident at the same time.
struct Team {
  Launch* launch = nullptr;
  std::vector<std::unique_ptr<Block>> blocks;
  std::vector<Thread*> threads;
  std::vector<Warp> warps;
  std::vector<int> warp_of_rank;
  uint64_t ready_ranks[kMaxWarps / 64] = {};
  int num_exited = 0, num_at_grid = 0;
  std::vector<BulkCopy> bulk;
};

struct Launch {
  LaunchShape shape;
  std::function<void()> kernel;
  std::vector<uint32_t> block_order;
  size_t next_block = 0;
  std::unique_ptr<Team> early;  // stands at its grid_wait
  bool begun = false, previous_done = true;
  std::shared_ptr<uint64_t> previous_end;  // order marks
  std::shared_ptr<uint64_t> begin = std::make_shared<uint64_t>(), end = std::make_shared<uint64_t>();
};

struct Engine {
  uint64_t seed = 0;
  Random random{1};
  Fiber host;
  bool adopted = false;
  Team* team = nullptr;  // running
  std::deque<Thread*> free_threads;
  std::vector<std::unique_ptr<Thread>> all_threads;
  std::vector<char*> free_arenas;
  std::unique_ptr<Agent> agent;
  std::string error;
  int idle_yields = 0;

  // run.cpp
  std::unique_ptr<Team> assemble(Launch& launch, int num_blocks);
  bool run(Team& team);  // until all threads have exited (true) or those left stand at grid_wait
  void disband(Team& team, bool abandoned);

  // schedule.cpp
  Thread& current() { return *static_cast<Thread*>(self); }
  void make_ready(Thread& thread);
  Thread* pick(bool any_warp);
  void leave();  // the running thread waits: runs another, returns when this one is ready again
  void wait(Waits reason, const char* what, const char* file, int line);
  std::string where_everybody_waits();
  bool land_bulk_copy(bool newest = false);  // one of the running team; false where there is none
  void maybe_land_bulk_copy(bool spinning);
  void open_grid(Team& team);  // the previous kernel is done
};

Engine& engine();
// The seed's choice for one asynchronous copy.
bool lands_at_once();

}  // namespace simt
