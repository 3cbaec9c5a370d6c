#include "memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "../error.h"

namespace genarm::cpu {
namespace {

constexpr size_t kHugePage = size_t(2) << 20;
constexpr size_t kLine = 64;

}  // namespace

Memory::Memory(size_t bytes) : size_(bytes) {
  if (bytes == 0) return;
  if (bytes > SIZE_MAX / 2) fail(GA_OUT_OF_MEMORY, "cannot allocate %zu bytes", bytes);
  if (bytes < kHugePage) {
    const size_t rounded = (bytes + kLine - 1) / kLine * kLine;
    data_ = std::aligned_alloc(kLine, rounded);
    if (!data_) fail(GA_OUT_OF_MEMORY, "cannot allocate %zu bytes", bytes);
    std::memset(data_, 0, rounded);
    return;
  }
  // One huge page more than asked for, so that the data can start on a boundary.
  mapping_size_ = (bytes + 2 * kHugePage - 1) / kHugePage * kHugePage;
  mapping_ = mmap(nullptr, mapping_size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping_ == MAP_FAILED) {
    mapping_ = nullptr;
    fail(GA_OUT_OF_MEMORY, "cannot allocate %zu bytes", bytes);
  }
  data_ = reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(mapping_) + kHugePage - 1) / kHugePage * kHugePage);
  madvise(data_, bytes, MADV_HUGEPAGE);  // where the kernel has none, small pages do
}

Memory::~Memory() {
  if (mapping_) {
    munmap(mapping_, mapping_size_);
  } else {
    std::free(data_);
  }
}

Memory::Memory(Memory&& other) noexcept { *this = std::move(other); }

Memory& Memory::operator=(Memory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(mapping_, other.mapping_);
  std::swap(mapping_size_, other.mapping_size_);
  return *this;
}

}  // namespace genarm::cpu
