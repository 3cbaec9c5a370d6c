// attention: out = softmax(q k / sqrt(head_dim)) v over the positions that a row sees.
//
// A query's positions are taken in blocks of 256 counted from position 0. Each block gives its own maximum, mass and
// weighted sum; blocks are merged in order. So the result is the same bits whether one thread takes all blocks, or
// several share them and the last to finish merges (few lanes, long context), and whatever rows share the task.
//
// A task is a block of rows of one lane and one kv head: all its queries read the same keys and values. Bound by
// reading those.
#include "dense.h"
#include "law.h"
#include "operations.h"

namespace genarm::cpu::GENARM_ISA {
namespace {

constexpr int kBlock = 256;     // positions
constexpr int kQueries = 32;    // of a task: rows x heads of the kv head's group
constexpr int kMaxSplitBytes = 32 << 20;

#if defined(__AVX512F__)
constexpr int kTileQueries = 4, kTileVectors = 4;
#elif defined(__AVX2__)
constexpr int kTileQueries = 2, kTileVectors = 2;
#else
constexpr int kTileQueries = 1, kTileVectors = 1;
#endif

// A block of rows of one lane; its tasks are head sets x splits. A head set is the heads that read one kv head, or a
// part of them where they are more than a task's queries.
struct RowBlock {
  int64_t first_task;
  float* partials;    // [head set][block][query][state], where several tasks share the blocks
  uint32_t* arrived;  // [head set] splits that have ended
  int32_t problem, row, rows;
  int32_t block_begin, block_end, num_splits;
};

// What a query has seen: weighted sum [head_dim, padded], then maximum and mass.
int64_t state_floats(int32_t head_dim) { return round_up(head_dim, 16) + 16; }

struct Query {
  int64_t begin, end;  // positions it sees
};

int32_t group_of(const AttentionArgs& args) { return args.num_heads / args.cache.num_kv_heads; }
int32_t parts_of(const AttentionArgs& args) { return (group_of(args) + kQueries - 1) / kQueries; }
int32_t head_sets(const AttentionArgs& args) { return args.cache.num_kv_heads * parts_of(args); }
int32_t rows_per_block(const AttentionArgs& args) { return int32_t(larger(1, kQueries / group_of(args))); }

int32_t most_queries(const AttentionArgs& args, const RowBlock& block) {
  return block.rows * ((group_of(args) + parts_of(args) - 1) / parts_of(args));
}

// One task: the queries of a row block and a head set; query i is head first_head + i % heads of row i / heads.
struct Work {
  const AttentionArgs& args;
  const RowBlock& block;
  int32_t kv_head, head_dim, first_head, heads, queries;
  float* q;       // [queries][head_dim], scaled
  float* scores;  // [kTileQueries][kBlock]
  Query query[kQueries];

  const float* keys(int64_t position) const {
    const KvCache& c = args.cache;
    const int64_t page = args.rows.pages[args.rows.page_table[block.row] + position / c.page_size];
    return c.data + ((int64_t(args.layer) * c.num_pages + page) * c.num_kv_heads + kv_head) * 2 * head_dim * c.page_size;
  }
  // The value row of a position; its page's rows follow each other.
  const float* values(int64_t position) const {
    const int64_t size = args.cache.page_size;
    return keys(position) + head_dim * size + position % size * head_dim;
  }
};

// scores[i][position - base] of Q queries for V vectors of 16 positions from `position`.
template <int Q, int V>
void score_tile(const Work& work, int first, int64_t base, int64_t position) {
  const int64_t size = work.args.cache.page_size;
  const float* k[V];
  f32x16 acc[Q][V];
  GENARM_UNROLL
  for (int v = 0; v < V; ++v) {
    k[v] = work.keys(position + 16 * v) + (position + 16 * v) % size;
    GENARM_UNROLL
    for (int i = 0; i < Q; ++i) acc[i][v] = zero();
  }
  const float* q = work.q + int64_t(first) * work.head_dim;
  for (int32_t d = 0; d < work.head_dim; ++d) {
    GENARM_UNROLL
    for (int v = 0; v < V; ++v) {
      const f32x16 key = load(k[v] + d * size);
      GENARM_UNROLL
      for (int i = 0; i < Q; ++i) acc[i][v] = fma(key, broadcast(q[i * work.head_dim + d]), acc[i][v]);
    }
  }
  GENARM_UNROLL
  for (int i = 0; i < Q; ++i) {
    GENARM_UNROLL
    for (int v = 0; v < V; ++v) store(work.scores + i * kBlock + (position - base) + 16 * v, acc[i][v]);
  }
}

template <int Q>
void score_range(const Work& work, int first, int64_t base, int64_t begin, int64_t end) {
  int64_t position = begin / 16 * 16;
  for (; position + 16 * kTileVectors <= round_up(end, 16); position += 16 * kTileVectors)
    score_tile<Q, kTileVectors>(work, first, base, position);
  for (; position < end; position += 16) score_tile<Q, 1>(work, first, base, position);
}

// out[i] += sum over positions [begin, end) of scores[i] * v for Q queries, D vectors of the head from `column`.
template <int Q, int D>
void weigh_tile(const Work& work, float* const* out, int first, int64_t base, int64_t begin, int64_t end, int32_t column) {
  const int64_t size = work.args.cache.page_size, dim = work.head_dim;
  const int lanes = int(smaller(16, dim - column));  // the last vector may be short, and is then alone
  f32x16 acc[Q][D];
  GENARM_UNROLL
  for (int i = 0; i < Q; ++i) {
    GENARM_UNROLL
    for (int d = 0; d < D; ++d) acc[i][d] = load(out[i] + column + 16 * d);
  }
  for (int64_t s = begin; s < end;) {
    const int64_t stop = smaller(end, (s / size + 1) * size);
    const float* v = work.values(s) + column;
    for (; s < stop; ++s, v += dim) {
      GENARM_UNROLL
      for (int d = 0; d < D; ++d) {
        const f32x16 value = D == 1 ? load_partial(v, lanes) : load(v + 16 * d);
        GENARM_UNROLL
        for (int i = 0; i < Q; ++i)
          acc[i][d] = fma(broadcast(work.scores[(first + i) * kBlock + (s - base)]), value, acc[i][d]);
      }
    }
  }
  GENARM_UNROLL
  for (int i = 0; i < Q; ++i) {
    GENARM_UNROLL
    for (int d = 0; d < D; ++d) store(out[i] + column + 16 * d, acc[i][d]);
  }
}

template <int Q>
void weigh(const Work& work, float* const* out, int first, int64_t base, int64_t begin, int64_t end) {
  if (begin >= end) return;
  int32_t column = 0;
  for (; column + 16 * kTileVectors <= work.head_dim; column += 16 * kTileVectors)
    weigh_tile<Q, kTileVectors>(work, out, first, base, begin, end, column);
  for (; column < work.head_dim; column += 16) weigh_tile<Q, 1>(work, out, first, base, begin, end, column);
}

// Turns a query's scores of [begin, end) into exp(score - maximum); gives the maximum and the mass.
void soften(float* scores, int64_t base, int64_t begin, int64_t end, float* top, float* sum) {
  f32x16 best = broadcast(-kInfinity);
  for (int64_t s = begin / 16 * 16; s < end; s += 16) {
    f32x16 v = load(scores + (s - base));
    if (s < begin) v = select(first_lanes(int(begin - s)), broadcast(-kInfinity), v);
    if (s + 16 > end) v = select(first_lanes(int(end - s)), v, broadcast(-kInfinity));
    store(scores + (s - base), v);
    best = maximum(v, best);
  }
  *top = reduce_max(best);
  f32x16 total = zero();
  for (int64_t s = begin / 16 * 16; s < end; s += 16) {
    const f32x16 p = exp(load(scores + (s - base)) - broadcast(*top));
    store(scores + (s - base), p);
    total = total + p;
  }
  *sum = reduce_add(total);
}

// The partial states of queries first .. first + Q - 1 over one block, to state + i * stride.
template <int Q>
void attend_tile(const Work& work, float* state, int64_t stride, int first, int64_t base) {
  int64_t begin[Q], end[Q];
  float* out[Q];
  int64_t low = base + kBlock, high = base, common_low = base, common_high = base + kBlock;
  const int32_t padded = int32_t(round_up(work.head_dim, 16));
  for (int i = 0; i < Q; ++i) {
    begin[i] = larger(base, work.query[first + i].begin);
    end[i] = smaller(base + kBlock, work.query[first + i].end);
    if (begin[i] < end[i]) {
      low = smaller(low, begin[i]);
      high = larger(high, end[i]);
    }
    common_low = larger(common_low, begin[i]);
    common_high = smaller(common_high, end[i]);
    out[i] = state + i * stride;
    for (int32_t d = 0; d < padded; d += 16) store(out[i] + d, zero());
  }
  if (low < high) score_range<Q>(work, first, base, low, high);
  for (int i = 0; i < Q; ++i) {
    out[i][padded] = -kInfinity;
    out[i][padded + 1] = 0;
    if (begin[i] < end[i])
      soften(work.scores + i * kBlock, base, begin[i], end[i], out[i] + padded, out[i] + padded + 1);
  }
  // Values are never multiplied by a weight of 0: what lies beyond a row's positions may be anything.
  if (common_low >= common_high) {
    for (int i = 0; i < Q; ++i) weigh<1>(work, out + i, i, base, begin[i], end[i]);
    return;
  }
  for (int i = 0; i < Q; ++i) weigh<1>(work, out + i, i, base, begin[i], common_low);
  weigh<Q>(work, out, 0, base, common_low, common_high);
  for (int i = 0; i < Q; ++i) weigh<1>(work, out + i, i, base, common_high, end[i]);
}

// The partial states of all queries over the block at `base`.
void attend(const Work& work, float* states, int64_t stride, int64_t base) {
  int i = 0;
  for (; i + kTileQueries <= work.queries; i += kTileQueries)
    attend_tile<kTileQueries>(work, states + i * stride, stride, i, base);
  for (; i < work.queries; ++i) attend_tile<1>(work, states + i * stride, stride, i, base);
}

// state = merge(state, partial); both end in their maximum and mass. A partial that saw nothing leaves it alone.
void merge(float* state, const float* partial, int32_t padded) {
  const float seen = state[padded], top = partial[padded];
  if (partial[padded + 1] == 0) return;
  if (state[padded + 1] == 0) {
    memcpy(state, partial, size_t(padded + 2) * sizeof(float));
    return;
  }
  const float both = seen > top ? seen : top;
  const f32x16 a = exp(broadcast(seen - both)), b = exp(broadcast(top - both));
  for (int32_t d = 0; d < padded; d += 16) store(state + d, fma(load(partial + d), b, load(state + d) * a));
  float scale[2][16];
  store(scale[0], a);
  store(scale[1], b);
  state[padded] = both;
  state[padded + 1] = state[padded + 1] * scale[0][0] + partial[padded + 1] * scale[1][0];
}

void write_out(const Work& work, const float* states, int64_t stride) {
  const int32_t padded = int32_t(round_up(work.head_dim, 16));
  for (int i = 0; i < work.queries; ++i) {
    const int64_t row = work.block.row + i / work.heads, head = work.first_head + i % work.heads;
    float* out = work.args.out + (row * work.args.num_heads + head) * work.head_dim;
    const f32x16 mass = broadcast(states[i * stride + padded + 1]);
    for (int32_t d = 0; d < work.head_dim; d += 16) {
      store_partial(out + d, load(states + i * stride + d) / mass, int(smaller(16, work.head_dim - d)));
    }
  }
}

void read_queries(Work& work) {
  const AttentionArgs& args = work.args;
  const float scale = 1.0f / __builtin_sqrtf(float(work.head_dim));
  for (int i = 0; i < work.queries; ++i) {
    const int64_t row = work.block.row + i / work.heads, head = work.first_head + i % work.heads;
    const float* q = args.q + (row * args.num_heads + head) * work.head_dim;
    for (int32_t d = 0; d < work.head_dim; ++d) work.q[int64_t(i) * work.head_dim + d] = q[d] * scale;
    const int64_t position = args.rows.position[row];
    work.query[i].begin = args.window > 0 ? larger(0, position - args.window + 1) : 0;
    work.query[i].end = position + 1;
  }
}

// The first and the one after the last block that a row block sees.
void find_blocks(const AttentionArgs& args, RowBlock& block) {
  const int64_t first = args.rows.position[block.row], last = args.rows.position[block.row + block.rows - 1];
  block.block_begin = int32_t((args.window > 0 ? larger(0, first - args.window + 1) : 0) / kBlock);
  block.block_end = int32_t(last / kBlock + 1);
}

Work begin_work(const AttentionArgs& args, const RowBlock& block, int32_t head_set, float* memory) {
  const int32_t dim = args.cache.head_dim, group = group_of(args), parts = parts_of(args);
  const int32_t kv_head = head_set / parts, part = head_set % parts;
  const int32_t first = part * group / parts, heads = (part + 1) * group / parts - first;
  Work work{args, block, kv_head, dim, kv_head * group + first, heads, block.rows * heads,
            memory, memory + round_up(int64_t(kQueries) * dim, 16), {}};
  read_queries(work);
  return work;
}

void run_task(Context& context, const AttentionArgs* problems, const RowBlock& block, int64_t index, int thread) {
  const AttentionArgs& args = problems[block.problem];
  const int32_t padded = int32_t(round_up(args.cache.head_dim, 16));
  const int64_t stride = state_floats(args.cache.head_dim);
  const int32_t head_set = int32_t(index / block.num_splits), split = int32_t(index % block.num_splits);
  float* memory = reinterpret_cast<float*>(context.threads[thread].data);
  const Work work = begin_work(args, block, head_set, memory);
  float* partial = work.scores + kTileQueries * kBlock;
  float* state = partial + kQueries * stride;

  const int32_t blocks = block.block_end - block.block_begin;
  if (block.num_splits == 1) {
    for (int i = 0; i < work.queries; ++i) state[i * stride + padded + 1] = 0;
    for (int32_t b = block.block_begin; b < block.block_end; ++b) {
      attend(work, partial, stride, int64_t(b) * kBlock);
      for (int i = 0; i < work.queries; ++i) merge(state + i * stride, partial + i * stride, padded);
    }
    write_out(work, state, stride);
    return;
  }
  float* all = block.partials + int64_t(head_set) * blocks * most_queries(args, block) * stride;
  const int32_t begin = int32_t(int64_t(split) * blocks / block.num_splits);
  const int32_t end = int32_t(int64_t(split + 1) * blocks / block.num_splits);
  for (int32_t b = begin; b < end; ++b) {
    attend(work, all + int64_t(b) * work.queries * stride, stride, int64_t(block.block_begin + b) * kBlock);
  }
  if (__atomic_add_fetch(block.arrived + head_set, 1, __ATOMIC_ACQ_REL) != uint32_t(block.num_splits)) return;
  for (int32_t b = 0; b < blocks; ++b) {
    const float* from = all + int64_t(b) * work.queries * stride;
    if (b == 0) memcpy(state, from, size_t(work.queries * stride) * sizeof(float));
    for (int i = 0; b > 0 && i < work.queries; ++i) merge(state + i * stride, from + i * stride, padded);
  }
  write_out(work, state, stride);
}

size_t task_bytes(int32_t head_dim) {
  const int64_t queries = round_up(int64_t(kQueries) * head_dim, 16);
  return size_t(queries + kTileQueries * kBlock + 2 * kQueries * state_floats(head_dim)) * sizeof(float);
}

int32_t count_row_blocks(const AttentionArgs& args) {
  int32_t count = 0;
  for (int32_t lane = 0; lane < args.rows.num_lanes; ++lane) {
    const int32_t rows = args.rows.lane_first[lane + 1] - args.rows.lane_first[lane];
    count += (rows + rows_per_block(args) - 1) / rows_per_block(args);
  }
  return count;
}

int32_t list_row_blocks(const AttentionArgs& args, int32_t problem, RowBlock* out) {
  int32_t count = 0;
  for (int32_t lane = 0; lane < args.rows.num_lanes; ++lane) {
    const int32_t end = args.rows.lane_first[lane + 1];
    for (int32_t row = args.rows.lane_first[lane]; row < end; row += rows_per_block(args)) {
      RowBlock& block = out[count++];
      block = {0, nullptr, nullptr, problem, row, int32_t(smaller(rows_per_block(args), end - row)), 0, 0, 1};
      find_blocks(args, block);
    }
  }
  return count;
}

// Floats of a row block's partial states.
int64_t partial_floats(const AttentionArgs& args, const RowBlock& block) {
  return int64_t(head_sets(args)) * most_queries(args, block) *
         (block.block_end - block.block_begin) * state_floats(args.cache.head_dim);
}

}  // namespace

size_t attention_thread_bytes(int32_t head_dim) { return task_bytes(head_dim); }

size_t attention_shared_bytes(const Backend::Limits& limits) {
  return size_t(limits.max_rows) * (sizeof(RowBlock) + size_t(limits.max_heads) * sizeof(uint32_t)) + kMaxSplitBytes;
}

void attention(Context& context, const AttentionArgs* problems, int32_t num_problems) {
  int64_t num_blocks = 0, tasks = 0, num_arrived = 0, floats = 0;
  size_t thread_bytes = 0;
  for (int32_t i = 0; i < num_problems; ++i) {
    const int32_t count = count_row_blocks(problems[i]);
    num_blocks += count;
    num_arrived += int64_t(count) * head_sets(problems[i]);
    thread_bytes = size_t(larger(int64_t(thread_bytes), int64_t(task_bytes(problems[i].cache.head_dim))));
  }
  ensure_threads(context, thread_bytes);
  // What a task cut the work into would be without splits decides whether to split.
  const int64_t wanted = context.num_threads == 1 ? 0 : 3 * context.num_threads;
  const int64_t splits = num_arrived > 0 ? (wanted + num_arrived - 1) / num_arrived : 1;
  const size_t list_bytes = size_t(round_up(num_blocks * int64_t(sizeof(RowBlock)) + num_arrived * 4, 64));
  uint8_t* shared = ensure_shared(context, list_bytes + (splits > 1 ? kMaxSplitBytes : 0));
  RowBlock* blocks = reinterpret_cast<RowBlock*>(shared);
  uint32_t* arrived = reinterpret_cast<uint32_t*>(blocks + num_blocks);
  float* partials = reinterpret_cast<float*>(shared + list_bytes);
  memset(arrived, 0, size_t(num_arrived) * sizeof(uint32_t));

  for (int32_t i = 0, at = 0; i < num_problems; ++i) at += list_row_blocks(problems[i], i, blocks + at);
  for (int64_t i = 0; i < num_blocks; ++i) {
    RowBlock& block = blocks[i];
    const AttentionArgs& args = problems[block.problem];
    const int64_t own = partial_floats(args, block);
    if (splits > 1 && (floats + own) * int64_t(sizeof(float)) <= kMaxSplitBytes) {
      block.num_splits = int32_t(smaller(splits, block.block_end - block.block_begin));
      block.partials = partials + floats;
      floats += own;
    }
    block.arrived = arrived;
    arrived += head_sets(args);
    block.first_task = tasks;
    tasks += int64_t(head_sets(args)) * block.num_splits;
  }
  parallel(context, tasks, [&](int64_t index, int thread) {
    int64_t low = 0, high = num_blocks - 1;  // the last row block whose first task is not after this one
    while (low < high) {
      const int64_t middle = (low + high + 1) / 2;
      if (blocks[middle].first_task <= index) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    run_task(context, problems, blocks[low], index - blocks[low].first_task, thread);
  });
}

}  // namespace genarm::cpu::GENARM_ISA
