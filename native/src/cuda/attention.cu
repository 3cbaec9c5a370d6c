// out[r, h] = sum_s softmax_s(q[r, h] . k[s] / sqrt(head_dim)) v[s], see AttentionArgs of backend.h and
// cpu/attention.cpp.
//
// Tensor cores for every number of rows. A block takes queries of one lane that read the same kv head: 16 of them, the
// heads of a group and where they leave room several rows (its four warps share the positions of a tile to score and
// the columns of v), or 64, a warp 16 of them. Keys and values come through shared memory, 64 positions at a time: the
// values travel while keys are multiplied, the next keys while values are. q and the weights are sums of two bf16
// numbers, so that nothing but q.k and the weighted sum in f32 is rounded.
//
// Positions are taken in blocks of kAttentionBlock counted from 0, a block's sums are folded into those before it in
// order. Either a block of threads folds its own as it goes, or each takes one and the last to end folds them (a
// ticket tells it): the same sums in the same order, so a row's result depends neither on that nor on the rows beside
// it. Bound by reading keys and values, 4 * head_dim bytes a position and kv head; with many rows by the tensor cores.
#include <algorithm>
#include <vector>

#include "cuda/attention_tile.cuh"
#include "cuda/problems.cuh"

namespace genarm::cuda {
namespace {

constexpr int kMostColumnsOfMany = 128;  // head_dim up to which a block's queries may be 64: accumulators are registers
constexpr int kEnoughBlocks = 264;       // two for each SM of an H100

// The queries of a block: query i is head first_head + i % num_heads of row first_row + i / num_heads.
struct Part {
  int first_row, num_rows, kv_head, first_head, num_heads;
  __device__ __forceinline__ int num_queries() const { return num_rows * num_heads; }
  __device__ __forceinline__ int row(int query) const { return first_row + query / num_heads; }
  __device__ __forceinline__ int head(int query) const { return first_head + query % num_heads; }
};

// Tile `tile` of the rows: one row, or rows of one lane. Lane l's tiles begin at l + lane_first[l] / rows_per_tile, which
// leaves enough for each; those that are too many have no rows.
template <class T>
__device__ __forceinline__ void find_rows(const AttentionProblem<T>& p, int tile, Part& part) {
  part.first_row = tile;
  part.num_rows = 1;
  const int rows = p.rows_per_tile;
  if (rows == 1) return;
  int lane = 0, last = p.num_lanes - 1;
  while (lane < last) {
    const int middle = (lane + last + 1) / 2;
    if (middle + p.lane_first[middle] / rows <= tile) {
      lane = middle;
    } else {
      last = middle - 1;
    }
  }
  const int first = p.lane_first[lane];
  part.first_row = first + (tile - lane - first / rows) * rows;
  part.num_rows = min(rows, p.lane_first[lane + 1] - part.first_row);
}

// The heads of a group in as many parts as a tile of queries needs.
BOTH_SIDES constexpr int head_parts(int group, int queries) { return (group + queries - 1) / queries; }

template <class T>
__device__ __forceinline__ Part part_of(const AttentionProblem<T>& p, int block, int queries) {
  const int kv_heads = p.cache.num_kv_heads, group = p.num_heads / kv_heads, parts = head_parts(group, queries);
  const int first = block % parts * queries;
  Part part;
  part.kv_head = block / parts % kv_heads;
  part.first_head = part.kv_head * group + first;
  part.num_heads = min(group - first, queries);
  find_rows(p, block / parts / kv_heads, part);
  return part;
}

// What a block leaves for the merge, [head][block]: the largest score, the sum of weights, the weighted values.
template <class T>
__device__ __forceinline__ float* partial_of(const AttentionProblem<T>& p, int row, int head, int block) {
  return p.partial + ((int64_t(row) * p.num_heads + head) * gridDim.y + block) * (p.cache.head_dim + 2);
}

// q, scaled, as two bf16 numbers each; 0 where there is no query and beyond head_dim.
template <class T, class Work>
__device__ __forceinline__ void load_queries(Work& work, const AttentionProblem<T>& p, const Part& part) {
  const int dim = p.cache.head_dim, padded = padded_dim(dim);
  const float scale = kLog2e / sqrtf(float(dim));
  for (int query = int(threadIdx.x) / 32; query < Work::kQueries; query += kAttentionWarps) {
    const bool there = query < part.num_queries();
    const float* q = there ? p.q + part.row(query) * p.q_stride + int64_t(part.head(query)) * dim : nullptr;
    for (int i = int(threadIdx.x) % 32; i < padded; i += 32) {
      const float x = q && i < dim ? q[i] : 0;
      const bf16 high = from_float<bf16>(x * scale);
      work.q[0][query][i] = high;
      work.q[1][query][i] = from_float<bf16>(__fmaf_rn(x, scale, -to_float(high)));
    }
  }
}

// The sum of number i of a head over `count` blocks, in order.
template <class T>
__device__ __forceinline__ float merged(const AttentionProblem<T>& p, int row, int head, int i, int count) {
  float top = -INFINITY, total = 0, sum = 0;
  for (int b = 0; b < count; ++b) {
    const float* partial = partial_of(p, row, head, b);
    const Fold fold = fold_in(top, total, partial[0], partial[1]);
    sum = fold.of(sum, partial[2 + i]);
  }
  return sum / total;
}

// Of the queries of a block: to out, or to the scratch of the merge as its block `y`.
template <class T, class Sums>
__device__ __forceinline__ void store(const AttentionProblem<T>& p, const Part& part, const Sums& sums, bool whole, int y) {
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const int query = sums.query(i), row = part.row(query), head = part.head(query);
    if (query >= part.num_queries()) continue;
    float* partial = whole ? nullptr : partial_of(p, row, head, y);
    if (!whole && sums.is_first()) {
      partial[0] = sums.top(i);
      partial[1] = sums.total(i);
    }
    sums.for_each_column(i, p.cache.head_dim, [&](int column, float sum) {
      if (whole) {
        p.out[row * p.out_stride + int64_t(head) * p.cache.head_dim + column] = from_float<T>(sum / sums.total(i));
      } else {
        partial[2 + column] = sum;
      }
    });
  }
}

// By the last of `count` blocks of a part to come here.
template <class T, class Work>
__device__ __forceinline__ void merge(Work& work, const AttentionProblem<T>& p, const Part& part, int count) {
  const int dim = p.cache.head_dim;
  unsigned* ticket = p.ticket + int64_t(part.first_row) * p.num_heads + part.first_head;
  __syncthreads();
  if (threadIdx.x == 0) work.last = add_acquire_release(ticket, 1) == unsigned(count - 1);
  __syncthreads();
  if (!work.last) return;
  for (int i = int(threadIdx.x); i < part.num_queries() * dim; i += kAttentionThreads) {
    const int row = part.row(i / dim), head = part.head(i / dim);
    p.out[row * p.out_stride + int64_t(head) * dim + i % dim] = from_float<T>(merged(p, row, head, i % dim, count));
  }
  if (threadIdx.x == 0) *ticket = 0;
}

template <class T, int kDim, bool kMany>
__global__ void __launch_bounds__(kAttentionThreads, 2)
    attention_kernel(const __grid_constant__ Problems<AttentionProblem<T>> problems) {
  grid_launch_dependents();
  using Work = AttentionWork<kDim, kMany>;
  int block;
  const AttentionProblem<T>& p = problems.problem[problem_of_block(problems, int(blockIdx.x), block)];
  SMEM_DYN(Work, work);

  grid_wait();
  const Part part = part_of(p, block, Work::kQueries);
  if (part.num_rows <= 0) return;
  const int highest = p.places.position[part.first_row + part.num_rows - 1];
  const int window = p.window > 0 ? p.window : highest + 1;
  const int lowest = max(0, p.places.position[part.first_row] - window + 1);
  const int first_block = lowest / kAttentionBlock, count = highest / kAttentionBlock - first_block + 1;
  const bool split = gridDim.y > 1;
  if (split && int(blockIdx.y) >= count) return;

  load_queries(*work, p, part);
  const KvRows rows = {p.cache, p.places.pages + p.places.page_table[part.first_row], part.kv_head};
  AttentionSums<kDim, kMany> sums(*work);
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const int query = sums.query(i);
    const int position = query < part.num_queries() ? p.places.position[part.row(query)] : -1;
    sums.sees(i, max(0, position - window + 1), position);
  }
  const auto take = [&](int b) {
    sums.add(max(lowest, b * kAttentionBlock), min(highest + 1, (b + 1) * kAttentionBlock), rows);
  };
  if (split) {
    take(first_block + int(blockIdx.y));
    store(p, part, sums, count == 1, int(blockIdx.y));
    if (count > 1) merge(*work, p, part, count);
    return;
  }
  take(first_block);
  for (int b = 1; b < count; ++b) {
    sums.keep();
    take(first_block + b);
    sums.fold();
  }
  store(p, part, sums, true, 0);
}

template <class T>
bool has_many_rows(const AttentionProblem<T>& p) {
  const int64_t group = p.num_heads / p.cache.num_kv_heads;
  return p.lane_first && p.num_rows * group > int64_t(p.num_lanes) * kQueriesOfTile;
}

template <class T, int kDim, bool kMany>
void launch_attention(std::vector<AttentionProblem<T>>& problems, int max_blocks, Order order, stream_t stream) {
  using Work = AttentionWork<kDim, kMany>;
  static_assert(sizeof(Work) <= 99 << 10, "of a block of sm_86; two on an SM of sm_90");
  int64_t most = 0;
  bool has_scratch = true;
  const auto blocks_of = [](const AttentionProblem<T>& p) {
    const int kv_heads = p.cache.num_kv_heads, rows = p.rows_per_tile;
    const int tiles = rows == 1 ? p.num_rows : p.num_lanes + p.num_rows / rows;
    return int64_t(tiles) * kv_heads * head_parts(p.num_heads / kv_heads, Work::kQueries);
  };
  for (AttentionProblem<T>& p : problems) {
    const bool alone = !p.lane_first || p.num_rows == p.num_lanes;
    p.rows_per_tile = alone ? 1 : std::max(1, Work::kQueries / (p.num_heads / p.cache.num_kv_heads));
    most += blocks_of(p);
    has_scratch = has_scratch && p.partial;
  }
  const bool split = has_scratch && (!kMany || most < kEnoughBlocks);
  const auto go = [&](const Problems<AttentionProblem<T>>& batch, unsigned blocks) {
    const Grid grid(dim3(blocks, unsigned(split ? max_blocks : 1)), kAttentionThreads, order, sizeof(Work));
    launch(attention_kernel<T, kDim, kMany>, grid, stream, batch);
  };
  for_each_launch(problems.data(), int(problems.size()), blocks_of, go);
}

}  // namespace

template <class T>
void attention(const AttentionProblem<T>* problems, int num_problems, int max_blocks, Order order, stream_t stream) {
  std::vector<AttentionProblem<T>> batch(problems, problems + num_problems);
  int dim = 0;
  bool many = false;
  for (const AttentionProblem<T>& p : batch) {
    dim = std::max(dim, p.cache.head_dim);
    many = many || has_many_rows(p);
  }
  many = many && dim <= kMostColumnsOfMany;
  const auto go = dim > 128  ? launch_attention<T, 256, false>
                  : dim > 64 ? (many ? launch_attention<T, 128, true> : launch_attention<T, 128, false>)
                  : many     ? launch_attention<T, 64, true>
                             : launch_attention<T, 64, false>;
  go(batch, max_blocks, order, stream);
}

template void attention<bf16>(const AttentionProblem<bf16>*, int, int, Order, stream_t);
template void attention<f16>(const AttentionProblem<f16>*, int, int, Order, stream_t);

}  // namespace genarm::cuda
