// An adapter: low-rank updates of a weight set's linear layers, applied row by row, never merged.
//
// LoRA (PEFT):   y += scale * B (A x)                              A [r, in], B [out, r]
// PBLoRA (PARM): y += scale * B (blockdiag(W1, W2(p)) (A x))       W2(p) = sum over k of p[k] W2[k]
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "backend.h"
#include "genarm.h"
#include "model/weights.h"

namespace genarm {

// The linear layers that an adapter can update.
enum class Module : int32_t { q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj, lm_head };
constexpr int32_t kLayerModules = 7;  // all but lm_head

class Adapter {
 public:
  // num_objectives: length of the preference vector of PBLoRA, or 0 for LoRA.
  Adapter(std::shared_ptr<const WeightSet> weights, int32_t num_objectives);

  // One part ("A", "B", "W1", "W2") of the update of `module`, as "model.layers.0.self_attn.q_proj" or "lm_head".
  void load(const std::string& module, const std::string& part, const StoredTensor& tensor);
  void scale(const std::string& module, float scale);

  // Throws where a module has some of its parts but not all, or where there is no module at all.
  void finish();

  bool finished() const { return finished_; }
  const WeightSet& weights() const { return *weights_; }
  int32_t num_objectives() const { return num_objectives_; }
  int64_t bytes() const { return bytes_; }

  int32_t max_rank() const;

  // The update of one linear layer, for the rows that the caller fills in; false where there is none.
  bool low_rank(int32_t layer, Module module, LowRank* out) const;

 private:
  struct Update {
    std::string name;
    std::unique_ptr<Matrix> a, b;
    std::unique_ptr<Buffer> w1, w2;
    int64_t w1_size = 0, w2_size = 0;  // of the tensors as loaded
    float scale = 1;
    bool scaled = false;
  };

  Update& update(const std::string& module);
  void check_ranks(const Update& update) const;

  std::shared_ptr<const WeightSet> weights_;
  int32_t num_objectives_;
  std::unordered_map<int64_t, Update> updates_;  // by layer * 8 + module
  int64_t bytes_ = 0;
  bool finished_ = false;
};

}  // namespace genarm
