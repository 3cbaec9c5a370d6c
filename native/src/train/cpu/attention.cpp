// Causal attention of packed sequences, its scores never stored: forward keeps log sum exp of every row and head,
// backward computes the probabilities again (FlashAttention-2, arXiv 2307.08691):
//   P = exp(S - lse), dV = P^T dO, dP = dO V^T, dS = P (dP - sum(dO O)) / sqrt(d), dQ = dS K, dK = dS^T Q.
//
// A block is kBlockRows rows of one segment and one query head against the keys that any of them sees: a run of the
// parent's rows and a run of its own. Forward's tasks are blocks; backward's are a group and a kv head, whose keys no
// other task writes.
#include "../../cpu/simd_math.h"
#include "operations.h"

namespace genarm::cpu::GENARM_ISA {
namespace {

constexpr int64_t kBlockRows = 64;

// Rows [row, row + rows) at positions position.., against the keys at positions [key_begin, key_end).
struct Block {
  int64_t row, rows, position;
  int64_t key_begin, key_end;
  int64_t prefix_row, prefix;  // the parent's rows and length
  int64_t own_row;             // of position `prefix`
};

Block block_of(const train::AttentionArgs& a, const train::Segment& s, int64_t begin) {
  Block b{};
  if (s.parent >= 0) {
    b.prefix_row = a.packing.segments[s.parent].first;
    b.prefix = a.packing.segments[s.parent].length;
  }
  b.own_row = s.first;
  b.row = s.first + begin;
  b.rows = smaller(kBlockRows, s.length - begin);
  b.position = b.prefix + begin;
  b.key_begin = a.window > 0 ? larger(0, b.position - a.window + 1) : 0;
  b.key_end = b.position + b.rows;
  return b;
}

// The runs of rows that hold a block's keys: first row, and columns [column, column + count) of its scores.
struct Run {
  int64_t row, column, count;
};
int runs_of(const Block& b, Run (&runs)[2]) {
  int n = 0;
  if (b.key_begin < b.prefix) runs[n++] = {b.prefix_row + b.key_begin, 0, b.prefix - b.key_begin};
  const int64_t own = larger(b.key_begin, b.prefix);
  runs[n++] = {b.own_row + own - b.prefix, own - b.key_begin, b.key_end - own};
  return n;
}

// One task's memory and matrices of one query head.
struct Head {
  const train::AttentionArgs& a;
  int64_t head, kv_head;
  int64_t q_stride, kv_stride;
  float* scratch;  // of multiply_block

  const float* q(const float* x, int64_t row) const { return x + row * q_stride + head * a.head_dim; }
  float* q(float* x, int64_t row) const { return x + row * q_stride + head * a.head_dim; }
  const float* kv(const float* x, int64_t row) const { return x + row * kv_stride + kv_head * a.head_dim; }
  float* kv(float* x, int64_t row) const { return x + row * kv_stride + kv_head * a.head_dim; }

  // scores[row, key] = x[row] . y[key]
  void dot(float* scores, int64_t width, const Block& b, const float* x, const float* y) const {
    Run runs[2];
    const int n = runs_of(b, runs);
    for (int i = 0; i < n; ++i) {
      multiply_block({scores + runs[i].column, width, q(x, b.row), q_stride, 1, kv(y, runs[i].row), 1, kv_stride, b.rows,
                      runs[i].count, a.head_dim, nullptr, 0},
                     scratch);
    }
  }
  // out[row] = sum over keys of scores[row, key] y[key]
  void mix(float* out, const float* scores, int64_t width, const Block& b, const float* y) const {
    Run runs[2];
    const int n = runs_of(b, runs);
    for (int i = 0; i < n; ++i) {
      float* to = q(out, b.row);
      multiply_block({to, q_stride, scores + runs[i].column, width, 1, kv(y, runs[i].row), kv_stride, 1, b.rows,
                      a.head_dim, runs[i].count, i > 0 ? to : nullptr, q_stride},
                     scratch);
    }
  }
  // out[key] += sum over rows of scores[row, key] x[row]
  void scatter(float* out, const float* scores, int64_t width, const Block& b, const float* x) const {
    Run runs[2];
    const int n = runs_of(b, runs);
    for (int i = 0; i < n; ++i) {
      float* to = kv(out, runs[i].row);
      multiply_block({to, kv_stride, scores + runs[i].column, 1, width, q(x, b.row), q_stride, 1, runs[i].count, a.head_dim,
                      b.rows, to, kv_stride},
                     scratch);
    }
  }
};

Head head_of(const train::AttentionArgs& a, int64_t head, float* scratch) {
  return {a,       head, head / (a.num_heads / a.num_kv_heads), int64_t(a.num_heads) * a.head_dim,
          int64_t(a.num_kv_heads) * a.head_dim, scratch};
}

// Keys that row i of a block sees: columns [begin, end) of its scores.
void visible(const train::AttentionArgs& a, const Block& b, int64_t i, int64_t* begin, int64_t* end) {
  const int64_t position = b.position + i;
  *begin = (a.window > 0 ? larger(0, position - a.window + 1) : 0) - b.key_begin;
  *end = position + 1 - b.key_begin;
}

// scores -> exp(scores * factor - lse), 0 outside [begin, end).
void exponentiate(float* scores, int64_t begin, int64_t end, int64_t width, float factor, float lse) {
  for (int64_t j = 0; j < width; j += 16) {
    const int n = int(smaller(16, width - j));
    store_partial(scores + j, exp(fma(load_partial(scores + j, n), broadcast(factor), broadcast(-lse))), n);
  }
  for (int64_t j = 0; j < begin; ++j) scores[j] = 0;
  for (int64_t j = end; j < width; ++j) scores[j] = 0;
}

float log_sum_exp(const float* scores, int64_t begin, int64_t end, float factor) {
  float largest = scores[begin];
  for (int64_t j = begin; j < end; ++j) largest = scores[j] > largest ? scores[j] : largest;
  const f32x16 shift = broadcast(-largest * factor);
  f32x16 sum = zero();
  for (int64_t j = begin; j < end; j += 16) {
    const int n = int(smaller(16, end - j));
    const f32x16 e = exp(fma(load_partial(scores + j, n), broadcast(factor), shift));
    sum = sum + (n == 16 ? e : select(first_lanes(n), e, zero()));
  }
  return largest * factor + __builtin_logf(reduce_add(sum));
}

float softmax_scale(const train::AttentionArgs& a) { return 1.0f / __builtin_sqrtf(float(a.head_dim)); }

void forward_block(const train::AttentionArgs& a, const Block& b, int64_t head, float* scratch) {
  const Head h = head_of(a, head, scratch + kBlockRows * a.packing.max_sequence);
  const int64_t width = b.key_end - b.key_begin;
  const float factor = softmax_scale(a);
  h.dot(scratch, width, b, a.q, a.k);
  for (int64_t i = 0; i < b.rows; ++i) {
    int64_t begin, end;
    visible(a, b, i, &begin, &end);
    const float lse = log_sum_exp(scratch + i * width, begin, end, factor);
    a.log_sum_exp[(b.row + i) * a.num_heads + head] = lse;
    exponentiate(scratch + i * width, begin, end, width, factor, lse);
  }
  h.mix(a.out, scratch, width, b, a.v);
}

float row_dot(const float* x, const float* y, int64_t size) {
  f32x16 sum = zero();
  for (int64_t j = 0; j < size; j += 16) {
    const int n = int(smaller(16, size - j));
    sum = fma(load_partial(x + j, n), load_partial(y + j, n), sum);
  }
  return reduce_add(sum);
}

void backward_block(const train::AttentionArgs& a, const Block& b, int64_t head, float* scratch) {
  const int64_t area = kBlockRows * a.packing.max_sequence;
  float *p = scratch, *d = scratch + area;
  const Head h = head_of(a, head, scratch + 2 * area);
  const int64_t width = b.key_end - b.key_begin;
  const float factor = softmax_scale(a);
  h.dot(p, width, b, a.q, a.k);
  h.dot(d, width, b, a.out_gradient, a.v);
  for (int64_t i = 0; i < b.rows; ++i) {
    int64_t begin, end;
    visible(a, b, i, &begin, &end);
    exponentiate(p + i * width, begin, end, width, factor, a.log_sum_exp[(b.row + i) * a.num_heads + head]);
  }
  h.scatter(a.v_gradient, p, width, b, a.out_gradient);
  for (int64_t i = 0; i < b.rows; ++i) {
    const f32x16 mean = broadcast(row_dot(h.q(a.out, b.row + i), h.q(a.out_gradient, b.row + i), a.head_dim));
    for (int64_t j = 0; j < width; j += 16) {
      const int n = int(smaller(16, width - j));
      float *to = d + i * width + j, *from = p + i * width + j;
      store_partial(to, load_partial(from, n) * (load_partial(to, n) - mean) * broadcast(factor), n);
    }
  }
  h.mix(a.q_gradient, d, width, b, a.k);
  h.scatter(a.k_gradient, d, width, b, a.q);
}

void zero_rows(const train::AttentionArgs& a, float* x, int64_t kv_head, const train::Segment& s) {
  for (int64_t r = s.first; r < s.first + s.length; ++r) {
    memset(x + (r * a.num_kv_heads + kv_head) * a.head_dim, 0, size_t(a.head_dim) * sizeof(float));
  }
}

void backward_group(const train::AttentionArgs& a, int64_t group, int64_t kv_head, float* scratch) {
  const int32_t first = a.packing.group_first[group], last = a.packing.group_first[group + 1];
  for (int32_t s = first; s < last; ++s) {
    zero_rows(a, a.k_gradient, kv_head, a.packing.segments[s]);
    zero_rows(a, a.v_gradient, kv_head, a.packing.segments[s]);
  }
  const int64_t heads = a.num_heads / a.num_kv_heads;
  for (int32_t s = first; s < last; ++s) {
    for (int64_t head = kv_head * heads; head < (kv_head + 1) * heads; ++head) {
      for (int64_t begin = 0; begin < a.packing.segments[s].length; begin += kBlockRows) {
        backward_block(a, block_of(a, a.packing.segments[s], begin), head, scratch);
      }
    }
  }
}

}  // namespace

void attention(TrainContext& context, const train::AttentionArgs& a) {
  ensure_scratch(context, gemm_scratch_bytes() + size_t(kBlockRows * a.packing.max_sequence) * sizeof(float));
  const int64_t num_segments = a.packing.group_first[a.packing.num_groups];
  parallel(context, num_segments * a.num_heads, [&](int64_t index, float* scratch) {
    const train::Segment& s = a.packing.segments[index / a.num_heads];
    for (int64_t begin = 0; begin < s.length; begin += kBlockRows) {
      forward_block(a, block_of(a, s, begin), index % a.num_heads, scratch);
    }
  });
}

void attention_backward(TrainContext& context, const train::AttentionArgs& a) {
  ensure_scratch(context, gemm_scratch_bytes() + size_t(2 * kBlockRows * a.packing.max_sequence) * sizeof(float));
  parallel(context, int64_t(a.packing.num_groups) * a.num_kv_heads, [&](int64_t index, float* scratch) {
    backward_group(a, index / a.num_kv_heads, index % a.num_kv_heads, scratch);
  });
}

}  // namespace genarm::cpu::GENARM_ISA
