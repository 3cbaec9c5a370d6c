#include "packing.h"

#include <cstring>

#include "../error.h"
#include "../half.h"

namespace genarm::cpu {
namespace {

constexpr int64_t kColumnUnit = 4;  // what the widest kernel step reads

template <Dtype dtype>
struct Stored;
template <>
struct Stored<Dtype::f32> {
  using Type = float;
  static float read(float x) { return x; }
  static float write(float x) { return x; }
};
template <>
struct Stored<Dtype::f16> {
  using Type = uint16_t;
  static float read(uint16_t x) { return f16_to_f32(x); }
  static uint16_t write(float x) { return f32_to_f16(x); }
};
template <>
struct Stored<Dtype::bf16> {
  using Type = uint16_t;
  static float read(uint16_t x) { return bf16_to_f32(x); }
  static uint16_t write(float x) { return f32_to_bf16(x); }
};

// One panel: `rows` rows of the source from `first_row`. The panel is zero before.
template <Dtype from, Dtype to>
void pack_panel(uint8_t* panel, const MatrixSource& source, int64_t first_row, int64_t rows) {
  using In = typename Stored<from>::Type;
  using Out = typename Stored<to>::Type;
  // Within a line of bf16 the two columns of a row are neighbours; in the other layouts the rows of a column are.
  constexpr int64_t row_step = to == Dtype::bf16 ? 2 : 1, odd_step = to == Dtype::bf16 ? 1 : kPanelRows;
  // A block of columns at a time, so that the 16 rows' cache lines are used up before they are evicted.
  constexpr int64_t kBlock = 64;
  // The source may lie anywhere in a mapped file: its numbers need not be aligned.
  const uint8_t* in = static_cast<const uint8_t*>(source.data) + first_row * source.columns * int64_t(sizeof(In));
  Out* out = reinterpret_cast<Out*>(panel);
  for (int64_t begin = 0; begin < source.columns; begin += kBlock) {
    const int64_t end = begin + kBlock < source.columns ? begin + kBlock : source.columns;
    for (int64_t row = 0; row < rows; ++row) {
      const uint8_t* numbers = in + row * source.columns * int64_t(sizeof(In));
      Out* line = out + row * row_step;
      for (int64_t k = begin; k < end; ++k) {
        In x;
        std::memcpy(&x, numbers + k * int64_t(sizeof(In)), sizeof x);
        Out& y = line[k / 2 * 2 * kPanelRows + k % 2 * odd_step];
        if constexpr (from == to) {
          y = x;
        } else {
          y = Stored<to>::write(Stored<from>::read(x));
        }
      }
    }
  }
}

using PackPanel = void (*)(uint8_t*, const MatrixSource&, int64_t, int64_t);

template <Dtype from>
PackPanel choose_packer(Dtype to) {
  switch (to) {
    case Dtype::f32: return pack_panel<from, Dtype::f32>;
    case Dtype::f16: return pack_panel<from, Dtype::f16>;
    case Dtype::bf16: return pack_panel<from, Dtype::bf16>;
    default: fail(GA_UNSUPPORTED, "weights cannot be kept as dtype %d on the CPU", int(to));
  }
}

PackPanel choose_packer(Dtype from, Dtype to) {
  switch (from) {
    case Dtype::f32: return choose_packer<Dtype::f32>(to);
    case Dtype::f16: return choose_packer<Dtype::f16>(to);
    case Dtype::bf16: return choose_packer<Dtype::bf16>(to);
    default: fail(GA_INVALID_ARGUMENT, "a matrix is stored as f32, f16 or bf16, got dtype %d", int(from));
  }
}

int64_t round_up(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

}  // namespace

PackedMatrix::~PackedMatrix() = default;

std::unique_ptr<PackedMatrix> shape_matrix(int64_t rows, int64_t columns, int64_t row_group, Dtype dtype) {
  REQUIRE(rows > 0 && columns > 0, "a matrix needs rows and columns, got %lld x %lld", static_cast<long long>(rows),
          static_cast<long long>(columns));
  const int64_t group = row_group > 0 ? row_group : rows;
  REQUIRE(rows % group == 0, "%lld rows are not whole groups of %lld", static_cast<long long>(rows),
          static_cast<long long>(group));
  auto matrix = std::make_unique<PackedMatrix>();
  matrix->rows = rows;
  matrix->columns = columns;
  matrix->dtype = dtype;
  matrix->group_rows = group;
  matrix->group_panels = round_up(group, kPanelRows) / kPanelRows;
  matrix->num_panels = rows / group * matrix->group_panels;
  return matrix;
}

void allocate_panels(PackedMatrix& matrix) {
  matrix.memory = Memory(size_t(matrix.num_panels * matrix.panel_bytes));
  matrix.bytes = int64_t(matrix.memory.size());
  matrix.panels = static_cast<const uint8_t*>(matrix.memory.data());
}

std::unique_ptr<PackedMatrix> pack_matrix(ThreadPool& pool, const MatrixSource& source, Dtype dtype) {
  if (dtype == Dtype::int8 || dtype == Dtype::int4) return quantise_matrix(pool, source, dtype);
  const PackPanel packer = choose_packer(source.dtype, dtype);
  auto matrix = shape_matrix(source.rows, source.columns, source.row_group, dtype);
  matrix->padded_columns = round_up(source.columns, kColumnUnit);
  matrix->panel_bytes = matrix->padded_columns * kPanelRows * (dtype == Dtype::f32 ? 4 : 2);
  allocate_panels(*matrix);
  each_panel(pool, *matrix, [&](int64_t panel, int64_t first, int64_t rows) {
    packer(static_cast<uint8_t*>(matrix->memory.data()) + panel * matrix->panel_bytes, source, first, rows);
  });
  return matrix;
}

}  // namespace genarm::cpu
