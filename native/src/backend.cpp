// What a device does that has nothing better: it computes while it is asked.
#include "backend.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace genarm {
namespace {

struct PlainBuffer final : Buffer {
  explicit PlainBuffer(size_t size) : memory(size) {
    data = memory.data();
    bytes = size;
  }
  std::vector<unsigned char> memory;
};

// Tokens are copied when they are sent: by then they have been drawn.
class CopiedTokens final : public TokenLine {
 public:
  CopiedTokens(Backend& backend, int32_t max_tokens, int32_t max_steps)
      : backend_(backend), max_tokens_(size_t(max_tokens)), max_steps_(size_t(max_steps)), ring_(max_tokens_ * max_steps_) {}

  void send(const int32_t* tokens, int32_t count) override {
    backend_.download(slot(num_sent_++), tokens, size_t(count) * sizeof(int32_t));
    backend_.synchronize();
  }
  void receive(int32_t* tokens, int32_t count) override {
    memcpy(tokens, slot(num_received_++), size_t(count) * sizeof(int32_t));
  }

 private:
  int32_t* slot(size_t step) { return ring_.data() + step % max_steps_ * max_tokens_; }

  Backend& backend_;
  size_t max_tokens_, max_steps_, num_sent_ = 0, num_received_ = 0;
  std::vector<int32_t> ring_;
};

// A line of /proc/meminfo in bytes, 0 where there is none.
int64_t meminfo(const char* name) {
  int64_t kilobytes = 0;
  FILE* file = fopen("/proc/meminfo", "r");
  if (!file) return 0;
  char line[128];
  while (fgets(line, sizeof line, file))
    if (strncmp(line, name, strlen(name)) == 0) kilobytes = strtoll(line + strlen(name), nullptr, 10);
  fclose(file);
  return kilobytes * 1024;
}

}  // namespace

DeviceBytes Backend::memory() const { return {meminfo("MemAvailable:"), meminfo("MemTotal:")}; }

int64_t Backend::kv_page_bytes(int32_t page_size, int32_t num_kv_heads, int32_t head_dim) const {
  return int64_t(2) * page_size * num_kv_heads * head_dim * int64_t(sizeof(float));
}

std::unique_ptr<Buffer> Backend::allocate_host(size_t bytes) { return std::make_unique<PlainBuffer>(bytes); }

void Backend::upload_later(void* device, const void* host, size_t bytes) { upload(device, host, bytes); }

void Backend::run_step(const std::function<void()>& operations) { operations(); }

std::unique_ptr<TokenLine> Backend::open_tokens(int32_t max_tokens, int32_t max_steps) {
  return std::make_unique<CopiedTokens>(*this, max_tokens, max_steps);
}

}  // namespace genarm
