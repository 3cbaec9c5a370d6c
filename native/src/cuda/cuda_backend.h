// The CUDA backend: one stream on one device; the kernels of kernels.h behind backend.h. Built by nvcc for a GPU, and
// by the host compiler for the executor (simt/), with the same transformer above it.
//
// Buffers of activations are opaque between operations: out of attention and gate_up hold bf16 rows, kv_stride apart
// by eights, x of the LM head holds pairs of bf16 rows, and the KV cache bf16 pages (kernels.h).
#pragma once

#include <vector>

#include "backend.h"
#include "cuda/cuda_matrix.h"
#include "cuda/kernels.h"
#include "cuda/step_graphs.h"
#include "cuda/token_ring.h"
#include "cuda/updates.h"

namespace genarm::cuda {

class CudaBackend : public Backend {
 public:
  // partial_bytes: of attention's scratch; rows beyond it take turns or do without.
  explicit CudaBackend(int device, size_t partial_bytes = 64 << 20);
  ~CudaBackend() override;

  const std::string& description() const override { return description_; }
  DeviceBytes memory() const override;
  int64_t kv_page_bytes(int32_t page_size, int32_t num_kv_heads, int32_t head_dim) const override;
  std::unique_ptr<Buffer> allocate(size_t bytes) override;
  void upload(void* device, const void* host, size_t bytes) override;
  void download(void* host, const void* device, size_t bytes) override;
  std::unique_ptr<Buffer> allocate_host(size_t bytes) override;
  void upload_later(void* device, const void* host, size_t bytes) override;
  std::unique_ptr<Matrix> pack(const MatrixSource& source, Dtype dtype) override;
  std::unique_ptr<Matrix> pack(const GptqSource& source) override;
  void reserve(const Limits& limits) override;
  void set_activations(Dtype activations) override;

  void run_step(const std::function<void()>& operations) override;
  std::unique_ptr<TokenLine> open_tokens(int32_t max_tokens, int32_t max_steps) override;
  const StepGraphs& graphs() const { return graphs_; }

  void embed(Span<EmbedArgs> problems) override;
  void qkv(Span<QkvArgs> problems) override;
  void attention(Span<AttentionArgs> problems) override;
  void project(Span<ProjectArgs> problems) override;
  void gate_up(Span<GateUpArgs> problems) override;
  void final_norm(Span<FinalNormArgs> problems) override;
  void lm_head(const LmHeadArgs& args) override;
  void sample(const SampleArgs& args) override;
  void log_softmax(const LogSoftmaxArgs& args) override;
  void synchronize() override;
  std::unique_ptr<train::Operations> open_training() override;

 private:
  void attend(const AttentionProblem<bf16>& problem);
  void grow(DeviceMemory& memory, size_t bytes);
  // Scratch for a problem's rows of x in a blocked product, until the stage's next begins; null where there is none left.
  bf16* input_room(const Weight& weight, int64_t columns, int64_t num_rows);
  // Room for the updates of as many rows of layers in one stage.
  void reserve_updates(int64_t rows);

  int device_;
  size_t partial_bytes_;
  std::string description_;
  stream_t stream_;
  Limits limits_{};
  int max_blocks_ = 1;  // of attention
  std::shared_ptr<const ColumnOrder> last_order_;  // gate and up share theirs
  StepGraphs graphs_;
  DeviceMemory partials_, tickets_, candidates_, row_updates_, u_, inputs_;
  size_t inputs_taken_ = 0;
  StageUpdates updates_;
};

}  // namespace genarm::cuda
