#include "dense.h"

#include "dense_quant.h"
#include "norm.h"
#include "operations.h"
#include "tiles.h"

namespace genarm::cpu::GENARM_ISA {
namespace {

constexpr int64_t kTaskBytes = 128 << 10;    // weights of a task: claiming it costs nothing beside reading them
constexpr int64_t kBlockBytes = 384 << 10;   // prepared inputs of a block of row groups: stay in L2 beside a panel

int64_t row_bytes(int64_t columns, Dtype activations) {
  const int64_t rounded = activations == Dtype::bf16 ? 2 * input_columns(columns)
                          : activations == Dtype::int8 ? quantised_row_bytes(columns) : 0;
  return 4 * input_columns(columns) + rounded;
}

// Whether a problem of this matrix quantises its inputs in the matrix's own order. Where groups are no multiples of 32
// columns the order has more places than there are inputs: such a layer reads f32.
bool quantises_in_order(const PackedMatrix& matrix) {
  return matrix.order && matrix.padded_columns == input_columns(matrix.columns);
}

// A single row without a norm is read as it lies.
bool reads_in_place(const Context& context, const InputRows& rows) {
  return rows.num_rows == 1 && !rows.norm && rows.matrix->columns % kBlockColumns == 0 &&
         context.activations == Dtype::f32;
}

// A block of columns of row r from column k on: out[k / 2 * rows + r] is the pair of columns k and k + 1 in bf16.
void round_block(uint8_t* to, const float* x, int64_t k, int64_t rows, int64_t r) {
  uint32_t* out = reinterpret_cast<uint32_t*>(to);
  for (const int64_t end = k + kBlockColumns; k < end; k += 16, x += 16) {
    uint32_t pairs[8];
    store_bf16_pairs(pairs, load(x));
    if (rows == 1) {
      memcpy(out + k / 2, pairs, sizeof pairs);
    } else {
      for (int i = 0; i < 8; ++i) out[(k / 2 + i) * rows + r] = pairs[i];
    }
  }
}

// Columns k ... k + 15 of a row, normed.
GENARM_INLINE f32x16 read_input(const InputRows& in, const float* x, float scale, int64_t k) {
  const int n = int(smaller(16, larger(0, in.matrix->columns - k)));
  const f32x16 v = n == 16 ? load(x + k) : load_partial(x + k, n);
  if (!in.norm) return v;
  return v * broadcast(scale) * (n == 16 ? load(in.norm + k) : load_partial(in.norm + k, n));
}

// The quantised inputs of a matrix with an order of its own, from its prepared row.
void quantise_ordered(uint8_t* to, const float* in, const PackedMatrix& matrix, int64_t rows, int64_t r) {
  for (int64_t k = 0; k < matrix.padded_columns; k += kBlockColumns, to += kQuantisedBlockBytes * rows) {
    float x[kBlockColumns];
    for (int i = 0; i < kBlockColumns; ++i) x[i] = in[matrix.order[k + i] * rows + r];
    quantise_block(to, x, int(rows), int(r));
  }
}

// out[k * rows + r] for the rows [begin, end) of a group, then the same rounded where activations are not f32.
void prepare_group(const Context& context, uint8_t* to, const InputRows& in, int32_t begin, int32_t end) {
  const int64_t columns = in.matrix->columns, padded = input_columns(columns), rows = end - begin;
  float* out = reinterpret_cast<float*>(to);
  uint8_t* rounded = to + padded * 4 * rows;
  const bool ordered = quantises_in_order(*in.matrix);
  for (int64_t r = 0; r < rows; ++r) {
    const float* x = in.x + (begin + r) * columns;
    const float scale = in.norm ? rms_scale(x, columns, in.eps) : 1.0f;
    for (int64_t k = 0; k < padded; k += kBlockColumns) {
      alignas(64) float block[kBlockColumns];
      store(block, read_input(in, x, scale, k));
      store(block + 16, read_input(in, x, scale, k + 16));
      if (rows == 1) {
        memcpy(out + k, block, sizeof block);
      } else {
        for (int i = 0; i < kBlockColumns; ++i) out[(k + i) * rows + r] = block[i];
      }
      if (context.activations == Dtype::bf16) round_block(rounded, block, k, rows, r);
      if (context.activations == Dtype::int8 && !ordered) {
        quantise_block(rounded + k / kBlockColumns * kQuantisedBlockBytes * rows, block, int(rows), int(r));
      }
    }
    if (context.activations == Dtype::int8 && ordered) quantise_ordered(rounded, out, *in.matrix, rows, r);
  }
}

void run_tiles(const TileSet& set, float* out, const PackedMatrix& matrix, int64_t first, int count, const void* inputs,
               int rows) {
  const int most = widest(rows);
  const uint8_t* panels[kMaxPanels];
  for (int p = 0; p < count; ++p) panels[p] = panel_at(matrix, first + p);
  for (int done = 0; done < count;) {
    const int left = count - done;
    const int log = most >= 4 && left >= 4 ? 2 : most >= 2 && left >= 2 ? 1 : 0;
    set.tile[rows][log](out + done * rows * 16, panels + done, inputs, matrix.padded_columns);
    done += 1 << log;
  }
}

size_t prepared_bytes(const DenseProblem& problem) {
  return size_t(round_up(problem.rows.num_rows * problem.row_bytes, 64));
}

}  // namespace

int32_t first_row(const DenseProblem& problem, int32_t group) {
  return int32_t(int64_t(group) * problem.rows.num_rows / problem.num_groups);
}

void clear(DensePlan& plan) {
  plan.num_problems = 0;
  plan.num_tasks = 0;
}

void add_problem(const Context& context, DensePlan& plan, const InputRows& rows, int64_t units, int64_t unit_bytes,
                 int64_t granule) {
  DenseProblem& p = plan.problem[plan.num_problems++];
  p.rows = rows;
  p.shared = nullptr;
  p.units = units;
  p.num_groups = int32_t((rows.num_rows + kMaxRows - 1) / kMaxRows);
  p.row_bytes = row_bytes(rows.matrix->columns, context.activations);
  const int64_t group_bytes = p.row_bytes * kMaxRows;
  p.groups_per_block = int32_t(larger(1, smaller(p.num_groups, kBlockBytes / group_bytes)));
  p.num_blocks = p.num_groups ? (p.num_groups + p.groups_per_block - 1) / p.groups_per_block : 0;
  // Tasks of kTaskBytes, or smaller where the threads would have few of them, down to the granule and below it.
  int64_t size = larger(granule, kTaskBytes / unit_bytes / granule * granule);
  const int64_t wanted = context.num_threads == 1 ? 1 : 4 * context.num_threads;
  while (size > granule && units / size * p.num_blocks < wanted) size = larger(granule, size / 2 / granule * granule);
  while (size > 1 && units / size * p.num_blocks < wanted) size /= 2;
  p.units_per_task = size;
  p.first_task = plan.num_tasks;
  plan.num_tasks += (units + size - 1) / size * p.num_blocks;
}

void prepare(Context& context, DensePlan& plan, size_t offset, size_t thread_bytes, bool share_all) {
  size_t shared = offset, own = 0;
  int64_t groups = 0;
  bool shares[kMaxProblems];
  for (int32_t i = 0; i < plan.num_problems; ++i) {
    const DenseProblem& p = plan.problem[i];
    shares[i] = p.num_groups > 1 || (share_all && p.num_groups > 0 && !reads_in_place(context, p.rows));
    if (shares[i]) {
      shared += prepared_bytes(p);
      groups += p.num_groups;
    } else if (!reads_in_place(context, p.rows)) {
      own = prepared_bytes(p) > own ? prepared_bytes(p) : own;
    }
  }
  ensure_threads(context, own + thread_bytes);
  if (groups == 0) return;
  uint8_t* to = ensure_shared(context, shared) + offset;
  for (int32_t i = 0; i < plan.num_problems; ++i) {
    if (!shares[i]) continue;
    plan.problem[i].shared = to;
    to += prepared_bytes(plan.problem[i]);
  }
  parallel(context, groups, [&](int64_t index, int) {
    const DenseProblem* p = plan.problem;
    for (;; ++p) {
      if (!p->shared) continue;
      if (index < p->num_groups) break;
      index -= p->num_groups;
    }
    const int32_t begin = first_row(*p, int32_t(index)), end = first_row(*p, int32_t(index) + 1);
    prepare_group(context, const_cast<uint8_t*>(p->shared) + begin * p->row_bytes, p->rows, begin, end);
  });
}

DenseTask problem_inputs(Context& context, const DensePlan& plan, int32_t problem, int thread) {
  const DenseProblem& p = plan.problem[problem];
  DenseTask task{};
  task.problem = problem;
  task.group_end = p.num_groups;
  task.row_bytes = p.row_bytes;
  if (p.shared) {
    task.inputs = p.shared;
  } else if (reads_in_place(context, p.rows)) {
    task.inputs = reinterpret_cast<const uint8_t*>(p.rows.x);
  } else {
    ThreadScratch& scratch = context.threads[thread];
    const uint64_t tag = context.serial * kMaxProblems + uint64_t(problem);
    if (scratch.prepared != tag) prepare_group(context, scratch.data, p.rows, 0, p.rows.num_rows);
    scratch.prepared = tag;
    task.inputs = scratch.data;
  }
  return task;
}

DenseTask begin_task(Context& context, const DensePlan& plan, int64_t index, int thread, uint8_t** free) {
  int32_t i = plan.num_problems - 1;
  while (plan.problem[i].first_task > index) --i;
  const DenseProblem& p = plan.problem[i];
  index -= p.first_task;
  DenseTask task = problem_inputs(context, plan, i, thread);
  task.unit_begin = index / p.num_blocks * p.units_per_task;
  task.unit_end = smaller(p.units, task.unit_begin + p.units_per_task);
  task.group_begin = int32_t(index % p.num_blocks) * p.groups_per_block;
  task.group_end = int32_t(smaller(p.num_groups, task.group_begin + p.groups_per_block));
  *free = context.threads[thread].data + (task.inputs == context.threads[thread].data ? prepared_bytes(p) : 0);
  return task;
}

void multiply_row(float* out, const PackedMatrix& matrix, int64_t first, int count, const float* x) {
  run_tiles(f32_tiles(matrix.dtype), out, matrix, first, count, x, 1);
}

void multiply(const Context& context, float* out, const PackedMatrix& matrix, int64_t first, int count,
              const DenseProblem& problem, const DenseTask& task, int32_t group) {
  const int32_t begin = first_row(problem, group), rows = first_row(problem, group + 1) - begin;
  const uint8_t* inputs = task.inputs + begin * task.row_bytes;
  if (matrix.quant.bits != 0) {
    // A problem's inputs are quantised in one order, its first matrix's.
    const PackedMatrix& common = *problem.rows.matrix;
    const int32_t* order = quantises_in_order(common) ? common.order : nullptr;
    const bool quantised = context.activations == Dtype::int8 && matrix.order == order;
    const int64_t offset = quantised ? input_columns(matrix.columns) * 4 * rows : 0;
    multiply_quantised(out, matrix, first, count, inputs + offset, rows, quantised);
    return;
  }
  const bool rounded = context.activations == Dtype::bf16 && matrix.dtype == Dtype::bf16;
  if (rounded) inputs += input_columns(matrix.columns) * 4 * rows;
  run_tiles(rounded ? bf16_tiles() : f32_tiles(matrix.dtype), out, matrix, first, count, inputs, rows);
}

size_t dense_thread_bytes(int64_t columns) { return size_t(kMaxRows * row_bytes(columns, Dtype::int8) + 64); }

size_t dense_shared_bytes(int64_t rows, int64_t columns) {
  return size_t(rows * row_bytes(columns, Dtype::int8) + 64 * kMaxProblems);
}

}  // namespace genarm::cpu::GENARM_ISA
