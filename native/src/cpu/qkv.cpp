// qkv: x = rms_norm(hidden) * norm; q, k, v = W x + bias, per head a norm, the rotation by position, and k and v
// appended to the cache. A task is one head for a block of rows. Bound by reading the weights.
#include "low_rank.h"
#include "norm.h"
#include "operations.h"

namespace genarm::cpu::GENARM_ISA {
namespace {

struct Head {
  const PackedMatrix* matrix;
  const float *bias, *norm;
  int64_t index;
  enum { q, k, v } kind;
};

Head find_head(const QkvArgs& args, int64_t unit) {
  if (unit < args.num_heads) return {packed(args.q_proj), args.q_bias, args.q_norm, unit, Head::q};
  unit -= args.num_heads;
  if (unit < args.num_kv_heads) return {packed(args.k_proj), args.k_bias, args.k_norm, unit, Head::k};
  return {packed(args.v_proj), args.v_bias, nullptr, unit - args.num_kv_heads, Head::v};
}

// (a, b) -> (a cos - b sin, b cos + a sin) for the two halves of a head.
void rotate(float* x, const float* cos, const float* sin, int half) {
  for (int i = 0; i < half; i += 16) {
    const int n = int(smaller(16, half - i));
    const f32x16 a = load_partial(x + i, n), b = load_partial(x + half + i, n);
    const f32x16 c = load_partial(cos + i, n), s = load_partial(sin + i, n);
    store_partial(x + i, fma(a, c, zero() - b * s), n);
    store_partial(x + half + i, fma(b, c, a * s), n);
  }
}

void append(const QkvArgs& args, const Head& head, const float* x, int32_t row) {
  const KvCache& cache = args.cache;
  const int32_t dim = args.head_dim, position = args.rows.position[row], slot = position % cache.page_size;
  const int64_t page = args.rows.pages[args.rows.page_table[row] + position / cache.page_size];
  float* keys = cache.data + ((int64_t(args.layer) * cache.num_pages + page) * cache.num_kv_heads + head.index) * 2 *
                                 dim * cache.page_size;
  if (head.kind == Head::k) {
    for (int32_t i = 0; i < dim; ++i) keys[int64_t(i) * cache.page_size + slot] = x[i];
  } else {
    memcpy(keys + int64_t(dim) * cache.page_size + int64_t(slot) * dim, x, size_t(dim) * sizeof(float));
  }
}

// x: [head_dim], the product of one row.
void finish(const QkvArgs& args, const Head& head, float* x, int32_t row) {
  const int32_t dim = args.head_dim;
  if (head.bias) {
    const float* bias = head.bias + head.index * dim;
    for (int32_t i = 0; i < dim; ++i) x[i] += bias[i];
  }
  if (head.norm) {
    const float scale = rms_scale(x, dim, args.eps);
    for (int32_t i = 0; i < dim; ++i) x[i] = x[i] * scale * head.norm[i];
  }
  if (head.kind != Head::v) {
    const int64_t at = int64_t(args.rows.position[row]) * (dim / 2);
    rotate(x, args.rope_cos + at, args.rope_sin + at, dim / 2);
  }
  if (head.kind == Head::q) {
    memcpy(args.q + (int64_t(row) * args.num_heads + head.index) * dim, x, size_t(dim) * sizeof(float));
  } else {
    append(args, head, x, row);
  }
}

void run_task(Context& context, const QkvArgs* problems, const DensePlan& plan, const UpdatePlan& updates,
              int64_t index, int thread) {
  uint8_t* free;
  const DenseTask task = begin_task(context, plan, index, thread, &free);
  const DenseProblem& problem = plan.problem[task.problem];
  const QkvArgs& args = problems[task.problem];
  alignas(64) float product[kMaxPanels * kMaxRows * 16];
  float* heads = reinterpret_cast<float*>(free);  // [rows of the group][padded head]
  for (int64_t unit = task.unit_begin; unit < task.unit_end; ++unit) {
    const Head head = find_head(args, unit);
    const int64_t panels_per_head = head.matrix->group_panels, padded = panels_per_head * kPanelRows;
    fetch_low_rank(updates.slot[task.problem][head.kind], head.index * panels_per_head, int(panels_per_head));
    for (int32_t group = task.group_begin; group < task.group_end; ++group) {
      const int32_t begin = first_row(problem, group), rows = first_row(problem, group + 1) - begin;
      for (int64_t first = 0; first < panels_per_head; first += kMaxPanels) {
        const int count = int(smaller(kMaxPanels, panels_per_head - first));
        const int64_t panel = head.index * panels_per_head + first;
        multiply(context, product, *head.matrix, panel, count, problem, task, group);
        add_low_rank(updates.slot[task.problem][head.kind], panel, count, begin, rows, product);
        for (int p = 0; p < count; ++p) {
          for (int32_t r = 0; r < rows; ++r)
            store(heads + r * padded + (first + p) * kPanelRows, load(product + (p * rows + r) * 16));
        }
      }
      for (int32_t r = 0; r < rows; ++r) finish(args, head, heads + r * padded, begin + r);
    }
  }
}

}  // namespace

size_t qkv_thread_bytes(const Backend::Limits& limits) {
  return size_t(kMaxRows * round_up(limits.head_dim, kPanelRows)) * sizeof(float);
}

void qkv(Context& context, const QkvArgs* problems, int32_t num_problems) {
  DensePlan plan;
  UpdatePlan updates;
  clear(plan);
  clear(updates);
  int64_t padded_head = 0;
  for (int32_t i = 0; i < num_problems; ++i) {
    const QkvArgs& args = problems[i];
    const PackedMatrix& m = *packed(args.q_proj);
    add_problem(context, plan, {args.hidden, args.norm, &m, args.rows.num_rows, args.eps},
                args.num_heads + 2 * int64_t(args.num_kv_heads), m.group_panels * m.panel_bytes, 1);
    padded_head = larger(padded_head, m.group_panels * kPanelRows);
    add_updates(updates, plan, i, Head::q, args.q_low_rank);
    add_updates(updates, plan, i, Head::k, args.k_low_rank);
    add_updates(updates, plan, i, Head::v, args.v_low_rank);
  }
  prepare(context, plan, update_bytes(updates), size_t(kMaxRows * padded_head) * sizeof(float));
  parallel(context, plan, updates, plan.num_tasks, [&](int64_t index, int thread) {
    run_task(context, problems, plan, updates, index, thread);
  });
}

}  // namespace genarm::cpu::GENARM_ISA
