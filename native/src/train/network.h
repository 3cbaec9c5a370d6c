// The transformer of a training step: hidden states of every row, and backward through all layers.
//
// Kept between the two: each layer's activations, or with checkpointing its input alone, from which backward computes
// the layer again.
#pragma once

#include <memory>
#include <vector>

#include "backend.h"
#include "train/batch.h"
#include "train/operations.h"
#include "train/parameters.h"

namespace genarm::train {

// Memory of the device that grows with the batches.
class Array {
 public:
  float* floats(Backend& backend, int64_t count) {
    return static_cast<float*>(bytes(backend, size_t(count) * sizeof(float)));
  }
  // Copies `values` to the device.
  template <class T>
  const T* upload(Backend& backend, const std::vector<T>& values) {
    void* data = bytes(backend, values.size() * sizeof(T));
    backend.upload(data, values.data(), values.size() * sizeof(T));
    return static_cast<const T*>(data);
  }

 private:
  void* bytes(Backend& backend, size_t count) {
    if (!buffer_ || buffer_->bytes < count) {
      buffer_.reset();
      buffer_ = backend.allocate(count);
    }
    return buffer_->data;
  }
  std::unique_ptr<Buffer> buffer_;
};

class Network {
 public:
  Network(Backend& backend, Operations& operations, const ParameterSet& parameters, const ga_model_config& config,
          const float* inv_freq, bool checkpointing);

  // What dropout of this call is counted by; rate 0 for evaluation.
  void set_dropout(const Dropout& dropout) { dropout_ = dropout; }

  // Hidden states before the final norm, [rows, hidden_size]. They and what backward needs live until the next call.
  const float* forward(const Batch& batch);

  // Gradient of forward's result: [rows, hidden_size], zero; to be filled by the caller, consumed by backward.
  float* hidden_gradient();
  void backward();

 private:
  // Activations of one layer.
  struct Activations {
    Array normed, scale, q_raw, k_raw, q_scale, k_scale, q, k, v, attended, log_sum_exp;
    Array middle, post_normed, post_scale, gate, up, inner;
    Array low_rank[7];
  };
  // Gradients of one layer at a time.
  struct Gradients {
    Array hidden, normed, q, k, v, attended, inner, low_rank, dropped, mixed;
  };
  enum Module { kQ, kK, kV, kO, kGate, kUp, kDown };

  Activations& activations(int32_t layer) { return activations_[checkpointing_ ? 0 : size_t(layer)]; }
  void layer_forward(int32_t layer, bool whole);
  void attention_forward(const TrainedLayer& layer, Activations& a, const float* hidden);
  void layer_backward(int32_t layer);
  void mlp_backward(const TrainedLayer& layer, Activations& a);
  void attention_backward(const TrainedLayer& layer, Activations& a, const float* hidden, bool input_is_trained);
  void qk_backward(const TrainedLayer& layer, Activations& a);

  float* take(Array& array, int64_t columns) { return array.floats(backend_, num_rows_ * columns); }
  LinearArgs linear_args(const Linear& linear, float* y, const float* x, const float* residual) const;
  LowRankArgs low_rank_args(const Linear& linear, Array& h, float* y, const float* x);
  LowRankCore core_args(const Update& update, float* out);
  void apply(const Linear& linear, Array& h, float* y, const float* x, const float* residual);
  void apply_backward(const Linear& linear, Array& h, const float* y_gradient, const float* x, float* x_gradient,
                      bool accumulate);
  RmsNormArgs norm_args(const Parameter& weight, float* out, float* scale, const float* x) const;
  RmsNormArgs head_norm_args(const Parameter& weight, float* out, float* scale, const float* x, int32_t heads) const;
  RopeArgs rope_args(float* x, int32_t heads) const;
  AttentionArgs attention_args(const TrainedLayer& layer, Activations& a);

  Backend& backend_;
  Operations& operations_;
  const ParameterSet& parameters_;
  ga_model_config config_;
  bool checkpointing_;
  Dropout dropout_{};
  std::unique_ptr<Buffer> cosines_, sines_;

  int64_t num_rows_ = 0;
  Array id_memory_, position_memory_, segment_memory_, group_memory_, preference_memory_;
  const int32_t* ids_ = nullptr;       // [rows]
  const int32_t* position_ = nullptr;  // [rows]
  const float* preference_ = nullptr;  // [num_objectives]
  Packing packing_{};
  std::vector<Array> hidden_;  // [num_layers + 1] input of each layer, then the last one's output
  std::vector<Activations> activations_;
  Gradients gradients_;
};

}  // namespace genarm::train
