// The panels of B go side by side in a block that stays in L2, the tile of C stays in registers, A is read where it
// lies if its rows are contiguous and lie well, and from scratch otherwise. Bound by the multipliers from about
// 64 x 64 x 64 on.
#include "gemm_tile.h"

namespace genarm::cpu::GENARM_ISA {
namespace {

constexpr int64_t kBlockK = 256;    // A and B blocks: 448 KiB, half of L2
constexpr int64_t kTaskRows = 768;  // where A is not packed: B's block is packed once for so many rows

struct F32 {
  using Word = float;
  using Line = f32x16;
  GENARM_INLINE static Line line(const float* b) { return load(b); }
  GENARM_INLINE static f32x16 dot(f32x16 sum, Line b, float a) { return fma(broadcast(a), b, sum); }
};

// out[panel][k][kTileColumns], zeros beyond the last column.
void pack_b(float* out, const Product& p, int64_t k0, int64_t depth, int64_t n0, int64_t columns) {
  for (int64_t j0 = 0; j0 < columns; j0 += kTileColumns, out += depth * kTileColumns) {
    const int64_t width = smaller(kTileColumns, columns - j0);
    const float* from = p.b + k0 * p.b_row + (n0 + j0) * p.b_column;
    if (p.b_column == 1) {
      for (int64_t k = 0; k < depth; ++k) {
        GENARM_UNROLL
        for (int v = 0; v < kTileVectors; ++v) {
          store(out + k * kTileColumns + 16 * v, load_columns<kTileVectors>(from + k * p.b_row, v, width));
        }
      }
    } else {
      transpose(out, kTileColumns, from, p.b_column, width, depth);
    }
  }
}

// Rows a multiple of so many floats apart lie in the same sets of L1, which has fewer ways than a tile has rows.
constexpr int64_t kSetsApart = 1024;

// How a tile reads A's rows: where they lie, or from scratch, whose lines then follow each other.
enum class Reading { kInPlace, kCopied, kPacked };
Reading reading_of(const Product& p) {
  if (p.a_column != 1) return Reading::kPacked;
  return p.a_row % kSetsApart == 0 ? Reading::kCopied : Reading::kInPlace;
}

// out[row][k]
void copy_a(float* out, const Product& p, int64_t k0, int64_t depth, int64_t m0, int64_t rows) {
  const float* from = p.a + m0 * p.a_row + k0;
  for (int64_t i = 0; i < rows; ++i) memcpy(out + i * depth, from + i * p.a_row, size_t(depth) * sizeof(float));
}

// out[tile][k][kTileRows] of columns that are contiguous, read in runs across the tiles: columns that lie badly in L1
// leave it before the next tile. A line writes over the next ones, which follow, as long as they are of its tile.
void pack_a(float* out, const Product& p, int64_t k0, int64_t depth, int64_t m0, int64_t rows) {
  constexpr int64_t kRun = 4;
  for (int64_t run = 0; run < depth; run += kRun) {
    const int64_t last = smaller(depth, run + kRun);
    for (int64_t i = 0; i < rows; i += kTileRows) {
      const int from_there = int(smaller(16, rows - i)), height = int(smaller(kTileRows, rows - i));
      for (int64_t k = run; k < last; ++k) {
        const f32x16 line = load_partial(p.a + m0 + i + (k0 + k) * p.a_column, from_there);
        float* to = out + i * depth + k * kTileRows;
        (depth - k) * kTileRows >= 16 ? store(to, line) : store_partial(to, line, height);
      }
    }
  }
}

// Rows [m0, m0 + rows) of C, columns [n0, n0 + columns), over [k0, k0 + depth). `scratch`: A's rows that were moved.
void multiply_rows(const Product& p, const float* scratch, const float* panels, int64_t m0, int64_t rows, int64_t n0,
                   int64_t columns, int64_t k0, int64_t depth) {
  const Reading reading = reading_of(p);
  const bool packed = reading == Reading::kPacked;
  const float* from = reading == Reading::kInPlace ? p.a + m0 * p.a_row + k0 : scratch;
  const int64_t row = reading == Reading::kInPlace ? p.a_row : depth;  // a packed tile has as many words as its rows
  for (int64_t j = 0; j < columns; j += kTileColumns, panels += depth * kTileColumns) {
    const int64_t width = smaller(kTileColumns, columns - j);
    const int vectors = width <= 16 ? 1 : kTileVectors;
    for (int64_t i = 0; i < rows; i += kTileRows) {
      const int height = int(smaller(kTileRows, rows - i));
      kTiles<F32>[packed].tile[height][vectors](p.c + (m0 + i) * p.ldc + n0 + j, p.ldc, from + i * row, row, panels, depth,
                                                start_of(p, k0, m0 + i, n0 + j), width);
    }
  }
}

// A sum of nothing.
void multiply_empty(const Product& p) {
  for (int64_t i = 0; i < p.m; ++i) {
    for (int64_t j = 0; j < p.n; ++j) p.c[i * p.ldc + j] = p.start ? p.start[i * p.start_row + j] : 0.0f;
  }
}

// A product as equal tasks.
struct Tasks {
  int64_t rows, columns, across, count;
};

// Multiplying takes a cycle for 16 products, packing about one an element: B's once for each run of rows, A's once for
// each run of columns. The cheapest cut that has enough tasks for every thread to stay busy until the end.
Tasks tasks_of(const Product& p, int64_t num_threads, bool packs_a) {
  const auto runs = [](int64_t n, int64_t size) { return (n + size - 1) / size; };
  const int64_t wanted = num_threads > 1 ? 4 * num_threads : 1;
  const int64_t fewest = larger(1, runs(p.m, packs_a ? kBlockRows : kTaskRows));
  Tasks best{kTileRows, kTileColumns, 1, 0};
  double least = 0;
  for (int64_t down = fewest; down < fewest + wanted; ++down) {
    Tasks t;
    t.rows = round_up(larger(1, runs(p.m, down)), kTileRows);
    const int64_t across = larger(runs(p.n, kBlockColumns), runs(wanted, down));
    t.columns = round_up(larger(1, runs(p.n, across)), kTileColumns);
    t.across = runs(p.n, t.columns);
    t.count = runs(p.m, t.rows) * t.across;
    if (t.count == 0) return t;
    const double task = double(t.rows * t.columns) / 16 + double(t.columns) + (packs_a ? double(t.rows) : 0);
    const double cost = task * double(runs(t.count, num_threads));
    if (best.count > 0 && cost >= least) continue;
    best = t;
    least = cost;
  }
  return best;
}

Product part_of(const Product& p, const Tasks& tasks, int64_t index) {
  const int64_t i = index / tasks.across * tasks.rows, j = index % tasks.across * tasks.columns;
  Product part = p;
  part.c += i * p.ldc + j;
  part.a += i * p.a_row;
  part.b += j * p.b_column;
  if (p.start) part.start += i * p.start_row + j;
  part.m = smaller(tasks.rows, p.m - i);
  part.n = smaller(tasks.columns, p.n - j);
  return part;
}

}  // namespace

size_t gemm_scratch_bytes() { return size_t(kBlockK * (kBlockColumns + kBlockRows)) * sizeof(float) + kLineBytes; }

void multiply_block(const Product& p, float* scratch) {
  if (p.k == 0) return multiply_empty(p);
  float *panels = scratch, *moved = scratch + kBlockK * kBlockColumns;
  const Reading reading = reading_of(p);
  for (int64_t k0 = 0; k0 < p.k; k0 += kBlockK) {
    const int64_t depth = smaller(kBlockK, p.k - k0);
    for (int64_t n0 = 0; n0 < p.n; n0 += kBlockColumns) {
      const int64_t columns = smaller(kBlockColumns, p.n - n0);
      pack_b(panels, p, k0, depth, n0, columns);
      for (int64_t m0 = 0; m0 < p.m; m0 += kBlockRows) {
        const int64_t rows = smaller(kBlockRows, p.m - m0);
        if (reading == Reading::kCopied) copy_a(moved, p, k0, depth, m0, rows);
        if (reading == Reading::kPacked) pack_a(moved, p, k0, depth, m0, rows);
        multiply_rows(p, moved, panels, m0, rows, n0, columns, k0, depth);
      }
    }
  }
}

void multiply(TrainContext& context, const Product* products, int32_t count) {
  ensure_scratch(context, gemm_scratch_bytes());
  Tasks tasks[kMaxProducts];
  int64_t total = 0;
  for (int32_t i = 0; i < count; ++i) {
    const bool packs_a = context.bf16 || reading_of(products[i]) != Reading::kInPlace;
    total += (tasks[i] = tasks_of(products[i], context.num_threads, packs_a)).count;
  }
  parallel(context, total, [&](int64_t index, float* scratch) {
    int32_t i = 0;
    for (; index >= tasks[i].count; ++i) index -= tasks[i].count;
    const Product part = part_of(products[i], tasks[i], index);
    context.bf16 ? multiply_block_bf16(part, scratch) : multiply_block(part, scratch);
  });
}

}  // namespace genarm::cpu::GENARM_ISA
