// sample: bytes are the row of z, once.
#include "bench.h"

using namespace genarm_bench;

static void cut(Bench& bench, const char* name, int32_t top_k, float top_p, float min_p) {
  const auto logits = bench.floats(kVocab), z = bench.floats(kVocab), sampled = bench.floats(1);
  for (int64_t v = 0; v < kVocab; ++v) logits->as<float>()[v] *= 12;
  SamplingPlan plan{};
  plan.seed = 1;
  plan.temperature = 1;
  plan.top_k = top_k;
  plan.top_p = top_p;
  plan.min_p = min_p;
  const auto d_plan = bench.values(std::vector<SamplingPlan>{plan});
  bench.measure(name, 1, kVocab * 4.0, 0, [&] {
    std::memcpy(z->data, logits->data, kVocab * sizeof(float));
    bench.backend->sample({sampled->as<int32_t>(), z->as<float>(), d_plan->as<SamplingPlan>(), 1, kVocab});
  });
}

int main(int argc, char** argv) {
  Bench bench(argc, argv);
  cut(bench, "no cut", 0, 1, 0);
  cut(bench, "top-k 50", 50, 1, 0);
  cut(bench, "top-p 0.9", 0, 0.9f, 0);
  cut(bench, "min-p 0.05", 0, 1, 0.05f);
  cut(bench, "top-k 50, top-p 0.9", 50, 0.9f, 0);
}
