// Low-rank updates of a dense layer (LoRA, PBLoRA): y[r] += scale * B (C[r] (A x[r])) for the rows of some lanes.
//
// A x is computed by tasks of its own, the first of the layer's region and over the same prepared inputs: no thread waits
// for it before the layer's weights have been read. B is added where the layer's tasks finish their outputs. What an
// update adds to a row depends on that row alone.
#pragma once

#include "dense.h"

namespace genarm::cpu::GENARM_ISA {

constexpr int kMaxSlots = 3;  // layers that share inputs: q, k, v

// The updates of one layer. inner: of each update, one after the other, [parts][rows][padded rank]; the sums of A x over
// parts of the columns, and when the flag is up scale * C A x in the first part.
struct Updates {
  const LowRank* ranks;
  int32_t count, parts;
  float* inner;
  uint32_t* ready;
};

struct UpdatePlan {
  Updates slot[kMaxProblems][kMaxSlots];
  int64_t floats, widest;  // of all inner parts; of a row
  int64_t num_tasks;       // the first of the region
  float* spare;            // [widest]
  uint32_t left, ready;    // tasks that have not ended; the flag that is raised when none is left
};

// An empty plan; then the updates of each problem of `plan`.
void clear(UpdatePlan& updates);
void add_updates(UpdatePlan& updates, const DensePlan& plan, int32_t problem, int32_t slot, Span<LowRank> ranks);

// Bytes of shared memory that the inner parts take, from its start.
size_t update_bytes(const UpdatePlan& updates);

// Gives the inner parts their memory. Call after prepare(), with update_bytes left free for them.
void begin_updates(Context& context, const DensePlan& plan, UpdatePlan& updates);

// One of the num_tasks tasks.
void run_update(Context& context, const DensePlan& plan, UpdatePlan& updates, int64_t index, int thread);

// Asks the memory for what add_low_rank will read for `count` panels from this one on.
void fetch_low_rank(const Updates& updates, int64_t panel, int count);

// product[panel][row][16] += what the updates add to `count` panels from `panel` on, of the rows begin ... begin + rows - 1.
void add_low_rank(const Updates& updates, int64_t panel, int count, int32_t begin, int32_t rows, float* product);

namespace {

// A region of `count` tasks, body(index, thread), behind those of the updates.
template <class F>
void parallel(Context& context, const DensePlan& plan, UpdatePlan& updates, int64_t count, const F& body) {
  begin_updates(context, plan, updates);
  parallel(context, updates.num_tasks + count, [&](int64_t index, int thread) {
    if (index < updates.num_tasks) {
      run_update(context, plan, updates, index, thread);
    } else {
      body(index - updates.num_tasks, thread);
    }
  });
}

}  // namespace
}  // namespace genarm::cpu::GENARM_ISA
