#include "profiling_backend.h"

#include <algorithm>
#include <chrono>

#include "error.h"

#if defined(GENARM_CUDA) && __has_include(<nvtx3/nvToolsExt.h>)
#include <nvtx3/nvToolsExt.h>
#define GENARM_NVTX
#endif

namespace genarm {

const char* const kOperationNames[] = {"embed",      "qkv",     "attention", "project",     "gate_up",
                                       "final_norm", "lm_head", "sample",    "log_softmax"};
const int32_t kNumOperations = int32_t(sizeof kOperationNames / sizeof *kOperationNames);

namespace {

enum Operation { kEmbed, kQkv, kAttention, kProject, kGateUp, kFinalNorm, kLmHead, kSample, kLogSoftmax };

int64_t now_nanos() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// As Nsight shows it.
class Range {
 public:
#ifdef GENARM_NVTX
  explicit Range(const char* name) { nvtxRangePushA(name); }
  ~Range() { nvtxRangePop(); }
#else
  explicit Range(const char*) {}
#endif
  Range(const Range&) = delete;
};

}  // namespace

ProfilingBackend::Work& ProfilingBackend::Work::operator+=(const Work& other) {
  rows = std::max(rows, other.rows);
  bytes += other.bytes;
  flops += other.flops;
  return *this;
}

ProfilingBackend::ProfilingBackend(Backend& inner, int32_t max_events) : inner_(inner), events_(size_t(max_events)) {}

int32_t ProfilingBackend::take(ga_profile_event* out, int32_t capacity, int64_t* lost) {
  const int32_t count = std::min(capacity, int32_t(count_));
  std::copy_n(events_.begin(), count, out);
  std::copy(events_.begin() + count, events_.begin() + int64_t(count_), events_.begin());
  count_ -= size_t(count);
  *lost = lost_;
  lost_ = 0;
  return count;
}

ProfilingBackend::Work ProfilingBackend::matrix(const Matrix& weight, int64_t rows) {
  return {rows, weight.bytes, 2 * weight.rows * weight.columns * rows};
}

ProfilingBackend::Work ProfilingBackend::low_rank(Span<LowRank> updates) {
  Work work;
  for (const LowRank& update : updates) {
    work += matrix(*update.a, update.num_rows);
    work += matrix(*update.b, update.num_rows);
  }
  return work;
}

ProfilingBackend::Work ProfilingBackend::of(const EmbedArgs& args) {
  return {args.num_rows, args.num_rows * (args.table->bytes / std::max<int64_t>(1, args.table->rows)), 0};
}

ProfilingBackend::Work ProfilingBackend::of(const QkvArgs& args) {
  Work work;
  for (const Matrix* weight : {args.q_proj, args.k_proj, args.v_proj}) work += matrix(*weight, args.rows.num_rows);
  for (const Span<LowRank>& updates : {args.q_low_rank, args.k_low_rank, args.v_low_rank}) work += low_rank(updates);
  work.rows = args.rows.num_rows;
  return work;
}

// Each lane's keys and values once, however many of its rows read them.
ProfilingBackend::Work ProfilingBackend::of(const AttentionArgs& args) {
  const int32_t rows = args.rows.num_rows, lanes = args.rows.num_lanes;
  positions_.resize(size_t(rows));
  lane_first_.resize(size_t(lanes) + 1);
  inner_.download(positions_.data(), args.rows.position, size_t(rows) * sizeof(int32_t));
  inner_.download(lane_first_.data(), args.rows.lane_first, (size_t(lanes) + 1) * sizeof(int32_t));
  inner_.synchronize();
  const auto seen = [&](int64_t position) {
    return args.window > 0 ? std::min<int64_t>(position + 1, args.window) : position + 1;
  };
  Work work{rows, 0, 0};
  for (int32_t lane = 0; lane < lanes; ++lane) {
    const int32_t first = lane_first_[size_t(lane)], end = lane_first_[size_t(lane) + 1];
    if (first == end) continue;
    const int64_t read = seen(positions_[size_t(first)]) + (end - 1 - first);
    work.bytes += 2 * read * args.cache.num_kv_heads * args.cache.head_dim * int64_t(sizeof(float));
    for (int32_t row = first; row < end; ++row)
      work.flops += 4 * seen(positions_[size_t(row)]) * args.num_heads * args.cache.head_dim;
  }
  return work;
}

ProfilingBackend::Work ProfilingBackend::of(const ProjectArgs& args) {
  Work work = matrix(*args.weight, args.num_rows);
  work += low_rank(args.low_rank);
  return work;
}

ProfilingBackend::Work ProfilingBackend::of(const GateUpArgs& args) {
  Work work = matrix(*args.gate, args.num_rows);
  work += matrix(*args.up, args.num_rows);
  work += low_rank(args.gate_low_rank);
  work += low_rank(args.up_low_rank);
  return work;
}

ProfilingBackend::Work ProfilingBackend::of(const FinalNormArgs& args) { return {args.num_x, 0, 0}; }

template <class Args>
ProfilingBackend::Work ProfilingBackend::sum(Span<Args> problems, Work* first) {
  Work total;
  for (const Args& problem : problems) {
    const Work work = of(problem);
    if (&problem == problems.begin()) *first = work;
    const int64_t rows = total.rows + work.rows;
    total += work;
    total.rows = rows;
  }
  return total;
}

template <class Run>
void ProfilingBackend::timed(int32_t operation, const Work& work, const Work& first, Run&& run) {
  const Range range(kOperationNames[operation]);
  const int64_t begin = now_nanos();
  run();
  inner_.synchronize();
  const int64_t end = now_nanos();
  if (count_ == events_.size()) {
    ++lost_;
    return;
  }
  events_[count_++] = {operation, int32_t(work.rows), begin, end - begin, work.bytes, first.bytes, work.flops};
}

void ProfilingBackend::embed(Span<EmbedArgs> problems) {
  Work first;
  const Work work = sum(problems, &first);
  timed(kEmbed, work, first, [&] { inner_.embed(problems); });
}

void ProfilingBackend::qkv(Span<QkvArgs> problems) {
  Work first;
  const Work work = sum(problems, &first);
  timed(kQkv, work, first, [&] { inner_.qkv(problems); });
}

void ProfilingBackend::attention(Span<AttentionArgs> problems) {
  Work first;
  const Work work = sum(problems, &first);
  timed(kAttention, work, first, [&] { inner_.attention(problems); });
}

void ProfilingBackend::project(Span<ProjectArgs> problems) {
  Work first;
  const Work work = sum(problems, &first);
  timed(kProject, work, first, [&] { inner_.project(problems); });
}

void ProfilingBackend::gate_up(Span<GateUpArgs> problems) {
  Work first;
  const Work work = sum(problems, &first);
  timed(kGateUp, work, first, [&] { inner_.gate_up(problems); });
}

void ProfilingBackend::final_norm(Span<FinalNormArgs> problems) {
  Work first;
  const Work work = sum(problems, &first);
  timed(kFinalNorm, work, first, [&] { inner_.final_norm(problems); });
}

// Rows of a matrix beyond the vocabulary are not read, and problems that share a matrix read it once.
void ProfilingBackend::lm_head(const LmHeadArgs& args) {
  Work work, first;
  for (int32_t i = 0; i < args.problems.size; ++i) {
    const HeadProblem& problem = args.problems[i];
    if (problem.num_x == 0) continue;
    Work own = matrix(*problem.lm_head, problem.num_x);
    const double part = double(std::min<int64_t>(args.vocab_size, problem.lm_head->rows)) / double(problem.lm_head->rows);
    own.bytes = int64_t(part * double(own.bytes));
    own.flops = int64_t(part * double(own.flops));
    for (int32_t j = 0; j < i; ++j)
      if (args.problems[j].num_x > 0 && args.problems[j].lm_head == problem.lm_head) own.bytes = 0;
    if (problem.low_rank != nullptr) own += low_rank({problem.low_rank, 1});
    if (work.rows == 0) first = own;
    work += own;
  }
  work.rows = args.num_sequences;
  timed(kLmHead, work, first, [&] { inner_.lm_head(args); });
}

void ProfilingBackend::sample(const SampleArgs& args) {
  timed(kSample, {args.num_sequences, 0, 0}, {}, [&] { inner_.sample(args); });
}

void ProfilingBackend::log_softmax(const LogSoftmaxArgs& args) {
  const int64_t values = int64_t(args.num_rows) * args.vocab_size;
  timed(kLogSoftmax, {args.num_rows, 2 * values * int64_t(sizeof(float)), 0}, {}, [&] { inner_.log_softmax(args); });
}

}  // namespace genarm
