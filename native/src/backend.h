// What a device must answer. The transformer (model/transformer.cpp) is written once against this.
//
// Every operation takes one or more problems: the same stage of different weight sets runs as one launch (one
// barrier on the CPU). Rows of a problem are consecutive. All pointers are the backend's own memory. Residuals,
// norms, accumulators and logits are f32. A row's result does not depend on the other rows of the step, on how
// a prompt was cut into chunks, or on the number of threads: bit for bit on the CPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "device_bytes.h"
#include <vector>

namespace genarm {

namespace train {
class Operations;
}

enum class Dtype : int32_t { f32 = 0, f16 = 1, bf16 = 2, int8 = 3, int4 = 4 };

template <class T>
struct Span {
  const T* data = nullptr;
  int32_t size = 0;
  Span() = default;
  Span(const T* d, int32_t n) : data(d), size(n) {}
  const T& operator[](int32_t i) const { return data[i]; }
  const T* begin() const { return data; }
  const T* end() const { return data + size; }
};

// A linear layer's weight [rows, columns] and bias, packed in the order in which its kernel reads it.
struct Matrix {
  int64_t rows = 0, columns = 0;
  Dtype dtype = Dtype::f32;
  int64_t bytes = 0;  // resident
  virtual ~Matrix() = default;
};

// A matrix as a checkpoint stores it, in host memory: row-major f32, f16 or bf16.
struct MatrixSource {
  const void* data = nullptr;
  Dtype dtype = Dtype::f32;
  int64_t rows = 0, columns = 0;
  int64_t row_group = 0;  // > 0: this many rows (a head) are computed together
  bool low_rank = false;  // A or B of a LowRank
};

// A linear layer as GPTQ stores it, in host memory, perhaps unaligned: with g = group[i],
//   W[o, i] = scales[g, o] * (q[i, o] - (zeros[g, o] + zero_offset) mod 16)
struct GptqSource {
  const uint8_t* qweight;  // [columns / 8, rows] 32-bit words, little-endian: q[8 w + j, o] in bits 4 j of word (w, o)
  const uint8_t* qzeros;   // [num_groups, rows / 8] words: the zero of row 8 w + j in bits 4 j of word (g, w)
  const uint8_t* scales;   // [num_groups, rows] f16
  const int32_t* group;    // [columns] each in [0, num_groups)
  int64_t rows, columns, num_groups;
  int64_t row_group;       // as in MatrixSource
  int32_t zero_offset;
};

// Memory of the device. Freed with the object.
struct Buffer {
  void* data = nullptr;
  size_t bytes = 0;
  virtual ~Buffer() = default;
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
};

// Keys and values of every layer, in pages of page_size positions (a multiple of 16):
//   [layer][page][kv_head][K: head_dim x page_size | V: page_size x head_dim] f32 on the CPU, kv_page_bytes() a page
// K is transposed within a page, so that scores of 16 positions are one vector.
struct KvCache {
  float* data = nullptr;
  int32_t num_pages = 0, page_size = 0, num_kv_heads = 0, head_dim = 0;
};

// Where the rows of one problem stand: row r is position[r] of the lane whose pages start at pages + page_table[r].
struct RowPlan {
  const int32_t* position = nullptr;    // [num_rows]
  const int32_t* page_table = nullptr;  // [num_rows] offset of the lane's first page id in pages
  const int32_t* pages = nullptr;       // page ids of all lanes
  const int32_t* lane_first = nullptr;  // [num_lanes + 1] first row of each lane, then num_rows
  int32_t num_rows = 0;
  int32_t num_lanes = 0;
};

// A low-rank update of one linear layer for consecutive rows of a problem, computed in f32:
//   y[r] += scale * B (C[r] (A x[r])),  r in [first_row, first_row + num_rows)
// LoRA: C is the identity. PBLoRA (PARM): C[r] = blockdiag(W1, sum over k of preference[r, k] W2[k]).
struct LowRank {
  const Matrix* a;  // [rank, columns of the layer]
  const Matrix* b;  // [rows of the layer, rank], packed with the layer's row_group
  float scale;
  int32_t first_row, num_rows;
  const float* w1;          // [fixed_rank, fixed_rank], or null for LoRA
  const float* w2;          // [num_objectives, free_rank, free_rank], free_rank = rank - fixed_rank
  const float* preference;  // [num_rows, preference_stride], the first num_objectives of a row count
  int32_t fixed_rank, num_objectives, preference_stride;
};

// hidden[r] = table[id], id = ids[r], or where that is below 0 the token drawn[-1 - ids[r]], 0 if none was drawn.
struct EmbedArgs {
  float* hidden;         // [num_rows, columns of table]
  const int32_t* ids;    // [num_rows]
  const Matrix* table;   // [vocab, hidden_size]; packed as any matrix (a tied table is the LM head too)
  int32_t num_rows;
  const int32_t* drawn = nullptr;  // by the step before
};

// x = rms_norm(hidden) * norm; q, k, v = W x + bias; per-head rms_norm of q and k where there are weights for it;
// rotation by position (halves, not pairs: transformers' rotate_half); q is written out, k and v go to the cache.
struct QkvArgs {
  float* q;             // out [num_rows, num_heads * head_dim]
  KvCache cache;        // out, at `layer`
  int32_t layer;
  const float* hidden;  // [num_rows, hidden_size]
  const float* norm;    // [hidden_size]
  const Matrix *q_proj, *k_proj, *v_proj;           // row_group = head_dim
  const float *q_bias, *k_bias, *v_bias;            // or null
  const float *q_norm, *k_norm;                     // [head_dim] or null
  const float *rope_cos, *rope_sin;                 // [max positions, head_dim / 2]
  float eps;
  int32_t num_heads, num_kv_heads, head_dim;
  RowPlan rows;
  Span<LowRank> q_low_rank, k_low_rank, v_low_rank;  // before q/k norm and rotation
};

// out[r, h] = sum_s softmax_s(q[r, h] . k[s] / sqrt(head_dim)) v[s] over the lane's positions s <= position[r],
// s > position[r] - window where window > 0. Query head h reads kv head h / (num_heads / num_kv_heads).
// Summed in fixed blocks of 256 positions counted from 0, merged in order.
struct AttentionArgs {
  float* out;      // [num_rows, num_heads * head_dim]
  const float* q;  // the same shape
  KvCache cache;
  int32_t layer;
  int32_t window;  // 0: all
  int32_t num_heads;
  RowPlan rows;
};

// hidden += W x + bias
struct ProjectArgs {
  float* hidden;       // [num_rows, rows of weight]
  const float* x;      // [num_rows, columns of weight]
  const Matrix* weight;
  const float* bias;   // or null
  int32_t num_rows;
  Span<LowRank> low_rank;
};

// x = rms_norm(hidden) * norm; out = silu(gate x) * (up x)
struct GateUpArgs {
  float* out;           // [num_rows, intermediate_size]
  const float* hidden;  // [num_rows, hidden_size]
  const float* norm;
  const Matrix *gate, *up;
  const float *gate_bias, *up_bias;  // or null
  float eps;
  int32_t num_rows;
  Span<LowRank> gate_low_rank, up_low_rank;
};

// Rows for the LM head: x[n] = sum over j in [first[n], first[n + 1]) of scale[j] * rms_norm(hidden[row[j]]) * norm.
// Models that share an LM head are combined before it: W h_b + w W h_a = W (h_b + w h_a).
struct FinalNormArgs {
  float* x;               // [num_x, hidden_size]
  const float* hidden;    // [.., hidden_size]
  const float* norm;      // [hidden_size]
  const int32_t* first;   // [num_x + 1]
  const int32_t* row;     // [first[num_x]]
  const float* scale;     // [first[num_x]]
  float eps;
  int32_t num_x, hidden_size;
};

// How a sequence draws its token.
struct SamplingPlan {
  uint64_t seed;
  int32_t choice, position;
  float temperature;  // 0: argmax, lowest id on ties
  float top_p, min_p;
  int32_t top_k;
  int32_t z_row;      // row of z that receives this sequence's combined logits, or -1: drawn on the fly
  int32_t keep_law;   // 1: z's row becomes the law's log-probabilities
  int32_t bias_first, num_biases;  // its biases in LmHeadArgs
};

// An LM head and its rows. Problems may share a matrix: its weights are then read once.
struct HeadProblem {
  const Matrix* lm_head;  // [model's vocab, hidden_size]; rows beyond vocab_size are not computed
  const float* x;         // [num_x, hidden_size]
  int32_t num_x;
  const LowRank* low_rank;  // of all its rows, or null
};

// combined[s, v] = sum over j in [first[s], first[s + 1]) of logits(problem[j], x_row[j])[v] + bias of v, v < vocab_size,
// the bias that the sequence has for v or 0.
// Where plan[s].z_row >= 0 the combined logits are written to z; otherwise the token is drawn at once:
//   sampled[s] = argmax_v combined / temperature + gumbel(seed, choice, position, v)   (noise.h)
// and is -1 where no combined logit is finite.
struct LmHeadArgs {
  int32_t* sampled;           // [num_sequences]
  float* z;                   // [.., vocab_size]
  Span<HeadProblem> problems;
  const int32_t* first;       // [num_sequences + 1]
  const int32_t* problem;     // [first[num_sequences]]
  const int32_t* x_row;       // [first[num_sequences]]
  const SamplingPlan* plan;   // [num_sequences]
  int32_t num_sequences, vocab_size;
  const int32_t* bias_token = nullptr;  // rising within a sequence, below vocab_size
  const float* bias_value = nullptr;
};

// For every sequence with z_row >= 0: cuts its combined logits / temperature by top-k (ties with the k-th stay), then
// top-p (the smallest set whose mass reaches p, the crossing token included, lowest ids first on ties), then
// min-p (probability >= min_p * the largest); draws the token with the same noise; turns z's row into the law
// where keep_law is set.
struct SampleArgs {
  int32_t* sampled;  // [num_sequences]
  float* z;
  const SamplingPlan* plan;
  int32_t num_sequences, vocab_size;
};

// z[r] = z[r] - log sum exp z[r], in place.
struct LogSoftmaxArgs {
  float* z;  // [num_rows, vocab_size]
  int32_t num_rows, vocab_size;
};

// How steps' tokens reach the host, in the order in which they were sent.
class TokenLine {
 public:
  virtual ~TokenLine() = default;
  // Begins to bring a step's tokens, in order with the operations.
  virtual void send(const int32_t* tokens, int32_t count) = 0;
  // Those that were sent first of what was not received; waits for them and for all that was asked for before them.
  virtual void receive(int32_t* tokens, int32_t count) = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual const std::string& description() const = 0;

  virtual DeviceBytes memory() const;

  // Zeroed memory, 64-byte aligned. Throws Error{GA_OUT_OF_MEMORY}.
  virtual std::unique_ptr<Buffer> allocate(size_t bytes) = 0;
  // Copies between host and device memory, in order with the operations.
  virtual void upload(void* device, const void* host, size_t bytes) = 0;
  virtual void download(void* host, const void* device, size_t bytes) = 0;

  // Host memory that uploads may read later than they return.
  virtual std::unique_ptr<Buffer> allocate_host(size_t bytes);
  // upload() from such memory: it stays as it is until a later wait (receive, synchronize) returns.
  virtual void upload_later(void* device, const void* host, size_t bytes);

  // Packs for these kernels at `dtype` (Dtype of the source keeps it as stored).
  virtual std::unique_ptr<Matrix> pack(const MatrixSource& source, Dtype dtype) = 0;
  // Packs a GPTQ layer without loss: Dtype::int4.
  virtual std::unique_ptr<Matrix> pack(const GptqSource& source) = 0;

  // Sizes scratch memory: no operation allocates afterwards, within these limits.
  struct Limits {
    int32_t max_rows, max_columns, max_sequences, max_x, vocab_size, max_heads, max_positions, head_dim;
    int32_t max_rank;  // of low-rank updates; 0: none
  };
  virtual void reserve(const Limits& limits) = 0;

  // Precision of matrix inputs; throws Error{GA_UNSUPPORTED} where the device does not have it. On the CPU int8 inputs
  // meet quantised weights and bf16 inputs meet bf16 weights; any other weights read f32.
  virtual void set_activations(Dtype activations) = 0;

  // Calls `operations`, which asks for the operations of a step. A device may write down what is asked for, and do it
  // at once where an earlier step asked for the same; nothing of it where `operations` throws.
  virtual void run_step(const std::function<void()>& operations);

  virtual void embed(Span<EmbedArgs> problems) = 0;
  virtual void qkv(Span<QkvArgs> problems) = 0;
  virtual void attention(Span<AttentionArgs> problems) = 0;
  virtual void project(Span<ProjectArgs> problems) = 0;
  virtual void gate_up(Span<GateUpArgs> problems) = 0;
  virtual void final_norm(Span<FinalNormArgs> problems) = 0;
  virtual void lm_head(const LmHeadArgs& args) = 0;
  virtual void sample(const SampleArgs& args) = 0;
  virtual void log_softmax(const LogSoftmaxArgs& args) = 0;

  // Of a page of one layer (KvCache).
  virtual int64_t kv_page_bytes(int32_t page_size, int32_t num_kv_heads, int32_t head_dim) const;

  // max_tokens: of a step. max_steps: that are sent before the first of them is received.
  virtual std::unique_ptr<TokenLine> open_tokens(int32_t max_tokens, int32_t max_steps);

  // Waits until everything that was asked for has been done.
  virtual void synchronize() = 0;

  // The operations of training (train/operations.h), which must not outlive this. Throws Error{GA_UNSUPPORTED} where
  // the device has none.
  virtual std::unique_ptr<train::Operations> open_training();
};

// num_threads as ga_device_open; cpus: one for each thread to stay on, or none. Throws Error.
std::unique_ptr<Backend> open_cpu_backend(int32_t num_threads, const std::vector<int>& cpus = {});

// In libraries built with CUDA. index: of the device. Throws Error{GA_DEVICE_ERROR} that names what is missing.
std::unique_ptr<Backend> open_cuda_backend(int32_t index);

// Above 0. Throws Error{GA_DEVICE_ERROR} that says why there is none.
int32_t count_cuda_devices();

}  // namespace genarm
