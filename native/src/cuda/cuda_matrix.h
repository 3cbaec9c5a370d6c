// A weight as the CUDA kernels read it: bf16 in fragment order, or f32 row-major for an adapter's update.
#pragma once

#include <memory>

#include "backend.h"
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

struct CudaMatrix final : Matrix {
  DeviceMemory memory;
};

// f32 and f16 weights are rounded to bf16; an adapter's are kept in f32. Throws Error.
std::unique_ptr<CudaMatrix> pack_matrix(const MatrixSource& source, Dtype dtype, stream_t stream);

inline const bf16* fragments(const Matrix* matrix) {
  return static_cast<const CudaMatrix*>(matrix)->memory.as<const bf16>();
}
inline const float* row_major(const Matrix* matrix) {
  return static_cast<const CudaMatrix*>(matrix)->memory.as<const float>();
}

}  // namespace genarm::cuda
