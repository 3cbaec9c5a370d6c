// lm_head: combined logits of each sequence's terms, written to z or drawn from at once.
#include <limits>

#include "draws.h"

using namespace genarm_test;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Two heads of different sizes and dtypes, `rows` inputs of the first and three of the second.
struct Heads {
  TestMatrix a, b;
  Floats xa, xb;

  Heads(Backend& backend, int32_t rows, Dtype dtype, int32_t columns = 35) : a{}, b{} {
    Random random(6);
    a = make_matrix(backend, random, 300, columns, dtype);
    b = make_matrix(backend, random, 257, 20, Dtype::bf16);
    xb = random.floats(3 * 20);
    xa = random.floats(size_t(rows * columns));
  }

  Doubles logits(const std::vector<Term>& terms, const TestUpdate* update_of_b = nullptr) const {
    Doubles sum(257, 0.0);
    for (const Term& term : terms) {
      const TestMatrix& m = term.problem == 0 ? a : b;
      const Doubles x = row_of(term.problem == 0 ? xa : xb, term.row, m.columns);
      Doubles own = m.times(x);
      if (term.problem == 1 && update_of_b) {
        const Doubles added = update_of_b->added(x, term.row);
        for (size_t v = 0; v < 257; ++v) own[v] += added[v];
      }
      for (size_t v = 0; v < 257; ++v) sum[v] += own[v];
    }
    return sum;
  }
};

void logits_of_a_sequences_terms_are_added() {
  on_every_backend([](Backend& backend) {
    for (Dtype dtype : kDtypes) {
      for (int32_t rows : {1, 4, 19}) {
        const Heads heads(backend, rows, dtype);
        const std::vector<std::vector<Term>> terms = {{{0, 0}}, {{0, rows - 1}, {1, 2}}, {{1, 0}, {1, 1}, {0, 0}}};
        const std::vector<SamplingPlan> plans = {plain(1, 0, 2), plain(1, 0, 0), plain(1, 0, 1)};

        const Step step = run_step(backend, {&heads.a, &heads.b}, {heads.xa, heads.xb}, terms, plans, 257, {}, false);

        for (size_t s = 0; s < terms.size(); ++s) {
          const Doubles expected = heads.logits(terms[s]);
          for (size_t v = 0; v < 257; ++v) CHECK_NEAR(step.z[size_t(plans[s].z_row) * 257 + v], expected[v], 2e-5);
        }
      }
    }
  });
}

void low_rank_updates_reach_their_problem_alone() {
  on_every_backend([](Backend& backend) {
    const Heads heads(backend, 2, Dtype::bf16);
    Random random(3);
    const TestUpdate update = make_update(backend, random, 257, 20, 5, 0, 0, 3);
    const std::vector<std::vector<Term>> terms = {{{0, 1}, {1, 2}}, {{0, 0}}};

    const Step step = run_step(backend, {&heads.a, &heads.b}, {heads.xa, heads.xb}, terms, {plain(1, 0, 0), plain(1, 0, 1)},
                               257, {nullptr, &update.update}, false);

    for (size_t s = 0; s < 2; ++s) {
      const Doubles expected = heads.logits(terms[s], &update);
      for (size_t v = 0; v < 257; ++v) CHECK_NEAR(step.z[s * 257 + v], expected[v], 2e-5);
    }
  });
}

void biases_are_added_to_their_sequences_logits() {
  on_every_backend([](Backend& backend) {
    const Heads heads(backend, 2, Dtype::f16);
    const std::vector<std::vector<Term>> terms = {{{0, 0}, {1, 1}}, {{0, 1}}, {{1, 2}}};
    std::vector<std::vector<Bias>> biases = {{{0, 1.5f}, {63, -100}, {64, 0.25f}, {256, 100}}, {}, {}};
    for (int32_t v = 1; v < 257; v += 3) biases[2].push_back({v, std::sin(float(v))});

    const Step step = run_step(backend, {&heads.a, &heads.b}, {heads.xa, heads.xb}, terms,
                               {plain(1, 0, 1), plain(1, 0, 0), plain(1, 0, 2)}, 257, {}, false, biases);

    const size_t z_row[] = {1, 0, 2};
    for (size_t s = 0; s < 3; ++s) {
      Doubles expected = heads.logits(terms[s]);
      for (const Bias& bias : biases[s]) expected[size_t(bias.token)] += double(bias.value);
      for (size_t v = 0; v < 257; ++v) CHECK_NEAR(step.z[z_row[s] * 257 + v], expected[v], 2e-5);
    }
  });
}

void a_biased_law_draws_as_one_whose_logits_are_those() {
  on_every_backend([](Backend& backend) {
    Floats logits, biased;
    std::vector<Bias> biases;
    for (int32_t v = 0; v < 257; ++v) {
      logits.push_back(2 * std::sin(float(v)));
      biased.push_back(logits.back());
      if (v % 3 == 0) {
        biases.push_back({v, 1.5f * std::cos(float(v))});
        biased.back() += biases.back().value;
      }
    }
    const TestMatrix head = head_of(backend, logits), expected = head_of(backend, biased);
    for (int32_t position = 0; position < 200; ++position) {
      for (int32_t z_row : {-1, 0}) {
        SamplingPlan plan = plain(position % 5 == 0 ? 0 : 0.8f, position, z_row);
        plan.top_k = z_row == 0 ? 40 : 0;
        CHECK(run_step(backend, {&head}, {{1}}, {{{0, 0}}}, {plan}, 257, {}, true, {biases}).sampled ==
              run_step(backend, {&expected}, {{1}}, {{{0, 0}}}, {plan}, 257).sampled);
      }
    }
  });
}

void logits_do_not_depend_on_the_rows_beside_them() {
  on_every_backend([](Backend& backend) {
    const auto first = [&](int32_t rows) {
      const Heads heads(backend, rows, Dtype::bf16, 96);
      return run_step(backend, {&heads.a}, {heads.xa}, {{{0, 0}}}, {plain(1, 0, 0)}, 257, {}, false).z;
    };
    const Floats alone = first(1);
    for (int32_t rows : {2, 5, 12, 13, 33}) CHECK(first(rows) == alone);
  });
}

void every_instruction_set_and_number_of_threads_gives_the_same_bits_and_tokens() {
  same_bits_on_every_backend([](Backend& backend) {
    const Heads heads(backend, 9, Dtype::bf16);
    std::vector<std::vector<Term>> terms;
    std::vector<SamplingPlan> plans;
    for (int32_t s = 0; s < 200; ++s) {
      terms.push_back({{0, s % 9}, {1, s % 3}});
      plans.push_back(plain(0.5f + 0.01f * float(s), s, s == 0 ? 0 : -1));
    }
    Step step = run_step(backend, {&heads.a, &heads.b}, {heads.xa, heads.xb}, terms, plans, 257, {}, false);
    for (size_t s = 1; s < 200; ++s) step.z.push_back(float(step.sampled[s]));
    return step.z;
  });
}

void at_temperature_0_the_likeliest_token_with_the_lowest_id_is_taken() {
  on_every_backend([](Backend& backend) {
    Floats logits(257, -2.0f);
    logits[200] = logits[70] = logits[69] = 5;
    const TestMatrix head = head_of(backend, logits);
    for (float temperature : {0.0f, 9e-6f}) {
      CHECK(run_step(backend, {&head}, {{1}}, {{{0, 0}}}, {plain(temperature, 3)}, 257).sampled[0] == 69);
      CHECK(run_step(backend, {&head}, {{-1}}, {{{0, 0}}}, {plain(temperature, 3)}, 257).sampled[0] == 0);
    }
  });
}

void what_is_not_finite_is_never_drawn() {
  on_every_backend([](Backend& backend) {
    Floats logits(70, std::nanf(""));
    logits[3] = kInfinity;
    logits[5] = -kInfinity;
    const TestMatrix none = head_of(backend, logits);
    logits[66] = -3e38f;
    const TestMatrix one = head_of(backend, logits);
    for (float temperature : {0.0f, 1.0f, 0.1f}) {
      CHECK(run_step(backend, {&none}, {{1}}, {{{0, 0}}}, {plain(temperature, 0)}, 70).sampled[0] == -1);
      CHECK(run_step(backend, {&one}, {{1}}, {{{0, 0}}}, {plain(temperature, 0)}, 70).sampled[0] == 66);
      CHECK(run_step(backend, {&none}, {{1}}, {{{0, 0}}}, {plain(temperature, 0, 0)}, 70).sampled[0] == -1);
      CHECK(run_step(backend, {&one}, {{1}}, {{{0, 0}}}, {plain(temperature, 0, 0)}, 70).sampled[0] == 66);
    }
  });
}

void philox_answers_its_published_vectors() {
  const auto equals = [](const Philox4& p, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
    return p.word[0] == a && p.word[1] == b && p.word[2] == c && p.word[3] == d;
  };
  CHECK(equals(philox(0, 0, 0, 0, 0), 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
  const uint32_t f = 0xffffffff;
  CHECK(equals(philox(~uint64_t(0), f, f, f, f), 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
  CHECK(equals(philox(uint64_t(0x299f31d0) << 32 | 0xa4093822, 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344), 0xd16cfe09,
               0x94fdcceb, 0x5001e420, 0x24126ea1));
}

// The logits of two tokens differ by what their noises differ, and a little more on one side: that side wins.
void the_noise_is_its_definition() {
  on_every_backend([](Backend& backend) {
    for (int32_t trial = 0; trial < 60; ++trial) {
      const int32_t a = trial * 13 % 200, b = 200 + trial % 57;
      SamplingPlan plan = plain(1, trial * 1000003);
      plan.seed += uint64_t(trial) << 40;
      plan.choice = trial % 3;
      Floats logits(257, -kInfinity);
      const double difference = noise_of(plan, b) - noise_of(plan, a);
      for (double side : {-4e-6, 4e-6}) {
        logits[size_t(a)] = float(difference + side);
        logits[size_t(b)] = 0;
        const TestMatrix head = head_of(backend, logits);
        CHECK(run_step(backend, {&head}, {{1}}, {{{0, 0}}}, {plan}, 257).sampled[0] == (side > 0 ? a : b));
      }
    }
  });
}

void tokens_are_drawn_as_often_as_they_are_likely() {
  Backend& backend = *backends().back();
  Floats logits;
  for (int v = 0; v < 90; ++v) logits.push_back(3 * std::sin(float(v)) - float(v % 7));
  for (float temperature : {1.0f, 0.6f}) {
    SamplingPlan plan = plain(temperature, 0);
    check_frequencies(draw_many(backend, logits, plan, 200000), law_of(Doubles(logits.begin(), logits.end()), plan));
  }
}

}  // namespace

int main() {
  return run_tests({
      TEST(logits_of_a_sequences_terms_are_added),
      TEST(low_rank_updates_reach_their_problem_alone),
      TEST(biases_are_added_to_their_sequences_logits),
      TEST(a_biased_law_draws_as_one_whose_logits_are_those),
      TEST(logits_do_not_depend_on_the_rows_beside_them),
      TEST(every_instruction_set_and_number_of_threads_gives_the_same_bits_and_tokens),
      TEST(at_temperature_0_the_likeliest_token_with_the_lowest_id_is_taken),
      TEST(what_is_not_finite_is_never_drawn),
      TEST(philox_answers_its_published_vectors),
      TEST(the_noise_is_its_definition),
      TEST(tokens_are_drawn_as_often_as_they_are_likely),
  });
}
