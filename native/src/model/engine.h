// The guided step: all rows of all lanes through their weight sets, the product of their laws, a token for each
// sequence. See ga_engine_... in genarm.h.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "backend.h"
#include "genarm.h"
#include "model/head_plan.h"
#include "model/step_plan.h"
#include "model/transformer.h"
#include "model/weights.h"

namespace genarm {

class Engine {
 public:
  Engine(Backend& backend, const ga_engine_config& limits);

  void add_view(std::shared_ptr<const WeightSet> weights, int32_t num_pages);
  void start();
  bool started() const { return plan_ != nullptr; }

  ga_step* step_buffer() { return started() ? arrays_.buffer() : nullptr; }
  void step();
  void law(int32_t sequence, float* out);
  void component(int32_t sequence, int32_t term, float* out);
  int64_t bytes() const { return bytes_; }

 private:
  struct View {
    std::shared_ptr<const WeightSet> weights;
    int32_t set;
    int32_t num_pages;
  };

  std::unique_ptr<Buffer> allocate(size_t bytes);
  void reserve_backend();
  size_t plan_bytes() const;
  void find_set_rows();
  void publish_rows();
  void publish_sums();
  void run_head();
  void read_row(int32_t z_row, float* out);

  Backend& backend_;
  ga_engine_config limits_;
  StepArrays arrays_;
  std::vector<View> views_;
  std::vector<ViewLimits> view_limits_;
  std::vector<std::unique_ptr<SetRunner>> sets_;
  std::vector<std::unique_ptr<Buffer>> x_;  // of each set: LM head inputs [max_terms + max_components, hidden_size]
  std::unique_ptr<Buffer> z_;               // [max_sequences + max_components, vocab_size]
  std::unique_ptr<Buffer> sampled_;         // [max_sequences + max_components] i32
  std::unique_ptr<PlanArena> plan_;
  std::unique_ptr<HeadPlan> head_;
  int64_t bytes_ = 0;

  std::vector<int32_t> set_first_;          // [sets + 1] first row of each set in this step, then all rows
  std::vector<SetRunner*> active_;          // sets with rows in this step
  FinalNormArgs final_norms_[kMaxSets];     // of the sets with LM head inputs
  HeadProblem problems_[kMaxSets];          // by set
  int32_t num_final_norms_ = 0;
  LmHeadArgs lm_head_{};
};

}  // namespace genarm
