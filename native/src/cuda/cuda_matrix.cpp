#include "cuda/cuda_matrix.h"

#include <utility>
#include <vector>

#include "cuda/quantised.h"
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

std::vector<uint16_t> narrowed(const MatrixSource& source, Dtype dtype) {
  std::vector<uint16_t> bits(static_cast<size_t>(source.rows * source.columns));
  for (size_t i = 0; i < bits.size(); ++i) {
    const float value = number_at(source, int64_t(i));
    bits[i] = dtype == Dtype::f16 ? f32_to_f16(value) : f32_to_bf16(value);
  }
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

HostMemory::HostMemory(size_t bytes) : data_(host_alloc(bytes)), device_(host_on_device(data_)), bytes_(bytes) {}
HostMemory::~HostMemory() { host_free(data_); }

static std::unique_ptr<CudaMatrix> shape_matrix(int64_t rows, int64_t columns, int64_t row_group) {
  REQUIRE(rows > 0 && columns > 0, "a matrix needs rows and columns, got %lld x %lld", static_cast<long long>(rows),
          static_cast<long long>(columns));
  REQUIRE(row_group == 0 || rows % row_group == 0, "%lld rows are not whole groups of %d", static_cast<long long>(rows),
          int(row_group));
  auto matrix = std::make_unique<CudaMatrix>();
  matrix->rows = rows;
  matrix->columns = columns;
  matrix->packed_columns = int32_t(columns);
  return matrix;
}

static void keep_quantised(CudaMatrix& matrix, const QuantisedMatrix& numbers, int64_t row_group, stream_t stream) {
  matrix.dtype = numbers.format == Format::int8 ? Dtype::int8 : Dtype::int4;
  matrix.format = numbers.format;
  matrix.packed_columns = int32_t(numbers.columns);
  const std::vector<uint8_t> packed = pack_quantised(numbers, int(row_group));
  keep(matrix, packed.data(), packed.size(), stream);
}

static void keep_halves(CudaMatrix& matrix, const MatrixSource& source, Dtype dtype, stream_t stream) {
  matrix.dtype = dtype == Dtype::f16 ? Dtype::f16 : Dtype::bf16;
  matrix.format = dtype == Dtype::f16 ? Format::f16 : Format::bf16;
  const std::vector<uint16_t> numbers = narrowed(source, dtype);
  const int head_dim = int(source.row_group);
  const int64_t num_heads = head_dim > 0 ? source.rows / head_dim : 0;
  const size_t bytes = fragment_bytes(head_dim > 0 ? paired_rows(num_heads, head_dim) : source.rows, source.columns);
  std::vector<uint16_t> packed(bytes / sizeof(uint16_t));
  if (head_dim > 0) {
    pack_head_pairs(packed.data(), numbers.data(), num_heads, head_dim, source.columns);
  } else {
    pack_fragments(packed.data(), numbers.data(), source.rows, source.columns, 0, tiles_of(source.rows));
  }
  keep(matrix, packed.data(), bytes, stream);
}

std::unique_ptr<CudaMatrix> pack_matrix(const MatrixSource& source, Dtype dtype, stream_t stream) {
  auto matrix = shape_matrix(source.rows, source.columns, source.row_group);
  if (source.low_rank) {
    matrix->dtype = Dtype::f32;
    std::vector<float> values(static_cast<size_t>(source.rows * source.columns));
    for (size_t i = 0; i < values.size(); ++i) values[i] = number_at(source, int64_t(i));
    keep(*matrix, values.data(), values.size() * sizeof(float), stream);
  } else if (dtype == Dtype::int8 || dtype == Dtype::int4) {
    keep_quantised(*matrix, quantise(source, dtype), source.row_group, stream);
  } else {
    keep_halves(*matrix, source, dtype, stream);
  }
  return matrix;
}

std::unique_ptr<CudaMatrix> pack_matrix(const GptqSource& source, std::shared_ptr<const ColumnOrder>& last_order, stream_t stream) {
  auto matrix = shape_matrix(source.rows, source.columns, source.row_group);
  QuantisedMatrix numbers = read_gptq(source);
  keep_quantised(*matrix, numbers, source.row_group, stream);
  if (numbers.order.empty()) return matrix;

  std::vector<int32_t> values = std::move(numbers.order);
  values.resize(size_t(units_of(numbers.columns, numbers.format)) * unit_slabs(numbers.format) * kSlabColumns, -1);
  if (!last_order || last_order->values != values) {
    auto order = std::make_shared<ColumnOrder>();
    order->memory = DeviceMemory(values.size() * sizeof(int32_t));
    copy_to_device(order->memory.as<void>(), values.data(), values.size() * sizeof(int32_t), stream);
    order->values = std::move(values);
    matrix->bytes += int64_t(order->memory.bytes());
    last_order = std::move(order);
  }
  matrix->order = last_order;
  return matrix;
}

}  // namespace genarm::cuda
