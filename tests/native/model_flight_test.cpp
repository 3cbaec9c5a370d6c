// Steps in flight: a row may be of a token that the device has drawn and the host not yet seen, and nothing changes.
#include "flight_texts.h"
#include "model_rig.h"

using namespace model_rig;

namespace {

constexpr int kSteps = 20;  // over the ends of pages

struct Generation {
  Rig rig;
  genarm_test::FlightTexts<Rig> texts;

  Generation(const Model& base, const Model& arm, ga_engine_config limits, bool fed_by_host)
      : rig({&base, &arm}, 2, limits),
        texts{rig, fed_by_host, {ids(3, 1), ids(9, 2), ids(14, 3)}, kSteps, [](int) { return 0.5f; },
              [](int text) { return text == 1 ? 5 : 0; }} {}
};

ga_engine_config with(int32_t in_flight) {
  ga_engine_config limits = small_limits();
  limits.max_in_flight = in_flight;
  return limits;
}

void tokens_do_not_depend_on_the_steps_in_flight() {
  const Model base(small_config(), 1), arm(small_config(), 2);
  const auto expected = Generation(base, arm, with(0), true).texts.run(1);
  CHECK(expected[0] != expected[1] && expected[0].size() == kSteps);

  for (const int in_flight : {1, 2, 3, 4, GA_MAX_IN_FLIGHT})
    CHECK(Generation(base, arm, with(in_flight), false).texts.run(in_flight) == expected);
}

template <class Call>
void refused(const char* message, Call call) {
  CHECK(call() == GA_INVALID_ARGUMENT);
  if (std::string(ga_last_error()) != message) fprintf(stderr, "expected %s\nfound    %s\n", message, ga_last_error());
  CHECK(std::string(ga_last_error()) == message);
}

void what_cannot_be_in_flight_is_refused() {
  const Model model(small_config(), 1);
  Rig rig({&model}, 1, with(2));
  ga_engine* engine = rig.engine.get();
  float law[kVocab];
  const int32_t first = -1, second = -2;
  refused("no step is in flight", [&] { return ga_engine_collect(engine); });
  rig.lane(0, 0, &first, 1, 0);
  rig.sequence({{0, 1.f}}, 1, GA_KEEP_LAW, 1);
  refused("token_ids[0] is -1, the step before drew 0 tokens that it may stand for",
          [&] { return ga_engine_submit(engine); });
  rig.step->token_ids[0] = 5;

  ok(ga_engine_submit(engine));
  rig.step->token_ids[0] = second;
  refused("token_ids[0] is -2, the step before drew 1 tokens that it may stand for",
          [&] { return ga_engine_submit(engine); });
  rig.step->token_ids[0] = first;
  rig.step->lane_position[0] = 1;
  ok(ga_engine_submit(engine));
  refused("2 steps are in flight, at most 2 may be", [&] { return ga_engine_submit(engine); });
  refused("2 steps are in flight: collect them first", [&] { return ga_engine_step(engine); });
  ok(ga_engine_collect(engine));
  refused("1 steps are in flight: a later step keeps its laws where this one did",
          [&] { return ga_engine_law(engine, 0, law); });
  ok(ga_engine_collect(engine));
  ok(ga_engine_law(engine, 0, law));

  ga_engine_config nine = with(9);
  ga_engine* created = nullptr;
  refused("max_in_flight must be in [0, 8], got 9", [&] { return ga_engine_create(rig.device.get(), &nine, &created); });
}

// A law that is not finite draws -1, which nothing can be read for; and nobody else is the worse for it.
void a_token_that_was_not_drawn_hurts_nobody() {
  const Model model(small_config(), 1);
  std::vector<std::vector<float>> laws;
  for (const bool beside : {false, true}) {
    Rig rig({&model}, 1, with(2));
    const auto prompt = ids(5, 1);
    const int32_t row = rig.lane(0, 0, prompt.data(), 5, 0) + 4;
    rig.sequence({{row, 1.f}}, 1, 0, 1);
    if (beside) rig.sequence({{row, 1.f}, {row, 3e38f}}, 1, 0, 1);
    ok(ga_engine_submit(rig.engine.get()));
    const int32_t drawn[] = {-1, -2};
    rig.clear();
    rig.lane(0, 5, &drawn[0], 1, 0);
    if (beside) rig.lane(0, 5, &drawn[1], 1, 9);
    rig.sequence({{0, 1.f}}, 1, GA_KEEP_LAW, 1);
    ok(ga_engine_submit(rig.engine.get()));

    ok(ga_engine_collect(rig.engine.get()));
    CHECK(!beside || rig.step->sampled[1] == -1);
    ok(ga_engine_collect(rig.engine.get()));
    laws.push_back(rig.law(0));
  }
  CHECK(laws[0] == laws[1]);
}

// A step that reads a part of a prompt draws nothing, and has its turn like any other.
void steps_without_sequences_are_collected_too() {
  const Model model(small_config(), 1);
  const auto prompt = ids(12, 1);
  std::vector<std::vector<float>> laws;
  for (const int32_t in_flight : {1, 3}) {
    Rig rig({&model}, 2, with(in_flight));
    int32_t submitted = 0;
    for (int32_t start = 0; start < 12; start += 4, ++submitted) {
      rig.clear();
      rig.lane(0, start, &prompt[size_t(start)], 4, 0);
      if (start == 8) rig.sequence({{3, 1.f}}, 1, GA_KEEP_LAW, 1);
      ok(ga_engine_submit(rig.engine.get()));
      if (in_flight == 1) ok(ga_engine_collect(rig.engine.get()));
    }
    for (int32_t i = 0; in_flight > 1 && i < submitted; ++i) ok(ga_engine_collect(rig.engine.get()));
    laws.push_back(rig.law(0));
  }
  CHECK(laws[0] == laws[1]);
}

void an_engine_may_be_closed_with_steps_in_flight() {
  const Model base(small_config(), 1), arm(small_config(), 2);
  Generation generation(base, arm, with(4), false);
  for (int step = 0; step < 4; ++step) generation.texts.submit(step);
}

}  // namespace

int main() {
  return run_tests({
      TEST(tokens_do_not_depend_on_the_steps_in_flight),
      TEST(what_cannot_be_in_flight_is_refused),
      TEST(a_token_that_was_not_drawn_hurts_nobody),
      TEST(steps_without_sequences_are_collected_too),
      TEST(an_engine_may_be_closed_with_steps_in_flight),
  });
}
