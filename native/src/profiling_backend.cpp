#include "profiling_backend.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

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

#if defined(__x86_64__)
// Whether the counter goes on at one rate, whatever the core does.
bool ticks_evenly() {
  unsigned a, b, c, d;
  return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d & 1u << 8) != 0;
}
const bool kTicksEvenly = ticks_evenly();
#endif

// A clock of its own unit that takes a third of the time of the system's.
int64_t now_ticks() {
#if defined(__x86_64__)
  if (kTicksEvenly) return int64_t(__rdtsc());
#endif
  return now_nanos();
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

struct Work {
  int64_t rows = 0, bytes = 0, flops = 0;

  void add(const Matrix& weight, int64_t num_rows) {
    bytes += weight.bytes;
    flops += 2 * weight.rows * weight.columns * num_rows;
  }
  void add(Span<LowRank> updates) {
    for (const LowRank& update : updates) {
      add(*update.a, update.num_rows);
      add(*update.b, update.num_rows);
    }
  }
  void write(ga_profile_event& event) const {
    event.rows = int32_t(rows);
    event.bytes = bytes;
    event.flops = flops;
  }
};

// Where problems come from.
struct Source {
  const Backend& backend;
  const PlanTwin& plan;
};

// What one problem adds. These run once for each operation of each step, beside operations of a few microseconds.
void add(Work& work, const EmbedArgs& args, const Source&) {
  work.rows += args.num_rows;
  work.bytes += args.num_rows * (args.table->bytes / std::max<int64_t>(1, args.table->rows));
}

void add(Work& work, const QkvArgs& args, const Source&) {
  work.rows += args.rows.num_rows;
  for (const Matrix* weight : {args.q_proj, args.k_proj, args.v_proj}) work.add(*weight, args.rows.num_rows);
  for (const Span<LowRank>& updates : {args.q_low_rank, args.k_low_rank, args.v_low_rank}) work.add(updates);
}

// Each lane's keys and values once, however many of its rows read them.
void add(Work& work, const AttentionArgs& args, const Source& source) {
  const KvCache& cache = args.cache;
  const int32_t* position = source.plan.of(args.rows.position);
  const int32_t* lane_first = source.plan.of(args.rows.lane_first);
  const auto seen = [&](int64_t at) { return args.window > 0 ? std::min<int64_t>(at + 1, args.window) : at + 1; };
  int64_t read = 0, scores = 0;
  for (int32_t lane = 0; lane < args.rows.num_lanes; ++lane) {
    const int32_t first = lane_first[lane], end = lane_first[lane + 1];
    if (first == end) continue;
    read += seen(position[first]) + (end - 1 - first);
    for (int32_t row = first; row < end; ++row) scores += seen(position[row]);
  }
  work.rows += args.rows.num_rows;
  work.bytes += read * (source.backend.kv_page_bytes(cache.page_size, cache.num_kv_heads, cache.head_dim) / cache.page_size);
  work.flops += 4 * scores * args.num_heads * cache.head_dim;
}

void add(Work& work, const ProjectArgs& args, const Source&) {
  work.rows += args.num_rows;
  work.add(*args.weight, args.num_rows);
  work.add(args.low_rank);
}

void add(Work& work, const GateUpArgs& args, const Source&) {
  work.rows += args.num_rows;
  work.add(*args.gate, args.num_rows);
  work.add(*args.up, args.num_rows);
  work.add(args.gate_low_rank);
  work.add(args.up_low_rank);
}

void add(Work& work, const FinalNormArgs& args, const Source&) { work.rows += args.num_x; }

// Rows of the matrix beyond the vocabulary are not read, and problems that share it read it once.
void add(Work& work, const LmHeadArgs& args, int32_t index) {
  const HeadProblem& problem = args.problems[index];
  const Matrix& weight = *problem.lm_head;
  bool read = false;
  for (int32_t i = 0; i < index; ++i) read |= args.problems[i].num_x > 0 && args.problems[i].lm_head == &weight;
  const int64_t rows = std::min<int64_t>(args.vocab_size, weight.rows);
  if (!read) work.bytes += weight.bytes * rows / weight.rows;
  work.flops += 2 * rows * weight.columns * problem.num_x;
  if (problem.low_rank != nullptr) work.add({problem.low_rank, 1});
}

}  // namespace

ProfilingBackend::ProfilingBackend(Backend& inner, PlanTwin plan, int32_t max_events)
    : inner_(inner), plan_(plan), events_(size_t(max_events)) {
  log_.events = events_.data();
}

void ProfilingBackend::run_step(const std::function<void()>& operations) {
  log_.num_events = log_.num_lost = count_ = 0;
  begin_nanos_ = now_nanos();
  begin_ticks_ = now_ticks();
  operations();
  publish_events();
}

// Ticks become nanoseconds by what both clocks say of the whole step.
void ProfilingBackend::publish_events() {
  const int64_t end_nanos = now_nanos(), ticks = now_ticks() - begin_ticks_;
  const double scale = ticks > 0 ? double(end_nanos - begin_nanos_) / double(ticks) : 0;
  int64_t at = begin_nanos_;
  for (int32_t i = 0; i < count_; ++i) {
    ga_profile_event& event = events_[size_t(i)];
    const int64_t done = begin_nanos_ + int64_t(double(event.nanos) * scale);
    event.begin_nanos = at;
    event.nanos = std::clamp(done, at, end_nanos) - at;
    at += event.nanos;
  }
  log_.num_events = count_;
}

// Work is counted while a device that does not compute on this thread is at it.
template <class Run, class Count>
void ProfilingBackend::timed(int32_t operation, Run&& run, Count&& count) {
  const Range range(kOperationNames[operation]);
  run();
  if (size_t(count_) == events_.size()) {
    ++log_.num_lost;
    return;
  }
  ga_profile_event& event = events_[size_t(count_++)];
  event = {operation, 0, 0, 0, 0, 0, 0};
  count(event);
  inner_.synchronize();
  event.nanos = now_ticks() - begin_ticks_;  // its end, until the step's
}

template <class Args>
void ProfilingBackend::timed(int32_t operation, void (Backend::*run)(Span<Args>), Span<Args> problems) {
  timed(operation, [&] { (inner_.*run)(problems); }, [&](ga_profile_event& event) {
    Work work;
    for (const Args& problem : problems) {
      add(work, problem, Source{inner_, plan_});
      if (&problem == problems.begin()) event.first_bytes = work.bytes;
    }
    work.write(event);
  });
}

void ProfilingBackend::embed(Span<EmbedArgs> problems) { timed(kEmbed, &Backend::embed, problems); }
void ProfilingBackend::qkv(Span<QkvArgs> problems) { timed(kQkv, &Backend::qkv, problems); }
void ProfilingBackend::attention(Span<AttentionArgs> problems) { timed(kAttention, &Backend::attention, problems); }
void ProfilingBackend::project(Span<ProjectArgs> problems) { timed(kProject, &Backend::project, problems); }
void ProfilingBackend::gate_up(Span<GateUpArgs> problems) { timed(kGateUp, &Backend::gate_up, problems); }
void ProfilingBackend::final_norm(Span<FinalNormArgs> problems) { timed(kFinalNorm, &Backend::final_norm, problems); }

void ProfilingBackend::lm_head(const LmHeadArgs& args) {
  timed(kLmHead, [&] { inner_.lm_head(args); }, [&](ga_profile_event& event) {
    Work work{args.num_sequences};
    for (int32_t i = 0; i < args.problems.size; ++i) {
      if (args.problems[i].num_x == 0) continue;
      const bool first = work.flops == 0;
      add(work, args, i);
      if (first) event.first_bytes = work.bytes;
    }
    work.write(event);
  });
}

void ProfilingBackend::sample(const SampleArgs& args) {
  timed(kSample, [&] { inner_.sample(args); }, [&](ga_profile_event& event) { event.rows = args.num_sequences; });
}

void ProfilingBackend::log_softmax(const LogSoftmaxArgs& args) {
  timed(kLogSoftmax, [&] { inner_.log_softmax(args); }, [&](ga_profile_event& event) {
    event.rows = args.num_rows;
    event.bytes = 2 * int64_t(args.num_rows) * args.vocab_size * int64_t(sizeof(float));
  });
}

}  // namespace genarm
