// A step's way through the engine: submitted with those before it in flight, and collected in its turn.
#include "error.h"
#include "model/engine.h"

namespace genarm {

Engine::~Engine() {
  if (in_flight() == 0) return;
  try {
    backend_.synchronize();  // what they use goes with this
  } catch (const Error&) {  // the device is lost
  }
}

void Engine::run_head() {
  operations_->final_norm({final_norms_.data(), int32_t(final_norms_.size())});
  operations_->lm_head(lm_head_);
  operations_->sample({lm_head_.sampled, lm_head_.z, lm_head_.plan, head_plan_->num_sequences(), limits_.vocab_size});
  if (head_plan_->num_components() > 0) {
    float* components = lm_head_.z + int64_t(limits_.max_sequences) * limits_.vocab_size;
    operations_->log_softmax({components, head_plan_->num_components(), limits_.vocab_size});
  }
}

void Engine::run_operations() {
  if (!active_.empty()) run_layers(*operations_, {active_.data(), int32_t(active_.size())});
  if (arrays_.step().num_sequences > 0) run_head();
  tokens_->send(sampled_->as<int32_t>(), arrays_.step().num_sequences);
}

void Engine::submit() {
  REQUIRE(started(), "the engine is not started");
  REQUIRE(in_flight() < max_in_flight(), "%d steps are in flight, at most %d may be", in_flight(), max_in_flight());
  REQUIRE(!profiling_ || in_flight() == 0, "while operations are kept, each step is collected before the next");
  const ga_step& step = arrays_.step();
  const StepTotals totals = check_step(step, limits_, view_limits_, num_drawn_);

  backend_.set_activations(Dtype(limits_.activations));  // engines share a device
  plan_->reset(in_flight());
  find_rows();
  publish_rows();
  publish_laws();
  publish_biases(totals.biases);
  num_drawn_ = 0;  // of a step that fails on its way
  plan_->upload();
  operations_->run_step([this] { run_operations(); });

  num_drawn_ = step.num_sequences;
  counts_[num_submitted_++ % GA_MAX_IN_FLIGHT] = step.num_sequences;
}

void Engine::collect() {
  REQUIRE(in_flight() > 0, "no step is in flight");
  const int32_t count = counts_[num_collected_++ % GA_MAX_IN_FLIGHT];
  tokens_->receive(arrays_.step().sampled, count);
}

void Engine::step() {
  REQUIRE(in_flight() == 0, "%d steps are in flight: collect them first", in_flight());
  submit();
  collect();
}

void Engine::read_row(int32_t z_row, float* out) {
  REQUIRE(in_flight() == 0, "%d steps are in flight: a later step keeps its laws where this one did", in_flight());
  const size_t vocab_size = size_t(limits_.vocab_size);
  backend_.download(out, z_->as<float>() + size_t(z_row) * vocab_size, vocab_size * sizeof(float));
  backend_.synchronize();
}

void Engine::law(int32_t sequence, float* out) {
  const int32_t row = started() ? head_plan_->law_row(sequence) : -1;
  REQUIRE(row >= 0, "sequence %d of the last step did not keep its law (GA_KEEP_LAW)", sequence);
  read_row(row, out);
}

void Engine::component(int32_t sequence, int32_t term, float* out) {
  const int32_t row = started() ? head_plan_->component_row(sequence, term) : -1;
  REQUIRE(row >= 0, "term %d of sequence %d of the last step was not kept (GA_KEEP_COMPONENTS)", term, sequence);
  read_row(row, out);
}

void Engine::logits(int32_t sequence, float* out) {
  const int32_t row = started() ? head_plan_->logits_row(sequence) : -1;
  REQUIRE(row >= 0, "sequence %d of the last step did not keep its logits (GA_KEEP_LOGITS)", sequence);
  read_row(row, out);
}

}  // namespace genarm
