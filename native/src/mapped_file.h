// A checkpoint file, mapped for reading.
#pragma once

#include <cstdint>
#include <string>

namespace genarm {

class MappedFile {
 public:
  explicit MappedFile(const char* path);  // Error{GA_FILE_ERROR} with the system's reason
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::string& path() const { return path_; }
  int64_t size() const { return size_; }

  // The bytes [offset, offset + bytes). Error{GA_INVALID_ARGUMENT} where they do not lie in the file.
  const uint8_t* range(int64_t offset, int64_t bytes) const;

 private:
  std::string path_;
  const uint8_t* data_ = nullptr;
  int64_t size_ = 0;
};

}  // namespace genarm
