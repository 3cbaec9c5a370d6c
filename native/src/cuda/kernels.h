// The launchers of the CUDA kernels: the operations of backend.h with device pointers and CUDA's types. Residuals,
// norm weights, biases and accumulators are f32; activations are bf16, weights any Format. Leading dimensions
// (stride) count elements. A launch takes up to kMaxProblems problems; rows of a problem do not affect each other.
// Host C++: includes nothing of CUDA.
#pragma once

#include <cstdint>

#include "backend.h"
#include "cuda/fragments.h"
#include "cuda/low_rank.h"
#include "cuda/numbers.h"
#include "cuda/stream.h"

namespace genarm::cuda {

constexpr int kMaxProblems = 8;
constexpr int kMaxHeadDim = 256;

// hidden[r] = row ids[r] of the table, or row drawn[-1 - ids[r]] where that is below 0, or 0 where that is, too.
struct EmbedProblem {
  float* hidden;         // [num_rows, hidden_size]
  int64_t hidden_stride;
  const int32_t* ids;    // [num_rows]
  Weight table;          // [vocab_size, hidden_size], never with an order
  int32_t hidden_size, num_rows;
  const int32_t* drawn;  // by the step before
};

void embed(const EmbedProblem* problems, int num_problems, Order order, stream_t stream);

// Where a row's keys and values stand: position s of it in slot s % page_size of page pages[page_table[r] + s / page_size].
struct Places {
  const int32_t* position;    // [num_rows]
  const int32_t* page_table;  // [num_rows]
  const int32_t* pages;
};

// Keys and values of one layer: [page][kv_head][keys, values][page_size][kv_stride] bf16, zeros beyond head_dim.
struct KvPages {
  bf16* data;
  int32_t page_size, num_kv_heads, head_dim;
  int32_t unused = 0;  // no padding: see step_record.h
};
BOTH_SIDES constexpr int kv_stride(int head_dim) { return (head_dim + 7) / 8 * 8; }

// Above as many rows a product is blocked (blocked.cuh) and reads its weights once for every 128 of them. Then it needs
// scratch for its rows of x where they are normed or its matrix has an order; without it, it remains with gemv.cuh.
constexpr int kMostGemvRows = 64;

// The columns of that scratch [num_rows, input_width()] for a matrix whose inputs are `columns` wide.
inline int32_t input_width(const Weight& weight, int32_t columns) {
  if (!weight.order) return (columns + 7) / 8 * 8;
  return int32_t(units_of(weight.columns, weight.format)) * unit_slabs(weight.format) * kSlabColumns;
}

// out[r, c] = column order[c] of x[r], 0 where that is below 0: x is rms_norm(hidden) * norm, or given.
struct InputProblem {
  bf16* out;              // [num_rows, width], 16-byte aligned
  const float* hidden;    // as of QkvProblem, or null
  int64_t hidden_stride;
  const float* norm;
  const bf16* x;          // as of ProjectProblem, where hidden is null
  int64_t x_stride;
  const int32_t* order;   // [width], a multiple of 8; or null
  float eps;
  int32_t columns, width, num_rows;
};

void input_rows(const InputProblem* problems, int num_problems, Order order, stream_t stream);

// x = rms_norm(hidden) * norm; q, k, v = W x + bias + update; a norm of each head of q and k where there are weights
// for it; the rotation of q and k by position. q is written, k and v are appended to their pages.
// Each W is packed by pack_head_pairs. An update is what adapters add: [num_rows], or null.
struct QkvProblem {
  float* q;              // [num_rows, num_heads * head_dim]
  int64_t q_stride;
  KvPages cache;
  const float* hidden;   // [num_rows, columns], 16-byte aligned; columns: a multiple of 8
  int64_t hidden_stride; // a multiple of 4
  const float* norm;     // [columns], 16-byte aligned
  Weight q_weight, k_weight, v_weight;
  const float *q_bias, *k_bias, *v_bias;     // or null
  const RowUpdate *q_update, *k_update, *v_update;  // or null
  const float *q_norm, *k_norm;              // [head_dim], or both null
  const float *rope_cos, *rope_sin;          // [positions, head_dim / 2]
  Places places;
  float eps;
  int32_t columns, num_heads, num_rows;
  bf16* input = nullptr;  // scratch of input_width() of the three matrices, which have one order; or null
};

void qkv(const QkvProblem* problems, int num_problems, Order order, stream_t stream);

// out[r, h] = sum_s softmax_s(q[r, h] . k[s] / sqrt(head_dim)) v[s], s <= position[r], s > position[r] - window where
// window > 0, in blocks of kAttentionBlock positions counted from 0 that are merged in order.
constexpr int kAttentionBlock = 256;

template <class T>
struct AttentionProblem {
  T* out;             // [num_rows, num_heads * head_dim]
  int64_t out_stride;
  const float* q;     // the same shape
  int64_t q_stride;
  KvPages cache;
  Places places;
  float* partial;     // attention_partials() floats of scratch, or null: blocks are not shared out
  unsigned* ticket;   // [num_rows * num_heads] zeros, and zeros again afterwards
  int32_t window, num_heads, num_rows;
  int32_t num_lanes;
  const int32_t* lane_first;  // [num_lanes + 1] as RowPlan of backend.h, or null: every row by itself
  int32_t rows_per_tile;      // attention() sets it
  int32_t unused = 0;
};

constexpr int64_t attention_partials(int64_t num_rows, int64_t num_heads, int64_t head_dim, int64_t max_blocks) {
  return num_rows * num_heads * max_blocks * (head_dim + 2);
}

// max_blocks: blocks that hold max(position) + 1 positions; the same for every launch of an engine.
template <class T>
void attention(const AttentionProblem<T>* problems, int num_problems, int max_blocks, Order order, stream_t stream);

// hidden[r] += W x[r] + bias + update (as QkvProblem), W packed as fragments.h tells.
struct ProjectProblem {
  float* hidden;         // [num_rows, rows]
  int64_t hidden_stride;
  const bf16* x;         // [num_rows, columns], 16-byte aligned
  int64_t x_stride;      // a multiple of 8
  Weight weight;
  const float* bias;     // [rows] or null
  const RowUpdate* update;
  int32_t rows, columns;
  int32_t num_rows;
  int32_t unused = 0;
  bf16* input = nullptr;  // scratch, or null
};

void project(const ProjectProblem* problems, int num_problems, Order order, stream_t stream);

// x = rms_norm(hidden) * norm; out = silu(gate x) * (up x), both products with bias and update (as QkvProblem).
struct GateUpProblem {
  bf16* out;             // [num_rows, rows]
  int64_t out_stride;
  const float* hidden;   // [num_rows, columns], 16-byte aligned; columns: a multiple of 8
  int64_t hidden_stride; // a multiple of 4
  const float* norm;     // [columns], 16-byte aligned
  Weight gate, up;       // alike, with one order
  const float *gate_bias, *up_bias;    // [rows] or null
  const RowUpdate *gate_update, *up_update;  // [num_rows] or null
  float eps;
  int32_t rows, columns, num_rows;
  bf16* input = nullptr;  // scratch, or null
};

void gate_up(const GateUpProblem* problems, int num_problems, Order order, stream_t stream);

// x[n] = sum over j in [first[n], first[n + 1]) of scale[j] * rms_norm(hidden[row[j]]) * norm, as the sum of two
// bf16 rows: x[n][0] is the number rounded, x[n][1] what is missing of it. The LM head reads them as two rows.
struct FinalNormProblem {
  bf16* x;                // [num_x, 2, hidden_size]
  int64_t x_stride;       // of each of the two
  const float* hidden;    // [.., hidden_size]
  int64_t hidden_stride;
  const float* norm;      // [hidden_size]
  const int32_t* first;   // [num_x + 1]
  const int32_t* row;     // [first[num_x]]
  const float* scale;     // [first[num_x]]
  float eps;
  int32_t num_x, hidden_size;
  int32_t unused = 0;
};

// max_terms: at least first[n + 1] - first[n] for every n.
void final_norm(const FinalNormProblem* problems, int num_problems, int max_terms, Order order, stream_t stream);

// The best token so far: the largest value, among equals the lowest id; -1 before any.
struct Candidate {
  float value;
  int32_t id;
};

// An LM head and its rows, as final_norm writes them.
struct HeadInput {
  Weight weight;
  const bf16* x;        // [num_x, 2, columns]
  int64_t x_stride;     // a multiple of 8
  const RowUpdate* update;  // [num_x], or null
  int32_t update_rows;  // tokens that it has
  int32_t columns, num_x;
  int32_t unused = 0;
};

constexpr int kMaxHeads = 16;
constexpr size_t kMaxHeadBytes = 92 << 10;  // shared: 64 bytes for each row of the heads, 8 for each sequence
constexpr int kHeadBlocks = 264;  // two on each SM of an H100

// combined[s, v] = sum over j in [first[s], first[s + 1]) of logits(head[problem[j]], x_row[j])[v] + bias of v; to z, or
// drawn from, as LmHeadArgs of backend.h.
struct LmHeadLaunch {
  int32_t* sampled;            // [num_sequences]
  float* z;                    // [.., vocab_size]
  HeadInput head[kMaxHeads];
  int32_t num_heads;
  const int32_t *first, *problem, *x_row;
  const SamplingPlan* plan;    // [num_sequences]
  Candidate* candidate;        // [num_sequences, kHeadBlocks] scratch
  unsigned* ticket;            // a zero, and zero again afterwards
  int32_t num_sequences, vocab_size;
  const int32_t* bias_token;   // rising within a sequence
  const float* bias_value;
};

void lm_head(const LmHeadLaunch& head, Order order, stream_t stream);

// As SampleArgs and LogSoftmaxArgs of backend.h.
void sample(const SampleArgs& args, Order order, stream_t stream);
void log_softmax(const LogSoftmaxArgs& args, Order order, stream_t stream);

}  // namespace genarm::cuda
