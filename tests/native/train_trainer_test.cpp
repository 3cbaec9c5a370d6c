// What a trainer promises: gradients of the loss in every family, and the same bits however the work is cut.
#include "train_models.h"

using namespace genarm_test;

namespace {

#ifdef GENARM_TRAIN_ON_CUDA
constexpr bool kOnCuda = true;
#else
constexpr bool kOnCuda = false;
#endif

Pairs part(const Pairs& all, size_t begin, size_t end) {
  Pairs out;
  out.preference = all.preference;
  if (!all.weights.empty()) out.weights.assign(all.weights.begin() + long(2 * begin), all.weights.begin() + long(2 * end));
  size_t at = 0;
  for (size_t pair = 0; pair < end; ++pair) {
    for (size_t i = 3 * pair; i < 3 * pair + 3; ++i) {
      const size_t next = at + size_t(all.lengths[i]);
      if (pair >= begin) {
        out.ids.insert(out.ids.end(), all.ids.begin() + long(at), all.ids.begin() + long(next));
        out.lengths.push_back(all.lengths[i]);
      }
      at = next;
    }
  }
  return out;
}

using State = std::vector<std::vector<float>>;

State read_all(TestTrainer& trainer, const std::vector<Tensor>& which, ga_train_state state) {
  State out;
  for (const Tensor& t : which) out.push_back(trainer.read(t.name, state, t.size()));
  return out;
}

const std::vector<int32_t> kFull = {0, 0}, kWindowed = {7, 0};

// The slope of the loss along the gradient is the gradient's length.
void check_along_gradient(const ga_model_config& c, const std::vector<int32_t>& windows, ga_train_config config) {
  TestTrainer trainer(c, windows, config);
  load_random(trainer, c);
  trainer.finish();
  const Pairs batch = pairs(5, config.objective != GA_OBJECTIVE_LM);
  trainer.step(batch);
  const State gradient = read_all(trainer, tensors(c), GA_TRAIN_GRADIENT),
              start = read_all(trainer, tensors(c), GA_TRAIN_VALUE);
  double squares = 0;
  for (const auto& t : gradient) {
    for (float g : t) squares += double(g) * g;
  }
  const auto loss_at = [&](double distance) {
    for (size_t t = 0; t < gradient.size(); ++t) {
      std::vector<float> moved = start[t];
      for (size_t i = 0; i < moved.size(); ++i) moved[i] += float(distance / std::sqrt(squares) * gradient[t][i]);
      trainer.write(tensors(c)[t].name, GA_TRAIN_VALUE, moved);
    }
    const ga_train_metrics metrics = trainer.evaluate(batch);
    return metrics.loss / double(metrics.count);
  };
  const double h = 2e-3;
  CHECK_NEAR((loss_at(h) - loss_at(-h)) / (2 * h), std::sqrt(squares), 3e-3 * std::sqrt(squares));
}

void every_family_and_objective_descends_its_loss() {
  ga_train_config config = train_config(true);
  check_along_gradient(plain(), kFull, config);
  check_along_gradient(every_switch(), kWindowed, config);
  config.objective = GA_OBJECTIVE_LM;
  check_along_gradient(every_switch(), kWindowed, config);
  config.objective = GA_OBJECTIVE_ARM;
  config.length_normalization = 1;
  config.label_smoothing = 0.1f;
  config.beta = 0.5f;
  check_along_gradient(plain(), kWindowed, config);
}

// Adds low-rank updates, conditioned where the batch has a preference; returns some of their tensors.
std::vector<Tensor> add_updates(TestTrainer& trainer, const Pairs& batch) {
  if (!batch.preference.empty()) {
    for (const char* module : {"self_attn.q_proj", "mlp.up_proj", "mlp.down_proj"}) {
      trainer.pblora(std::string("model.layers.1.") + module, 2, 3, 2, 2);
    }
    return {{"model.layers.1.self_attn.q_proj.pblora_A", 5, 20}, {"model.layers.1.mlp.up_proj.pblora_W1", 2, 2},
            {"model.layers.1.mlp.down_proj.pblora_B", 20, 5}, {"model.layers.1.mlp.down_proj.pblora_W2", 2, 9}};
  }
  for (const char* module : {"self_attn.q_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj",
                             "mlp.down_proj"}) {
    trainer.low_rank(std::string("model.layers.1.") + module, 3, 2);
  }
  return {{"model.layers.1.self_attn.q_proj.lora_A.weight", 3, 20}, {"model.layers.1.mlp.down_proj.lora_B.weight", 20, 3}};
}

// Gradients of one step, and values after two updates.
State run(const ga_model_config& c, ga_train_config config, int threads, const std::vector<Pairs>& micro_batches) {
  TestTrainer trainer(c, kWindowed, config, threads);
  const std::vector<Tensor> trained = config.train_all ? tensors(c) : add_updates(trainer, micro_batches[0]);
  load_random(trainer, c);
  trainer.finish();
  for (int update = 0; update < 2; ++update) {
    for (const Pairs& batch : micro_batches) trainer.step(batch);
    trainer.update(1e-2f);
  }
  for (const Pairs& batch : micro_batches) trainer.step(batch);
  State out = read_all(trainer, trained, GA_TRAIN_GRADIENT);
  for (auto& values : read_all(trainer, trained, GA_TRAIN_VALUE)) out.push_back(values);
  return out;
}

ga_train_config low_rank_config() {
  ga_train_config config = train_config(false);
  config.dropout = 0.2f;
  config.seed = 5;
  return config;
}

// Two objectives; each prefers some pairs and the reverse of others.
Pairs conditioned_pairs() {
  Pairs out = pairs(5);
  out.preference = {0.25f, 0.75f};
  out.weights = {1, 0, 0.25f, 0.75f, 0, 1, 0.75f, 0.25f, 0.5f, 0};
  return out;
}

struct Way {
  ga_train_config config;
  Pairs pairs;
};
std::vector<Way> every_way() {
  std::vector<Way> ways = {{train_config(true), pairs(5)}, {low_rank_config(), pairs(5)},
                           {low_rank_config(), conditioned_pairs()}};
  for (size_t i = 0; i < 3; ++i) {
    ways.push_back(ways[i]);
    ways.back().config.compute = GA_BF16;
  }
  return ways;
}

void the_number_of_threads_changes_no_bit() {
  for (const Way& way : every_way()) {
    const State one = run(every_switch(), way.config, 1, {way.pairs});
    CHECK(one == run(every_switch(), way.config, 2, {way.pairs}));
    CHECK(one == run(every_switch(), way.config, 3, {way.pairs}));
  }
}

// Under the executor each kind once, and fewer rows.
void checkpointing_changes_no_bit() {
  const std::vector<Way> ways = every_way();
  for (size_t i = 0; i < ways.size(); i += kOnCuda ? 2 : 1) {
    Way way = ways[i];
    if (kOnCuda && way.pairs.preference.empty()) way.pairs = pairs(2);
    const State kept = run(every_switch(), way.config, 2, {way.pairs});
    way.config.checkpointing = 1;
    CHECK(kept == run(every_switch(), way.config, 2, {way.pairs}));
  }
}

void a_pair_that_counts_backwards_is_its_reverse() {
  Pairs backwards, reversed;
  backwards.add({1, 2}, {3, 4, 5}, {6});
  backwards.weights = {0.25f, 0.5f};
  reversed.add({1, 2}, {6}, {3, 4, 5});
  reversed.weights = {0.5f, 0.25f};
  ga_train_config config = train_config(true);
  config.gamma = 0.3f;
  TestTrainer trainer(plain(), kFull, config);
  load_random(trainer, plain());
  trainer.finish();

  const ga_train_metrics a = trainer.evaluate(backwards), b = trainer.evaluate(reversed);

  CHECK_NEAR(a.loss, b.loss, 1e-12);
  CHECK_NEAR(a.margin, b.margin, 1e-12);
  CHECK(a.correct == b.correct && a.correct > 0 && a.count == 1);
}

void a_preference_belongs_to_conditioned_updates() {
  TestTrainer trainer(plain(), kFull, train_config(true));
  load_random(trainer, plain());
  trainer.finish();
  Pairs batch = pairs(1);
  batch.preference = {0.5f, 0.5f};
  ga_train_batch given = batch.batch();
  ga_train_metrics metrics;
  CHECK(ga_trainer_step(trainer.get(), &given, &metrics) == GA_INVALID_ARGUMENT);
  CHECK(std::string(ga_last_error()) == "a preference belongs to updates that are conditioned, and they need one");
}

// Untied: a tied table would add its two gradients in another order.
void micro_batches_add_up_to_the_batch_bit_for_bit() {
  const std::vector<Way> ways = every_way();
  for (size_t i = 0; i < 3; ++i) {  // those in f32
    const Pairs& all = ways[i].pairs;
    const std::vector<Pairs> parts = {part(all, 0, 2), part(all, 2, 3), part(all, 3, 5)};
    CHECK(run(plain(), ways[i].config, 2, {all}) == run(plain(), ways[i].config, 2, parts));
  }
}

void dropout_depends_on_its_seed() {
  ga_train_config config = low_rank_config();
  const State first = run(plain(), config, 2, {pairs(5)});
  config.dropout = 0;
  const State without = run(plain(), config, 2, {pairs(5)});
  CHECK(first != without);
}

void a_pair_has_the_same_log_probabilities_in_any_batch() {
  TestTrainer trainer(every_switch(), kWindowed, train_config(true));
  load_random(trainer, every_switch());
  trainer.finish();
  const Pairs all = pairs(5);
  std::vector<float> together(10), alone(10);

  trainer.evaluate(all, together.data());
  for (size_t i = 5; i-- > 0;) trainer.evaluate(part(all, i, i + 1), &alone[2 * i]);

  CHECK(together == alone);
}

void a_run_resumes_bit_for_bit() {
  const ga_model_config c = every_switch();
  ga_train_config config = train_config(true);
  config.max_grad_norm = 0.5f;
  config.weight_decay = 0.1f;
  TestTrainer first(c, kFull, config);
  load_random(first, c);
  first.finish();
  for (int i = 0; i < 3; ++i) {
    first.step(pairs(4));
    first.update(1e-2f);
  }
  TestTrainer second(c, kFull, config, 1);
  load_random(second, c);
  second.finish();
  for (ga_train_state state : {GA_TRAIN_VALUE, GA_TRAIN_FIRST_MOMENT, GA_TRAIN_SECOND_MOMENT}) {
    for (const Tensor& t : tensors(c)) second.write(t.name, state, first.read(t.name, state, t.size()));
  }
  must(ga_trainer_set_updates(second.get(), ga_trainer_updates(first.get())));

  for (TestTrainer* trainer : {&first, &second}) {
    trainer->step(pairs(5));
    trainer->update(1e-2f);
  }

  CHECK(ga_trainer_updates(second.get()) == 4);
  CHECK(read_all(first, tensors(c), GA_TRAIN_VALUE) == read_all(second, tensors(c), GA_TRAIN_VALUE));
}

void a_large_gradient_is_clipped_to_its_limit() {
  ga_train_config config = train_config(true);
  config.max_grad_norm = 1e-3f;
  TestTrainer trainer(plain(), kFull, config);
  load_random(trainer, plain());
  trainer.finish();
  trainer.step(pairs(3));
  const State gradient = read_all(trainer, tensors(plain()), GA_TRAIN_GRADIENT);

  const double norm = trainer.update(1e-2f);

  CHECK(norm > 1e-2);
  const State moment = read_all(trainer, tensors(plain()), GA_TRAIN_FIRST_MOMENT);
  for (size_t t = 0; t < moment.size(); ++t) {
    for (size_t i = 0; i < moment[t].size(); ++i) {
      CHECK_NEAR(moment[t][i], 0.1 * gradient[t][i] * 1e-3 / norm, 1e-5 * 0.1 * 1e-3);
    }
  }
}

}  // namespace

int main() {
  // The executor runs the operations; what lies above them the CPU's run has shown.
  if (kOnCuda) return run_tests({TEST(checkpointing_changes_no_bit)});
  return run_tests({TEST(every_family_and_objective_descends_its_loss), TEST(the_number_of_threads_changes_no_bit),
                    TEST(checkpointing_changes_no_bit), TEST(micro_batches_add_up_to_the_batch_bit_for_bit),
                    TEST(dropout_depends_on_its_seed), TEST(a_pair_has_the_same_log_probabilities_in_any_batch),
                    TEST(a_pair_that_counts_backwards_is_its_reverse),
                    TEST(a_preference_belongs_to_conditioned_updates), TEST(a_run_resumes_bit_for_bit),
                    TEST(a_large_gradient_is_clipped_to_its_limit)});
}
