// The guided step over the CUDA backend with adapters: LoRA and PBLoRA against the models that they stand for.
#include "engine_fixture.h"

namespace genarm {
namespace {

// W + scale B C A, as the model that the adapter stands for.
void merge(Model& model, const std::string& name, const std::vector<float>& a, const std::vector<float>& b,
           const Vector& core, int rank, float scale) {
  std::vector<float>& w = model.tensors.at(name);
  const int64_t rows = model.shapes.at(name)[0], columns = model.shapes.at(name)[1];
  for (int64_t o = 0; o < rows; ++o)
    for (int64_t c = 0; c < columns; ++c) {
      double sum = 0;
      for (int i = 0; i < rank; ++i)
        for (int j = 0; j < rank; ++j)
          sum += double(b[size_t(o * rank + i)]) * core[size_t(i * rank + j)] * double(a[size_t(j * columns + c)]);
      w[size_t(o * columns + c)] += float(scale * sum);
    }
}

// LoRA of rank 3, or PBLoRA with a fixed part of rank 2 and a free one of rank 1.
void check_adapter(const std::vector<const char*>& modules, int32_t num_objectives) {
  const Model model = model_of(config_of(4, 2, 6), 5);
  Model merged = model;
  const float preference[2] = {0.3f, 0.7f}, scale = 1.5f;
  Rig rig;
  auto weights = load(rig.backend, model);
  auto adapter = std::make_shared<Adapter>(weights, num_objectives);
  unsigned seed = 100;
  for (const char* module : modules) {
    const std::string name = std::string(module) + ".weight";
    const int64_t rows = model.shapes.at(name)[0], columns = model.shapes.at(name)[1];
    const auto a = cuda::random_floats(size_t(3 * columns), ++seed, 0.2f),
               b = cuda::random_floats(size_t(rows * 3), ++seed, 0.3f);
    const auto w1 = cuda::random_floats(4, ++seed), w2 = cuda::random_floats(2, ++seed);
    const TensorFile file({&a, &b, &w1, &w2});
    adapter->load(module, "A", file.tensor(0, "A", {3, columns}));
    adapter->load(module, "B", file.tensor(1, "B", {rows, 3}));
    adapter->scale(module, scale);
    if (num_objectives == 0) {
      merge(merged, name, a, b, {1, 0, 0, 0, 1, 0, 0, 0, 1}, 3, scale);
      continue;
    }
    adapter->load(module, "W1", file.tensor(2, "W1", {2, 2}));
    adapter->load(module, "W2", file.tensor(3, "W2", {2, 1, 1}));
    const double free = preference[0] * double(w2[0]) + preference[1] * double(w2[1]);
    merge(merged, name, a, b, {w1[0], w1[1], 0, w1[2], w1[3], 0, 0, 0, free}, 3, scale);
  }
  adapter->finish();
  rig.engine.add_view(weights, nullptr, 32);
  rig.engine.add_view(weights, adapter, 32);
  rig.start();
  const auto prompt = ids(11, 2);

  const int32_t base = rig.lane(0, 0, prompt.data(), 11, 0), arm = rig.lane(1, 0, prompt.data(), 11, 4);
  std::copy(preference, preference + 2, rig.step->lane_preference + 2);
  for (int32_t r = 0; r < 11; ++r) rig.sequence({{base + r, 1.f}});
  for (int32_t r = 0; r < 11; ++r) rig.sequence({{arm + r, 1.f}});
  rig.engine.step();

  const auto of_base = model.logits(prompt), of_arm = merged.logits(prompt);
  for (int32_t r = 0; r < 11; ++r) {
    check_law(rig.law(r), of_base[size_t(r)], r);
    check_law(rig.law(11 + r), of_arm[size_t(r)], 11 + r);
  }
}

const std::vector<const char*> kLayerLinears = {
    "model.layers.0.self_attn.q_proj", "model.layers.1.self_attn.k_proj", "model.layers.0.self_attn.v_proj",
    "model.layers.0.self_attn.o_proj", "model.layers.1.mlp.gate_proj",    "model.layers.0.mlp.up_proj",
    "model.layers.1.mlp.down_proj"};

void lora_matches_the_merged_model() {
  std::vector<const char*> modules = kLayerLinears;
  modules.push_back("lm_head");
  check_adapter(modules, 0);
}

void pblora_matches_the_merged_model() { check_adapter(kLayerLinears, 2); }

}  // namespace
}  // namespace genarm

int main(int argc, char** argv) {
  using namespace genarm;
  return cuda::run_cases(argc, argv,
                         {{"lora_matches_the_merged_model", lora_matches_the_merged_model},
                          {"pblora_matches_the_merged_model", pblora_matches_the_merged_model}});
}
