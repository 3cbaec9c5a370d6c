// lm_head: logits summed over heads and rows, and the draw, against definitions in double.
#include "fixture.h"

namespace genarm::cuda {
namespace {

SamplingPlan plan_of(uint64_t seed, float temperature, int32_t z_row) {
  SamplingPlan plan = {};
  plan.seed = seed;
  plan.choice = int32_t(seed % 3);
  plan.position = int32_t(seed % 50);
  plan.temperature = temperature;
  plan.top_p = 1;
  plan.z_row = z_row;
  return plan;
}

struct Head {
  Weights weight;
  int num_x;
  int64_t stride;
  Updates update;  // of all tokens but the last four
  std::vector<float> x;  // what high and low add up to
  Array<bf16> device_x;
  bool has_update;

  Head(int vocab_size, int columns, int rows, bool with_update, unsigned seed, Format format = Format::bf16)
      : weight(vocab_size, columns, seed, 0, format), num_x(rows), stride((columns + 7) / 8 * 8 + 8),
        update(rows, std::max(1, vocab_size - 4), seed + 2), x(random_floats(size_t(rows * columns), seed + 1, 3)),
        device_x(split(x, rows, columns, stride)), has_update(with_update) {}

  static std::vector<bf16> split(const std::vector<float>& x, int rows, int columns, int64_t stride) {
    std::vector<bf16> parts(size_t(2 * rows * stride), bf16{0x7fff});
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < columns; ++c) {
        const float value = x[size_t(r * columns + c)];
        bf16 &high = parts[size_t(2 * r * stride + c)], &low = parts[size_t((2 * r + 1) * stride + c)];
        set(high, value);
        set(low, value - to_f32(high));
      }
    return parts;
  }
  HeadInput arguments() const {
    return {weight.weight(), device_x.data(), stride, has_update ? update.rows.data() : nullptr, int(update.num_outputs),
            int(weight.columns), num_x};
  }
  double logit(int r, int token, double& size) const {
    const std::vector<double> row(&x[size_t(r * weight.columns)], &x[size_t(r * weight.columns)] + weight.columns);
    return dot(weight, token, row, size) + (has_update && token < update.num_outputs ? update.at(r, token) : 0);
  }
};

struct Term {
  int head, x;
};

struct Bias {
  int32_t token;
  float value;
};

struct Problem {
  std::vector<const Head*> heads;
  std::vector<std::vector<Term>> terms;
  std::vector<SamplingPlan> plan;
  int vocab_size, num_z = 0;
  std::vector<std::vector<Bias>> biases;
  std::vector<int32_t> first = {0}, head, x_row, bias_token;
  std::vector<float> bias_value;

  Problem(int vocab, std::vector<const Head*> h, std::vector<std::vector<Term>> t, std::vector<SamplingPlan> p,
          std::vector<std::vector<Bias>> b = {})
      : heads(std::move(h)), terms(std::move(t)), plan(std::move(p)), vocab_size(vocab), biases(std::move(b)) {
    biases.resize(plan.size());
    for (size_t s = 0; s < plan.size(); ++s) {
      plan[s].bias_first = int32_t(bias_token.size());
      plan[s].num_biases = int32_t(biases[s].size());
      for (const Bias& bias : biases[s]) {
        bias_token.push_back(bias.token);
        bias_value.push_back(bias.value);
      }
    }
    for (const auto& each : terms) {
      for (const Term& term : each) {
        head.push_back(term.head);
        x_row.push_back(term.x);
      }
      first.push_back(int32_t(head.size()));
    }
    for (const SamplingPlan& each : plan) num_z = std::max(num_z, each.z_row + 1);
  }

  void run_and_check(int times = 1) const {
    const size_t count = plan.size(), untouched = size_t(num_z) * size_t(vocab_size);
    const Array<int32_t> device_first(first), device_head(head), device_x(x_row), sampled(count, -7);
    const Array<SamplingPlan> device_plan(plan);
    const Array<int32_t> device_token(bias_token);
    const Array<float> device_value(bias_value);
    const Array<float> z(untouched + 3, 7.0f);
    const Array<Candidate> candidate(count * kHeadBlocks, Candidate{3e38f, 5});
    const Array<unsigned> ticket(1, 0u);
    LmHeadLaunch p = {};
    p.sampled = sampled.data();
    p.z = z.data();
    for (const Head* each : heads) p.head[p.num_heads++] = each->arguments();
    p.first = device_first.data();
    p.problem = device_head.data();
    p.x_row = device_x.data();
    p.plan = device_plan.data();
    p.candidate = candidate.data();
    p.ticket = ticket.data();
    p.num_sequences = int(count);
    p.vocab_size = vocab_size;
    p.bias_token = device_token.data();
    p.bias_value = device_value.data();
    Stream stream;

    for (int i = 0; i < times; ++i) lm_head(p, Order::overlaps_previous, stream);
    stream_sync(stream);

    check(z.get(), sampled.get());
    CHECK(ticket.get()[0] == 0);
    for (size_t i = untouched; i < untouched + 3; ++i) CHECK(z.get()[i] == 7);
  }

  // A drawn token's competitor must come within rounding of the best one.
  void check(const std::vector<float>& z, const std::vector<int32_t>& sampled) const {
    for (size_t s = 0; s < plan.size(); ++s) {
      double best = -INFINITY, chosen = -INFINITY, slack = 0;
      for (int v = 0; v < vocab_size; ++v) {
        double logit = 0, size = 1;
        for (const Term& term : terms[s]) logit += heads[size_t(term.head)]->logit(term.x, v, size);
        for (const Bias& bias : biases[s]) logit += bias.token == v ? double(bias.value) : 0;
        const double tolerance = 2e-5 * size;
        if (plan[s].z_row >= 0) {
          check_near(z[size_t(plan[s].z_row * vocab_size + v)], logit, tolerance, "z", int64_t(s), v);
          continue;
        }
        const bool greedy = plan[s].temperature < 1e-5f;
        const double value = greedy ? logit : logit / plan[s].temperature + gumbel_in_double(plan[s], v);
        best = std::max(best, value);
        if (v == sampled[s]) chosen = value;
        slack = std::max(slack, tolerance / (greedy ? 1 : plan[s].temperature) + 1e-5);
      }
      if (plan[s].z_row >= 0) {
        CHECK(sampled[s] == -7);
      } else {
        check_near(chosen, best, 2 * slack, "competitor", int64_t(s), sampled[s]);
      }
    }
  }
};

void draws_and_writes_on_odd_shapes() {
  for (const int vocab : {1, 15, 77}) {
    const Head head(vocab + 2, 40, 3, false, unsigned(vocab));
    Problem(vocab, {&head}, {{{0, 0}}, {{0, 2}}, {{0, 1}}},
            {plan_of(5, 1, -1), plan_of(6, 0, -1), plan_of(7, 0.7f, 0)}).run_and_check();
  }
}

void more_blocks_than_one_and_more_tiles_than_blocks() {
  const Head head(4500, 33, 2, false, 3);
  Problem(4500, {&head}, {{{0, 0}}, {{0, 1}}}, {plan_of(1, 1.3f, -1), plan_of(2, 0, -1)}).run_and_check(2);
}

void terms_of_several_heads_add_up() {
  const Head base(50, 72, 5, false, 7), none(50, 16, 0, false, 8), arm(53, 24, 7, true, 9);
  std::vector<std::vector<Term>> terms;
  std::vector<SamplingPlan> plans;
  for (int s = 0; s < 19; ++s) {
    terms.push_back({{0, s % 5}, {2, s % 7}});
    plans.push_back(plan_of(uint64_t(s) + 1000, s % 4 ? 1 : 0, s % 3 ? -1 : s / 3));
  }
  terms.push_back({{0, 1}, {0, 4}, {2, 6}});
  plans.push_back(plan_of(77, 1, -1));
  Problem(50, {&base, &none, &arm}, terms, plans).run_and_check();
}

void biases_add_up_too() {
  const Head head(60, 40, 3, false, 11);
  std::vector<Bias> many;
  for (int v = 1; v < 59; v += 2) many.push_back({v, 3 * std::sin(float(v))});
  Problem(59, {&head}, {{{0, 0}}, {{0, 1}}, {{0, 2}}, {{0, 0}}, {{0, 1}}},
          {plan_of(3, 1, 0), plan_of(4, 0, -1), plan_of(5, 0.9f, -1), plan_of(6, 1, 1), plan_of(7, 0, -1)},
          {many, {{0, -100}, {58, 90}}, many, {}, {{0, 80}}}).run_and_check();
}

// An int8 base beside a bf16 reward model, and more rows than one group of the tensor cores' columns.
void heads_of_several_formats_add_up() {
  for (const Format format : all_formats()) {
    const Head base(50, 72, 2, false, 7, format), arm(53, 201, 18, true, 9);
    std::vector<std::vector<Term>> terms;
    std::vector<SamplingPlan> plans;
    for (int s = 0; s < 18; ++s) {
      terms.push_back({{0, s % 2}, {1, s}});
      plans.push_back(plan_of(uint64_t(s) + 300, 1, s % 2 ? -1 : s / 2));
    }
    Problem(50, {&base, &arm}, terms, plans).run_and_check();
  }
}

// As many as need the shared memory that a kernel has without asking, less what this one declares.
void hundreds_of_sequences_share_a_head() {
  const int count = 640;
  const Head head(16, 8, count, false, 21);
  std::vector<std::vector<Term>> terms;
  std::vector<SamplingPlan> plans;
  for (int s = 0; s < count; ++s) {
    terms.push_back({{0, s}});
    plans.push_back(plan_of(uint64_t(s) + 1, 1, -1));
  }
  Problem(16, {&head}, terms, plans).run_and_check();
}

// A launch of one sequence over one head, and the memory that it points to.
struct OneSequence {
  Array<int32_t> first, zero, sampled;
  Array<SamplingPlan> plan;
  Array<Candidate> candidate;
  Array<unsigned> ticket;
  LmHeadLaunch launch = {};

  OneSequence(const Head& head, int32_t vocab_size, const SamplingPlan& how)
      : first(std::vector<int32_t>{0, 1}), zero(1, 0), sampled(1, -7), plan(1, how),
        candidate(kHeadBlocks, Candidate{3e38f, 5}), ticket(1, 0u) {
    launch.sampled = sampled.data();
    launch.head[0] = head.arguments();
    launch.num_heads = launch.num_sequences = 1;
    launch.first = first.data();
    launch.problem = launch.x_row = zero.data();
    launch.plan = plan.data();
    launch.candidate = candidate.data();
    launch.ticket = ticket.data();
    launch.vocab_size = vocab_size;
  }

  int32_t draw() const {
    Stream stream;
    lm_head(launch, Order::after_previous, stream);
    stream_sync(stream);
    return sampled.get()[0];
  }
};

// What does not come to a finite number is not drawn.
void nothing_finite_draws_nothing() {
  const Head head(20, 8, 1, true, 3);
  const Array<float> infinite(20, INFINITY), none(20, NAN), u(1, 1.0f);
  for (const Array<float>* b : {&infinite, &none}) {
    const Array<RowUpdate> update(1, RowUpdate{b->data(), u.data(), 1, 1});
    OneSequence one(head, 20, plan_of(3, 1, -1));
    one.launch.head[0].update = update.data();
    one.launch.head[0].update_rows = 20;

    CHECK(one.draw() == -1);
  }
}

void equal_logits_give_the_lowest_id() {
  const Head head(40, 8, 1, true, 3);
  const Array<bf16> nothing(size_t(2 * head.stride), bf16{0});
  std::vector<float> equal(40, 1);
  equal[0] = 0;
  const Array<float> b(equal), u(1, 1.0f);
  const Array<RowUpdate> update(1, RowUpdate{b.data(), u.data(), 1, 1});
  OneSequence one(head, 40, plan_of(3, 0, -1));
  one.launch.head[0].x = nothing.data();
  one.launch.head[0].update = update.data();
  one.launch.head[0].update_rows = 40;

  CHECK(one.draw() == 1);
}

// Reads what a final norm writes that is still running when this kernel begins.
void follows_a_final_norm_that_it_overlaps() {
  const Head head(33, 48, 1, false, 3);
  const Array<float> hidden(head.x), norm(48, 1.0f), scale(1, 2.0f);
  const Array<bf16> x(size_t(2 * head.stride), bf16{0x7fff});
  const Array<float> z(33, 7.0f);
  OneSequence one(head, 33, plan_of(3, 1, 0));
  const FinalNormProblem before = {x.data(), head.stride, hidden.data(), 48, norm.data(), one.first.data(), one.zero.data(),
                                   scale.data(), 1e-5f, 1, 48};
  one.launch.z = z.data();
  one.launch.head[0].x = x.data();
  Stream stream;

  final_norm(&before, 1, 1, Order::overlaps_previous, stream);
  lm_head(one.launch, Order::overlaps_previous, stream);
  stream_sync(stream);

  std::vector<double> row = normed(head.x.data(), std::vector<float>(48, 2), 48, 1e-5);
  const std::vector<float> result = z.get();
  for (int v = 0; v < 33; ++v) {
    double size = 1;
    const double logit = dot(head.weight, v, row, size);
    check_near(result[size_t(v)], logit, 2e-5 * size, "z", 0, v);
  }
}

}  // namespace
}  // namespace genarm::cuda

int main(int argc, char** argv) {
  using namespace genarm::cuda;
  return run_cases(argc, argv,
                   {{"draws_and_writes_on_odd_shapes", draws_and_writes_on_odd_shapes},
                    {"more_blocks_than_one_and_more_tiles_than_blocks", more_blocks_than_one_and_more_tiles_than_blocks},
                    {"terms_of_several_heads_add_up", terms_of_several_heads_add_up},
                    {"biases_add_up_too", biases_add_up_too},
                    {"heads_of_several_formats_add_up", heads_of_several_formats_add_up},
                    {"hundreds_of_sequences_share_a_head", hundreds_of_sequences_share_a_head},
                    {"nothing_finite_draws_nothing", nothing_finite_draws_nothing},
                    {"equal_logits_give_the_lowest_id", equal_logits_give_the_lowest_id},
                    {"follows_a_final_norm_that_it_overlaps", follows_a_final_norm_that_it_overlaps}});
}
