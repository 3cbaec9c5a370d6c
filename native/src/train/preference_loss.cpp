#include "train/preference_loss.h"

#include <cmath>

namespace genarm::train {
namespace {

double softplus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }
double sigmoid(double x) { return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }

}  // namespace

PairLoss preference_loss(const PreferenceLossConfig& c, const ResponseScore& chosen, const ResponseScore& rejected) {
  const double chosen_share = c.length_normalization ? 1.0 / chosen.tokens : 1;
  const double rejected_share = c.length_normalization ? 1.0 / rejected.tokens : 1;
  PairLoss out;
  out.margin = c.beta * ((chosen.log_prob - chosen.reference) * chosen_share -
                         (rejected.log_prob - rejected.reference) * rejected_share);
  const double u = out.margin - c.gamma;
  double slope;
  if (c.hinge) {
    out.loss = u < 1 ? 1 - u : 0 * u;  // not a number stays one
    slope = u < 1 ? -1 : 0;
  } else {
    out.loss = (1 - c.label_smoothing) * softplus(-u) + c.label_smoothing * softplus(u);
    slope = c.label_smoothing * sigmoid(u) - (1 - c.label_smoothing) * sigmoid(-u);
  }
  out.chosen_slope = slope * c.beta * chosen_share;
  out.rejected_slope = -slope * c.beta * rejected_share;
  return out;
}

}  // namespace genarm::train
