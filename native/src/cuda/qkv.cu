// x = rms_norm(hidden) * norm; q, k, v = W x + bias, a norm of each head, the rotation by position, and k and v
// appended to their pages, see QkvArgs of backend.h and cpu/qkv.cpp.
//
// A block computes 16 numbers of the first half of a head and the 16 that the rotation joins with them, for 8 rows
// (gemv.cuh, norm.cuh); of models that norm their heads, a whole head. Bound by bandwidth: 2 bytes a weight for up to
// 8 rows. The first weights are read before grid_wait().
#include <algorithm>

#include "cuda/norm.cuh"
#include "cuda/problems.cuh"

namespace genarm::cuda {
namespace {

enum class Kind { q, k, v };

template <class T>
struct Head {
  Kind kind;
  int index, count;  // of this kind
  const T* weight;
  const float *bias, *delta, *norm;
};

template <class T>
__device__ __forceinline__ Head<T> find_head(const QkvProblem<T>& p, int unit) {
  const int kv = p.cache.num_kv_heads;
  if (unit < p.num_heads) return {Kind::q, unit, p.num_heads, p.q_weight, p.q_bias, p.q_delta, p.q_norm};
  unit -= p.num_heads;
  if (unit < kv) return {Kind::k, unit, kv, p.k_weight, p.k_bias, p.k_delta, p.k_norm};
  return {Kind::v, unit - kv, kv, p.v_weight, p.v_bias, p.v_delta, nullptr};
}

// Where keys or values of a row go.
template <class T>
__device__ __forceinline__ bf16* slot_of(const QkvProblem<T>& p, const Head<T>& head, int row) {
  const KvPages& c = p.cache;
  const int position = p.places.position[row];
  const int64_t page = p.places.pages[p.places.page_table[row] + position / c.page_size];
  const int64_t place = (page * c.num_kv_heads + head.index) * 2 + (head.kind == Kind::v ? 1 : 0);
  return c.data + (place * c.page_size + position % c.page_size) * kv_stride(c.head_dim);
}

// By a warp: norm and rotation of numbers [begin, end) of both halves of a head, and their way out.
template <class T>
__device__ __forceinline__ void finish(const QkvProblem<T>& p, const Head<T>& head, const float* x, int row, int begin,
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

template <class T>
__global__ void __launch_bounds__(kGemvThreads, 2)
    qkv_kernel(const __grid_constant__ Problems<QkvProblem<T>> problems) {
  grid_launch_dependents();
  int block;
  const QkvProblem<T>& p = problems.problem[problem_of_block(problems, block)];
  const int dim = p.cache.head_dim, half = dim / 2, pairs = pairs_of_head(dim);
  const bool whole_head = p.q_norm != nullptr;
  const int unit = whole_head ? block : block / pairs;  // its Head is looked up again rather than kept in registers
  const int first_pair = whole_head ? 0 : block % pairs, last_pair = whole_head ? pairs : first_pair + 1;
  const int64_t tile_size = slabs_of(p.columns) * (kSlabBytes / 2);
  const auto weight = [&](int pair) {
    const Head<T> head = find_head(p, unit);
    return head.weight + (int64_t(head.index) * pairs + pair) * 2 * tile_size;
  };
  TileProduct<T, 2> product({weight(first_pair), weight(first_pair) + tile_size}, p.columns);
  const int first_row = int(blockIdx.y) * kGemvRows;
  const int num_rows = min(p.num_rows - first_row, kGemvRows);

  grid_wait();
  if (num_rows <= 0) return;
  SMEM(float, x, [kGemvRows][kMaxHeadDim + 4]);
  const float* hidden = p.hidden + first_row * p.hidden_stride;
  const float* scale = row_scales(hidden, p.hidden_stride, p.columns, num_rows, p.eps);
  const int x_row = row_of_lane(), row = int(threadIdx.x) / kTileRows;
  const bool has_row = x_row < num_rows;
  const NormedRow<T> mine{has_row ? hidden + x_row * p.hidden_stride : nullptr, p.norm, has_row ? scale[x_row] : 0,
                          p.columns};
  for (int pair = first_pair; pair < last_pair; ++pair) {
    if (pair > first_pair) product = TileProduct<T, 2>({weight(pair), weight(pair) + tile_size}, p.columns);
    product.multiply(mine);
    float sum[2];
    product.sum(sum);
    const int i = pair * kTileRows + int(threadIdx.x) % kTileRows;
    if (row < num_rows && i < half) {
      const Head<T> head = find_head(p, unit);
#pragma unroll
      for (int part = 0; part < 2; ++part) {
        const int at = head.index * dim + part * half + i;
        const float delta = head.delta ? head.delta[int64_t(first_row + row) * head.count * dim + at] : 0;
        x[row][part * half + i] = sum[part] + (head.bias ? head.bias[at] : 0) + delta;
      }
    }
    __syncthreads();
  }
  const int mine_row = int(threadIdx.x) / 32;
  if (mine_row < num_rows)
    finish(p, find_head(p, unit), x[mine_row], first_row + mine_row, first_pair * kTileRows, min(half, last_pair * kTileRows));
}

}  // namespace

template <class T>
void qkv(const QkvProblem<T>* problems, int num_problems, Order order, stream_t stream) {
  const auto blocks_of = [](const QkvProblem<T>& p) {
    const int heads = p.num_heads + 2 * p.cache.num_kv_heads;
    return p.num_rows > 0 ? heads * (p.q_norm ? 1 : pairs_of_head(p.cache.head_dim)) : 0;
  };
  for_each_launch(problems, num_problems, blocks_of, [&](const Problems<QkvProblem<T>>& batch, unsigned blocks) {
    int max_rows = 0;
    for (int i = 0; i < batch.count; ++i) max_rows = std::max(max_rows, batch.problem[i].num_rows);
    const dim3 grid(blocks, unsigned(max_rows + kGemvRows - 1) / kGemvRows);
    launch(qkv_kernel<T>, Grid(grid, kGemvThreads, order), stream, batch);
  });
}

template void qkv<bf16>(const QkvProblem<bf16>*, int, Order, stream_t);
template void qkv<f16>(const QkvProblem<f16>*, int, Order, stream_t);

}  // namespace genarm::cuda
