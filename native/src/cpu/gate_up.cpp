// gate_up: x = rms_norm(hidden) * norm; out = silu(gate x + bias) * (up x + bias). A task computes matching panels of
// both. Bound by reading them.
#include "low_rank.h"
#include "operations.h"
#include "simd_math.h"

namespace genarm::cpu::GENARM_ISA {
namespace {

constexpr int kMostPanels = 16;  // of each matrix in a run

// Panels of the gate that a task reads before those of up. Quantised panels are short, and a stream of memory takes a while
// to come up to speed: about 300 KB go at once.
int run_panels(const PackedMatrix& gate) { return gate.quant.bits == 4 ? 16 : gate.quant.bits == 8 ? 8 : kMaxPanels; }

void activate(const GateUpArgs& args, const float* gate, const float* up, int32_t row, int64_t panel) {
  const int64_t outputs = args.gate->rows, first = panel * kPanelRows;
  const int n = int(smaller(kPanelRows, outputs - first));
  f32x16 g = load(gate), u = load(up);
  if (args.gate_bias) g = g + load_partial(args.gate_bias + first, n);
  if (args.up_bias) u = u + load_partial(args.up_bias + first, n);
  store_partial(args.out + row * outputs + first, silu(g) * u, n);
}

void run_task(Context& context, const GateUpArgs* problems, const DensePlan& plan, const UpdatePlan& updates,
              int64_t index, int thread) {
  uint8_t* unused;
  const DenseTask task = begin_task(context, plan, index, thread, &unused);
  const DenseProblem& problem = plan.problem[task.problem];
  const GateUpArgs& args = problems[task.problem];
  const PackedMatrix* matrices[] = {packed(args.gate), packed(args.up)};
  alignas(64) float product[2][kMostPanels * kMaxRows * 16];
  const int step = problem.num_groups > 1 ? 1 : run_panels(*matrices[0]);
  for (int64_t unit = task.unit_begin; unit < task.unit_end; unit += step) {
    const int count = int(smaller(step, task.unit_end - unit));
    for (int slot = 0; slot < 2; ++slot) fetch_low_rank(updates.slot[task.problem][slot], unit, count);
    for (int32_t group = task.group_begin; group < task.group_end; ++group) {
      const int32_t begin = first_row(problem, group), rows = first_row(problem, group + 1) - begin;
      for (int slot = 0; slot < 2; ++slot) {
        for (int done = 0; done < count; done += kMaxPanels) {
          const int panels = int(smaller(kMaxPanels, count - done));
          float* out = product[slot] + done * rows * 16;
          multiply(context, out, *matrices[slot], unit + done, panels, problem, task, group);
          add_low_rank(updates.slot[task.problem][slot], unit + done, panels, begin, rows, out);
        }
      }
      for (int p = 0; p < count; ++p) {
        for (int32_t r = 0; r < rows; ++r) {
          const int64_t at = (p * rows + r) * 16;
          activate(args, product[0] + at, product[1] + at, begin + r, unit + p);
        }
      }
    }
  }
}

}  // namespace

void gate_up(Context& context, const GateUpArgs* problems, int32_t num_problems) {
  DensePlan plan;
  UpdatePlan updates;
  clear(plan);
  clear(updates);
  for (int32_t i = 0; i < num_problems; ++i) {
    const GateUpArgs& args = problems[i];
    const PackedMatrix& m = *packed(args.gate);
    add_problem(context, plan, {args.hidden, args.norm, &m, args.num_rows, args.eps}, m.num_panels, 2 * m.panel_bytes,
                run_panels(m));
    add_updates(updates, plan, i, 0, args.gate_low_rank);
    add_updates(updates, plan, i, 1, args.up_low_rank);
  }
  prepare(context, plan, update_bytes(updates), 0);
  parallel(context, plan, updates, plan.num_tasks, [&](int64_t index, int thread) {
    run_task(context, problems, plan, updates, index, thread);
  });
}

}  // namespace genarm::cpu::GENARM_ISA
