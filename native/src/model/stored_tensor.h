// A tensor as a checkpoint file stores it: checked against the shape that is expected of it, then read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "backend.h"

namespace genarm {

class MappedFile;

struct StoredTensor {
  const MappedFile& file;
  std::string name;
  int32_t dtype;  // ga_dtype
  std::vector<int64_t> shape;
  const uint8_t* data;  // perhaps unaligned

  // Throws unless dtype is a floating-point one and `bytes` is what the shape takes and lies in the file.
  StoredTensor(const MappedFile& file, const std::string& name, int32_t dtype, const int64_t* shape, int32_t rank,
               int64_t offset, int64_t bytes);

  // Throws naming the file, the tensor, and both shapes.
  void expect(const std::vector<int64_t>& expected) const;

  int64_t size() const;
  MatrixSource matrix(int64_t row_group) const;                     // of a tensor of rank 2
  std::unique_ptr<Buffer> values(Backend& backend) const;           // as f32 on the device
};

}  // namespace genarm
