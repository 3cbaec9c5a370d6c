// lm_head: logits of every x row, summed over each sequence's terms, and the draw, in one pass over the vocabulary.
// A task is a range of tokens for all rows; its logits stay in its thread's memory. Every thread keeps its best
// candidate of each sequence; the caller takes the best of those, so the order in which tasks ended does not matter.
// Bound by reading the LM heads.
#include "low_rank.h"
#include "law.h"
#include "operations.h"

namespace genarm::cpu::GENARM_ISA {
namespace {

constexpr int kUnitPanels = 4, kUnit = kUnitPanels * kPanelRows;  // tokens of a unit: as gumbel64
constexpr int64_t kTaskBytes = 128 << 10, kLogitBytes = 256 << 10;

// What the tasks share.
struct Job {
  const LmHeadArgs& args;
  const DensePlan& plan;
  const UpdatePlan& updates;
  Best* best;        // [thread][sequence]
  uint8_t* touched;  // [thread]
  int64_t units, units_per_task;
};

// Logits of one problem's rows for one unit, to logits + row * tokens.
void compute_unit(Context& context, const Job& job, int32_t problem, int thread, int64_t unit, float* logits,
                  int64_t tokens) {
  alignas(64) float product[kMaxPanels * kMaxRows * 16];
  const DenseProblem& p = job.plan.problem[problem];
  const PackedMatrix& m = *p.rows.matrix;
  const DenseTask task = problem_inputs(context, job.plan, problem, thread);
  const int64_t first_panel = unit * kUnitPanels;
  const int count = int(smaller(kUnitPanels, m.num_panels - first_panel));
  fetch_low_rank(job.updates.slot[problem][0], first_panel, count);
  for (int32_t group = 0; group < p.num_groups; ++group) {
    const int32_t begin = first_row(p, group), rows = first_row(p, group + 1) - begin;
    multiply(context, product, m, first_panel, count, p, task, group);
    add_low_rank(job.updates.slot[problem][0], first_panel, count, begin, rows, product);
    for (int i = 0; i < count; ++i) {
      for (int32_t r = 0; r < rows; ++r)
        store(logits + (begin + r) * tokens + i * kPanelRows, load(product + (i * rows + r) * 16));
    }
  }
}

// Sums a sequence's terms over `n` tokens from `first` into `out`.
void combine(const Job& job, int32_t sequence, float* const* logits, int64_t tokens, int64_t n, float* out) {
  const LmHeadArgs& args = job.args;
  const int32_t begin = args.first[sequence], end = args.first[sequence + 1];
  for (int64_t v = 0; v < n; v += 16) {
    f32x16 sum = zero();
    for (int32_t j = begin; j < end; ++j) {
      const f32x16 term = load(logits[args.problem[j]] + args.x_row[j] * tokens + v);
      sum = j == begin ? term : sum + term;
    }
    store_first(out + v, sum, n - v);
  }
}

// Adds a sequence's biases to `n` logits from token `first` on.
void add_biases(const LmHeadArgs& args, const SamplingPlan& plan, int64_t first, int64_t n, float* logits) {
  const int32_t* token = args.bias_token + plan.bias_first;
  const float* value = args.bias_value + plan.bias_first;
  int32_t begin = 0, end = plan.num_biases;
  while (begin < end) {
    const int32_t middle = (begin + end) / 2;
    if (token[middle] < first) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  for (int32_t b = begin; b < plan.num_biases && token[b] < first + n; ++b) logits[token[b] - first] += value[b];
}

void run_task(Context& context, const Job& job, int64_t index, int thread) {
  const LmHeadArgs& args = job.args;
  const int64_t unit_begin = index * job.units_per_task;
  const int64_t unit_end = smaller(job.units, unit_begin + job.units_per_task);
  const int64_t first = unit_begin * kUnit, tokens = (unit_end - unit_begin) * kUnit;
  float* logits[kMaxProblems];
  uint8_t* free = context.threads[thread].data;
  for (int32_t i = 0; i < job.plan.num_problems; ++i) {
    logits[i] = reinterpret_cast<float*>(free);
    free += round_up(int64_t(job.plan.problem[i].rows.num_rows) * tokens * int64_t(sizeof(float)), 64);
  }
  // Problems that share a matrix read a unit of it one after the other: the second finds it in the cache.
  for (int64_t unit = unit_begin; unit < unit_end; ++unit) {
    for (int32_t i = 0; i < job.plan.num_problems; ++i)
      compute_unit(context, job, i, thread, unit, logits[i] + (unit - unit_begin) * kUnit, tokens);
  }
  float* combined = reinterpret_cast<float*>(free);
  Best* best = job.best + int64_t(thread) * args.num_sequences;
  if (!job.touched[thread]) {
    for (int32_t s = 0; s < args.num_sequences; ++s) best[s] = none();
    job.touched[thread] = 1;
  }
  const int64_t n = smaller(tokens, args.vocab_size - first);
  for (int32_t s = 0; s < args.num_sequences; ++s) {
    const SamplingPlan& plan = args.plan[s];
    float* sum = plan.z_row >= 0 ? args.z + int64_t(plan.z_row) * args.vocab_size + first : combined;
    combine(job, s, logits, tokens, n, sum);
    if (plan.num_biases > 0) add_biases(args, plan, first, n, sum);
    if (plan.z_row < 0) draw(best[s], sum, n, int32_t(first), plan);
  }
}

// Tokens of a task: enough weights to be worth claiming, few enough for the logits to stay in the cache, and several
// tasks for each thread.
int64_t units_per_task(const Context& context, const DensePlan& plan, int64_t units) {
  int64_t weight_bytes = 0, logit_bytes = 0;
  for (int32_t i = 0; i < plan.num_problems; ++i) {
    weight_bytes += plan.problem[i].rows.matrix->panel_bytes * kUnitPanels;
    logit_bytes += plan.problem[i].rows.num_rows * kUnit * int64_t(sizeof(float));
  }
  const int64_t wanted = context.num_threads == 1 ? 1 : 4 * context.num_threads;
  const int64_t size = smaller(kTaskBytes / larger(1, weight_bytes), kLogitBytes / larger(1, logit_bytes));
  return larger(1, smaller(size, units / wanted));
}

size_t thread_bytes(const DensePlan& plan, int64_t units) {
  size_t bytes = size_t(units * kUnit) * sizeof(float);
  for (int32_t i = 0; i < plan.num_problems; ++i) {
    bytes += size_t(plan.problem[i].rows.num_rows * units * kUnit) * sizeof(float) + 64;
  }
  return bytes;
}

}  // namespace

size_t lm_head_thread_bytes(const Backend::Limits& limits) {
  // One unit of every row, or as many units as fit kLogitBytes; then the combined logits of the most units.
  const size_t logits = size_t(limits.max_x) * kUnit * sizeof(float);
  return (logits > kLogitBytes ? logits : kLogitBytes) + kLogitBytes + 64 * (kMaxProblems + 1);
}

size_t lm_head_shared_bytes(const Backend::Limits& limits, int num_threads) {
  return size_t(num_threads) * (size_t(limits.max_sequences) * sizeof(Best) + 64) +
         dense_shared_bytes(limits.max_x, limits.max_columns);
}

void lm_head(Context& context, const LmHeadArgs& args) {
  const int64_t units = (args.vocab_size + kUnit - 1) / kUnit;
  DensePlan plan;
  UpdatePlan updates;
  clear(plan);
  clear(updates);
  for (int32_t i = 0; i < args.problems.size; ++i) {
    const HeadProblem& problem = args.problems.data[i];
    const PackedMatrix& m = *packed(problem.lm_head);
    add_problem(context, plan, {problem.x, nullptr, &m, problem.num_x, 0}, units, m.panel_bytes * kUnitPanels, 1);
    if (problem.low_rank) add_updates(updates, plan, i, 0, {problem.low_rank, 1});
  }
  const int64_t per_task = units_per_task(context, plan, units);
  const size_t best_bytes = size_t(context.num_threads) * size_t(args.num_sequences) * sizeof(Best);
  const size_t own_bytes = size_t(round_up(int64_t(best_bytes) + context.num_threads, 64));
  const size_t low_rank_bytes = update_bytes(updates);
  ensure_shared(context, low_rank_bytes + own_bytes);
  prepare(context, plan, low_rank_bytes + own_bytes, thread_bytes(plan, per_task), true);
  uint8_t* own = context.shared + low_rank_bytes;
  Job job{args, plan, updates, reinterpret_cast<Best*>(own), own + best_bytes, units, per_task};
  memset(job.touched, 0, size_t(context.num_threads));
  parallel(context, plan, updates, (units + per_task - 1) / per_task,
           [&](int64_t index, int thread) { run_task(context, job, index, thread); });

  for (int32_t s = 0; s < args.num_sequences; ++s) {
    if (args.plan[s].z_row >= 0) continue;
    Best best = none();
    for (int t = 0; t < context.num_threads; ++t) {
      if (!job.touched[t]) continue;
      const Best& other = job.best[int64_t(t) * args.num_sequences + s];
      if (other.id >= 0) consider(best, other.value, other.id);
    }
    args.sampled[s] = best.id;
  }
}

}  // namespace genarm::cpu::GENARM_ISA
