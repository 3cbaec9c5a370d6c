#include "cuda/quantised.h"

#include <algorithm>
#include <cstring>

#include "error.h"
#include "half.h"
#include "quantise.h"

namespace genarm::cuda {
namespace {

static_assert(kQuantBlock == kSlabColumns, "a slab has one scale");

void reserve(QuantisedMatrix& m) {
  m.number.assign(size_t(m.rows * m.columns), 0);
  m.scale.assign(size_t(m.rows * (m.columns / kQuantBlock)), 0);
}

uint32_t word_at(const uint8_t* words, int64_t i) {
  uint32_t word;
  memcpy(&word, words + 4 * i, 4);
  return word;
}

// Packed columns group by group; the group of each block.
std::vector<int32_t> order_columns(const GptqSource& source, std::vector<int32_t>& group_of_block) {
  std::vector<std::vector<int32_t>> members(size_t(source.num_groups));
  for (int64_t k = 0; k < source.columns; ++k) members[size_t(source.group[k])].push_back(int32_t(k));
  std::vector<int32_t> order;
  for (size_t g = 0; g < members.size(); ++g) {
    order.insert(order.end(), members[g].begin(), members[g].end());
    while (order.size() % kQuantBlock != 0) order.push_back(-1);
    group_of_block.resize(order.size() / kQuantBlock, int32_t(g));
  }
  return order;
}

bool only_padded(const std::vector<int32_t>& order, int64_t columns) {
  for (size_t k = 0; k < order.size(); ++k)
    if (order[k] != (int64_t(k) < columns ? int32_t(k) : -1)) return false;
  return true;
}

// The row of the matrix that a packed row holds, -1: none.
int64_t source_row(int64_t packed, int64_t rows, int head_dim) {
  if (head_dim == 0) return packed < rows ? packed : -1;
  const int half = head_dim / 2;
  const int64_t tile = packed / kTileRows, pair = tile / 2 % pairs_of_head(head_dim), head = tile / 2 / pairs_of_head(head_dim);
  const int64_t in_half = pair * kTileRows + packed % kTileRows;
  return in_half < half ? head * head_dim + tile % 2 * half + in_half : -1;
}

// Number 8 * (4 * step + ..) of a lane: where (row of the tile, column of the slab) lies.
struct Place {
  int lane, step, pair, odd;
};
Place place_of(int row, int column) {
  return {row % 8 * 4 + column / 8, column % 8 / 4, column % 4 / 2 * 2 + row / 8, column % 2};
}

void put_number(uint8_t* numbers, Format format, int slab, const Place& at, uint8_t number) {
  if (format == Format::int8) {
    numbers[slab * 512 + at.lane * 16 + at.step * 8 + at.pair * 2 + at.odd] = number;
    return;
  }
  uint8_t* word = numbers + (slab / 2 * 128 + at.lane * 4 + slab % 2 * 2 + at.step) * 4;
  const int bit = 4 * at.pair + 16 * at.odd;
  word[bit / 8] |= uint8_t(number << bit % 8);
}

void put_pair(uint8_t* words, int slabs, int slab, int row, uint16_t bits) {
  memcpy(words + ((row % 8 * slabs + slab) * 2 + row / 8) * 2, &bits, 2);
}

// Row `row` of a tile; the rest of its last unit stays 0.
void pack_row(uint8_t* tile, int row, const QuantisedMatrix& m, int64_t source) {
  const int slabs = unit_slabs(m.format);
  for (int64_t block = 0; block < m.columns / kQuantBlock; ++block) {
    uint8_t* unit = tile + block / slabs * unit_bytes(m.format);
    const int slab = int(block % slabs);
    const size_t at = size_t(source * (m.columns / kQuantBlock) + block);
    put_pair(unit, slabs, slab, row, m.scale[at]);
    if (m.format == Format::int4_zeros)
      unit[scale_bytes(m.format) + row % 8 * 4 + slab] |= uint8_t(m.zero[at] << row / 8 * 4);
    for (int c = 0; c < kQuantBlock; ++c)
      put_number(unit + numbers_at(m.format), m.format, slab, place_of(row, c),
                 m.number[size_t(source * m.columns + block * kQuantBlock + c)]);
  }
}

float number_of(const MatrixSource& source, int64_t i) {
  if (source.dtype == Dtype::f32) return static_cast<const float*>(source.data)[i];
  const uint16_t bits = static_cast<const uint16_t*>(source.data)[i];
  return source.dtype == Dtype::f16 ? f16_to_f32(bits) : bf16_to_f32(bits);
}

}  // namespace

QuantisedMatrix quantise(const MatrixSource& source, Dtype dtype) {
  QuantisedMatrix m;
  m.rows = source.rows;
  m.columns = slabs_of(source.columns) * kSlabColumns;
  m.format = dtype == Dtype::int8 ? Format::int8 : Format::int4;
  reserve(m);
  const int64_t blocks = m.columns / kQuantBlock;
  for (int64_t r = 0; r < m.rows; ++r)
    for (int64_t b = 0; b < blocks; ++b) {
      float x[kQuantBlock] = {};
      int u[kQuantBlock];
      for (int64_t k = 0; k < kQuantBlock && b * kQuantBlock + k < source.columns; ++k)
        x[k] = number_of(source, r * source.columns + b * kQuantBlock + k);
      REQUIRE(can_be_quantised(x), "weights to be quantised must be finite and at most 524032 in magnitude");
      m.scale[size_t(r * blocks + b)] = quantise_block(x, dtype == Dtype::int8 ? 8 : 4, u);
      for (int k = 0; k < kQuantBlock; ++k) m.number[size_t(r * m.columns + b * kQuantBlock + k)] = uint8_t(u[k]);
    }
  return m;
}

QuantisedMatrix read_gptq(const GptqSource& source) {
  std::vector<int32_t> group_of_block;
  QuantisedMatrix m;
  m.order = order_columns(source, group_of_block);
  m.rows = source.rows;
  m.columns = int64_t(m.order.size());
  reserve(m);
  m.zero.assign(m.scale.size(), 0);
  bool middle = true;
  const int64_t blocks = m.columns / kQuantBlock;
  for (int64_t r = 0; r < m.rows; ++r)
    for (int64_t b = 0; b < blocks; ++b) {
      const int64_t g = group_of_block[size_t(b)];
      const uint32_t stored = word_at(source.qzeros, g * (source.rows / 8) + r / 8) >> (r % 8 * 4);
      const auto zero = uint8_t((stored + uint32_t(source.zero_offset)) & 15);
      const size_t at = size_t(r * blocks + b);
      memcpy(&m.scale[at], source.scales + 2 * (g * source.rows + r), 2);
      m.zero[at] = zero;
      middle = middle && zero == 8;
      for (int k = 0; k < kQuantBlock; ++k) {
        const int64_t column = m.order[size_t(b * kQuantBlock + k)];
        m.number[size_t(r * m.columns + b * kQuantBlock + k)] =
            column < 0 ? zero : uint8_t(word_at(source.qweight, column / 8 * source.rows + r) >> (column % 8 * 4) & 15);
      }
    }
  m.format = middle ? Format::int4 : Format::int4_zeros;
  if (only_padded(m.order, source.columns)) m.order.clear();
  return m;
}

std::vector<uint8_t> pack_quantised(const QuantisedMatrix& m, int head_dim) {
  const int64_t packed_rows = head_dim > 0 ? paired_rows(m.rows / head_dim, head_dim) : m.rows;
  const int64_t bytes = tile_bytes(m.columns, m.format);
  std::vector<uint8_t> out(size_t(tiles_of(packed_rows) * bytes));
  for (int64_t p = 0; p < packed_rows; ++p) {
    const int64_t source = source_row(p, m.rows, head_dim);
    if (source >= 0) pack_row(&out[size_t(p / kTileRows * bytes)], int(p % kTileRows), m, source);
  }
  return out;
}

}  // namespace genarm::cuda
