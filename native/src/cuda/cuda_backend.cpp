#include "cuda/cuda_backend.h"

#include <algorithm>

#include "cuda/cuda_training.h"
#include "cuda/runtime.h"
#include "error.h"

namespace genarm {
namespace cuda {
namespace {

struct CudaBuffer final : Buffer {
  CudaBuffer(size_t size, stream_t stream) : memory(std::max<size_t>(size, 1)) {
    device_clear(memory.as<void>(), size, stream);
    data = memory.as<void>();
    bytes = size;
  }
  DeviceMemory memory;
};

struct PinnedBuffer final : Buffer {
  explicit PinnedBuffer(size_t size) : memory(std::max<size_t>(size, 1)) {
    data = memory.as<void>();
    bytes = size;
  }
  HostMemory memory;
};

int64_t row_bytes(int64_t heads, int64_t head_dim, int64_t max_blocks) {
  return attention_partials(1, heads, head_dim, max_blocks) * int64_t(sizeof(float));
}

}  // namespace

CudaBackend::CudaBackend(int device, size_t partial_bytes)
    : device_(device), partial_bytes_(partial_bytes), description_("cuda, " + device_select(device)),
      stream_(stream_create()), graphs_(stream_) {}

CudaBackend::~CudaBackend() {
  try {
    device_use(device_);
    stream_sync(stream_);
  } catch (const Error&) {  // the device is lost
  }
  stream_destroy(stream_);
}

DeviceBytes CudaBackend::memory() const {
  device_use(device_);
  return device_memory();
}

std::unique_ptr<Buffer> CudaBackend::allocate(size_t bytes) {
  device_use(device_);
  return std::make_unique<CudaBuffer>(bytes, stream_);
}

int64_t CudaBackend::kv_page_bytes(int32_t page_size, int32_t num_kv_heads, int32_t head_dim) const {
  return int64_t(2) * num_kv_heads * page_size * kv_stride(head_dim) * int64_t(sizeof(bf16));
}

void CudaBackend::upload(void* device, const void* host, size_t bytes) {
  device_use(device_);
  if (bytes > 0) copy_to_device(device, host, bytes, stream_);
}

std::unique_ptr<Buffer> CudaBackend::allocate_host(size_t bytes) {
  device_use(device_);
  return std::make_unique<PinnedBuffer>(bytes);
}

void CudaBackend::upload_later(void* device, const void* host, size_t bytes) {
  device_use(device_);
  if (bytes > 0) copy_to_device_later(device, host, bytes, stream_);
}

void CudaBackend::run_step(const std::function<void()>& operations) {
  device_use(device_);
  graphs_.run(operations);
}

std::unique_ptr<TokenLine> CudaBackend::open_tokens(int32_t max_tokens, int32_t) {
  device_use(device_);
  return std::make_unique<TokenRing>(max_tokens, stream_);
}

void CudaBackend::download(void* host, const void* device, size_t bytes) {
  device_use(device_);
  if (bytes > 0) copy_to_host(host, device, bytes, stream_);
}

std::unique_ptr<Matrix> CudaBackend::pack(const MatrixSource& source, Dtype dtype) {
  device_use(device_);
  return pack_matrix(source, dtype, stream_);
}

std::unique_ptr<Matrix> CudaBackend::pack(const GptqSource& source) {
  device_use(device_);
  return pack_matrix(source, last_order_, stream_);
}

void CudaBackend::grow(DeviceMemory& memory, size_t bytes) {
  if (bytes <= memory.bytes()) return;
  graphs_.make_now();
  stream_sync(stream_);
  memory = DeviceMemory();
  memory = DeviceMemory(bytes);
  device_clear(memory.as<void>(), bytes, stream_);
}

void CudaBackend::reserve(const Limits& limits) {
  device_use(device_);
  limits_.max_rows = std::max(limits_.max_rows, limits.max_rows);
  limits_.max_columns = std::max(limits_.max_columns, limits.max_columns);
  limits_.max_sequences = std::max(limits_.max_sequences, limits.max_sequences);
  limits_.max_x = std::max(limits_.max_x, limits.max_x);
  limits_.max_heads = std::max(limits_.max_heads, limits.max_heads);
  limits_.head_dim = std::max(limits_.head_dim, limits.head_dim);
  limits_.max_positions = std::max(limits_.max_positions, limits.max_positions);
  max_blocks_ = (limits_.max_positions + kAttentionBlock - 1) / kAttentionBlock;

  const size_t row = size_t(row_bytes(limits_.max_heads, limits_.head_dim, max_blocks_));
  grow(partials_, std::max(row, std::min(partial_bytes_, row * size_t(limits_.max_rows))));
  grow(tickets_, (size_t(limits_.max_rows) * size_t(limits_.max_heads) + 1) * sizeof(unsigned));
  if (limits_.max_rows > kMostGemvRows)
    grow(inputs_, size_t(limits_.max_rows) * size_t((limits_.max_columns + 127) / 128 * 128) * sizeof(bf16));
  grow(candidates_, size_t(limits_.max_sequences) * kHeadBlocks * sizeof(Candidate));
  reserve_updates(std::max<int64_t>(StageUpdates::kMaxLayers * int64_t(limits_.max_rows), limits_.max_x));
}

void CudaBackend::set_activations(Dtype activations) {
  if (activations == Dtype::int8) fail(GA_UNSUPPORTED, "activations on CUDA are bf16 with f32 residuals, got int8");
}

void CudaBackend::final_norm(Span<FinalNormArgs> problems) {
  std::vector<FinalNormProblem> launch;
  for (const FinalNormArgs& a : problems) {
    launch.push_back({reinterpret_cast<bf16*>(a.x), a.hidden_size, a.hidden, a.hidden_size, a.norm, a.first, a.row, a.scale,
                      a.eps, a.num_x, a.hidden_size});
  }
  cuda::final_norm(launch.data(), int(launch.size()), std::max(limits_.max_x, 1), Order::overlaps_previous, stream_);
}

void CudaBackend::lm_head(const LmHeadArgs& args) {
  if (args.problems.size > kMaxHeads)
    fail(GA_UNSUPPORTED, "a step reads at most %d LM heads, got %d", kMaxHeads, args.problems.size);
  LmHeadLaunch p = {};
  updates_.begin();
  for (const HeadProblem& problem : args.problems) {
    const int columns = int(problem.lm_head->columns), num_x = problem.num_x;
    const auto* x = reinterpret_cast<const bf16*>(problem.x);
    HeadInput& head = p.head[p.num_heads++] = {weight_of(problem.lm_head), x, columns, nullptr, 0, columns, num_x};
    if (!problem.low_rank || num_x == 0) continue;
    head.update = updates_.of_layer({problem.low_rank, 1}, num_x);
    head.update_rows = int32_t(problem.low_rank->b->rows);
    updates_.shrink({x, x + columns, 2 * int64_t(columns), nullptr, 0, nullptr, 0, columns}, stream_);
  }
  p.sampled = args.sampled;
  p.z = args.z;
  p.first = args.first;
  p.problem = args.problem;
  p.x_row = args.x_row;
  p.plan = args.plan;
  p.candidate = candidates_.as<Candidate>();
  p.ticket = tickets_.as<unsigned>();
  p.num_sequences = args.num_sequences;
  p.vocab_size = args.vocab_size;
  p.bias_token = args.bias_token;
  p.bias_value = args.bias_value;
  cuda::lm_head(p, Order::overlaps_previous, stream_);
}

void CudaBackend::sample(const SampleArgs& args) { cuda::sample(args, Order::overlaps_previous, stream_); }

void CudaBackend::log_softmax(const LogSoftmaxArgs& args) { cuda::log_softmax(args, Order::overlaps_previous, stream_); }

std::unique_ptr<train::Operations> CudaBackend::open_training() { return open_train_operations(stream_); }

void CudaBackend::synchronize() { stream_sync(stream_); }

void CudaBackend::reserve_updates(int64_t rows) {
  grow(row_updates_, size_t(rows) * sizeof(RowUpdate));
  grow(u_, size_t(rows) * kMaxRank * sizeof(float));
  updates_.use(row_updates_.as<RowUpdate>(), u_.as<float>());
}

bf16* CudaBackend::input_room(const Weight& weight, int64_t columns, int64_t num_rows) {
  if (num_rows <= kMostGemvRows) return nullptr;
  const size_t size = size_t(num_rows) * size_t(input_width(weight, int32_t(columns)));
  if ((inputs_taken_ + size) * sizeof(bf16) > inputs_.bytes()) return nullptr;
  bf16* room = inputs_.as<bf16>() + inputs_taken_;
  inputs_taken_ += size;
  return room;
}

// In turns of as many rows as the scratch holds, each by itself.
void CudaBackend::attend(const AttentionProblem<bf16>& problem) {
  const int64_t row = row_bytes(problem.num_heads, problem.cache.head_dim, max_blocks_);
  const int32_t most = int32_t(std::max<int64_t>(1, int64_t(partials_.bytes()) / row));
  for (int32_t first = 0; first < problem.num_rows; first += most) {
    AttentionProblem<bf16> p = problem;
    p.out += first * p.out_stride;
    p.q += first * p.q_stride;
    p.places.position += first;
    p.places.page_table += first;
    p.num_rows = std::min(most, problem.num_rows - first);
    p.lane_first = nullptr;
    p.partial = partials_.as<float>();
    cuda::attention(&p, 1, max_blocks_, Order::overlaps_previous, stream_);
  }
}

}  // namespace cuda

int32_t count_cuda_devices() { return cuda::device_count(); }

std::unique_ptr<Backend> open_cuda_backend(int32_t index) { return std::make_unique<cuda::CudaBackend>(index); }

}  // namespace genarm
