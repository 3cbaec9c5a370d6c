// The guided step over CUDA beside the same step over the CPU: laws within what rounding activations to bf16 changes, and
// the same tokens but for near ties.
#include "cpu/cpu_backend.h"
#include "engine_fixture.h"
#include "fixture.h"

namespace genarm {
namespace {

constexpr int32_t kRows = 10;  // that are drawn from, the last of each prompt
constexpr int32_t kTopK = 6;
constexpr double kNear = 4 * kWithin;

int64_t seed_of(int32_t row) { return 1000 + 7 * row; }

struct Result {
  std::vector<std::vector<float>> laws;
  std::vector<int32_t> drawn, cut;
};

// Base and reward model as `dtype`, prompts of 21 and 17 tokens; of each row its law, a draw, and one from its best.
Result run(Backend& backend, const Model& base, const Model& arm, int32_t dtype) {
  genarm_test::StepWriter writer(32);
  Engine engine(backend, limits_of(100));
  engine.add_view(load(backend, base, dtype), nullptr, 32);
  engine.add_view(load(backend, arm, dtype), nullptr, 32);
  engine.start();
  writer.step = engine.step_buffer();
  const auto base_prompt = ids(21, 3), arm_prompt = ids(17, 5);
  const int32_t b = writer.lane(0, 0, base_prompt.data(), 21, 0) + 21 - kRows;
  const int32_t a = writer.lane(1, 0, arm_prompt.data(), 17, 0) + 17 - kRows;
  for (int32_t r = 0; r < kRows; ++r)
    for (const int32_t kind : {0, 1, 2}) {
      writer.sequence({{b + r, 1.f}, {a + r, 0.7f}}, 0.9f, kind == 0 ? GA_KEEP_LAW : 0, seed_of(r));
      if (kind == 2) writer.step->sequence_top_k[writer.step->num_sequences - 1] = kTopK;
    }
  engine.step();

  Result result;
  for (int32_t r = 0; r < kRows; ++r) {
    result.laws.emplace_back(kVocab);
    engine.law(3 * r, result.laws.back().data());
    result.drawn.push_back(writer.step->sampled[3 * r + 1]);
    result.cut.push_back(writer.step->sampled[3 * r + 2]);
  }
  return result;
}

struct Agreement {
  int same = 0, all = 0;

  // `found` competes within rounding of `expected`, by the law and the noise of the CPU.
  void check(const std::vector<float>& law, int32_t row, int32_t found, int32_t expected) {
    SamplingPlan plan = {};
    plan.seed = uint64_t(seed_of(row));
    plan.position = 7;  // StepWriter's
    const auto value = [&](int32_t token) { return law[size_t(token)] + cuda::gumbel_in_double(plan, token); };
    CHECK(found >= 0 && found < kVocab && value(found) >= value(expected) - kNear);
    same += found == expected;
    ++all;
  }
};

void check_pair(const Model& base, const Model& arm, int32_t dtype, Agreement& agreement) {
  CudaBackend cuda(0);
  cpu::CpuBackend cpu(1, cpu::available_isas().back());
  const Result found = run(cuda, base, arm, dtype), expected = run(cpu, base, arm, dtype);

  for (int32_t r = 0; r < kRows; ++r) {
    const std::vector<float>& law = expected.laws[size_t(r)];
    for (size_t v = 0; v < law.size(); ++v)
      cuda::check_near(found.laws[size_t(r)][v], law[v], 2 * kWithin, "law", r, int64_t(v));
    agreement.check(law, r, found.drawn[size_t(r)], expected.drawn[size_t(r)]);
    agreement.check(law, r, found.cut[size_t(r)], expected.cut[size_t(r)]);
    std::vector<float> best = law;
    std::sort(best.rbegin(), best.rend());
    CHECK(law[size_t(found.cut[size_t(r)])] >= best[kTopK - 1] - kNear);
  }
}

void every_family_draws_the_same_tokens() {
  ga_model_config qwen2 = config_of(4, 1, 8), qwen3 = config_of(2, 2, 10), wide = config_of(4, 2, 6);
  qwen2.qkv_bias = 1;
  qwen3.qk_norm = qwen3.tie_embeddings = 1;
  wide.hidden_size = 72;
  Model mistral = model_of(config_of(4, 2, 10), 12);
  mistral.windows.assign(mistral.windows.size(), 6);
  const Model llama = model_of(config_of(4, 2, 6), 11);
  Agreement agreement;

  check_pair(llama, model_of(qwen2, 13), -1, agreement);
  check_pair(mistral, model_of(qwen3, 14), -1, agreement);
  check_pair(Model(wide, 15), llama, GA_INT8, agreement);
  check_pair(Model(wide, 16), llama, GA_INT4, agreement);

  CHECK(agreement.all == 80 && agreement.same >= 76);
}

}  // namespace
}  // namespace genarm

int main(int argc, char** argv) {
  using namespace genarm;
  return cuda::run_cases(argc, argv, {{"every_family_draws_the_same_tokens", every_family_draws_the_same_tokens}});
}
