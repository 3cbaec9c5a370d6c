// A CUDA grid on the CPU: what the host build of device code calls, and what a test configures.
//
// Every CUDA thread is a fiber of the calling OS thread. The seed of a run chooses the order of blocks and threads,
// what uninitialised shared memory holds, when asynchronous copies land and how many blocks are resident at once;
// a kernel that is right is right on every seed. What a GPU would leave undefined is a Fault that names the block,
// the thread and the line. One OS thread may use the executor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>
#include <stdexcept>

#include "simt/vector_types.h"

// Call sites come free: the last parameters of everything that can be reported, and how to pass them on.
#define SIMT_SITE const char *file = __builtin_FILE(), int line = __builtin_LINE()
#define SIMT_AT file, line

struct CUstream_st;

namespace simt {

struct Fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// What the seed decides; 12 consecutive seeds cover every combination.
//   seed & 1: a random thread runs next / the warp with the best random priority runs as long as it can
//   seed & 2: uninitialised memory is 0xff (NaN) / 0x7f (3.4e38: a maximum swallows NaN but not this)
//   seed % 3: asynchronous copies land when they are waited for / when issued / at random; and 1, 2 or 3 blocks
//             are resident at once
void set_seed(uint64_t seed);

// ---------------------------------------------------------------- threads

struct ThreadView {
  uint3 thread_index, block_index;
  dim3 block_size, grid_size;
  int lane;  // of the warp
};
extern ThreadView* self;  // the running CUDA thread; null on the host

[[noreturn]] __attribute__((format(printf, 1, 2))) void fault(const char* format, ...);

// Another thread may run here; a spin loop calls it with `spinning`.
void yield(bool spinning, SIMT_SITE);
// yield, one time in four.
void maybe_yield(SIMT_SITE);

// ---------------------------------------------------------------- warps

struct Lane {
  const void* in;
  void* out;
};
// What a warp does at once: run() sees the operands of every lane of the mask and writes each one's result.
struct Collective {
  const char* name;
  void (*run)(Lane* lanes, uint32_t mask);
  bool whole_warp;  // all 32 lanes must take part
  bool orders;      // memory, too
};
void collective(const Collective& op, uint32_t mask, const void* in, void* out, SIMT_SITE);

// ---------------------------------------------------------------- blocks

// bar.sync (wait) or bar.arrive of `count` threads; 0: the whole block.
void barrier(int id, int count, bool wait, const char* what, SIMT_SITE);

// One SMEM declaration; its memory lies between red zones, at a random multiple of 16 bytes.
struct Slot {
  const char* name;
};
void* shared(const Slot& slot, size_t bytes, size_t alignment, SIMT_SITE);
void* shared_dynamic(SIMT_SITE);
// Whether [address, address + bytes) is shared memory of the running block.
bool is_shared(const void* address, size_t bytes);
// What uninitialised memory holds on this seed, in every byte.
unsigned char poison_byte();

// ---------------------------------------------------------------- memory order

void fence();                     // __threadfence
void atomic_begins(void* address);  // around every atomic: fences order what lies before and after it
void atomic_ends(void* address);
void order_release(void* address);
void order_acquire(void* address);

// ---------------------------------------------------------------- asynchronous copies

struct PendingCopy {
  void* to;
  unsigned char data[16];
  int bytes;
};
// Registers a copy of bytes (4, 8, 16) of which the first `valid`, in copy.data, come from `from`.
// True: it lands at once, so the caller lands it.
bool copy_issue(PendingCopy& copy, void* to, const void* from, int bytes, int valid, SIMT_SITE);
void copy_commit();
// Hands out the copies of all but the newest `keep` groups, one a call, to be landed by the caller.
bool copy_next(PendingCopy& copy, int keep);

// mbarrier objects (64 bits of shared memory) and 1-D bulk copies.
void mbarrier_init(uint64_t* barrier, int count, SIMT_SITE);
void mbarrier_arrive(uint64_t* barrier, int expect_bytes, SIMT_SITE);
void mbarrier_wait(uint64_t* barrier, int parity, SIMT_SITE);
void bulk_copy(void* to, const void* from, int bytes, uint64_t* barrier, SIMT_SITE);

// ---------------------------------------------------------------- grids

void grid_launch_dependents();
void grid_wait(SIMT_SITE);

struct LaunchShape {
  dim3 grid, block;
  size_t shared_bytes = 0;   // dynamic
  bool asks_for_shared = false;  // for more than the 48 KB that every kernel may have
  bool overlaps = false;     // programmatic dependent launch: may begin before the previous kernel has ended
  bool cooperative = false;  // all blocks are resident at once
  const char* file = "";
  int line = 0;
};

// A stream holds its newest launches back until a launch that does not overlap, or until it is waited for: a test
// that reads results without waiting fails. An overlapping kernel runs up to its wait before the kernel that it
// follows has begun: the worst that hardware may do.
CUstream_st* stream_create();
void stream_destroy(CUstream_st* stream);
void stream_launch(CUstream_st* stream, const LaunchShape& shape, std::function<void()> kernel);

// While `launches` is not null, what is launched is kept there instead.
struct RecordedLaunch {
  LaunchShape shape;
  std::function<void()> kernel;
};
void stream_record(CUstream_st* stream, std::vector<RecordedLaunch>* launches);
void stream_sync(CUstream_st* stream);
// What follows on the stream, done when it is waited for or launched on: as late as the host can tell. It may launch.
void stream_later(CUstream_st* stream, std::function<void()> work);
// Whether the device is lost, as it is on a GPU after a fault: whatever asks it for anything fails.
void set_device_lost(bool lost);
// Does the first of it that has not been done, and waits for that; false where there is none.
bool stream_do_next(CUstream_st* stream);

}  // namespace simt
