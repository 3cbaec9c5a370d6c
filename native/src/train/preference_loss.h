// The loss of one preference pair and its slopes, in double (GenARM, arXiv 2410.08193; DPO, arXiv 2305.18290).
//
// With margin = beta (l_w - l_l), l the summed log-probability of a response (for DPO less the reference's; divided by
// its number of tokens where length_normalization is set), and u = margin - gamma:
//   sigmoid: (1 - smoothing) softplus(-u) + smoothing softplus(u)        hinge: max(0, 1 - u)
#pragma once

#include <cstdint>

namespace genarm::train {

struct PreferenceLossConfig {
  bool hinge = false, length_normalization = false;
  double beta = 0.1, gamma = 0, label_smoothing = 0;
};

struct ResponseScore {
  double log_prob;   // summed over its tokens
  double reference;  // the reference model's, 0 without one
  int32_t tokens;
};

struct PairLoss {
  double loss, margin;
  double chosen_slope, rejected_slope;  // d loss / d log_prob
};

PairLoss preference_loss(const PreferenceLossConfig& config, const ResponseScore& chosen, const ResponseScore& rejected);

}  // namespace genarm::train
