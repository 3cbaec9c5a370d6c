// x = rms_norm(hidden) * norm; q, k, v = W x + bias, a norm of each head, the rotation by position, and k and v
// appended to their pages, see QkvArgs of backend.h and cpu/qkv.cpp.
//
// A block computes 16 numbers of the first half of a head and the 16 that the rotation joins with them, for 8 rows or
// 32 (gemv.cuh, norm.cuh); of models that norm their heads, a whole head. Bound by bandwidth: the weights, once for all
// its rows. The first weights are read before grid_wait().
#include <algorithm>

#include "cuda/norm.cuh"
#include "cuda/problems.cuh"
#include "cuda/row_update.cuh"

namespace genarm::cuda {
namespace {

enum class Kind { q, k, v };

struct Head {
  Kind kind;
  int index;  // of this kind
  const Weight* weight;
  const float *bias, *norm;
  const RowUpdate* update;
};

__device__ __forceinline__ Head find_head(const QkvProblem& p, int unit) {
  const int kv = p.cache.num_kv_heads;
  if (unit < p.num_heads) return {Kind::q, unit, &p.q_weight, p.q_bias, p.q_norm, p.q_update};
  unit -= p.num_heads;
  if (unit < kv) return {Kind::k, unit, &p.k_weight, p.k_bias, p.k_norm, p.k_update};
  return {Kind::v, unit - kv, &p.v_weight, p.v_bias, nullptr, p.v_update};
}

// Where keys or values of a row go.
__device__ __forceinline__ bf16* slot_of(const QkvProblem& p, const Head& head, int row) {
  const KvPages& c = p.cache;
  const int position = p.places.position[row];
  const int64_t page = p.places.pages[p.places.page_table[row] + position / c.page_size];
  const int64_t place = (page * c.num_kv_heads + head.index) * 2 + (head.kind == Kind::v ? 1 : 0);
  return c.data + (place * c.page_size + position % c.page_size) * kv_stride(c.head_dim);
}

// By a warp: norm and rotation of numbers [begin, end) of both halves of a head, and their way out.
__device__ __forceinline__ void finish(const QkvProblem& p, const Head& head, const float* x, int row, int begin,
                                       int end) {
  const int dim = p.cache.head_dim, half = dim / 2, lane = int(threadIdx.x) % 32;
  float scale = 1;
  if (head.norm) {
    float squares = 0;
    for (int i = lane; i < dim; i += 32) squares += x[i] * x[i];
    scale = 1 / sqrtf(warp_sum(squares) / float(dim) + p.eps);
  }
  const int64_t angle = int64_t(p.places.position[row]) * half;
  float* q = p.q + row * p.q_stride + head.index * dim;
  bf16* kv = head.kind == Kind::q ? nullptr : slot_of(p, head, row);
  for (int i = begin + lane; i < end; i += 32) {
    float a = x[i] * scale, b = x[half + i] * scale;
    if (head.norm) {
      a *= head.norm[i];
      b *= head.norm[half + i];
    }
    if (head.kind != Kind::v) {
      const float c = p.rope_cos[angle + i], s = p.rope_sin[angle + i], old = a;
      a = old * c - b * s;
      b = b * c + old * s;
    }
    if (kv) {
      kv[i] = from_float<bf16>(a);
      kv[half + i] = from_float<bf16>(b);
    } else {
      q[i] = a;
      q[half + i] = b;
    }
  }
  if (kv && begin == 0 && dim + lane < kv_stride(dim)) kv[dim + lane] = bf16{0};
}

// Which head, and which pairs of its tiles, a block computes.
struct Share {
  int unit, first_pair, last_pair;
};

__device__ __forceinline__ Share share_of(const QkvProblem& p, int block) {
  const int pairs = pairs_of_head(p.cache.head_dim);
  if (p.q_norm) return {block, 0, pairs};
  return {block / pairs, block % pairs, block % pairs + 1};
}

using HeadRow = float[kMaxHeadDim + 4];

// Adds bias and update to a group's sums; leaves them in shared memory.
__device__ __forceinline__ void keep(HeadRow* x, const QkvProblem& p, const Head& head, int pair, int group,
                                     int first_row, const float (&sum)[2]) {
  const int dim = p.cache.head_dim, half = dim / 2, i = pair * kTileRows + int(threadIdx.x) % kTileRows;
  const int in_group = int(threadIdx.x) / kTileRows, row = group * kGemvRows + in_group;
  if (in_group >= kGemvRows || first_row + row >= p.num_rows || i >= half) return;
#pragma unroll
  for (int part = 0; part < 2; ++part) {
    const int at = head.index * dim + part * half + i;
    x[row][part * half + i] = sum[part] + (head.bias ? head.bias[at] : 0) + update_of(head.update, first_row + row, at);
  }
}

template <int kGroups>
__device__ __forceinline__ void qkv_share(const QkvProblem& p, const Share& mine, float* part) {
  using Product = TileProduct<2, kGroups>;
  const int pairs = pairs_of_head(p.cache.head_dim);
  const auto product_of = [&](int pair) {
    const Head head = find_head(p, mine.unit);  // looked up again rather than kept in registers
    const int64_t tile = (int64_t(head.index) * pairs + pair) * 2;
    return Product({tile_of(*head.weight, tile), tile_of(*head.weight, tile + 1)}, head.weight->format,
                   head.weight->columns);
  };
  Product product = product_of(mine.first_pair);
  const int first_row = int(blockIdx.x) * kGroups * kGemvRows;
  const int num_rows = min(p.num_rows - first_row, kGroups * kGemvRows);

  grid_wait();
  if (num_rows <= 0) return;
  SMEM_DYN(HeadRow, x);  // [kGroups * kGemvRows]
  const float* hidden = p.hidden + first_row * p.hidden_stride;
  const float* scale = row_scales<kGroups>(hidden, p.hidden_stride, p.columns, num_rows, p.eps);
  for (int pair = mine.first_pair; pair < mine.last_pair; ++pair) {
    if (pair > mine.first_pair) product = product_of(pair);
    product.multiply(
        NormedRows(hidden, p.hidden_stride, p.norm, scale, num_rows, p.columns, find_head(p, mine.unit).weight->order));
#pragma unroll
    for (int g = 0; g < kGroups; ++g) {
      float sum[2];
      product.sum(part, g, sum);
      keep(x, p, find_head(p, mine.unit), pair, g, first_row, sum);
      __syncthreads();
    }
  }
  const int end = min(p.cache.head_dim / 2, mine.last_pair * kTileRows);
  for (int row = int(threadIdx.x) / 32; row < num_rows; row += kGemvWarps)
    finish(p, find_head(p, mine.unit), x[row], first_row + row, mine.first_pair * kTileRows, end);
}

template <int kGroups>
__global__ void __launch_bounds__(kGemvThreads, blocks_of_sm(kGroups))
    qkv_kernel(const __grid_constant__ Problems<QkvProblem> problems) {
  grid_launch_dependents();
  int block;
  const QkvProblem& p = problems.problem[problem_of_block(problems, int(blockIdx.y), block)];
  const Share mine = share_of(p, block);
  SMEM(float, part, [2 * kPartFloats]);
  qkv_share<kGroups>(p, mine, part);
}

}  // namespace

void qkv(const QkvProblem* problems, int num_problems, Order order, stream_t stream) {
  for (int i = 0; i < num_problems; ++i) require_eights(problems[i].columns);
  const auto blocks_of = [](const QkvProblem& p) {
    const int heads = p.num_heads + 2 * p.cache.num_kv_heads;
    return p.num_rows > 0 ? heads * (p.q_norm ? 1 : pairs_of_head(p.cache.head_dim)) : 0;
  };
  for_each_launch(problems, num_problems, blocks_of, [&](const Problems<QkvProblem>& batch, unsigned blocks) {
    const int rows = most_rows(batch), groups = groups_for(rows);
    const size_t bytes = size_t(groups) * kGemvRows * sizeof(HeadRow);
    const Grid grid(dim3(passes_for(rows), blocks), kGemvThreads, order, bytes);
    launch(groups == 1 ? qkv_kernel<1> : qkv_kernel<kManyGroups>, grid, stream, batch);
  });
}

}  // namespace genarm::cuda
