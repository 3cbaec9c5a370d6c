// sample: top-k, top-p, min-p, the draw, and the law that is left.
#include <limits>

#include "draws.h"
#include "json.h"

using namespace genarm_test;

namespace {

SamplingPlan cut(float temperature, int32_t top_k, float top_p, float min_p) {
  SamplingPlan plan = plain(temperature, 0, 0);
  plan.top_k = top_k;
  plan.top_p = top_p;
  plan.min_p = min_p;
  plan.keep_law = 1;
  return plan;
}

Step run(Backend& backend, const Floats& logits, const SamplingPlan& plan) {
  const TestMatrix head = head_of(backend, logits);
  return run_step(backend, {&head}, {{1}}, {{{0, 0}}}, {plan}, int32_t(logits.size()));
}

void check_law(const Floats& found, const Doubles& expected, double tolerance) {
  for (size_t v = 0; v < expected.size(); ++v) {
    if (expected[v] == 0) {
      CHECK(found[v] == -std::numeric_limits<float>::infinity());
    } else {
      CHECK_NEAR(found[v], std::log(expected[v]), tolerance);
    }
  }
}

void the_law_is_cut_by_its_definition() {
  on_every_backend([](Backend& backend) {
    for (int32_t vocab : {2, 17, 257, 5000}) {
      Random random{uint64_t(vocab)};
      const Floats logits = random.floats(size_t(vocab), 6);
      for (const SamplingPlan& plan :
           {cut(1, 0, 1, 0), cut(0.7f, 5, 1, 0), cut(1.3f, 0, 0.83f, 0), cut(1, 0, 1, 0.031f), cut(0.9f, 40, 0.61f, 0.02f),
            cut(1, 1, 1, 0), cut(2, 100000, 0.999f, 1e-5f), cut(1, 0, 1e-6f, 0), cut(1, 0, 1, 1), cut(0, 3, 0.5f, 0.5f)}) {
        const Step step = run(backend, logits, plan);
        const Doubles expected = law_of(Doubles(logits.begin(), logits.end()), plan);
        check_law(step.z, expected, 2e-5);
        CHECK(expected[size_t(step.sampled[0])] > 0);
      }
    }
  });
}

void ties_with_the_kth_stay_and_ties_at_the_mass_go_by_id() {
  on_every_backend([](Backend& backend) {
    const float out = -std::numeric_limits<float>::infinity();
    const Floats logits = {1, 3, 2, 3, 2, 2, 0};
    const auto kept = [&](const SamplingPlan& plan) {
      const Floats law = run(backend, logits, plan).z;
      std::string ids;
      for (size_t v = 0; v < law.size(); ++v)
        if (law[v] != out) ids += char('0' + v);
      return ids;
    };
    CHECK(kept(cut(1, 1, 1, 0)) == "13");
    CHECK(kept(cut(1, 3, 1, 0)) == "12345");
    CHECK(kept(cut(1, 0, 0.2f, 0)) == "1");
    CHECK(kept(cut(1, 0, 0.55f, 0)) == "13");
    CHECK(kept(cut(1, 0, 0.65f, 0)) == "123");
    CHECK(kept(cut(1, 0, 0.75f, 0)) == "1234");
    CHECK(kept(cut(1, 2, 0.4f, 0)) == "1");
    CHECK(kept(cut(1, 0, 1, 1)) == "13");
    CHECK(kept(cut(1, 0, 0.75f, 0.5f)) == "13");
  });
}

void equal_logits_reach_the_mass_exactly() {
  on_every_backend([](Backend& backend) {
    const Floats law = run(backend, Floats(256, 1.5f), cut(1, 0, 0.25f, 0)).z;
    for (size_t v = 0; v < 256; ++v) CHECK(std::isinf(law[v]) == (v >= 64));
  });
}

void a_token_drawn_from_z_is_the_token_drawn_on_the_fly() {
  Random random(12);
  const Floats logits = random.floats(3001, 8);
  for (float temperature : {1.0f, 0.37f, 1.9f}) {
    const SamplingPlan on_the_fly = plain(temperature, 0), from_z = plain(temperature, 0, 0);
    const std::vector<int32_t> expected = draw_many(*backends().front(), logits, on_the_fly, 60);
    on_every_backend([&](Backend& backend) {
      CHECK(draw_many(backend, logits, on_the_fly, 60) == expected);
      CHECK(draw_many(backend, logits, from_z, 60) == expected);
    });
  }
}

// The same noise: a truncated draw differs from the untruncated one only where that fell outside the set.
void truncation_keeps_the_draws_that_it_allows() {
  Backend& backend = *backends().back();
  Random random(13);
  const Floats logits = random.floats(300, 4);
  const SamplingPlan plan = cut(1, 20, 1, 0);
  const Doubles law = law_of(Doubles(logits.begin(), logits.end()), plan);
  const std::vector<int32_t> all = draw_many(backend, logits, plain(1, 0), 500),
                             some = draw_many(backend, logits, plan, 500);
  int kept = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    if (law[size_t(all[i])] == 0) continue;
    CHECK(some[i] == all[i]);
    ++kept;
  }
  CHECK(kept > 100);
}

void tokens_are_drawn_as_often_as_they_are_likely() {
  Backend& backend = *backends().back();
  Floats logits;
  for (int v = 0; v < 60; ++v) logits.push_back(2 * std::sin(float(v) * 1.7f));
  for (SamplingPlan plan : {cut(1, 12, 1, 0), cut(0.8f, 0, 0.7f, 0), cut(1, 0, 1, 0.15f), cut(1.2f, 30, 0.9f, 0.1f)}) {
    plan.keep_law = 0;
    check_frequencies(draw_many(backend, logits, plan, 200000), law_of(Doubles(logits.begin(), logits.end()), plan));
  }
}

void sequences_without_a_row_of_z_are_left_alone() {
  on_every_backend([](Backend& backend) {
    const TestMatrix head = head_of(backend, {1, 2, 3});
    const Step step = run_step(backend, {&head}, {{1, -1}}, {{{0, 0}}, {{0, 1}}}, {plain(0, 0), cut(0, 0, 1, 0)}, 3);
    CHECK(step.sampled == (std::vector<int32_t>{2, 0}));
    CHECK(step.z[0] == 0);
  });
}

void the_worked_cases_of_guidance_come_out() {
  const Json cases = JsonReader::read_file(GENARM_GOLDEN "/guidance_vectors.json");
  CHECK(cases.items.size() == 22);
  on_every_backend([&](Backend& backend) {
    for (const Json& c : cases.items) {
      const int before = failures;
      const std::vector<double> weights = c["weights"].numbers();
      std::vector<TestMatrix> heads;
      std::vector<Floats> x;
      std::vector<Term> terms;
      double total = 0;
      for (size_t i = 0; i < weights.size(); ++i) {
        const std::vector<double> logits = c["logits"].items[i].numbers();
        heads.push_back(head_of(backend, Floats(logits.begin(), logits.end())));
        x.push_back({float(weights[i])});
        terms.push_back({int32_t(i), 0});
        total += weights[i];
      }
      std::vector<const TestMatrix*> pointers;
      for (const TestMatrix& head : heads) pointers.push_back(&head);
      // The reference divides the sum by the weights' total, unless that is 0, and then by T'.
      const double temperature = c["temperature_passed_T_prime"].number * (total == 0 ? 1 : total);
      const SamplingPlan plan = cut(float(temperature), int32_t(c["top_k"].number), float(c["top_p"].number), 0);
      const Doubles expected = c["probs"].numbers();

      const Step step = run_step(backend, pointers, x, {terms}, {plan}, int32_t(expected.size()));

      check_law(step.z, expected, 1e-5);
      if (temperature == 0) CHECK(step.sampled[0] == int32_t(c["argmax"].number));
      if (failures != before) std::fprintf(stderr, "  in case \"%s\"\n", c["name"].text.c_str());
    }
  });
}

}  // namespace

int main() {
  return run_tests({
      TEST(the_law_is_cut_by_its_definition),
      TEST(ties_with_the_kth_stay_and_ties_at_the_mass_go_by_id),
      TEST(equal_logits_reach_the_mass_exactly),
      TEST(a_token_drawn_from_z_is_the_token_drawn_on_the_fly),
      TEST(truncation_keeps_the_draws_that_it_allows),
      TEST(tokens_are_drawn_as_often_as_they_are_likely),
      TEST(sequences_without_a_row_of_z_are_left_alone),
      TEST(the_worked_cases_of_guidance_come_out),
  });
}
