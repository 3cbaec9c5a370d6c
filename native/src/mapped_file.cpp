#include "mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstring>

#include "error.h"

namespace genarm {
namespace {

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
};

}  // namespace

MappedFile::MappedFile(const char* path) : path_(path) {
  const Descriptor file{open(path, O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) fail(GA_FILE_ERROR, "%s: %s", path, strerror(errno));

  struct stat status;
  if (fstat(file.fd, &status) != 0) fail(GA_FILE_ERROR, "%s: %s", path, strerror(errno));
  if (!S_ISREG(status.st_mode)) fail(GA_FILE_ERROR, "%s: expected a regular file", path);
  size_ = status.st_size;
  if (size_ == 0) return;  // nothing can be mapped, and nothing can be read

  void* data = mmap(nullptr, size_t(size_), PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (data == MAP_FAILED) fail(GA_FILE_ERROR, "%s: %s", path, strerror(errno));
  madvise(data, size_t(size_), MADV_SEQUENTIAL);
  data_ = static_cast<const uint8_t*>(data);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<uint8_t*>(data_), size_t(size_));
}

const uint8_t* MappedFile::range(int64_t offset, int64_t bytes) const {
  REQUIRE(offset >= 0 && bytes >= 0 && offset <= size_ && bytes <= size_ - offset,
          "%s: bytes [%" PRId64 ", %" PRId64 " + %" PRId64 ") do not lie in its %" PRId64 " bytes", path_.c_str(), offset,
          offset, bytes, size_);
  return data_ + offset;
}

}  // namespace genarm
