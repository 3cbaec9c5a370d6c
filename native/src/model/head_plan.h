// Which rows the LM heads read in a step, and how they add up to each sequence's law.
//
// A sequence's terms over one weight set are combined before its LM head: W h_b + w W h_a = W (h_b + w h_a), so a
// reward model that shares the base's head costs no row of its own. Terms over different sets are added as logits.
#pragma once

#include <cstdint>
#include <vector>

#include "backend.h"
#include "genarm.h"
#include "model/step_plan.h"

namespace genarm {

class HeadPlan {
 public:
  // Inputs of one weight set's head: input n sums scale[j] * norm(hidden[row[j]]), j in [first[n], first[n + 1]).
  struct SetInputs {
    std::vector<int32_t> first, row;
    std::vector<float> scale;
    int32_t num_x() const { return int32_t(first.size()) - 1; }
  };

  HeadPlan(const ga_engine_config& limits, int32_t num_sets);

  // set_first: [num_sets + 1] first row of each set in the step.
  void build(const ga_step& step, const std::vector<int32_t>& set_first);

  const std::vector<SetInputs>& inputs() const { return inputs_; }

  // Laws: the step's sequences, then the components that are kept. Law s adds the logits of (set[j], x_row[j]),
  // j in [first[s], first[s + 1]).
  const std::vector<int32_t>& first() const { return first_; }
  const std::vector<int32_t>& set() const { return set_; }
  const std::vector<int32_t>& x_row() const { return x_row_; }
  const std::vector<SamplingPlan>& sampling() const { return sampling_; }
  int32_t num_sequences() const { return num_sequences_; }
  int32_t num_components() const { return int32_t(sampling_.size()) - num_sequences_; }

  // Row of z that keeps term t of sequence s, or -1; row of z that keeps its law, or -1.
  int32_t component_row(int32_t sequence, int32_t term) const;
  int32_t law_row(int32_t sequence) const;

 private:
  void add_sequence(const ga_step& step, int32_t s, int32_t first_term, const std::vector<int32_t>& set_first);
  void add_component(int32_t row, const std::vector<int32_t>& set_first);
  void add_law_input(int32_t set);
  void end_law(const SamplingPlan& sampling);

  int32_t max_sequences_;
  int32_t num_sequences_ = 0;
  std::vector<SetInputs> inputs_;
  std::vector<int32_t> first_, set_, x_row_;
  std::vector<SamplingPlan> sampling_;
  std::vector<int32_t> component_first_;  // [num_sequences + 1]
};

}  // namespace genarm
