// The guided step over the CUDA backend: the engine and the transformer as they are, against the model's definition in
// double.
#include "engine_fixture.h"

namespace genarm {
namespace {

void check_family(const ga_model_config& config, int32_t window) {
  Model model = model_of(config, 11);
  model.windows.back() = window;
  const auto prompt = ids(21, 3);
  Rig rig;
  rig.engine.add_view(load(rig.backend, model), nullptr, 32);
  rig.start();

  rig.lane(0, 0, prompt.data(), 21, 0);
  for (int32_t r = 0; r < 21; ++r) rig.sequence({{r, 1.f}});
  rig.engine.step();

  const auto expected = model.logits(prompt);
  for (int32_t r = 0; r < 21; ++r) check_law(rig.law(r), expected[size_t(r)], r);
}

void llama_matches_its_definition() { check_family(config_of(4, 2, 6), 0); }

void qwen2_matches_its_definition() {
  ga_model_config c = config_of(4, 1, 8);
  c.qkv_bias = 1;
  check_family(c, 5);
}

void qwen3_matches_its_definition() {
  ga_model_config c = config_of(2, 2, 10);
  c.qk_norm = c.tie_embeddings = 1;
  check_family(c, 0);
}

// A window on every layer, heads that are not hidden_size / num_heads wide.
void mistral_matches_its_definition() {
  ga_model_config c = config_of(4, 2, 10);
  Model model = model_of(c, 12);
  model.windows.assign(model.windows.size(), 6);
  const auto prompt = ids(21, 3);
  Rig rig;
  rig.engine.add_view(load(rig.backend, model), nullptr, 32);
  rig.start();

  rig.lane(0, 0, prompt.data(), 21, 0);
  rig.sequence({{20, 1.f}});
  rig.engine.step();

  check_law(rig.law(0), model.logits(prompt).back(), 20);
}

void biases_everywhere_match_their_definition() {
  ga_model_config c = config_of(3, 3, 16);
  c.qkv_bias = c.o_bias = c.mlp_bias = 1;
  check_family(c, 0);
}

void quantised_models_match_their_definition() {
  ga_model_config config = config_of(4, 2, 6);
  config.hidden_size = 72;
  const auto prompt = ids(13, 3);
  for (const Dtype dtype : {Dtype::int8, Dtype::int4}) {
    const Model model(config, 11);
    Rig rig;
    rig.engine.add_view(load(rig.backend, model, int32_t(dtype)), nullptr, 32);
    rig.start();

    rig.lane(0, 0, prompt.data(), 13, 0);
    for (int32_t r = 0; r < 13; ++r) rig.sequence({{r, 1.f}});
    rig.engine.step();

    // Three times as wide as the other models, and so its logits spread more.
    const auto expected = quantised(model, dtype).logits(prompt);
    for (int32_t r = 0; r < 13; ++r) check_law(rig.law(r), expected[size_t(r)], r, 2 * kWithin);
  }
}

// A base of int8 and a reward model of bf16: every stage is one launch of two formats.
void formats_run_side_by_side() {
  const Model base(config_of(4, 2, 6), 1), arm = model_of(config_of(4, 2, 6), 2);
  const auto prompt = ids(9, 1);
  Rig rig;
  rig.engine.add_view(load(rig.backend, base, GA_INT8), nullptr, 32);
  rig.engine.add_view(load(rig.backend, arm), nullptr, 32);
  rig.start();

  const int32_t b = rig.lane(0, 0, prompt.data(), 9, 0), a = rig.lane(1, 0, prompt.data(), 9, 0);
  rig.sequence({{b + 8, 1.f}, {a + 8, 1.f}});
  rig.engine.step();

  Vector product = quantised(base, Dtype::int8).logits(prompt).back();
  const Vector z_arm = arm.logits(prompt).back();
  for (size_t v = 0; v < product.size(); ++v) product[v] += z_arm[v];
  check_law(rig.law(0), product, 0);
}

void the_law_is_the_product_of_the_models() {
  ga_model_config arm_config = config_of(4, 2, 6);
  arm_config.num_layers = 3;
  arm_config.hidden_size = 16;
  arm_config.vocab_size = kVocab + 8;
  const Model base = model_of(config_of(4, 2, 6), 1), arm = model_of(arm_config, 2);
  const auto base_prompt = ids(9, 1), arm_prompt = ids(20, 2);
  Rig rig;
  rig.engine.add_view(load(rig.backend, base), nullptr, 32);
  rig.engine.add_view(load(rig.backend, arm), nullptr, 32);
  rig.start();

  const int32_t b = rig.lane(0, 0, base_prompt.data(), 9, 0), a = rig.lane(1, 0, arm_prompt.data(), 20, 0);
  rig.sequence({{b + 8, 1.25f}, {a + 19, -0.5f}}, 0.7f, GA_KEEP_LAW | GA_KEEP_COMPONENTS);
  const Vector bias = {1.5, -2};
  rig.step->sequence_biases[0] = 2;
  for (int32_t i = 0; i < 2; ++i) {
    rig.step->bias_token[i] = 3 + 30 * i;
    rig.step->bias_value[i] = float(bias[size_t(i)]);
  }
  rig.engine.step();

  const Vector z_base = base.logits(base_prompt).back();
  Vector z_arm = arm.logits(arm_prompt).back(), product(z_base);
  z_arm.resize(kVocab);  // the padding cannot be drawn
  for (size_t v = 0; v < product.size(); ++v) product[v] = (1.25 * z_base[v] - 0.5 * z_arm[v]) / 0.7f;
  product[3] += bias[0] / 0.7f;
  product[33] += bias[1] / 0.7f;
  check_law(rig.law(0), product, 0, 2 * kWithin);
  std::vector<float> component(kVocab);
  rig.engine.component(0, 1, component.data());
  check_law(component, z_arm, 1);
}

// Far into a text, where blocks of attention are merged: one launch for both models, a place of its own for each.
void models_side_by_side_do_not_change_a_bit() {
  const Model models[] = {model_of(config_of(4, 2, 6), 1), model_of(config_of(4, 1, 8), 2)};
  const auto text = ids(6, 3);
  Rig both(300);
  for (const Model& model : models) both.engine.add_view(load(both.backend, model), nullptr, 32);
  both.start();
  for (int32_t v = 0; v < 2; ++v) both.lane(v, 270, text.data(), 6, 0);
  both.sequence({{5, 1.f}});
  both.sequence({{11, 1.f}});
  both.engine.step();

  for (int32_t v = 0; v < 2; ++v) {
    Rig alone(300);
    alone.engine.add_view(load(alone.backend, models[v]), nullptr, 32);
    alone.start();
    alone.lane(0, 270, text.data(), 6, 0);
    alone.sequence({{5, 1.f}});
    alone.engine.step();
    CHECK(both.law(v) == alone.law(0));
  }
}

// One label as a reward model has it, three as a classifier; scores of a row do not depend on those beside it.
void a_score_head_gives_its_scores() {
  for (const int32_t labels : {1, 3}) {
    ga_model_config config = config_of(4, 2, 6);
    config.num_labels = labels;
    const Model model = model_of(config, 9);
    const auto prompt = ids(13, 7);
    Rig rig(100, 1, labels);
    rig.engine.add_view(load(rig.backend, model), nullptr, 32);
    rig.start();

    rig.lane(0, 0, prompt.data(), 13, 0);
    const int32_t again = rig.lane(0, 0, prompt.data(), 13, 3);
    rig.sequence({{4, 1.f}}, 1, GA_KEEP_LOGITS);
    rig.sequence({{12, 1.f}}, 1, GA_KEEP_LOGITS);
    rig.sequence({{again + 12, 1.f}}, 1, GA_KEEP_LOGITS);
    rig.engine.step();

    std::vector<std::vector<float>> scores(3, std::vector<float>(size_t(labels)));
    for (int32_t s = 0; s < 3; ++s) rig.engine.logits(s, scores[size_t(s)].data());
    const auto expected = model.logits(prompt);
    for (int32_t label = 0; label < labels; ++label) {
      CHECK(std::abs(scores[0][size_t(label)] - expected[4][size_t(label)]) < kWithin);
      CHECK(std::abs(scores[1][size_t(label)] - expected[12][size_t(label)]) < kWithin);
    }
    CHECK(scores[0] != scores[1] && scores[2] == scores[1]);
  }
}

// The last law and token of a prompt cut into chunks, beside `others` lanes of one row.
std::pair<std::vector<float>, int32_t> run_chunked(const Model& model, int32_t chunk, int32_t others, int32_t length = 19,
                                                      int32_t dtype = -1) {
  const auto prompt = ids(length, 4);
  Rig rig(300);  // two blocks of attention
  rig.engine.add_view(load(rig.backend, model, dtype), nullptr, 32);
  rig.start();
  for (int32_t start = 0; start < length; start += chunk) {
    const int32_t rows = std::min(chunk, length - start);
    rig.clear();
    for (int32_t o = 0; o < others; ++o) rig.lane(0, 0, ids(1, o).data(), 1, 30 + o);
    const int32_t first = rig.lane(0, start, &prompt[size_t(start)], rows, 0);
    rig.sequence({{first + rows - 1, 1.f}});
    rig.sequence({{first + rows - 1, 1.f}}, 1, 0);
    rig.engine.step();
  }
  return {rig.law(0), rig.step->sampled[1]};
}

void chunks_and_batches_do_not_change_a_bit() {
  const Model model = model_of(config_of(4, 2, 6), 5);

  const auto whole = run_chunked(model, 19, 0);

  CHECK(run_chunked(model, 1, 0) == whole);
  CHECK(run_chunked(model, 7, 2) == whole);
}

// More rows than kMostGemvRows, and the same ones in two steps that have fewer.
void a_blocked_product_does_not_change_a_bit() {
  for (const int32_t dtype : {-1, int32_t(GA_INT4)}) {
    const Model model = model_of(config_of(4, 2, 6), 6);

    CHECK(run_chunked(model, 80, 1, 80, dtype) == run_chunked(model, 50, 0, 80, dtype));
  }
}

// Normed heads wider than a blocked product's outputs: qkv goes without, the layer's others do not.
void heads_of_256_numbers_match_their_definition() {
  ga_model_config c = config_of(2, 1, 256);
  c.num_layers = 1;
  c.qk_norm = 1;
  const Model model = model_of(c, 13);
  const auto prompt = ids(70, 4);
  Rig rig;
  rig.engine.add_view(load(rig.backend, model), nullptr, 32);
  rig.start();

  rig.lane(0, 0, prompt.data(), 70, 0);
  rig.sequence({{69, 1.f}});
  rig.engine.step();

  const std::vector<float> law = rig.law(0);
  check_law(law, model.logits(prompt).back(), 69);
  CHECK(run_chunked(model, 35, 0, 70).first == law);
}

// Laws of rows far into a text, for lanes of one row, of a few, and of more than take turns.
std::vector<std::vector<float>> far_laws(const Model (&models)[2], size_t partial_bytes) {
  std::vector<std::vector<float>> laws;
  Rig rig(300, 1, kVocab, partial_bytes);
  rig.num_pages = 57;
  for (const Model& model : models) rig.engine.add_view(load(rig.backend, model), nullptr, rig.num_pages);
  rig.start();
  for (const auto& [lanes, rows] : {std::pair(3, 1), std::pair(2, 9), std::pair(1, 40)}) {
    rig.clear();
    for (int32_t v = 0; v < 2; ++v)
      for (int32_t l = 0; l < lanes; ++l) {
        const int32_t first = rig.lane(v, 250, ids(rows, v + 2 * l).data(), rows, 19 * l);
        for (int32_t r = 0; r < rows; r += 5) rig.sequence({{first + r, 1.f}});
      }
    rig.engine.step();
    for (int32_t s = 0; s < rig.step->num_sequences; ++s) laws.push_back(rig.law(s));
  }
  return laws;
}

// No room for a row of both models, for a row, for three.
void what_the_scratch_of_attention_cannot_hold_changes_no_bit() {
  const Model models[] = {model_of(config_of(4, 2, 6), 1), model_of(config_of(4, 1, 8), 2)};
  const auto expected = far_laws(models, 64 << 20);
  for (const size_t bytes : {1, 1000}) CHECK(far_laws(models, bytes) == expected);
}

void a_page_is_shared_in_the_step_that_fills_it() {
  const Model model = model_of(config_of(4, 2, 6), 8);
  const auto prompt = ids(21, 6);
  Rig alone, rig;
  for (Rig* each : {&alone, &rig}) {
    each->engine.add_view(load(each->backend, model), nullptr, 32);
    each->start();
  }
  const int32_t last = alone.lane(0, 0, prompt.data(), 21, 3) + 20;
  alone.sequence({{last, 1.f}});
  alone.engine.step();

  const int32_t row = rig.lane(0, 16, &prompt[16], 5, 0) + 4;
  rig.step->lane_pages[1] = 9;
  rig.lane(0, 0, prompt.data(), 16, 0);
  rig.sequence({{row, 1.f}});
  rig.engine.step();

  CHECK(rig.law(0) == alone.law(0));
}

// A step is captured once for its lanes and sequences; tokens, positions, pages, weights and temperatures may change.
void a_decoding_step_is_one_graph() {
  const Model base = model_of(config_of(4, 2, 6), 1), arm = model_of(config_of(4, 2, 6), 2);
  std::vector<int32_t> text = ids(1, 3);
  Rig rig;
  rig.engine.add_view(load(rig.backend, base), nullptr, 32);
  rig.engine.add_view(load(rig.backend, arm), nullptr, 32);
  rig.start();
  constexpr int kSteps = 20;  // over the end of the first page

  for (int i = 0; i < kSteps; ++i) {
    const float weight = 0.55f - 0.1f * float(i), temperature = 0.7f + 0.05f * float(i);
    rig.clear();
    const int32_t b = rig.lane(0, i, &text.back(), 1, 0), a = rig.lane(1, i, &text.back(), 1, 0);
    rig.sequence({{b, 1.f}, {a, weight}}, temperature);
    rig.sequence({{b, 1.f}, {a, weight}}, temperature, 0);
    rig.engine.step();

    const Vector z_arm = arm.logits(text).back();
    Vector product = base.logits(text).back();
    for (size_t v = 0; v < product.size(); ++v) product[v] = (product[v] + double(weight) * z_arm[v]) / double(temperature);
    check_law(rig.law(0), product, i, 2 * kWithin);
    CHECK(rig.step->sampled[1] == rig.step->sampled[0]);
    text.push_back(rig.step->sampled[1]);
  }

  CHECK(rig.backend.graphs().num_captured() == 1);
  CHECK(rig.backend.graphs().num_replayed() == kSteps - 1);
}

void what_the_device_cannot_do_is_named() {
  CudaBackend backend(0);
  const float values[4] = {};
  const auto refused = [](const std::function<void()>& call, ga_status status) {
    try {
      call();
    } catch (const Error& error) {
      return error.status == status && std::string(error.what()).find("CUDA") != std::string::npos;
    }
    return false;
  };

  CHECK(refused([&] { backend.set_activations(Dtype::int8); }, GA_UNSUPPORTED));
  CHECK(refused([&] {
          const auto table = backend.pack(MatrixSource{values, Dtype::f32, 2, 2}, Dtype::f32);
          const EmbedArgs args = {nullptr, nullptr, table.get(), 1};
          backend.embed({&args, 1});
        }, GA_UNSUPPORTED));
}

}  // namespace
}  // namespace genarm

int main(int argc, char** argv) {
  using namespace genarm;
  return cuda::run_cases(argc, argv,
                         {{"llama_matches_its_definition", llama_matches_its_definition},
                          {"qwen2_matches_its_definition", qwen2_matches_its_definition},
                          {"qwen3_matches_its_definition", qwen3_matches_its_definition},
                          {"mistral_matches_its_definition", mistral_matches_its_definition},
                          {"biases_everywhere_match_their_definition", biases_everywhere_match_their_definition},
                          {"quantised_models_match_their_definition", quantised_models_match_their_definition},
                          {"formats_run_side_by_side", formats_run_side_by_side},
                          {"the_law_is_the_product_of_the_models", the_law_is_the_product_of_the_models},
                          {"models_side_by_side_do_not_change_a_bit", models_side_by_side_do_not_change_a_bit},
                          {"a_score_head_gives_its_scores", a_score_head_gives_its_scores},
                          {"chunks_and_batches_do_not_change_a_bit", chunks_and_batches_do_not_change_a_bit},
                          {"a_blocked_product_does_not_change_a_bit", a_blocked_product_does_not_change_a_bit},
                          {"heads_of_256_numbers_match_their_definition", heads_of_256_numbers_match_their_definition},
                          {"what_the_scratch_of_attention_cannot_hold_changes_no_bit",
                           what_the_scratch_of_attention_cannot_hold_changes_no_bit},
                          {"a_page_is_shared_in_the_step_that_fills_it", a_page_is_shared_in_the_step_that_fills_it},
                          {"a_decoding_step_is_one_graph", a_decoding_step_is_one_graph},
                          {"what_the_device_cannot_do_is_named", what_the_device_cannot_do_is_named}});
}
