#include "cuda/cuda_matrix.h"

#include <utility>
#include <vector>

#include "cuda/fragments.h"
#include "cuda/runtime.h"
#include "error.h"
#include "half.h"

namespace genarm::cuda {
namespace {

float number_at(const MatrixSource& source, int64_t i) {
  switch (source.dtype) {
    case Dtype::f32: return static_cast<const float*>(source.data)[i];
    case Dtype::f16: return f16_to_f32(static_cast<const uint16_t*>(source.data)[i]);
    case Dtype::bf16: return bf16_to_f32(static_cast<const uint16_t*>(source.data)[i]);
    default: fail(GA_INVALID_ARGUMENT, "a matrix is stored as f32, f16 or bf16, got dtype %d", int(source.dtype));
  }
}

std::vector<uint16_t> rounded(const MatrixSource& source) {
  std::vector<uint16_t> bits(static_cast<size_t>(source.rows * source.columns));
  for (size_t i = 0; i < bits.size(); ++i) bits[i] = f32_to_bf16(number_at(source, int64_t(i)));
  return bits;
}

void keep(CudaMatrix& matrix, const void* packed, size_t bytes, stream_t stream) {
  matrix.memory = DeviceMemory(bytes);
  matrix.bytes = int64_t(bytes);
  copy_to_device(matrix.memory.as<void>(), packed, bytes, stream);
}

}  // namespace

DeviceMemory::DeviceMemory(size_t bytes) : data_(device_alloc(bytes)), bytes_(bytes) {}
DeviceMemory::~DeviceMemory() {
  if (data_) device_free(data_);
}
DeviceMemory::DeviceMemory(DeviceMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
DeviceMemory& DeviceMemory::operator=(DeviceMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

std::unique_ptr<CudaMatrix> pack_matrix(const MatrixSource& source, Dtype dtype, stream_t stream) {
  REQUIRE(source.rows > 0 && source.columns > 0, "a matrix needs rows and columns, got %lld x %lld",
          static_cast<long long>(source.rows), static_cast<long long>(source.columns));
  if (dtype == Dtype::int8 || dtype == Dtype::int4)
    fail(GA_UNSUPPORTED, "weights cannot be kept as dtype %d on CUDA", int(dtype));
  auto matrix = std::make_unique<CudaMatrix>();
  matrix->rows = source.rows;
  matrix->columns = source.columns;
  if (source.low_rank) {
    matrix->dtype = Dtype::f32;
    std::vector<float> values(static_cast<size_t>(source.rows * source.columns));
    for (size_t i = 0; i < values.size(); ++i) values[i] = number_at(source, int64_t(i));
    keep(*matrix, values.data(), values.size() * sizeof(float), stream);
    return matrix;
  }
  matrix->dtype = Dtype::bf16;
  const std::vector<uint16_t> numbers = rounded(source);
  const int head_dim = int(source.row_group);
  REQUIRE(head_dim == 0 || source.rows % head_dim == 0, "%lld rows are not whole groups of %d",
          static_cast<long long>(source.rows), head_dim);
  const int64_t num_heads = head_dim > 0 ? source.rows / head_dim : 0;
  const size_t bytes = fragment_bytes(head_dim > 0 ? paired_rows(num_heads, head_dim) : source.rows, source.columns);
  std::vector<uint16_t> packed(bytes / sizeof(uint16_t));
  if (head_dim > 0) {
    pack_head_pairs(packed.data(), numbers.data(), num_heads, head_dim, source.columns);
  } else {
    pack_fragments(packed.data(), numbers.data(), source.rows, source.columns, 0, tiles_of(source.rows));
  }
  keep(*matrix, packed.data(), bytes, stream);
  return matrix;
}

}  // namespace genarm::cuda
