// x = rms_norm(hidden) * norm; q, k, v = W x + bias, a norm of each head, the rotation by position, and k and v
// appended to their pages, see QkvArgs of backend.h and cpu/qkv.cpp.
//
// A block computes 16 numbers of the first half of a head and the 16 that the rotation joins with them, for 8 rows or
// 32 (gemv.cuh, norm.cuh); of models that norm their heads, a whole head. Bound by bandwidth: the weights, once for all
// its rows. The first weights are read before grid_wait(). Of many rows it computes 4 or 2 such pairs of tiles, of one
// matrix, for 128 rows (blocked.cuh), normed by input_rows.
#include <algorithm>

#include "cuda/blocked.cuh"
#include "cuda/norm.cuh"
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

// By a warp: norm and rotation of numbers [begin, end) of both halves of a head, and their way out. x(i): number i.
template <class Numbers>
__device__ __forceinline__ void finish(const QkvProblem& p, const Head& head, const Numbers& x, int row, int begin,
                                       int end) {
  const int dim = p.cache.head_dim, half = dim / 2, lane = int(threadIdx.x) % 32;
  float scale = 1;
  if (head.norm) {
    float squares = 0;
    for (int i = lane; i < dim; i += 32) squares += x(i) * x(i);
    scale = 1 / sqrtf(warp_sum(squares) / float(dim) + p.eps);
  }
  const int64_t angle = int64_t(p.places.position[row]) * half;
  float* q = p.q + row * p.q_stride + head.index * dim;
  bf16* kv = head.kind == Kind::q ? nullptr : slot_of(p, head, row);
  for (int i = begin + lane; i < end; i += 32) {
    float a = x(i) * scale, b = x(half + i) * scale;
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

// A number of a head with what its matrix's bias and adapters add.
__device__ __forceinline__ float completed(const Head& head, int64_t row, int at, float sum) {
  return sum + (head.bias ? head.bias[at] : 0) + update_of(head.update, row, at);
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
    x[row][part * half + i] = completed(head, first_row + row, at, sum[part]);
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
  const int first_row = int(blockIdx.x) * kGroups * kGemvRows;
  const int num_rows = min(p.num_rows - first_row, kGroups * kGemvRows);
  SMEM_DYN(HeadRow, x);  // [kGroups * kGemvRows]
  const float* hidden = p.hidden + first_row * p.hidden_stride;
  const float* scale = nullptr;
  for (int pair = mine.first_pair; pair < mine.last_pair; ++pair) {
    Product product = product_of(pair);
    if (pair == mine.first_pair) {
      grid_wait();
      if (num_rows <= 0) return;
      scale = row_scales<kGroups>(hidden, p.hidden_stride, p.columns, num_rows, p.eps);
    }
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
    finish(p, find_head(p, mine.unit), [&](int i) { return x[row][i]; }, first_row + row, mine.first_pair * kTileRows, end);
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

// Pairs of tiles in a block of a blocked product: whole heads where they are normed.
BOTH_SIDES inline int pairs_of_block(const QkvProblem& p, int tiles) {
  const int pairs = pairs_of_head(p.cache.head_dim);
  return p.q_norm ? tiles / 2 / pairs * pairs : tiles / 2;
}
BOTH_SIDES inline int blocks_of_heads(const QkvProblem& p, int num_heads, int tiles) {
  const int each = pairs_of_block(p, tiles);
  return (num_heads * pairs_of_head(p.cache.head_dim) + each - 1) / each;
}

// The pairs of tiles of a block, counted from the first of a matrix, all of that one.
struct Pairs {
  int first_unit;  // of the matrix's heads
  int first, count;
};
__device__ __forceinline__ Pairs pairs_of(const QkvProblem& p, int block, int tiles) {
  const int kv = p.cache.num_kv_heads, each = pairs_of_block(p, tiles);
  int heads = p.num_heads, unit = 0;
  for (int blocks = blocks_of_heads(p, heads, tiles); block >= blocks; blocks = blocks_of_heads(p, heads, tiles)) {
    block -= blocks;
    unit += heads;
    heads = kv;
  }
  return {unit, block * each, min(each, heads * pairs_of_head(p.cache.head_dim) - block * each)};
}

// Adds bias and updates to the sums of a block.
template <int kPitch>
__device__ __forceinline__ void complete(float* sums, const QkvProblem& p, const Pairs& mine, int num_rows) {
  const int dim = p.cache.head_dim, half = dim / 2, pairs = pairs_of_head(dim), width = mine.count * 2 * kTileRows;
  for (int i = int(threadIdx.x); i < num_rows * width; i += kGemvThreads) {
    const int row = i / width, at = i % width, pair = mine.first + at / (2 * kTileRows), part = at / kTileRows % 2;
    const int in_half = pair % pairs * kTileRows + at % kTileRows;
    if (in_half >= half) continue;
    const Head head = find_head(p, mine.first_unit + pair / pairs);
    float& sum = sums[row * kPitch + at];
    sum = completed(head, int64_t(blockIdx.x) * kBlockedRows + row, head.index * dim + part * half + in_half, sum);
  }
}

template <int kTilesOfWarp>
__global__ void __launch_bounds__(kGemvThreads, 1)
    qkv_blocked_kernel(const __grid_constant__ Problems<QkvProblem> problems) {
  using Product = BlockedProduct<kTilesOfWarp>;
  grid_launch_dependents();
  int block;
  const QkvProblem& p = problems.problem[problem_of_block(problems, int(blockIdx.y), block)];
  const int num_rows = rows_of_block(p.num_rows);
  if (num_rows <= 0) return grid_wait();
  const Pairs mine = pairs_of(p, block, Product::kTiles);
  const Weight& weight = *find_head(p, mine.first_unit).weight;
  SMEM_DYN(char, stages);
  const int tile = Product::copied_tile();
  Product product(stages, tile < 2 * mine.count ? tile_of(weight, 2 * mine.first + tile) : nullptr, weight.format,
                  weight.columns);

  grid_wait();
  float* sums = product.multiply(block_rows(p.input, p.columns, num_rows, p.columns));
  complete<Product::kPitch>(sums, p, mine, num_rows);
  __syncthreads();
  const int half = p.cache.head_dim / 2, pairs = pairs_of_head(p.cache.head_dim);
  for (int row = int(threadIdx.x) / 32; row < num_rows; row += kGemvWarps) {
    for (int pair = mine.first, next; pair < mine.first + mine.count; pair = next) {
      const int first = pair % pairs;  // of the head
      next = min(pair - first + pairs, mine.first + mine.count);
      const float* x = sums + row * Product::kPitch + (pair - mine.first) * 2 * kTileRows;
      const auto number = [&](int i) {
        const int part = i < half ? 0 : 1, in_half = i - part * half;
        return x[((in_half / kTileRows - first) * 2 + part) * kTileRows + in_half % kTileRows];
      };
      finish(p, find_head(p, mine.first_unit + pair / pairs), number, int(blockIdx.x) * kBlockedRows + row,
             first * kTileRows, min(half, (first + next - pair) * kTileRows));
    }
  }
}

void qkv_few(const std::vector<QkvProblem>& problems, Order order, stream_t stream) {
  const auto blocks_of = [](const QkvProblem& p) {
    const int heads = p.num_heads + 2 * p.cache.num_kv_heads;
    return p.num_rows > 0 ? heads * (p.q_norm ? 1 : pairs_of_head(p.cache.head_dim)) : 0;
  };
  for_each_launch(problems.data(), int(problems.size()), blocks_of, [&](const Problems<QkvProblem>& batch, unsigned blocks) {
    const int rows = most_rows(batch), groups = groups_for(rows);
    const size_t bytes = size_t(groups) * kGemvRows * sizeof(HeadRow);
    const Grid grid(dim3(passes_for(rows), blocks), kGemvThreads, order, bytes);
    launch(groups == 1 ? qkv_kernel<1> : qkv_kernel<kManyGroups>, grid, stream, batch);
  });
}

void qkv_many(std::vector<QkvProblem>& problems, Order order, stream_t stream) {
  std::vector<InputProblem> inputs;
  bool may_be_narrow = true;
  for (QkvProblem& p : problems) {
    const int32_t width = input_width(p.q_weight, p.columns);
    inputs.push_back({p.input, p.hidden, p.hidden_stride, p.norm, nullptr, 0, p.q_weight.order, p.eps, p.columns,
                      width, p.num_rows});
    p.columns = width;
    may_be_narrow = may_be_narrow && pairs_of_block(p, BlockedProduct<1>::kTiles) > 0;
  }
  input_rows(inputs.data(), int(inputs.size()), order, stream);
  const auto blocks_of = [](const QkvProblem& p, int tiles) {
    return blocks_of_heads(p, p.num_heads, tiles) + 2 * blocks_of_heads(p, p.cache.num_kv_heads, tiles);
  };
  launch_blocked(qkv_blocked_kernel<1>, qkv_blocked_kernel<2>, problems, blocks_of, may_be_narrow,
                 Order::overlaps_previous, stream);
}

// A normed head of more numbers than a block has outputs would need a block of its own kind.
bool is_many(const QkvProblem& p) {
  return p.num_rows > kMostGemvRows && p.input && pairs_of_block(p, BlockedProduct<2>::kTiles) > 0 &&
         p.q_weight.order == p.k_weight.order && p.q_weight.order == p.v_weight.order;
}

}  // namespace

void qkv(const QkvProblem* problems, int num_problems, Order order, stream_t stream) {
  for (int i = 0; i < num_problems; ++i) require_eights(problems[i].columns);
  by_rows(problems, num_problems, order, is_many, [&](const auto& few, Order when) { qkv_few(few, when, stream); },
          [&](auto& many, Order when) { qkv_many(many, when, stream); });
}

}  // namespace genarm::cuda
