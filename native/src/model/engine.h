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
#include "profiling_backend.h"

namespace genarm {

class Engine {
 public:
  Engine(Backend& backend, const ga_engine_config& limits);
  ~Engine();

  // adapter: null for the weight set itself.
  void add_view(std::shared_ptr<const WeightSet> weights, std::shared_ptr<const Adapter> adapter, int32_t num_pages);
  void start();
  bool started() const { return plan_ != nullptr; }

  ga_step* step_buffer() { return started() ? arrays_.buffer() : nullptr; }
  void step();
  void submit();
  void collect();
  int32_t in_flight() const { return int32_t(num_submitted_ - num_collected_); }
  void law(int32_t sequence, float* out);
  void component(int32_t sequence, int32_t term, float* out);
  void logits(int32_t sequence, float* out);
  int64_t bytes() const { return bytes_; }

  // Keeps up to max_events operations of each step, or none.
  void profile(int32_t max_events);
  const ga_profile_log* profile_log() const { return profiling_ ? &profiling_->log() : nullptr; }

 private:
  struct View {
    std::shared_ptr<const WeightSet> weights;
    std::shared_ptr<const Adapter> adapter;
    int32_t set, head;
    int32_t num_pages;
  };

  // An LM head with its inputs [max_terms + max_components, hidden_size]: a weight set's, or an adapter's update of it.
  struct Head {
    SetRunner* set;
    const Adapter* adapter;
    std::unique_ptr<Buffer> x;
    LowRank low_rank;
  };

  int32_t max_in_flight() const { return limits_.max_in_flight > 1 ? limits_.max_in_flight : 1; }
  std::unique_ptr<Buffer> allocate(size_t bytes);
  void reserve_backend();
  size_t plan_bytes() const;
  void add_head(SetRunner& set, const Adapter* adapter);
  int32_t num_lane_pages(int32_t lane) const;
  void find_rows();
  void publish_rows();
  void publish_set(SetRunner& set, int32_t first_lane, int32_t num_lanes, int32_t first_row, int32_t* page);
  void publish_adapters(SetRunner& set, int32_t first_lane, int32_t num_lanes);
  void publish_head(Head& head, int32_t index);
  void publish_laws();
  void publish_biases(int32_t count);
  void run_operations();
  void run_head();
  void read_row(int32_t z_row, float* out);

  Backend& backend_;
  std::unique_ptr<ProfilingBackend> profiling_;
  Backend* operations_;  // backend_, or profiling_ around it
  ga_engine_config limits_;
  StepArrays arrays_;
  std::vector<View> views_;
  std::vector<ViewLimits> view_limits_;
  std::vector<std::unique_ptr<SetRunner>> sets_;
  std::vector<Head> heads_;
  std::unique_ptr<Buffer> z_;        // [max_sequences + max_components, vocab_size]
  std::unique_ptr<Buffer> sampled_;  // [max_sequences + max_components] i32
  std::unique_ptr<TokenLine> tokens_;
  std::unique_ptr<PlanArena> plan_;
  std::unique_ptr<HeadPlan> head_plan_;
  int64_t bytes_ = 0;

  std::vector<HeadPlan::Row> rows_;      // of this step
  std::vector<SetRunner*> active_;       // sets with rows in this step
  int32_t* pages_ = nullptr;             // page ids of all lanes, as published
  const int32_t* pages_device_ = nullptr;
  std::vector<FinalNormArgs> final_norms_;  // of the heads with inputs in this step
  std::vector<HeadProblem> problems_;       // of every head
  LmHeadArgs lm_head_{};

  int32_t num_drawn_ = 0;                   // sequences of the step submitted last, whose tokens lie in sampled_
  int32_t counts_[GA_MAX_IN_FLIGHT] = {};  // sequences of each step in flight
  uint64_t num_submitted_ = 0, num_collected_ = 0;
};

}  // namespace genarm
