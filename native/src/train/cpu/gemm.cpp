// The panels of B go side by side in a block that stays in L2, the tile of C stays in registers, A is read where it
// lies if its rows are contiguous and packed otherwise. Bound by the multipliers from about 64 x 64 x 64 on.
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

// out[tile][k][kTileRows] of rows that are not contiguous; what lies beyond the last row is not read.
void pack_a(float* out, const Product& p, int64_t k0, int64_t depth, int64_t m0, int64_t rows) {
  for (int64_t i0 = 0; i0 < rows; i0 += kTileRows, out += depth * kTileRows) {
    const int height = int(smaller(kTileRows, rows - i0));
    const float* from = p.a + (m0 + i0) * p.a_row + k0 * p.a_column;
    for (int64_t k = 0; k < depth; ++k) {
      for (int i = 0; i < height; ++i) out[k * kTileRows + i] = from[k * p.a_column + i];
    }
  }
}

// Rows [m0, m0 + rows) of C, columns [n0, n0 + columns), over [k0, k0 + depth).
void multiply_packed(const Product& p, const float* packed_a, const float* panels, int64_t m0, int64_t rows, int64_t n0,
                     int64_t columns, int64_t k0, int64_t depth) {
  for (int64_t j = 0; j < columns; j += kTileColumns, panels += depth * kTileColumns) {
    const int64_t width = smaller(kTileColumns, columns - j);
    const int vectors = width <= 16 ? 1 : kTileVectors;
    for (int64_t i = 0; i < rows; i += kTileRows) {
      const int height = int(smaller(kTileRows, rows - i));
      const float* a = packed_a ? packed_a + i * depth : p.a + (m0 + i) * p.a_row + k0;
      kTiles<F32>[packed_a != nullptr].tile[height][vectors](p.c + (m0 + i) * p.ldc + n0 + j, p.ldc, a, p.a_row, panels,
                                                             depth, start_of(p, k0, m0 + i, n0 + j), width);
    }
  }
}

// A sum of nothing.
void multiply_empty(const Product& p) {
  for (int64_t i = 0; i < p.m; ++i) {
    for (int64_t j = 0; j < p.n; ++j) p.c[i * p.ldc + j] = p.start ? p.start[i * p.start_row + j] : 0.0f;
  }
}

bool reads_in_place(const Product& p) { return p.a_column == 1; }

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
  float* panels = scratch;
  float* packed_a = reads_in_place(p) ? nullptr : scratch + kBlockK * kBlockColumns;
  for (int64_t k0 = 0; k0 < p.k; k0 += kBlockK) {
    const int64_t depth = smaller(kBlockK, p.k - k0);
    for (int64_t n0 = 0; n0 < p.n; n0 += kBlockColumns) {
      const int64_t columns = smaller(kBlockColumns, p.n - n0);
      pack_b(panels, p, k0, depth, n0, columns);
      for (int64_t m0 = 0; m0 < p.m; m0 += kBlockRows) {
        const int64_t rows = smaller(kBlockRows, p.m - m0);
        if (packed_a) pack_a(packed_a, p, k0, depth, m0, rows);
        multiply_packed(p, packed_a, panels, m0, rows, n0, columns, k0, depth);
      }
    }
  }
}

void multiply(TrainContext& context, const Product* products, int32_t count) {
  ensure_scratch(context, gemm_scratch_bytes());
  Tasks tasks[kMaxProducts];
  int64_t total = 0;
  for (int32_t i = 0; i < count; ++i) {
    const bool packs_a = context.bf16 || !reads_in_place(products[i]);
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
