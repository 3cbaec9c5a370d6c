// Zeroed memory, aligned to 64 bytes; large blocks are mapped and ask for huge pages.
#pragma once

#include <cstddef>

namespace genarm::cpu {

class Memory {
 public:
  Memory() = default;
  // Throws Error{GA_OUT_OF_MEMORY}.
  explicit Memory(size_t bytes);
  ~Memory();
  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&& other) noexcept;

  void* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
  void* mapping_ = nullptr;  // null: from the heap
  size_t mapping_size_ = 0;
};

}  // namespace genarm::cpu
