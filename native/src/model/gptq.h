// A linear layer that GPTQ quantised, as mapped files store it: checked, then ready to be packed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backend.h"

namespace genarm {

class MappedFile;

// Bytes of a mapped file, or no file.
struct FileRange {
  const MappedFile* file;
  int64_t offset, bytes;
};

// What ga_weights_load_gptq is given.
struct GptqFiles {
  std::string module;
  int32_t group_size, zero_offset;
  FileRange qweight, qzeros, scales, g_idx;
};

class GptqLayer {
 public:
  // Throws naming the tensor that does not fit a [rows, columns] matrix, lie in its file, or hold possible values.
  GptqLayer(const GptqFiles& files, int64_t rows, int64_t columns, int64_t row_group);

  // Valid while this layer and the files are.
  const GptqSource& source() const { return source_; }

 private:
  std::vector<int32_t> group_;
  GptqSource source_;
};

}  // namespace genarm
