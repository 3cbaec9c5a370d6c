// Launches in order, and as far out of order as programmatic dependent launch lets them be.
#include <algorithm>

#include "simt/engine.h"

namespace simt {
namespace {

constexpr size_t kMaxChain = 3;  // kernels that overlap: one runs, the others stand at their grid_wait

struct Stream {
  std::deque<std::unique_ptr<Launch>> chain;
  std::shared_ptr<uint64_t> last_end;
  std::vector<RecordedLaunch>* record = nullptr;
  std::deque<std::function<void()>> later;
  bool doing = false;  // the first of them
};

Stream& of(CUstream_st* stream) { return *reinterpret_cast<Stream*>(stream); }

uint64_t count(dim3 d) { return uint64_t(d.x) * d.y * d.z; }

void check_shape(const LaunchShape& shape) {
  const uint64_t threads = count(shape.block), blocks = count(shape.grid);
  if (!threads || threads > 1024 || shape.block.z > 64)
    throw Fault("launch at " + std::string(shape.file) + ":" + std::to_string(shape.line) + ": " + std::to_string(threads) +
                " threads a block, expected 1 to 1024");
  if (!blocks || blocks > 0x7fffffff || shape.grid.y > 65535 || shape.grid.z > 65535)
    throw Fault("launch at " + std::string(shape.file) + ":" + std::to_string(shape.line) + ": grid of " +
                std::to_string(shape.grid.x) + " x " + std::to_string(shape.grid.y) + " x " + std::to_string(shape.grid.z));
  if (shape.shared_bytes > kMaxSharedBytes)
    throw Fault("launch at " + std::string(shape.file) + ":" + std::to_string(shape.line) + ": " +
                std::to_string(shape.shared_bytes) + " bytes of shared memory, a block has at most " +
                std::to_string(kMaxSharedBytes));
  if (shape.cooperative && blocks * ((threads + 31) / 32) > uint64_t(kMaxWarps))
    throw Fault("launch at " + std::string(shape.file) + ":" + std::to_string(shape.line) + ": a cooperative grid of " +
                std::to_string(blocks * ((threads + 31) / 32)) + " warps, the executor holds " + std::to_string(kMaxWarps));
}

void give_up(Stream& stream, std::unique_ptr<Team> running) {
  Engine& e = engine();
  const Unwatched unwatched;
  if (running) e.disband(*running, true);
  for (auto& launch : stream.chain)
    if (launch->early) e.disband(*launch->early, true);
  // The host may free at once what abandoned threads have touched.
  for (auto& launch : stream.chain) {
    if (launch->previous_end) order_acquire(launch->previous_end.get());
    order_acquire(launch->end.get());
  }
  stream.chain.clear();
  const std::string text = std::move(e.error);
  e.error.clear();
  throw Fault(text);
}

// Runs one block (of a cooperative launch all) up to its grid_wait.
void begin_early(Stream& stream, Launch& launch) {
  Engine& e = engine();
  if (launch.begun) return;
  launch.begun = true;
  launch.previous_done = false;
  launch.early = e.assemble(launch, launch.shape.cooperative ? int(launch.block_order.size()) : 1);
  if (e.run(*launch.early)) {
    e.disband(*launch.early, false);
    launch.early.reset();
  } else if (!e.error.empty()) {
    give_up(stream, nullptr);
  }
}

void finish(Stream& stream, Launch& launch, std::unique_ptr<Team> team) {
  Engine& e = engine();
  if (!e.run(*team)) {
    if (e.error.empty()) e.error = "a kernel waits for a grid that is done";
    launch.early.reset();
    give_up(stream, std::move(team));
  }
  e.disband(*team, false);
}

void complete_first(Stream& stream) {
  Engine& e = engine();
  for (size_t i = 1; i < stream.chain.size(); ++i) begin_early(stream, *stream.chain[i]);
  Launch& launch = *stream.chain.front();
  launch.previous_done = true;
  if (launch.early) {
    e.open_grid(*launch.early);
    finish(stream, launch, std::move(launch.early));
  }
  const size_t num_blocks = launch.block_order.size();
  const size_t resident = launch.shape.cooperative ? num_blocks : 1 + e.seed % 3;
  while (launch.next_block < num_blocks)
    finish(stream, launch, e.assemble(launch, int(std::min(resident, num_blocks - launch.next_block))));
  // What it frees its threads have read, and the host has not waited for them.
  const Unwatched unwatched;
  stream.chain.pop_front();
}

}  // namespace

CUstream_st* stream_create() { return reinterpret_cast<CUstream_st*>(new Stream); }

void stream_destroy(CUstream_st* stream) { delete &of(stream); }

void stream_launch(CUstream_st* handle, const LaunchShape& shape, std::function<void()> kernel) {
  if (!handle) throw Fault("launch on the default stream: every launch names its stream");
  Stream& stream = of(handle);
  Engine& e = engine();
  if (!e.adopted) e.host.adopt();
  e.adopted = true;
  check_shape(shape);
  if (stream.record) {
    stream.record->push_back({shape, std::move(kernel)});
    return;
  }
  while (!stream.doing && stream_do_next(handle)) {
  }
  if (!shape.overlaps)
    while (!stream.chain.empty()) complete_first(stream);
  if (stream.chain.size() == kMaxChain) complete_first(stream);

  auto launch = std::make_unique<Launch>();
  launch->shape = shape;
  launch->kernel = std::move(kernel);
  launch->block_order.resize(size_t(count(shape.grid)));
  for (size_t i = 0; i < launch->block_order.size(); ++i) launch->block_order[i] = uint32_t(i);
  for (size_t i = launch->block_order.size(); i > 1; --i)
    std::swap(launch->block_order[i - 1], launch->block_order[e.random.below(uint32_t(i))]);
  launch->previous_end = stream.last_end;
  stream.last_end = launch->end;
  order_release(launch->begin.get());
  stream.chain.push_back(std::move(launch));
}

void stream_record(CUstream_st* stream, std::vector<RecordedLaunch>* launches) { of(stream).record = launches; }

void stream_sync(CUstream_st* handle) {
  Stream& stream = of(handle);
  if (stream.record) throw Fault("a stream that is recorded cannot be waited for");
  while (!stream.doing && stream_do_next(handle)) {
  }
  while (!stream.chain.empty()) complete_first(stream);
  if (stream.last_end) order_acquire(stream.last_end.get());
}

void stream_later(CUstream_st* handle, std::function<void()> work) { of(handle).later.push_back(std::move(work)); }

bool stream_do_next(CUstream_st* handle) {
  Stream& stream = of(handle);
  if (stream.later.empty()) return false;
  const std::function<void()> work = std::move(stream.later.front());
  stream.later.pop_front();
  struct Doing {
    explicit Doing(bool& flag) : doing(flag) { doing = true; }
    ~Doing() { doing = false; }
    bool& doing;
  };
  const Doing now(stream.doing);
  work();
  stream_sync(handle);
  return true;
}

void grid_launch_dependents() {}

void grid_wait(const char* file, int line) {
  Engine& e = engine();
  Thread& me = e.current();
  Launch& launch = *me.block->team->launch;
  me.block->waited_for_grid = true;
  if (!launch.previous_done) {
    ++e.team->num_at_grid;
    e.wait(Waits::grid, "grid_wait", file, line);
  }
  if (launch.previous_end) order_acquire(launch.previous_end.get());
}

}  // namespace simt
