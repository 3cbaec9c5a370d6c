#include "model/stored_tensor.h"

#include <cinttypes>
#include <cstring>

#include "error.h"
#include "half.h"
#include "mapped_file.h"

namespace genarm {
namespace {

float element(const uint8_t* data, int32_t dtype, int64_t i) {
  if (dtype == GA_F32) {
    float value;
    memcpy(&value, data + 4 * i, 4);
    return value;
  }
  uint16_t bits;
  memcpy(&bits, data + 2 * i, 2);
  return dtype == GA_F16 ? f16_to_f32(bits) : bf16_to_f32(bits);
}

std::string text(const std::vector<int64_t>& shape) {
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i) out += (i ? ", " : "") + std::to_string(shape[i]);
  return out + "]";
}

}  // namespace

StoredTensor::StoredTensor(const MappedFile& f, const std::string& n, int32_t type, const int64_t* extents,
                           int32_t rank, int64_t offset, int64_t bytes)
    : file(f), name(n), dtype(type), shape(extents, extents + rank), data(f.range(offset, bytes)) {
  REQUIRE(dtype >= GA_F32 && dtype <= GA_BF16, "%s: tensor %s: dtype must be f32, f16 or bf16, got %d",
          file.path().c_str(), name.c_str(), dtype);
  int64_t expected = dtype == GA_F32 ? 4 : 2;
  for (int64_t extent : shape) {
    const bool fits = extent >= 0 && !__builtin_mul_overflow(expected, extent, &expected);
    REQUIRE(fits, "%s: tensor %s: shape %s is not possible", file.path().c_str(), name.c_str(), text(shape).c_str());
  }
  REQUIRE(bytes == expected, "%s: tensor %s: expected %" PRId64 " bytes, found %" PRId64, file.path().c_str(),
          name.c_str(), expected, bytes);
}

void StoredTensor::expect(const std::vector<int64_t>& expected) const {
  REQUIRE(shape == expected, "%s: tensor %s: expected shape %s, found %s", file.path().c_str(), name.c_str(),
          text(expected).c_str(), text(shape).c_str());
}

int64_t StoredTensor::size() const {
  int64_t count = 1;
  for (int64_t extent : shape) count *= extent;
  return count;
}

MatrixSource StoredTensor::matrix(int64_t row_group) const {
  return {data, Dtype(dtype), shape[0], shape[1], row_group};
}

std::unique_ptr<Buffer> StoredTensor::values(Backend& backend) const {
  std::vector<float> converted(static_cast<size_t>(size()));
  for (size_t i = 0; i < converted.size(); ++i) converted[i] = element(data, dtype, int64_t(i));
  auto buffer = backend.allocate(converted.size() * sizeof(float));
  backend.upload(buffer->data, converted.data(), converted.size() * sizeof(float));
  backend.synchronize();
  return buffer;
}

}  // namespace genarm
