// What a device must answer to train: operations with their backward beside them, one file each in cpu/.
//
// Gradients are sums over the rows of all calls since they were last cleared; every gradient output whose comment says
// "+=" adds to what is there, each element in the order of the rows, so that micro-batches add up to the same bits as
// one batch (in f32: bf16 adds rows in pairs), and the number of threads changes nothing. All pointers are the device's own memory, all numbers f32; a
// null gradient of a weight means that it is frozen.
#pragma once

#include <cstdint>
#include <memory>

namespace genarm::train {

// A run of rows of one sequence. A response continues its parent, the prompt that both responses of a pair share:
// its first row stands at position length(parent) and it attends to the parent's rows and its own.
struct Segment {
  int32_t first, length;
  int32_t parent;  // a segment without a parent of its own, or -1
};

// Segments in groups: a prompt, then what continues it. Rows of a group attend within it alone.
struct Packing {
  const Segment* segments;
  const int32_t* group_first;  // [num_groups + 1] first segment of each group
  int32_t num_groups;
  int32_t num_rows;
  int32_t max_sequence;  // positions of the longest sequence
};

// hidden[r] = table[ids[r]]; table_gradient[ids[r]] += hidden_gradient[r]
struct EmbedArgs {
  float* hidden;             // [num_rows, columns]
  const float* table;        // [vocab, columns]
  float* table_gradient;
  const float* hidden_gradient;
  const int32_t* ids;        // [num_rows]
  int32_t num_rows, columns;
};

// out[r] = x[i] * weight * scale[r], scale[r] = 1 / sqrt(mean(x[i]^2) + eps), i = index[r] or r.
// Backward: x_gradient[i] = or += (accumulate) the gradient, weight_gradient += over the rows. x_gradient may be
// out_gradient where there is no index.
struct RmsNormArgs {
  float* out;            // [num_rows, columns]
  float* scale;          // [num_rows]
  const float* x;        // [.., columns]
  const float* weight;   // [columns]
  const int32_t* index;  // [num_rows] distinct, or null
  float* x_gradient;
  float* weight_gradient;  // or null
  const float* out_gradient;
  float eps;
  int32_t num_rows, columns;
  bool accumulate;
};

// y = residual + x W^T + bias.
// Backward: x_gradient = or += (accumulate) dy W; weight_gradient += dy^T x; bias_gradient += sum of dy.
struct LinearArgs {
  float* y;             // [num_rows, outputs]
  const float* x;       // [num_rows, inputs]
  const float* weight;  // [outputs, inputs]
  const float* bias;    // [outputs] or null
  const float* residual;  // [num_rows, outputs], perhaps y itself, or null
  const float* y_gradient;
  float* x_gradient;       // or null
  float* weight_gradient;  // or null
  float* bias_gradient;    // or null
  int32_t num_rows, inputs, outputs;
  bool accumulate;
};

// Which elements dropout keeps: those whose word of philox(seed, column / 4, row, module, update) is not below
// rate * 2^32; kept ones are divided by 1 - rate.
struct Dropout {
  float rate;
  uint64_t seed;
  uint32_t first_row, module, update;
};

// What stands between A and B of a preference-conditioned update: C = blockdiag(W1, sum over k of preference[k] W2[k]).
// Backward: w1_gradient += .., w2_gradient += ...
struct LowRankCore {
  const float* w1;          // [fixed_rank, fixed_rank], or null: C is the identity
  const float* w2;          // [num_objectives, r2 * r2], r2 = rank - fixed_rank
  const float* preference;  // [num_objectives]
  float* w1_gradient;
  float* w2_gradient;
  float* out;           // [num_rows, rank] h C^T, kept for backward
  float* out_gradient;  // [num_rows, rank] workspace of backward
  float* mixed;         // [r2 * r2] workspace: the sum over k
  int32_t fixed_rank, num_objectives;
};

// y += h C^T B^T, h = scale * dropout(x) A^T. Backward: x_gradient += .., a_gradient += .., b_gradient += ...
struct LowRankArgs {
  float* y;         // [num_rows, outputs]
  float* h;         // [num_rows, rank], kept for backward
  const float* x;   // [num_rows, inputs]
  const float* a;   // [rank, inputs]
  const float* b;   // [outputs, rank]
  float* dropped;   // [num_rows, inputs] workspace; not touched at rate 0
  float* h_gradient;  // [num_rows, rank] workspace of backward
  const float* y_gradient;
  float* x_gradient;  // or null
  float* a_gradient;
  float* b_gradient;
  float scale;
  Dropout dropout;
  int32_t num_rows, inputs, outputs, rank;
  LowRankCore core;
};

// Rotates the two halves of every head by its row's position (transformers' rotate_half), in place; backward rotates
// the gradient back.
struct RopeArgs {
  float* x;                // [num_rows, num_heads * head_dim]
  const float* cosines;    // [positions, head_dim / 2]
  const float* sines;
  const int32_t* position; // [num_rows]
  int32_t num_rows, num_heads, head_dim;
};

// out[r, h] = sum_s softmax_s(q[r, h] . k[s] / sqrt(head_dim)) v[s] over the positions of the row's sequence up to its
// own and, where window > 0, after its own - window. Query head h reads kv head h / (num_heads / num_kv_heads).
// Backward writes q_gradient, k_gradient and v_gradient.
struct AttentionArgs {
  float* out;          // [num_rows, num_heads * head_dim]
  float* log_sum_exp;  // [num_rows, num_heads]
  const float* q;      // [num_rows, num_heads * head_dim]
  const float* k;      // [num_rows, num_kv_heads * head_dim]
  const float* v;
  const float* out_gradient;
  float *q_gradient, *k_gradient, *v_gradient;
  Packing packing;
  int32_t num_heads, num_kv_heads, head_dim, window;
};

// out = silu(gate) * up. Backward overwrites gate and up with their gradients.
struct SwigluArgs {
  float* out;  // [count]
  float* gate;
  float* up;
  const float* out_gradient;
  int64_t count;
};

// log_prob[e] = log softmax(logits[r])[target[e]] for e in [first[r], first[r + 1]).
// Backward turns logits into their gradient: logits[r, v] = sum_e coefficient[e] * (1[v = target[e]] - softmax_v).
struct LogProbArgs {
  float* logits;       // [num_rows, vocab_size]
  float* log_sum_exp;  // [num_rows]
  const int32_t* first;  // [num_rows + 1] a row's entries; log_prob, target and coefficient are counted like them
  float* log_prob;
  const int32_t* target;
  const float* coefficient;
  int32_t num_rows, vocab_size;
};

// weight -= rate * (m' / (sqrt(v') + eps) + decay * weight) with m, v the running means of gradient_scale * gradient
// and of its square, ' their bias correction at this update.
struct AdamArgs {
  float* weight;
  float* first_moment;
  float* second_moment;
  const float* gradient;
  int64_t count;
  float gradient_scale, rate, beta1, beta2, eps, decay;
  double first_correction, second_correction;  // 1 - beta^update
};

class Operations {
 public:
  virtual ~Operations() = default;

  // Whether linear layers and low-rank updates round their factors to bf16 and sum in f32; at first they do not.
  virtual void compute_in_bf16(bool on) = 0;

  virtual void embed(const EmbedArgs& args) = 0;
  virtual void embed_backward(const EmbedArgs& args) = 0;
  virtual void rms_norm(const RmsNormArgs& args) = 0;
  virtual void rms_norm_backward(const RmsNormArgs& args) = 0;
  virtual void linear(const LinearArgs& args) = 0;
  virtual void linear_backward(const LinearArgs& args) = 0;
  virtual void low_rank(const LowRankArgs& args) = 0;
  virtual void low_rank_backward(const LowRankArgs& args) = 0;
  virtual void rope(const RopeArgs& args) = 0;
  virtual void rope_backward(const RopeArgs& args) = 0;
  virtual void attention(const AttentionArgs& args) = 0;
  virtual void attention_backward(const AttentionArgs& args) = 0;
  virtual void swiglu(const SwigluArgs& args) = 0;
  virtual void swiglu_backward(const SwigluArgs& args) = 0;
  virtual void log_prob(const LogProbArgs& args) = 0;
  virtual void log_prob_backward(const LogProbArgs& args) = 0;
  virtual void adam(const AdamArgs& args) = 0;
  // Sum of squares, in fixed blocks; not finite where an element is not.
  virtual double sum_squares(const float* x, int64_t count) = 0;
  virtual void zero(float* x, int64_t count) = 0;
};

}  // namespace genarm::train
