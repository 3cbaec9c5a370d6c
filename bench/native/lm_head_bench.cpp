// lm_head: the head's matrix read once, the draw included.
#include "bench.h"

using namespace genarm_bench;

static void shape(Bench& bench, const char* name, int vocab, int columns) {
  const auto head = bench.matrix(vocab, columns);
  for (int rows : {1, 2, 8, 64}) {
    const auto x = bench.floats(rows * columns), z = bench.floats(1);
    std::vector<int32_t> first = {0}, problem(size_t(rows), 0), row;
    std::vector<SamplingPlan> plans;
    for (int i = 0; i < rows; ++i) {
      row.push_back(i);
      first.push_back(i + 1);
      SamplingPlan plan{};
      plan.seed = 1;
      plan.position = i;
      plan.temperature = 1;
      plan.top_p = 1;
      plan.z_row = -1;
      plans.push_back(plan);
    }
    const auto d_first = bench.values(first), d_problem = bench.values(problem), d_row = bench.values(row);
    const auto d_plans = bench.values(plans), sampled = bench.values(problem);
    const HeadProblem problems[] = {{head.get(), x->as<float>(), rows, nullptr}};
    const LmHeadArgs args{sampled->as<int32_t>(), z->as<float>(), {problems, 1}, d_first->as<int32_t>(), d_problem->as<int32_t>(),
                          d_row->as<int32_t>(), d_plans->as<SamplingPlan>(), rows, vocab};
    bench.measure(name, rows, double(head->bytes), double(head->bytes) * rows, [&] { bench.backend->lm_head(args); });
  }
}

int main(int argc, char** argv) {
  Bench bench(argc, argv);
  shape(bench, "128256 x 2048 bf16, drawn", kVocab, kHidden);
  shape(bench, "2048 x 256 bf16, cached", 2048, 256);
}
