// What the door refuses of a step, and what it survives.
#include "model_rig.h"

using namespace model_rig;

namespace {

template <class Change>
void refused(Rig& rig, const char* message, Change change) {
  const auto prompt = ids(3, 1);
  rig.clear();
  rig.lane(0, 0, prompt.data(), 3, 0);
  rig.sequence({{2, 1.f}}, 1, 0, 1);
  change(*rig.step);
  CHECK(ga_engine_step(rig.engine.get()) == GA_INVALID_ARGUMENT);
  if (std::string(ga_last_error()) != message) fprintf(stderr, "expected %s\nfound    %s\n", message, ga_last_error());
  CHECK(std::string(ga_last_error()) == message);
}

void every_value_out_of_range_is_named() {
  const Model model(small_config(), 1);
  Rig rig({&model}, 1);
  refused(rig, "num_lanes is 41, expected [0, 40]", [](ga_step& s) { s.num_lanes = 41; });
  refused(rig, "num_sequences is -1, expected [0, 96]", [](ga_step& s) { s.num_sequences = -1; });
  refused(rig, "lane_view[0] is 1, the engine has 1 views", [](ga_step& s) { s.lane_view[0] = 1; });
  refused(rig, "lane_position[0] is 100, expected [0, 100)", [](ga_step& s) { s.lane_position[0] = 100; });
  refused(rig, "lane_rows[0] is 3 at position 98, a lane has at most 100 positions",
          [](ga_step& s) { s.lane_position[0] = 98; });
  refused(rig, "lane_rows[0] is 97 after 0 rows, a step has at most 96", [](ga_step& s) { s.lane_rows[0] = 97; });
  refused(rig, "lane_pages[0, 0] is 64, the pool has 64 pages", [](ga_step& s) { s.lane_pages[0] = 64; });
  refused(rig, "token_ids[1] is 41, the vocabulary has 41 tokens", [](ga_step& s) { s.token_ids[1] = 41; });
  refused(rig, "term_row[0] is 3, the step has 3 rows", [](ga_step& s) { s.term_row[0] = 3; });
  refused(rig, "term_weight[0] must be finite, got inf", [](ga_step& s) { s.term_weight[0] = INFINITY; });
  refused(rig, "sequence_terms[0] is 0 after 0 terms, expected at least 1 and at most 192 in all",
          [](ga_step& s) { s.sequence_terms[0] = 0; });
  refused(rig, "sequence_temperature[0] must be finite and not negative, got -1",
          [](ga_step& s) { s.sequence_temperature[0] = -1; });
  refused(rig, "sequence_top_k[0] must not be negative, got -1", [](ga_step& s) { s.sequence_top_k[0] = -1; });
  refused(rig, "sequence_top_p[0] must be in (0, 1], got 0", [](ga_step& s) { s.sequence_top_p[0] = 0; });
  refused(rig, "sequence_min_p[0] must be in [0, 1], got 2", [](ga_step& s) { s.sequence_min_p[0] = 2; });
  refused(rig, "sequence_flags[0] is 8", [](ga_step& s) { s.sequence_flags[0] = 8; });
  refused(rig, "sequence 0 keeps its logits (GA_KEEP_LOGITS), so its temperature is 1, nothing is cut off and no law kept",
          [](ga_step& s) {
            s.sequence_flags[0] = GA_KEEP_LOGITS;
            s.sequence_temperature[0] = 0.5f;
          });
  refused(rig, "sequence_biases[0] is -1 after 0 biases, expected at least 0 and at most 50 in all",
          [](ga_step& s) { s.sequence_biases[0] = -1; });
  refused(rig, "sequence_biases[0] is 51 after 0 biases, expected at least 0 and at most 50 in all",
          [](ga_step& s) { s.sequence_biases[0] = 51; });
  refused(rig, "bias_token[0] is 41, the law has 41 tokens",
          [](ga_step& s) { s.sequence_biases[0] = 1, s.bias_token[0] = 41; });
  refused(rig, "bias_token[1] is 7 after 7, a sequence's are rising",
          [](ga_step& s) { s.sequence_biases[0] = 2, s.bias_token[0] = s.bias_token[1] = 7; });
  refused(rig, "bias_value[0] must be finite, got -inf",
          [](ga_step& s) { s.sequence_biases[0] = 1, s.bias_token[0] = 7, s.bias_value[0] = -INFINITY; });

  rig.clear();  // and the engine goes on
  rig.lane(0, 0, ids(3, 1).data(), 3, 0);
  rig.sequence({{2, 1.f}}, 0, 0, 1);
  ok(ga_engine_step(rig.engine.get()));
  CHECK(rig.step->sampled[0] >= 0 && rig.step->sampled[0] < kVocab);
}

void handles_may_be_closed_in_any_order() {
  const Model model(small_config(), 1);
  Rig rig({&model}, 2);

  rig.device.reset();
  rig.weights.clear();

  rig.lane(0, 0, ids(3, 1).data(), 3, 0);
  rig.sequence({{2, 1.f}}, 1, 0, 1);
  ok(ga_engine_step(rig.engine.get()));
}

void an_overflowing_law_draws_nothing() {
  const Model model(small_config(), 1);
  Rig rig({&model}, 1);

  rig.lane(0, 0, ids(3, 1).data(), 3, 0);
  rig.sequence({{2, 1.f}, {2, 3e38f}}, 1, 0, 1);
  rig.sequence({{2, 1.f}}, 1, 0, 1);
  ok(ga_engine_step(rig.engine.get()));

  CHECK(rig.step->sampled[0] == -1);
  CHECK(rig.step->sampled[1] >= 0);
}

}  // namespace

int main() {
  return run_tests({
      TEST(every_value_out_of_range_is_named),
      TEST(handles_may_be_closed_in_any_order),
      TEST(an_overflowing_law_draws_nothing),
  });
}
