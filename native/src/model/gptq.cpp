#include "model/gptq.h"

#include <cinttypes>
#include <cstring>

#include "error.h"
#include "mapped_file.h"

namespace genarm {
namespace {

constexpr int64_t kPerWord = 8;  // numbers of four bits in a word

const uint8_t* read(const std::string& module, const char* part, const FileRange& range, int64_t expected) {
  REQUIRE(range.file != nullptr, "%s.%s has no file", module.c_str(), part);
  REQUIRE(range.bytes == expected, "%s: tensor %s.%s: expected %" PRId64 " bytes, found %" PRId64,
          range.file->path().c_str(), module.c_str(), part, expected, range.bytes);
  return range.file->range(range.offset, range.bytes);
}

std::vector<int32_t> read_groups(const GptqFiles& files, int64_t columns, int64_t group_size, int64_t num_groups) {
  std::vector<int32_t> group;
  if (files.g_idx.file == nullptr) {
    for (int64_t k = 0; k < columns; ++k) group.push_back(int32_t(k / group_size));
    return group;
  }
  group.resize(size_t(columns));
  memcpy(group.data(), read(files.module, "g_idx", files.g_idx, 4 * columns), size_t(4 * columns));
  for (int64_t k = 0; k < columns; ++k) {
    REQUIRE(group[size_t(k)] >= 0 && group[size_t(k)] < num_groups,
            "%s: tensor %s.g_idx: element %" PRId64 " must be in [0, %" PRId64 "), got %d",
            files.g_idx.file->path().c_str(), files.module.c_str(), k, num_groups, group[size_t(k)]);
  }
  return group;
}

void require_finite(const GptqFiles& files, const uint8_t* scales, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    uint16_t bits;
    memcpy(&bits, scales + 2 * i, 2);
    REQUIRE((bits & 0x7c00) != 0x7c00, "%s: tensor %s.scales: element %" PRId64 " is not finite",
            files.scales.file->path().c_str(), files.module.c_str(), i);
  }
}

}  // namespace

GptqLayer::GptqLayer(const GptqFiles& files, int64_t rows, int64_t columns, int64_t row_group) {
  REQUIRE(rows % kPerWord == 0 && columns % kPerWord == 0, "%s: GPTQ packs multiples of 8, got a %" PRId64 " x %" PRId64
          " matrix", files.module.c_str(), rows, columns);
  REQUIRE(files.group_size == -1 || files.group_size > 0, "group_size must be -1 or above 0, got %d", files.group_size);
  REQUIRE(files.zero_offset == 0 || files.zero_offset == 1, "zero_offset must be 0 or 1, got %d", files.zero_offset);
  const int64_t group_size = files.group_size == -1 ? columns : files.group_size;
  const int64_t num_groups = (columns + group_size - 1) / group_size;

  source_.qweight = read(files.module, "qweight", files.qweight, columns / kPerWord * rows * 4);
  source_.qzeros = read(files.module, "qzeros", files.qzeros, num_groups * (rows / kPerWord) * 4);
  source_.scales = read(files.module, "scales", files.scales, num_groups * rows * 2);
  require_finite(files, source_.scales, num_groups * rows);
  group_ = read_groups(files, columns, group_size, num_groups);
  source_.group = group_.data();
  source_.rows = rows;
  source_.columns = columns;
  source_.num_groups = num_groups;
  source_.row_group = row_group;
  source_.zero_offset = files.zero_offset;
}

}  // namespace genarm
