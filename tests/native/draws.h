// What tests of sampling share: LM heads whose logits are given, steps over them, and the chi-square test.
#pragma once

#include <algorithm>

#include "backends.h"
#include "noise.h"

namespace genarm_test {

// The noise of a token, by definition (noise.h).
inline double gumbel_of_word(uint32_t word) {
  const double u = (double(word) + 0.5) * 0x1p-32, v = (double(~word) + 0.5) * 0x1p-32;
  return -std::log(word < 0x80000000u ? -std::log1p(-u) : -std::log(v));
}

inline double noise_of(const SamplingPlan& plan, int32_t token) {
  const Philox4 words = philox(plan.seed, uint32_t(token / 4), uint32_t(plan.position), uint32_t(plan.choice), 0);
  return gumbel_of_word(words.word[token % 4]);
}

inline SamplingPlan plain(float temperature, int32_t position, int32_t z_row = -1) {
  SamplingPlan plan{};
  plan.seed = 0x123456789abcdef0u;
  plan.position = position;
  plan.temperature = temperature;
  plan.top_p = 1;
  plan.z_row = z_row;
  return plan;
}

// A head of one column: its logits are the given ones, times x.
inline TestMatrix head_of(Backend& backend, const Floats& logits) {
  TestMatrix m{int64_t(logits.size()), 1, logits, nullptr};
  m.packed = backend.pack({logits.data(), Dtype::f32, m.rows, 1, 0}, Dtype::f32);
  return m;
}

struct Step {
  std::vector<int32_t> sampled;
  Floats z;
};

// One step of LM heads whose inputs are x[problem] ([rows, columns]), a term list per sequence, then sample where a plan
// asks for z.
struct Term {
  int32_t problem, row;
};
struct Bias {
  int32_t token;
  float value;
};

inline Step run_step(Backend& backend, const std::vector<const TestMatrix*>& heads, const std::vector<Floats>& x,
                     const std::vector<std::vector<Term>>& terms, std::vector<SamplingPlan> plans, int32_t vocab_size,
                     const std::vector<const LowRank*>& updates = {}, bool then_sample = true,
                     const std::vector<std::vector<Bias>>& biases = {}) {
  std::vector<int32_t> first = {0}, problem, row;
  for (const auto& list : terms) {
    for (const Term& term : list) {
      problem.push_back(term.problem);
      row.push_back(term.row);
    }
    first.push_back(int32_t(problem.size()));
  }
  std::vector<int32_t> bias_token;
  Floats bias_value;
  for (size_t s = 0; s < biases.size(); ++s) {
    plans[s].bias_first = int32_t(bias_token.size());
    plans[s].num_biases = int32_t(biases[s].size());
    for (const Bias& bias : biases[s]) {
      bias_token.push_back(bias.token);
      bias_value.push_back(bias.value);
    }
  }
  int32_t z_rows = 0;
  for (const SamplingPlan& plan : plans) z_rows = std::max(z_rows, plan.z_row + 1);

  std::vector<Array<float>> inputs;
  std::vector<HeadProblem> problems;
  for (size_t i = 0; i < heads.size(); ++i) {
    inputs.push_back(put(backend, x[i]));
    problems.push_back({heads[i]->packed.get(), inputs.back(), int32_t(x[i].size() / size_t(heads[i]->columns)),
                        updates.empty() ? nullptr : updates[i]});
  }
  const auto d_first = put(backend, first), d_problem = put(backend, problem), d_row = put(backend, row);
  const auto d_plans = put(backend, plans);
  const auto d_token = put(backend, bias_token);
  const auto d_value = put(backend, bias_value);
  const auto sampled = put(backend, std::vector<int32_t>(plans.size(), -7));
  const auto z = room(backend, size_t(z_rows) * size_t(vocab_size));
  const int32_t count = int32_t(plans.size());
  backend.lm_head({sampled, z, {problems.data(), int32_t(problems.size())}, d_first, d_problem, d_row, d_plans, count,
                   vocab_size, d_token, d_value});
  if (then_sample && z_rows > 0) backend.sample({sampled, z, d_plans, count, vocab_size});
  return {get(backend, sampled), get(backend, z)};
}

// Draws from the law of `logits` under copies of `plan` at consecutive positions.
inline std::vector<int32_t> draw_many(Backend& backend, const Floats& logits, SamplingPlan plan, int32_t count) {
  const TestMatrix head = head_of(backend, logits);
  const bool from_z = plan.z_row >= 0;
  std::vector<int32_t> drawn;
  while (int32_t(drawn.size()) < count) {
    std::vector<SamplingPlan> plans;
    std::vector<std::vector<Term>> terms;
    const int32_t batch = std::min(count - int32_t(drawn.size()), 1000);
    for (int32_t i = 0; i < batch; ++i) {
      plan.position = int32_t(drawn.size()) + i;
      plan.z_row = from_z ? i : -1;
      plans.push_back(plan);
      terms.push_back({{0, 0}});
    }
    const Step step = run_step(backend, {&head}, {{1.0f}}, terms, plans, int32_t(logits.size()));
    drawn.insert(drawn.end(), step.sampled.begin(), step.sampled.end());
  }
  return drawn;
}

// Draws agree with the probabilities: every draw has a positive one, and chi-square stays below its 1 - 1e-6 quantile
// (Wilson and Hilferty's approximation). Tokens that are expected less than 5 times count as one.
inline void check_frequencies(const std::vector<int32_t>& drawn, const Doubles& probabilities) {
  std::vector<double> seen(probabilities.size(), 0.0);
  for (int32_t id : drawn) {
    const bool allowed = id >= 0 && size_t(id) < probabilities.size() && probabilities[size_t(id)] > 0;
    CHECK(allowed);
    if (allowed) seen[size_t(id)] += 1;
  }
  double chi = 0, rare_seen = 0, rare = 0;
  int cells = 0;
  const auto add = [&](double found, double expected) {
    chi += (found - expected) * (found - expected) / expected;
    ++cells;
  };
  for (size_t v = 0; v < probabilities.size(); ++v) {
    const double expected = probabilities[v] * double(drawn.size());
    if (expected >= 5) {
      add(seen[v], expected);
    } else {
      rare += expected;
      rare_seen += seen[v];
    }
  }
  if (rare >= 1) add(rare_seen, rare);
  const double k = cells - 1, c = 2 / (9 * k);
  const double limit = k * std::pow(1 - c + 4.7534 * std::sqrt(c), 3);
  CHECK(cells > 1);
  CHECK_NEAR(std::max(chi, limit), limit, 0);
}

// The law by definition: scores z / temperature cut by top-k, top-p and min-p, as probabilities.
inline Doubles law_of(const Doubles& logits, const SamplingPlan& plan) {
  std::vector<int32_t> order(logits.size());
  Doubles score;
  for (size_t v = 0; v < logits.size(); ++v) {
    order[v] = int32_t(v);
    score.push_back(plan.temperature > 0 ? logits[v] / double(plan.temperature) : logits[v]);
  }
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return score[size_t(a)] > score[size_t(b)]; });
  const double top = score[size_t(order[0])];
  Doubles law(logits.size(), 0.0);
  if (plan.temperature == 0) {
    law[size_t(order[0])] = 1;
    return law;
  }
  if (plan.top_k > 0 && size_t(plan.top_k) < order.size()) {
    const double least = score[size_t(order[size_t(plan.top_k) - 1])];
    while (score[size_t(order.back())] < least) order.pop_back();
  }
  double total = 0, mass = 0;
  for (int32_t v : order) total += std::exp(score[size_t(v)] - top);
  if (plan.top_p < 1) {
    size_t kept = 0;
    while (kept < order.size() && mass < double(plan.top_p) * total) mass += std::exp(score[size_t(order[kept++])] - top);
    order.resize(std::max<size_t>(kept, 1));
  }
  total = 0;
  for (int32_t v : order) {
    const double p = std::exp(score[size_t(v)] - top);
    if (p >= double(plan.min_p)) total += law[size_t(v)] = p;
  }
  for (double& p : law) p /= total;
  return law;
}

}  // namespace genarm_test
