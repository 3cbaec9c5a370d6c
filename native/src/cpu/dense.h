// Matrix products: panels of weights times groups of rows, W x.
//
// Every output is acc0 + acc1, where acc0 sums the even columns and acc1 the odd ones, each in order, by fma. Nothing
// else enters, so a row's outputs are the same bits however many rows share the pass. What changes with the number
// of rows is how many panels go side by side: enough chains to hide the latency of an fma. One read of a panel
// serves a group of up to kMaxRows rows; where there are more rows, the groups of a block that fits in the cache
// follow each other over the same panel.
//
// The inputs of a group lie [input_columns][rows], so that a tile reads them in sequence; where activations are int8 or
// bf16, the same inputs follow quantised or rounded, for the matrices that are int8 and int4 (dense_quant.h) or bf16.
#pragma once

#include "kernels.h"
#include "simd.h"

namespace genarm::cpu::GENARM_ISA {

constexpr int kMaxPanels = 4;  // panels that one call of multiply takes

// A problem's rows before they are prepared.
struct InputRows {
  const float* x;     // [num_rows, columns]
  const float* norm;  // [columns] for rms_norm(x) * norm, or null
  const PackedMatrix* matrix;
  int32_t num_rows;
  float eps;
};

// A problem as the threads share it: units (panels, pairs of panels, heads) x blocks of row groups.
struct DenseProblem {
  InputRows rows;
  const uint8_t* shared;  // prepared inputs of all rows, or null where each thread prepares its own
  int64_t row_bytes;      // of them
  int64_t units, units_per_task, first_task;
  int32_t num_groups, groups_per_block, num_blocks;
};

struct DensePlan {
  DenseProblem problem[kMaxProblems];
  int32_t num_problems;
  int64_t num_tasks;
};

// One task of a plan. Inputs of group g start at `inputs` + first_row(g) * row_bytes.
struct DenseTask {
  int32_t problem;
  int64_t unit_begin, unit_end;
  int32_t group_begin, group_end;
  const uint8_t* inputs;
  int64_t row_bytes;
};

// Empties a plan.
void clear(DensePlan& plan);

// Adds a problem to a plan; unit_bytes is the size of a unit's weights, and a task takes a multiple of `granule` units.
void add_problem(const Context& context, DensePlan& plan, const InputRows& rows, int64_t units, int64_t unit_bytes,
                 int64_t granule);

// Prepares the inputs of problems with more than one row group, in a parallel region of its own; with share_all those of
// every problem. offset: bytes of shared memory that are taken already; thread_bytes: what a task needs of its
// thread's memory beside inputs.
void prepare(Context& context, DensePlan& plan, size_t offset, size_t thread_bytes, bool share_all = false);

// The task of this number, its inputs ready; `free` is the thread's memory behind them.
DenseTask begin_task(Context& context, const DensePlan& plan, int64_t index, int thread, uint8_t** free);

// A task over all groups of a problem, its inputs ready; its units are the caller's.
DenseTask problem_inputs(Context& context, const DensePlan& plan, int32_t problem, int thread);

// First row of a group; the last group ends at num_rows.
int32_t first_row(const DenseProblem& problem, int32_t group);

// out[panel][row of the group][16] for `count` panels (at most kMaxPanels) from `first` on, of one row group.
void multiply(const Context& context, float* out, const PackedMatrix& matrix, int64_t first, int count,
              const DenseProblem& problem, const DenseTask& task, int32_t group);

// out[panel][16] for `count` panels (at most kMaxPanels) of a matrix that is not quantised and one row of f32 inputs,
// [padded_columns].
void multiply_row(float* out, const PackedMatrix& matrix, int64_t first, int count, const float* x);

namespace {

// parallel(context, n, [&](int64_t index, int thread) {...})
template <class F>
void parallel(Context& context, int64_t count, const F& body) {
  context.pool->run(
      count, [](void* f, int64_t index, int thread) { (*static_cast<const F*>(f))(index, thread); },
      const_cast<F*>(&body));
}

GENARM_INLINE int64_t round_up(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }
GENARM_INLINE const PackedMatrix* packed(const Matrix* matrix) { return static_cast<const PackedMatrix*>(matrix); }
GENARM_INLINE const uint8_t* panel_at(const PackedMatrix& m, int64_t panel) { return m.panels + panel * m.panel_bytes; }
// Every matrix pads its columns to this or less, so all of a problem can read the same inputs.
GENARM_INLINE int64_t input_columns(int64_t columns) { return round_up(columns, kBlockColumns); }

// Panels side by side: eight chains or more where registers allow.
constexpr int widest(int rows) {
#if defined(__AVX512F__)
  return rows <= 3 ? 4 : rows <= 6 ? 2 : 1;
#elif defined(__AVX2__)
  return rows == 1 ? 2 : 1;
#else
  return 1 + 0 * rows;
#endif
}

GENARM_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
GENARM_INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

}  // namespace
}  // namespace genarm::cpu::GENARM_ISA
