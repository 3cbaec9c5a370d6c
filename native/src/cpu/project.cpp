// project: hidden += W x + bias. Bound by reading W.
#include "low_rank.h"
#include "operations.h"

namespace genarm::cpu::GENARM_ISA {
namespace {

void add(const ProjectArgs& args, const float* product, int32_t row, int64_t panel) {
  const int64_t outputs = args.weight->rows, first = panel * kPanelRows;
  const int n = int(smaller(kPanelRows, outputs - first));
  float* hidden = args.hidden + row * outputs + first;
  f32x16 v = load(product);
  if (args.bias) v = v + load_partial(args.bias + first, n);
  store_partial(hidden, load_partial(hidden, n) + v, n);
}

void run_task(Context& context, const ProjectArgs* problems, const DensePlan& plan, const UpdatePlan& updates,
              int64_t index, int thread) {
  uint8_t* unused;
  const DenseTask task = begin_task(context, plan, index, thread, &unused);
  const DenseProblem& problem = plan.problem[task.problem];
  const ProjectArgs& args = problems[task.problem];
  const PackedMatrix& weight = *packed(args.weight);
  alignas(64) float product[kMaxPanels * kMaxRows * 16];
  const int step = problem.num_groups > 1 ? 1 : kMaxPanels;
  for (int64_t unit = task.unit_begin; unit < task.unit_end; unit += step) {
    const int count = int(smaller(step, task.unit_end - unit));
    fetch_low_rank(updates.slot[task.problem][0], unit, count);
    for (int32_t group = task.group_begin; group < task.group_end; ++group) {
      multiply(context, product, weight, unit, count, problem, task, group);
      const int32_t begin = first_row(problem, group), rows = first_row(problem, group + 1) - begin;
      add_low_rank(updates.slot[task.problem][0], unit, count, begin, rows, product);
      for (int p = 0; p < count; ++p)
        for (int32_t r = 0; r < rows; ++r) add(args, product + (p * rows + r) * 16, begin + r, unit + p);
    }
  }
}

}  // namespace

void project(Context& context, const ProjectArgs* problems, int32_t num_problems) {
  DensePlan plan;
  UpdatePlan updates;
  clear(plan);
  clear(updates);
  for (int32_t i = 0; i < num_problems; ++i) {
    const PackedMatrix& m = *packed(problems[i].weight);
    add_problem(context, plan, {problems[i].x, nullptr, &m, problems[i].num_rows, 0}, m.num_panels, m.panel_bytes,
                kMaxPanels);
    add_updates(updates, plan, i, 0, problems[i].low_rank);
  }
  prepare(context, plan, update_bytes(updates), 0);
  parallel(context, plan, updates, plan.num_tasks, [&](int64_t index, int thread) {
    run_task(context, problems, plan, updates, index, thread);
  });
}

}  // namespace genarm::cpu::GENARM_ISA
