#include "low_rank.h"

#include "operations.h"
#include "tiles.h"

namespace genarm::cpu::GENARM_ISA {
namespace {

constexpr int64_t kPartColumns = 1024;  // of A in a task: the threads share even one wide layer's
#if defined(__AVX512F__)
constexpr int kShrinkRows = 3;  // that share a read of A: 12 accumulators
#else
constexpr int kShrinkRows = 1;
#endif

int64_t padded_rank(const LowRank& update) { return packed(update.a)->num_panels * kPanelRows; }

// Few rows are cut by columns; many give tasks enough, and would need much memory for their parts.
int32_t parts_of(const DenseProblem& problem) {
  return problem.num_groups > 1 ? 1 : int32_t((problem.rows.matrix->columns + kPartColumns - 1) / kPartColumns);
}

int64_t inner_floats(const Updates& updates, const LowRank& update) {
  return int64_t(updates.parts) * update.num_rows * padded_rank(update);
}

// One task: columns of a panel of A for one group of rows.
struct Shrink {
  int32_t problem, parts, part, group;
  const LowRank* update;
  float* inner;
  int64_t panel;
};

Shrink find_task(const DensePlan& plan, const UpdatePlan& updates, int64_t index) {
  for (int32_t i = 0;; ++i) {
    for (const Updates& u : updates.slot[i]) {
      float* inner = u.inner;
      for (int32_t j = 0; j < u.count; ++j) {
        const int64_t groups = plan.problem[i].num_groups, tasks = packed(u.ranks[j].a)->num_panels * groups * u.parts;
        if (index < tasks) {
          return {i, u.parts, int32_t(index % u.parts), int32_t(index / u.parts % groups), u.ranks + j, inner,
                  index / u.parts / groups};
        }
        index -= tasks;
        inner += inner_floats(u, u.ranks[j]);
      }
    }
  }
}

// out[r * stride + lane] = the sum over columns [begin, end) of a panel times the inputs x[column * rows + r] of R rows.
// The sums of every fourth column are added in pairs, whatever R is.
template <class Weights, int R>
void shrink_rows(float* out, int64_t stride, const uint8_t* panel, const float* x, int64_t rows, int64_t begin,
                 int64_t end) {
  f32x16 acc[R][4];
  GENARM_UNROLL
  for (int r = 0; r < R; ++r) acc[r][0] = acc[r][1] = acc[r][2] = acc[r][3] = zero();
  for (int64_t k = begin; k < end; k += 4) {
    f32x16 a[4];
    Weights::read(panel + k / 2 * Weights::kStep, a[0], a[1]);
    Weights::read(panel + (k / 2 + 1) * Weights::kStep, a[2], a[3]);
    GENARM_UNROLL
    for (int c = 0; c < 4; ++c) {
      GENARM_UNROLL
      for (int r = 0; r < R; ++r) acc[r][c] = fma(a[c], broadcast(x[(k + c) * rows + r]), acc[r][c]);
    }
  }
  GENARM_UNROLL
  for (int r = 0; r < R; ++r) store(out + r * stride, (acc[r][0] + acc[r][1]) + (acc[r][2] + acc[r][3]));
}

template <class Weights, int R = kShrinkRows>
void shrink_rows(int count, float* out, int64_t stride, const uint8_t* panel, const float* x, int64_t rows, int64_t begin,
                 int64_t end) {
  if (count == R) return shrink_rows<Weights, R>(out, stride, panel, x, rows, begin, end);
  if constexpr (R > 1) shrink_rows<Weights, R - 1>(count, out, stride, panel, x, rows, begin, end);
}

// The parts [first, last) of the columns for rows of a group that follow each other, to out and, each after the first,
// added to it: the order in which finish() adds parts that several tasks computed.
void shrink_parts(float* out, int64_t stride, const PackedMatrix& a, const uint8_t* panel, const float* x, int64_t rows,
                  int count, int64_t first, int64_t last) {
  for (int64_t part = first; part < last; ++part) {
    alignas(64) float sums[kShrinkRows * 16];
    const int64_t begin = part * kPartColumns, end = smaller(a.padded_columns, begin + kPartColumns);
    switch (a.dtype) {
      case Dtype::f32: shrink_rows<F32Weights>(count, sums, 16, panel, x, rows, begin, end); break;
      case Dtype::f16: shrink_rows<F16Weights>(count, sums, 16, panel, x, rows, begin, end); break;
      default: shrink_rows<Bf16Weights>(count, sums, 16, panel, x, rows, begin, end);
    }
    for (int r = 0; r < count; ++r) {
      const f32x16 sum = load(sums + r * 16);
      store(out + r * stride, part == first ? sum : load(out + r * stride) + sum);
    }
  }
}

void shrink(Context& context, const DensePlan& plan, const Shrink& s, int thread) {
  const DenseProblem& problem = plan.problem[s.problem];
  const LowRank& update = *s.update;
  const int64_t begin = first_row(problem, s.group), rows = first_row(problem, s.group + 1) - begin;
  const int64_t from = larger(begin, update.first_row);
  const int64_t to = smaller(begin + rows, update.first_row + update.num_rows);
  if (from >= to) return;
  const PackedMatrix& a = *packed(update.a);
  const DenseTask task = problem_inputs(context, plan, s.problem, thread);
  const float* x = reinterpret_cast<const float*>(task.inputs + begin * task.row_bytes);
  const int64_t stride = padded_rank(update), all = (a.padded_columns + kPartColumns - 1) / kPartColumns;
  const int64_t first = s.parts > 1 ? s.part : 0, last = s.parts > 1 ? s.part + 1 : all;
  for (int64_t row = from; row < to; row += kShrinkRows) {
    float* out = s.inner + (s.part * update.num_rows + row - update.first_row) * stride + s.panel * kPanelRows;
    const int count = int(smaller(kShrinkRows, to - row));
    shrink_parts(out, stride, a, panel_at(a, s.panel), x + (row - begin), rows, count, first, last);
  }
}

// One row through C = blockdiag(W1, sum over k of p[k] W2[k]), in place, by way of `out`.
void apply_core(const LowRank& update, const float* preference, float* inner, float* out) {
  const int64_t fixed = update.fixed_rank, free = update.a->rows - fixed;
  for (int64_t i = 0; i < fixed; ++i) {
    float sum = 0;
    for (int64_t j = 0; j < fixed; ++j) sum = __builtin_fmaf(update.w1[i * fixed + j], inner[j], sum);
    out[i] = sum;
  }
  for (int64_t i = 0; i < free; ++i) out[fixed + i] = 0;
  for (int32_t k = 0; k < update.num_objectives; ++k) {
    const float* w2 = update.w2 + k * free * free;
    for (int64_t i = 0; i < free; ++i) {
      float sum = 0;
      for (int64_t j = 0; j < free; ++j) sum = __builtin_fmaf(w2[i * free + j], inner[fixed + j], sum);
      out[fixed + i] = __builtin_fmaf(preference[k], sum, out[fixed + i]);
    }
  }
  for (int64_t i = 0; i < fixed + free; ++i) inner[i] = out[i] * update.scale;
}

// Adds the parts of every row, in order; then the core where there is one, and the scale.
void finish(const LowRank& update, int32_t parts, float* inner, float* spare) {
  const int64_t stride = padded_rank(update), part = update.num_rows * stride;
  const bool has_core = update.w1 || update.w2;
  const f32x16 scale = broadcast(has_core ? 1.0f : update.scale);
  for (int32_t r = 0; r < update.num_rows; ++r, inner += stride) {
    for (int64_t i = 0; i < stride; i += 16) {
      f32x16 sum = load(inner + i);
      for (int32_t p = 1; p < parts; ++p) sum = sum + load(inner + p * part + i);
      store(inner + i, sum * scale);
    }
    if (has_core) apply_core(update, update.preference + int64_t(r) * update.preference_stride, inner, spare);
  }
}

}  // namespace

size_t low_rank_shared_bytes(const Backend::Limits& limits) {
  if (limits.max_rank <= 0) return 0;
  const int64_t rank = round_up(limits.max_rank, kPanelRows), rows = larger(limits.max_rows, limits.max_x);
  const int64_t parts = (limits.max_columns + kPartColumns - 1) / kPartColumns;
  const int64_t in_parts = smaller(rows, kMaxProblems * kMaxRows) * (parts - 1);
  return size_t((kMaxSlots * (rows + in_parts) + 1) * rank) * sizeof(float) + 64;
}

void clear(UpdatePlan& updates) { memset(&updates, 0, sizeof updates); }

void add_updates(UpdatePlan& updates, const DensePlan& plan, int32_t problem, int32_t slot, Span<LowRank> ranks) {
  const DenseProblem& p = plan.problem[problem];
  Updates& u = updates.slot[problem][slot];
  u = {ranks.data, ranks.size, parts_of(p), nullptr, nullptr};
  for (int32_t j = 0; j < ranks.size; ++j) {
    updates.floats += inner_floats(u, ranks.data[j]);
    updates.widest = larger(updates.widest, padded_rank(ranks.data[j]));
    updates.num_tasks += packed(ranks.data[j].a)->num_panels * p.num_groups * u.parts;
  }
}

size_t update_bytes(const UpdatePlan& updates) {
  return size_t(round_up((updates.floats + updates.widest) * int64_t(sizeof(float)), 64));
}

void begin_updates(Context& context, const DensePlan& plan, UpdatePlan& updates) {
  if (updates.num_tasks == 0) return;
  float* inner = reinterpret_cast<float*>(context.shared);
  for (int32_t i = 0; i < plan.num_problems; ++i) {
    for (Updates& u : updates.slot[i]) {
      u.inner = inner;
      u.ready = &updates.ready;
      for (int32_t j = 0; j < u.count; ++j) inner += inner_floats(u, u.ranks[j]);
    }
  }
  updates.spare = inner;
  updates.left = uint32_t(updates.num_tasks);
}

void run_update(Context& context, const DensePlan& plan, UpdatePlan& updates, int64_t index, int thread) {
  shrink(context, plan, find_task(plan, updates, index), thread);
  if (__atomic_sub_fetch(&updates.left, 1, __ATOMIC_ACQ_REL) != 0) return;
  for (int32_t i = 0; i < plan.num_problems; ++i) {
    for (const Updates& u : updates.slot[i]) {
      float* inner = u.inner;
      for (int32_t j = 0; j < u.count; ++j) {
        finish(u.ranks[j], u.parts, inner, updates.spare);
        inner += inner_floats(u, u.ranks[j]);
      }
    }
  }
  raise_flag(&updates.ready);
}

void fetch_low_rank(const Updates& updates, int64_t panel, int count) {
  for (int32_t j = 0; j < updates.count; ++j) {
    const PackedMatrix& b = *packed(updates.ranks[j].b);
    const uint8_t *from = panel_at(b, panel), *end = from + count * b.panel_bytes;
    for (; from < end; from += 64) __builtin_prefetch(from, 0, 2);
  }
}

void add_low_rank(const Updates& updates, int64_t panel, int count, int32_t begin, int32_t rows, float* product) {
  if (updates.count == 0) return;
  await_flag(updates.ready);
  const float* inner = updates.inner;
  for (int32_t j = 0; j < updates.count; ++j) {
    const LowRank& update = updates.ranks[j];
    const int64_t stride = padded_rank(update);
    const int64_t from = larger(begin, update.first_row), to = smaller(begin + rows, update.first_row + update.num_rows);
    for (int64_t row = from; row < to; ++row) {
      alignas(64) float added[kMaxPanels * 16];
      multiply_row(added, *packed(update.b), panel, count, inner + (row - update.first_row) * stride);
      for (int p = 0; p < count; ++p) {
        float* out = product + (p * rows + row - begin) * 16;
        store(out, load(out) + load(added + p * 16));
      }
    }
    inner += inner_floats(updates, update);
  }
}

}  // namespace genarm::cpu::GENARM_ISA
