// Times each operation of a backend and counts its work; hands everything on unchanged.
#pragma once

#include <vector>

#include "backend.h"
#include "genarm_profile.h"

namespace genarm {

// The operations' names, in the order of their indices.
extern const char* const kOperationNames[];
extern const int32_t kNumOperations;

class ProfilingBackend final : public Backend {
 public:
  ProfilingBackend(Backend& inner, int32_t max_events);

  int32_t take(ga_profile_event* out, int32_t capacity, int64_t* lost);

  const std::string& description() const override { return inner_.description(); }
  std::unique_ptr<Buffer> allocate(size_t bytes) override { return inner_.allocate(bytes); }
  void upload(void* device, const void* host, size_t bytes) override { inner_.upload(device, host, bytes); }
  void download(void* host, const void* device, size_t bytes) override { inner_.download(host, device, bytes); }
  std::unique_ptr<Matrix> pack(const MatrixSource& source, Dtype dtype) override { return inner_.pack(source, dtype); }
  std::unique_ptr<Matrix> pack(const GptqSource& source) override { return inner_.pack(source); }
  void reserve(const Limits& limits) override { inner_.reserve(limits); }
  void set_activations(Dtype activations) override { inner_.set_activations(activations); }

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
  struct Work {
    int64_t rows = 0, bytes = 0, flops = 0;
    Work& operator+=(const Work& other);
  };

  static Work matrix(const Matrix& weight, int64_t rows);
  static Work low_rank(Span<LowRank> updates);
  static Work of(const EmbedArgs& args);
  static Work of(const QkvArgs& args);
  static Work of(const ProjectArgs& args);
  static Work of(const GateUpArgs& args);
  static Work of(const FinalNormArgs& args);
  Work of(const AttentionArgs& args);
  template <class Args>
  Work sum(Span<Args> problems, Work* first);
  template <class Run>
  void timed(int32_t operation, const Work& work, const Work& first, Run&& run);

  Backend& inner_;
  std::vector<ga_profile_event> events_;
  std::vector<int32_t> positions_, lane_first_;  // of one problem, from the device
  size_t count_ = 0;
  int64_t lost_ = 0;
};

}  // namespace genarm
