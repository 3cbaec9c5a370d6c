// sample: the cuts, the draw and the law, against their definition in double (sorted, as the kernel never does).
#include <numeric>

#include "fixture.h"
#include "noise.h"

namespace genarm::cuda {
namespace {

double gumbel_in_double(const SamplingPlan& plan, int token) {
  const Philox4 words = philox(plan.seed, uint32_t(token / 4), uint32_t(plan.position), uint32_t(plan.choice), 0);
  const uint32_t word = words.word[token % 4];
  const double u = (double(word) + 0.5) / 4294967296.0;
  return -std::log(word < 0x80000000u ? -std::log1p(-u) : -std::log((double(~word) + 0.5) / 4294967296.0));
}

SamplingPlan plan_of(uint64_t seed, float temperature, int top_k, float top_p, float min_p, int32_t z_row) {
  SamplingPlan plan = {};
  plan.seed = seed * 0x9e3779b97f4a7c15u;
  plan.position = int32_t(seed);
  plan.temperature = temperature;
  plan.top_k = top_k;
  plan.top_p = top_p;
  plan.min_p = min_p;
  plan.z_row = z_row;
  plan.keep_law = 1;
  return plan;
}

bool finite(float x) { return std::fabs(x) <= 3.40282347e38f; }

// The tokens that the cuts leave, by falling score, among equals the lowest id first.
std::vector<int> kept_by(const SamplingPlan& plan, const std::vector<double>& score) {
  std::vector<int> ids;
  for (size_t v = 0; v < score.size(); ++v)
    if (score[v] > -INFINITY) ids.push_back(int(v));
  std::stable_sort(ids.begin(), ids.end(), [&](int a, int b) { return score[size_t(a)] > score[size_t(b)]; });
  const double top = score[size_t(ids[0])];
  const auto weight = [&](int v) { return std::exp(score[size_t(v)] - top); };
  if (plan.temperature < 1e-5f) return ids;
  if (plan.top_k > 0 && size_t(plan.top_k) < ids.size()) {
    const double least = score[size_t(ids[size_t(plan.top_k) - 1])];
    while (score[size_t(ids.back())] < least) ids.pop_back();
  }
  if (plan.top_p < 1) {
    double total = 0, mass = 0;
    for (const int v : ids) total += weight(v);
    size_t count = 0;
    while (count < ids.size() && (count == 0 || mass < double(plan.top_p) * total)) mass += weight(ids[count++]);
    ids.resize(count);
  }
  while (weight(ids.back()) < double(plan.min_p)) ids.pop_back();
  return ids;
}

void check_row(const SamplingPlan& plan, const float* z, const float* law, int size, int sampled) {
  const bool greedy = plan.temperature < 1e-5f;
  std::vector<double> score;
  for (int v = 0; v < size; ++v)
    score.push_back(finite(z[v]) ? double(greedy ? z[v] : z[v] * (1 / plan.temperature)) : -INFINITY);
  const std::vector<int> kept = kept_by(plan, score);
  const double top = score[size_t(kept[0])];
  double best = -INFINITY, chosen = -INFINITY, mass = 0;
  std::vector<double> expected(size_t(size), -INFINITY);
  for (const int v : kept) {
    const double value = score[size_t(v)] + (greedy ? 0 : gumbel_in_double(plan, v));
    best = std::max(best, value);
    if (v == sampled) chosen = value;
    mass += std::exp(score[size_t(v)] - top);
  }
  for (const int v : kept) expected[size_t(v)] = score[size_t(v)] - top - std::log(mass);
  if (greedy) {
    CHECK(sampled == kept[0]);
    for (int v = 0; v < size; ++v) expected[size_t(v)] = v == sampled ? 0 : -INFINITY;
  }
  check_near(chosen, best, 1e-5 + 1e-6 * std::fabs(top), "competitor", 0, sampled);
  if (!plan.keep_law) return;
  for (int v = 0; v < size; ++v) {
    if (expected[size_t(v)] == -INFINITY) {
      if (law[v] != -INFINITY) check_near(law[v], 0, -1, "law of a cut token", 0, v);
    } else {
      check_near(law[v], expected[size_t(v)], 1e-5 + 1e-6 * std::fabs(top), "law", 0, v);
    }
  }
}

struct Run {
  std::vector<float> z;
  std::vector<int32_t> sampled;
};

Run run(const std::vector<float>& z, const std::vector<SamplingPlan>& plans, int size) {
  std::vector<float> padded = z;
  padded.insert(padded.end(), 3, 7.0f);
  const Array<float> device_z(padded);
  const Array<SamplingPlan> device_plan(plans);
  const Array<int32_t> sampled(plans.size(), -7);
  Stream stream;

  sample({sampled.data(), device_z.data(), device_plan.data(), int(plans.size()), size}, Order::after_previous, stream);
  stream_sync(stream);

  Run result{device_z.get(), sampled.get()};
  for (int i = 0; i < 3; ++i) CHECK(result.z[z.size() + size_t(i)] == 7);
  return result;
}

// z: one row for each plan, in order of z_row.
void is_right_for(const std::vector<float>& z, const std::vector<SamplingPlan>& plans, int size) {
  const Run result = run(z, plans, size);
  for (size_t s = 0; s < plans.size(); ++s) {
    if (plans[s].z_row < 0) {
      CHECK(result.sampled[s] == -7);
      continue;
    }
    const size_t row = size_t(plans[s].z_row) * size_t(size);
    check_row(plans[s], &z[row], &result.z[row], size, result.sampled[s]);
  }
}

void is_right_on_odd_sizes() {
  for (const int size : {1, 5, 513, 1025}) {
    const std::vector<float> z = random_floats(size_t(6 * size), unsigned(size), 4);
    is_right_for(z, {plan_of(1, 1, 0, 1, 0, 0), plan_of(2, 0.7f, 3, 1, 0, 5), plan_of(3, 1, 0, 0.8f, 0, 2),
                     plan_of(4, 1, 0, 1, 0, -1), plan_of(5, 1.5f, 0, 1, 0.05f, 1), plan_of(6, 0, 7, 0.5f, 0.1f, 3),
                     plan_of(7, 1, 40, 0.9f, 0.02f, 4)},
                 size);
  }
}

void equal_scores_are_cut_by_id() {
  std::vector<float> z(700, -5);
  for (const int v : {3, 77, 78, 300, 512, 690}) z[size_t(v)] = 2;
  std::vector<float> twice = z;
  twice.insert(twice.end(), z.begin(), z.end());
  is_right_for(twice, {plan_of(1, 1, 4, 1, 0, 0), plan_of(2, 1, 0, 0.3f, 0, 1)}, 700);
  is_right_for(twice, {plan_of(3, 1, 2, 0.45f, 0, 1), plan_of(4, 1, 7, 0.999f, 0, 0)}, 700);
}

void the_smallest_mass_keeps_one_token() {
  const std::vector<float> z = random_floats(600, 3);
  const Run result = run(z, {plan_of(9, 1, 0, 1e-7f, 0, 0)}, 600);
  CHECK(result.sampled[0] == int(std::max_element(z.begin(), z.end()) - z.begin()));
  CHECK(result.z[size_t(result.sampled[0])] == 0);
}

void what_is_not_finite_is_not_drawn() {
  std::vector<float> z = random_floats(100, 3);
  z[4] = INFINITY;
  z[50] = NAN;
  z[51] = -INFINITY;
  is_right_for(z, {plan_of(1, 1, 20, 0.9f, 0, 0)}, 100);
  is_right_for(z, {plan_of(1, 0, 0, 1, 0, 0)}, 100);
  const Run nothing = run(std::vector<float>(100, NAN), {plan_of(1, 1, 3, 0.9f, 0.1f, 0)}, 100);
  CHECK(nothing.sampled[0] == -1);
}

void large_and_tiny_scores_keep_their_order() {
  std::vector<float> z = {3e38f, -3e38f, 0, 1e-40f, -1e-40f, 5, -5, 2.9e38f};
  is_right_for(z, {plan_of(1, 1, 3, 1, 0, 0)}, 8);
  is_right_for(z, {plan_of(1, 1, 5, 1, 0, 0)}, 8);
}

void follows_a_projection_that_it_overlaps() {
  std::vector<float> z = random_floats(96, 3);
  for (int v = 48; v < 96; ++v) z[size_t(v)] += 7;
  const Array<float> device_z(z);
  const SamplingPlan plan = plan_of(3, 1, 10, 1, 0, 0);
  const Array<SamplingPlan> device_plan(1, plan);
  const Array<int32_t> sampled(1, -7);
  const AddEight add(1, 48);
  Stream stream;

  add.run(device_z.data(), 48, stream);
  sample({sampled.data(), device_z.data(), device_plan.data(), 1, 96}, Order::overlaps_previous, stream);
  stream_sync(stream);

  for (int v = 0; v < 48; ++v) z[size_t(v)] += 8;
  const std::vector<float> law = device_z.get();
  check_row(plan, z.data(), law.data(), 96, sampled.get()[0]);
}

}  // namespace
}  // namespace genarm::cuda

int main(int argc, char** argv) {
  using namespace genarm::cuda;
  return run_cases(argc, argv,
                   {{"is_right_on_odd_sizes", is_right_on_odd_sizes},
                    {"equal_scores_are_cut_by_id", equal_scores_are_cut_by_id},
                    {"the_smallest_mass_keeps_one_token", the_smallest_mass_keeps_one_token},
                    {"what_is_not_finite_is_not_drawn", what_is_not_finite_is_not_drawn},
                    {"large_and_tiny_scores_keep_their_order", large_and_tiny_scores_keep_their_order},
                    {"follows_a_projection_that_it_overlaps", follows_a_projection_that_it_overlaps}});
}
