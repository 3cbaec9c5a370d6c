#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <mutex>

#include "../error.h"
#include "../half.h"
#include "../quantise.h"
#include "packing.h"

namespace genarm::cpu {
namespace {

float element(const MatrixSource& source, int64_t i) {
  if (source.dtype == Dtype::f32) return static_cast<const float*>(source.data)[i];
  const uint16_t bits = static_cast<const uint16_t*>(source.data)[i];
  return source.dtype == Dtype::f16 ? f16_to_f32(bits) : bf16_to_f32(bits);
}

// A panel to be written.
struct Panel {
  uint8_t* bundle;
  int64_t width, index;
  const QuantLayout& layout;

  Panel(const PackedMatrix& matrix, int64_t panel) : layout(matrix.quant) {
    const PanelPlace place = place_panel(matrix, panel);
    bundle = static_cast<uint8_t*>(matrix.memory.data()) + place.bundle;
    width = place.width;
    index = place.index;
  }
  uint8_t* scales(int64_t block) const { return bundle + layout.scales_at(block, width) + index * 32; }
  uint8_t* zeros(int64_t block) const { return bundle + layout.zeros_at(block, width) + index * 16; }

  // Number u of column k of a block, row r.
  void place(int64_t block, int64_t k, int64_t r, int u) const {
    const int64_t in_line = layout.bits == 8 ? 4 : 8;
    uint8_t* line = bundle + layout.numbers_at(block, width) + (k / in_line * width + index) * 64;
    if (layout.bits == 8) {
      line[r * 4 + k % 4] = uint8_t(u);
    } else {
      line[r * 4 + k % 4] |= uint8_t(u << (k % 8 >= 4 ? 4 : 0));
    }
  }
};

void set_layout(PackedMatrix& matrix, const QuantLayout& layout) {
  matrix.quant = layout;
  matrix.padded_columns = int64_t(layout.num_blocks) * kBlockColumns;
  matrix.panel_bytes = layout.panel_bytes();
  allocate_panels(matrix);
}

// How the columns of a GPTQ layer are packed: group by group, each group in whole blocks.
struct Grouping {
  std::vector<int32_t> columns;      // of each packed column, -1 for padding
  std::vector<int32_t> scale_group;  // of each scale
  int32_t blocks_per_scale;
  bool ordered;  // packed columns are not simply the columns
};

Grouping group_columns(const GptqSource& source) {
  std::vector<std::vector<int32_t>> members(size_t(source.num_groups));
  for (int64_t k = 0; k < source.columns; ++k) members[size_t(source.group[k])].push_back(int32_t(k));

  Grouping grouping{{}, {}, 0, false};
  std::vector<int32_t> blocks;
  std::vector<int32_t> groups;
  for (size_t g = 0; g < members.size(); ++g) {
    if (members[g].empty()) continue;
    groups.push_back(int32_t(g));
    blocks.push_back(int32_t((members[g].size() + kBlockColumns - 1) / kBlockColumns));
    grouping.columns.insert(grouping.columns.end(), members[g].begin(), members[g].end());
    while (grouping.columns.size() % kBlockColumns != 0) grouping.columns.push_back(-1);
  }
  // One scale serves as many blocks as a group has, where all have the same number but the last, which may have fewer.
  bool even = blocks.back() <= blocks.front();
  for (size_t i = 0; i + 1 < blocks.size(); ++i) even = even && blocks[i] == blocks.front();
  grouping.blocks_per_scale = even ? blocks.front() : 1;
  for (size_t i = 0; i < groups.size(); ++i)
    grouping.scale_group.insert(grouping.scale_group.end(), size_t(even ? 1 : blocks[i]), groups[i]);
  for (size_t k = 0; k < grouping.columns.size(); ++k) {
    const int64_t own = int64_t(k) < source.columns ? int64_t(k) : -1;
    grouping.ordered = grouping.ordered || grouping.columns[k] != own;
  }
  return grouping;
}

// The layers that read the same inputs have the same order: kept once, it is known by its address.
std::shared_ptr<const std::vector<int32_t>> share_order(std::vector<int32_t>&& columns) {
  static std::mutex mutex;
  static std::vector<std::weak_ptr<const std::vector<int32_t>>> known;
  const std::lock_guard<std::mutex> lock(mutex);
  size_t kept = 0;
  std::shared_ptr<const std::vector<int32_t>> found;
  for (size_t i = 0; i < known.size(); ++i) {
    const auto order = known[i].lock();
    if (!order) continue;
    if (*order == columns) found = order;
    known[kept++] = order;
  }
  known.resize(kept);
  if (!found) {
    found = std::make_shared<const std::vector<int32_t>>(std::move(columns));
    known.push_back(found);
  }
  return found;
}

uint32_t word_at(const uint8_t* words, int64_t i) {
  uint32_t word;
  memcpy(&word, words + 4 * i, 4);
  return word;
}

void pack_gptq_panel(const Panel& panel, const GptqSource& source, const Grouping& grouping, int64_t first, int64_t rows) {
  const QuantLayout& layout = panel.layout;
  for (int64_t s = 0; s < layout.num_scales(); ++s) {
    const int64_t g = grouping.scale_group[size_t(s)], block = s * layout.blocks_per_scale;
    memcpy(panel.scales(block), source.scales + 2 * (g * source.rows + first), size_t(2 * rows));
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t o = first + r;
      const uint32_t stored = word_at(source.qzeros, g * (source.rows / 8) + o / 8) >> (o % 8 * 4);
      panel.zeros(block)[r] = uint8_t((stored + uint32_t(source.zero_offset)) & 15);
    }
  }
  for (size_t k = 0; k < grouping.columns.size(); ++k) {
    const int64_t column = grouping.columns[k], block = int64_t(k) / kBlockColumns;
    const uint8_t* zero = panel.zeros(block);
    for (int64_t r = 0; r < rows; ++r) {
      const int u = column < 0 ? zero[r]
                               : int(word_at(source.qweight, column / 8 * source.rows + first + r) >> (column % 8 * 4) & 15);
      panel.place(block, int64_t(k) % kBlockColumns, r, u);
    }
  }
}

}  // namespace

std::unique_ptr<PackedMatrix> quantise_matrix(ThreadPool& pool, const MatrixSource& source, Dtype dtype) {
  REQUIRE(source.dtype == Dtype::f32 || source.dtype == Dtype::f16 || source.dtype == Dtype::bf16,
          "a matrix is stored as f32, f16 or bf16, got dtype %d", int(source.dtype));
  auto matrix = shape_matrix(source.rows, source.columns, source.row_group, dtype);
  QuantLayout layout;
  layout.bits = dtype == Dtype::int8 ? 8 : 4;
  layout.num_blocks = int32_t((source.columns + kBlockColumns - 1) / kBlockColumns);
  set_layout(*matrix, layout);

  std::atomic<bool> refused{false};
  each_panel(pool, *matrix, [&](int64_t index, int64_t first, int64_t rows) {
    const Panel panel(*matrix, index);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t b = 0; b < layout.num_blocks; ++b) {
        float x[kBlockColumns] = {};
        int u[kBlockColumns];
        for (int64_t k = 0; k < kBlockColumns && b * kBlockColumns + k < source.columns; ++k)
          x[k] = element(source, (first + r) * source.columns + b * kBlockColumns + k);
        if (!can_be_quantised(x)) refused = true;
        if (refused) return;
        const uint16_t scale = quantise_block(x, layout.bits, u);
        memcpy(panel.scales(b) + 2 * r, &scale, 2);
        for (int k = 0; k < kBlockColumns; ++k) panel.place(b, k, r, u[k]);
      }
    }
  });
  REQUIRE(!refused, "weights to be quantised must be finite and at most 524032 in magnitude");
  return matrix;
}

std::unique_ptr<PackedMatrix> pack_gptq(ThreadPool& pool, const GptqSource& source) {
  auto matrix = shape_matrix(source.rows, source.columns, source.row_group, Dtype::int4);
  Grouping grouping = group_columns(source);
  QuantLayout layout;
  layout.bits = 4;
  layout.num_blocks = int32_t(grouping.columns.size() / kBlockColumns);
  layout.blocks_per_scale = grouping.blocks_per_scale;
  layout.has_zeros = true;
  set_layout(*matrix, layout);
  each_panel(pool, *matrix, [&](int64_t panel, int64_t first, int64_t rows) {
    pack_gptq_panel(Panel(*matrix, panel), source, grouping, first, rows);
  });
  if (grouping.ordered) {
    // Padding has weight zero, whatever input it reads.
    for (int32_t& column : grouping.columns) column = column < 0 ? 0 : column;
    matrix->order_values = share_order(std::move(grouping.columns));
    matrix->order = matrix->order_values->data();
  }
  return matrix;
}

}  // namespace genarm::cpu
