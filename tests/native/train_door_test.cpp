// The door of training refuses what it cannot answer, names it, and keeps its weights where training diverges.
#include <limits>

#include "train_models.h"

using namespace genarm_test;

namespace {

void refused(ga_status found, ga_status expected, const std::string& message) {
  CHECK(found == expected);
  if (message != ga_last_error()) fprintf(stderr, "expected %s\nfound    %s\n", message.c_str(), ga_last_error());
  CHECK(message == ga_last_error());
}

struct Ready : TestTrainer {
  explicit Ready(const ga_train_config& config = train_config(true)) : TestTrainer(plain(), {0, 0}, config) {
    load_random(*this, plain());
    finish();
  }
  ga_status try_step(const Pairs& pairs) {
    const ga_train_batch batch = pairs.batch();
    ga_train_metrics metrics;
    return ga_trainer_step(get(), &batch, &metrics);
  }
};

void configurations_are_checked() {
  ga_device* device = nullptr;
  must(ga_device_open("cpu", 1, &device));
  const ga_model_config model = plain();
  const float inv_freq[3] = {1, 0.1f, 0.01f};
  const int32_t windows[2] = {0, 0};
  ga_trainer* trainer = nullptr;
  const auto create = [&](const ga_train_config& c) {
    return ga_trainer_create(device, &model, inv_freq, windows, &c, &trainer);
  };
  ga_train_config c = train_config(true);
  c.beta = 0;
  refused(create(c), GA_INVALID_ARGUMENT, "beta must be finite and above 0, got 0");
  c = train_config(true);
  c.objective = 3;
  refused(create(c), GA_INVALID_ARGUMENT, "objective must be a ga_objective, got 3");
  c = train_config(true);
  c.dropout = 1;
  refused(create(c), GA_INVALID_ARGUMENT, "dropout must be in [0, 1), got 1");
  c = train_config(true);
  c.label_smoothing = 0.75f;
  refused(create(c), GA_INVALID_ARGUMENT, "label_smoothing must be in [0, 0.5], got 0.75");
  c = train_config(true);
  c.max_grad_norm = -1;
  refused(create(c), GA_INVALID_ARGUMENT, "max_grad_norm must be finite and at least 0, got -1");
  c = train_config(true);
  c.hinge = 2;
  refused(create(c), GA_INVALID_ARGUMENT, "hinge must be 0 or 1, got 2");
  ga_device_close(device);
}

void tensors_and_modules_are_named() {
  TestTrainer trainer(plain(), {0, 0}, train_config(false));
  refused(ga_trainer_finish(trainer.get()), GA_INVALID_ARGUMENT,
          "nothing is trained: add a low-rank update or train every tensor");
  refused(ga_trainer_add_low_rank(trainer.get(), "model.layers.2.mlp.up_proj", 4, 1), GA_INVALID_ARGUMENT,
          "the configuration has no linear layer model.layers.2.mlp.up_proj");
  refused(ga_trainer_add_low_rank(trainer.get(), "model.layers.1.mlp.up_proj", 0, 1), GA_INVALID_ARGUMENT,
          "model.layers.1.mlp.up_proj: rank must be in [1, 4096], got 0");
  trainer.low_rank("model.layers.1.mlp.up_proj", 4, 1);
  refused(ga_trainer_add_low_rank(trainer.get(), "model.layers.1.mlp.up_proj", 4, 1), GA_INVALID_ARGUMENT,
          "model.layers.1.mlp.up_proj has a low-rank update already");
  refused(ga_trainer_finish(trainer.get()), GA_INVALID_ARGUMENT, "tensor model.embed_tokens.weight is missing");

  load_random(trainer, plain());
  trainer.finish();

  float value = 0;
  refused(ga_trainer_read(trainer.get(), "model.norm", 0, &value, 1), GA_INVALID_ARGUMENT,
          "the trainer has no tensor model.norm");
  refused(ga_trainer_read(trainer.get(), "model.norm.weight", GA_TRAIN_VALUE, &value, 1), GA_INVALID_ARGUMENT,
          "tensor model.norm.weight has 20 values, got room for 1");
  refused(ga_trainer_read(trainer.get(), "model.norm.weight", GA_TRAIN_GRADIENT, &value, 20), GA_INVALID_ARGUMENT,
          "tensor model.norm.weight is not trained");
}

void pairs_are_checked() {
  Ready trainer;
  Pairs pairs;
  pairs.add({1, 2}, {3}, {4, 5});
  pairs.add({}, {3}, {4});
  refused(trainer.try_step(pairs), GA_INVALID_ARGUMENT, "pair 1: prompt must have 1 to 40 tokens, got 0");
  pairs = Pairs();
  pairs.add({1}, {2, 37}, {3});
  refused(trainer.try_step(pairs), GA_INVALID_ARGUMENT, "pair 0: chosen[1] is 37, the vocabulary has 37 tokens");
  pairs = Pairs();
  pairs.add(std::vector<int32_t>(30, 1), {2}, std::vector<int32_t>(11, 3));
  refused(trainer.try_step(pairs), GA_INVALID_ARGUMENT, "pair 0 has 41 tokens, the model has 40 positions");
  pairs = Pairs();
  pairs.add({1}, {2}, {3});
  pairs.reference = {0, 0};
  refused(trainer.try_step(pairs), GA_INVALID_ARGUMENT,
          "reference log-probabilities belong to the dpo objective, and it needs them");
  refused(ga_trainer_update(trainer.get(), 1), GA_INVALID_ARGUMENT, "there are no gradients since the last update");
}

void a_loss_that_is_not_finite_leaves_the_weights() {
  Ready trainer;
  const std::vector<float> norm = trainer.read("model.norm.weight", GA_TRAIN_VALUE, 20);
  const std::vector<float> head = trainer.read("lm_head.weight", GA_TRAIN_VALUE, 37 * 20);
  std::vector<float> broken = norm;
  broken[3] = std::numeric_limits<float>::quiet_NaN();
  trainer.step(pairs(2));
  trainer.write("model.norm.weight", GA_TRAIN_VALUE, broken);

  CHECK(trainer.try_step(pairs(2)) == GA_NOT_FINITE);

  CHECK(std::string(ga_last_error()).find("the loss of pair 0 is") == 0);
  CHECK(trainer.read("lm_head.weight", GA_TRAIN_VALUE, 37 * 20) == head);
  refused(ga_trainer_update(trainer.get(), 1), GA_INVALID_ARGUMENT, "there are no gradients since the last update");
  trainer.write("model.norm.weight", GA_TRAIN_VALUE, norm);
  CHECK(trainer.try_step(pairs(2)) == GA_OK);
}

void a_gradient_that_is_not_finite_leaves_the_weights() {
  ga_train_config config = train_config(true);
  config.hinge = 1;
  config.beta = 3e38f;
  config.gamma = 0;
  Ready trainer(config);
  const std::vector<float> head = trainer.read("lm_head.weight", GA_TRAIN_VALUE, 37 * 20);
  Pairs both;  // one order of the two is on the hinge's slope
  both.add({1, 2}, {3, 4}, {5, 6});
  both.add({1, 2}, {5, 6}, {3, 4});
  trainer.step(both);

  refused(ga_trainer_update(trainer.get(), 1e-3f), GA_NOT_FINITE,
          "the gradient's norm is not finite; the weights are unchanged");

  CHECK(trainer.read("lm_head.weight", GA_TRAIN_VALUE, 37 * 20) == head);
  CHECK(ga_trainer_updates(trainer.get()) == 0);
}

void language_modelling_averages_over_tokens() {
  ga_train_config config = train_config(true);
  config.objective = GA_OBJECTIVE_LM;
  Ready trainer(config);
  std::vector<float> log_probs(10);

  const ga_train_metrics metrics = trainer.evaluate(pairs(5, false), log_probs.data());

  CHECK(metrics.count == 9 + 1 + 4 + 20 + 3);
  double sum = 0;
  for (size_t i = 0; i < 5; ++i) sum -= log_probs[2 * i];
  CHECK_NEAR(metrics.loss, sum, 1e-5 * sum);
}

void dpo_compares_with_the_reference() {
  ga_train_config config = train_config(true);
  config.objective = GA_OBJECTIVE_DPO;
  Ready trainer(config);
  Pairs batch = pairs(5);
  batch.reference.assign(10, 0);
  std::vector<float> log_probs(10);
  trainer.evaluate(batch, log_probs.data());
  batch.reference = log_probs;

  const ga_train_metrics metrics = trainer.evaluate(batch);

  CHECK_NEAR(metrics.loss / 5, std::log(2.0), 1e-5);
}

void low_rank_updates_start_as_nothing() {
  TestTrainer with(plain(), {0, 0}, train_config(false));
  with.low_rank("model.layers.0.self_attn.q_proj", 4, 2);
  load_random(with, plain());
  with.finish();
  Ready without;

  CHECK(with.evaluate(pairs(5)).loss == without.evaluate(pairs(5)).loss);

  const std::vector<float> a = with.read("model.layers.0.self_attn.q_proj.lora_A.weight", GA_TRAIN_VALUE, 80);
  float least = 1, most = -1;
  for (float v : a) least = std::min(least, v), most = std::max(most, v);
  CHECK(least < -0.15f && least >= -0.2237f && most > 0.15f && most <= 0.2237f);
}

}  // namespace

int main() {
  return run_tests({TEST(configurations_are_checked), TEST(tensors_and_modules_are_named), TEST(pairs_are_checked),
                    TEST(a_loss_that_is_not_finite_leaves_the_weights),
                    TEST(a_gradient_that_is_not_finite_leaves_the_weights), TEST(language_modelling_averages_over_tokens),
                    TEST(dpo_compares_with_the_reference), TEST(low_rank_updates_start_as_nothing)});
}
