// Times each operation of a backend and counts its work; hands everything on unchanged.
#pragma once

#include <vector>

#include "backend.h"
#include "genarm_profile.h"
#include "model/step_plan.h"

namespace genarm {

// The operations' names, in the order of their indices.
extern const char* const kOperationNames[];
extern const int32_t kNumOperations;

class ProfilingBackend final : public Backend {
 public:
  // plan: where the rows of every step are described.
  ProfilingBackend(Backend& inner, PlanTwin plan, int32_t max_events);

  // The operations of the last step. Each is timed from the end of the one before it, so a clock is read once for each,
  // and what the host does between them is part of the later one.
  const ga_profile_log& log() const { return log_; }

  const std::string& description() const override { return inner_.description(); }
  std::unique_ptr<Buffer> allocate(size_t bytes) override { return inner_.allocate(bytes); }
  void upload(void* device, const void* host, size_t bytes) override { inner_.upload(device, host, bytes); }
  void download(void* host, const void* device, size_t bytes) override { inner_.download(host, device, bytes); }
  std::unique_ptr<Matrix> pack(const MatrixSource& source, Dtype dtype) override { return inner_.pack(source, dtype); }
  std::unique_ptr<Matrix> pack(const GptqSource& source) override { return inner_.pack(source); }
  void reserve(const Limits& limits) override { inner_.reserve(limits); }
  void set_activations(Dtype activations) override { inner_.set_activations(activations); }

  void run_step(const std::function<void()>& operations) override;
  void embed(Span<EmbedArgs> problems) override;
  void qkv(Span<QkvArgs> problems) override;
  void attention(Span<AttentionArgs> problems) override;
  void project(Span<ProjectArgs> problems) override;
  void gate_up(Span<GateUpArgs> problems) override;
  void final_norm(Span<FinalNormArgs> problems) override;
  void lm_head(const LmHeadArgs& args) override;
  void sample(const SampleArgs& args) override;
  void log_softmax(const LogSoftmaxArgs& args) override;
  void synchronize() override { inner_.synchronize(); }

 private:
  void publish_events();
  template <class Run, class Count>
  void timed(int32_t operation, Run&& run, Count&& count);
  template <class Args>
  void timed(int32_t operation, void (Backend::*run)(Span<Args>), Span<Args> problems);

  Backend& inner_;
  const PlanTwin plan_;
  std::vector<ga_profile_event> events_;
  ga_profile_log log_{};
  int32_t count_ = 0;
  int64_t begin_nanos_ = 0, begin_ticks_ = 0;
};

}  // namespace genarm
