// The preference loss at worked numbers, and its slopes by central differences.
#include "check.h"
#include "train/preference_loss.h"

using namespace genarm::train;

namespace {

const ResponseScore kChosen = {-1.75, 0, 3}, kRejected = {-3.0, 0, 4};

PreferenceLossConfig with(double beta, double gamma = 0) {
  PreferenceLossConfig c;
  c.beta = beta;
  c.gamma = gamma;
  return c;
}
double loss(const PreferenceLossConfig& c) { return preference_loss(c, kChosen, kRejected).loss; }

void the_arm_loss_has_its_worked_values() {
  CHECK_NEAR(loss(with(0.05)), 0.66238538, 1e-8);
  CHECK_NEAR(loss(with(0.1)), 0.63259904, 1e-8);
  CHECK_NEAR(loss(with(0.5)), 0.42870068, 1e-8);
  CHECK_NEAR(loss(with(0.01)), 0.68691671, 1e-8);
  CHECK_NEAR(loss(with(0.05, 1)), 1.26795821, 1e-8);
  CHECK_NEAR(preference_loss(with(0.1), kChosen, kRejected).margin, 0.125, 1e-12);
}

void sums_are_divided_by_their_tokens_on_request() {
  PreferenceLossConfig c = with(0.1);
  c.length_normalization = true;
  CHECK_NEAR(loss(c), 0.68484857, 1e-8);
}

void smoothing_mixes_in_the_opposite_preference() {
  PreferenceLossConfig c = with(0.5);
  c.label_smoothing = 0.2;
  const double backwards = preference_loss(with(0.5), kRejected, kChosen).loss;
  CHECK_NEAR(loss(c), 0.8 * 0.42870068 + 0.2 * backwards, 1e-8);
}

void the_hinge_ends_at_a_margin_of_one() {
  PreferenceLossConfig c = with(0.5);
  c.hinge = true;
  CHECK_NEAR(loss(c), 0.375, 1e-12);
  c.beta = 2;
  CHECK(loss(c) == 0 && preference_loss(c, kChosen, kRejected).chosen_slope == 0);
}

void a_reference_is_subtracted() {
  CHECK_NEAR(preference_loss(with(0.7), {-1.75, -1.75, 3}, {-3, -3, 4}).loss, std::log(2.0), 1e-12);
}

void far_margins_neither_overflow_nor_vanish() {
  CHECK_NEAR(preference_loss(with(1), {-4000, 0, 3}, {0, 0, 3}).loss, 4000, 1e-9);
  CHECK_NEAR(preference_loss(with(1), {-4000, 0, 3}, {0, 0, 3}).chosen_slope, -1, 1e-12);
  CHECK(preference_loss(with(1), {0, 0, 3}, {-4000, 0, 3}).loss == 0);
}

void slopes_are_those_of_the_loss() {
  for (int kind = 0; kind < 8; ++kind) {
    PreferenceLossConfig c = with(0.3, 0.2);
    c.hinge = kind & 1;
    c.length_normalization = kind & 2;
    c.label_smoothing = kind & 4 ? 0.1 : 0;
    const auto at = [&](double w, double l) { return preference_loss(c, {-1.75 + w, 0, 3}, {-3 + l, 0, 4}); };
    const double h = 1e-6;
    CHECK_NEAR(at(0, 0).chosen_slope, (at(h, 0).loss - at(-h, 0).loss) / (2 * h), 1e-8);
    CHECK_NEAR(at(0, 0).rejected_slope, (at(0, h).loss - at(0, -h).loss) / (2 * h), 1e-8);
  }
}

}  // namespace

int main() {
  return run_tests({TEST(the_arm_loss_has_its_worked_values), TEST(sums_are_divided_by_their_tokens_on_request),
                    TEST(smoothing_mixes_in_the_opposite_preference), TEST(the_hinge_ends_at_a_margin_of_one),
                    TEST(a_reference_is_subtracted), TEST(far_margins_neither_overflow_nor_vanish),
                    TEST(slopes_are_those_of_the_loss)});
}
