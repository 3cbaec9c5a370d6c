// A weight as the CUDA kernels read it: packed in fragment order, or f32 row-major for an adapter's update.
#pragma once

#include <memory>
#include <vector>

#include "backend.h"
#include "cuda/fragments.h"
#include "cuda/numbers.h"
#include "cuda/stream.h"

namespace genarm::cuda {

// Device memory, freed with the object.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  explicit DeviceMemory(size_t bytes);
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(DeviceMemory&& other) noexcept;
  DeviceMemory(DeviceMemory&& other) noexcept;

  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

// Host memory that the device reads and writes in place, freed with the object.
class HostMemory {
 public:
  explicit HostMemory(size_t bytes);
  ~HostMemory();
  HostMemory(const HostMemory&) = delete;
  HostMemory& operator=(const HostMemory&) = delete;

  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  template <class T>
  T* on_device() const {
    return static_cast<T*>(device_);
  }
  size_t bytes() const { return bytes_; }

 private:
  void *data_, *device_;
  size_t bytes_;
};

// The inputs that packed columns meet (Weight::order), shared by matrices with the same.
struct ColumnOrder {
  std::vector<int32_t> values;
  DeviceMemory memory;
};

struct CudaMatrix final : Matrix {
  DeviceMemory memory;
  Format format = Format::bf16;
  int32_t packed_columns = 0;
  std::shared_ptr<const ColumnOrder> order;
};

// Packs weights: bf16 and f16 as they are, f32 rounded to bf16, int8 and int4 in groups of 32; an adapter's are kept in
// f32. Throws Error.
std::unique_ptr<CudaMatrix> pack_matrix(const MatrixSource& source, Dtype dtype, stream_t stream);

// last_order: of the matrix packed before, in and out.
std::unique_ptr<CudaMatrix> pack_matrix(const GptqSource& source, std::shared_ptr<const ColumnOrder>& last_order, stream_t stream);

inline Weight weight_of(const Matrix* matrix) {
  const auto* m = static_cast<const CudaMatrix*>(matrix);
  return {m->memory.as<const void>(), m->order ? m->order->memory.as<const int32_t>() : nullptr, m->packed_columns, m->format};
}
inline const float* row_major(const Matrix* matrix) {
  return static_cast<const CudaMatrix*>(matrix)->memory.as<const float>();
}

}  // namespace genarm::cuda
