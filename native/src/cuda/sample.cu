// sample: cuts combined logits / temperature by top-k, top-p and min-p, draws with lm_head's noise, and leaves the law;
// see SampleArgs of backend.h and cpu/sample.cpp.
//
// A block a sequence. Nothing is sorted: scores have 32-bit keys in the same order, and top-k and top-p descend
// through a key's digits by histograms in shared memory, of counts, or of masses in fixed point (so that the order in
// which threads add does not matter). Bound by one SM's passes over a row in L2: three for each cut.
#include "cuda/law.cuh"

namespace genarm::cuda {
namespace {

constexpr int kThreads = 512;
constexpr int kDigits = 3, kBins = 2048;
constexpr float kOne = 0x1p39f;  // of a mass; 2^24 tokens fit 64 bits

using Mass = unsigned long long;

// What is kept: scores above `least`, those equal to it with an id below ties_end; of these, the probable enough.
struct Cut {
  float least;
  int ties_end;
};

struct Row {
  float* z;
  int size;
};

__device__ __forceinline__ int shift_of(int digit) { return digit == 0 ? 21 : digit == 1 ? 10 : 0; }
__device__ __forceinline__ unsigned mask_of(int digit) { return digit == 2 ? 1023 : 2047; }

// The same order as the numbers.
__device__ __forceinline__ unsigned key_of(float value) {
  const unsigned bits = __float_as_uint(value);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}
__device__ __forceinline__ float value_of(unsigned key) {
  return __uint_as_float(key & 0x80000000u ? key & 0x7fffffffu : ~key);
}

__device__ __forceinline__ Mass mass_of(float value, float top) { return Mass(expf(value - top) * kOne); }

struct Found {
  Mass above;  // before the bin
  int bin;     // -1: the target is not reached
};

// By a warp, each lane a run of bins from the top: the bin at which the sum reaches target.
__device__ __forceinline__ Found find_bin(const Mass* bin, Mass above, Mass target) {
  constexpr int kRun = kBins / 32;
  const int lane = int(threadIdx.x) % 32, highest = kBins - 1 - lane * kRun;
  Mass run = 0;
  for (int i = 0; i < kRun; ++i) run += bin[highest - i];
  Mass before = above;  // of the lanes before this one
  for (int other = 0; other < 31; ++other) {
    const Mass theirs = shuffle(run, other);
    if (other < lane) before += theirs;
  }
  int mine = -1;
  if (before < target && before + run >= target) {
    mine = highest;
    while (before + bin[mine] < target) before += bin[mine--];
  }
  const unsigned found = __ballot_sync(kAllLanes, mine >= 0);
  if (found == 0) return {0, -1};
  const int owner = __ffs(int(found)) - 1;
  return {shuffle(before, owner), shuffle(mine, owner)};
}

struct Reached {
  float at;
  Mass above, in_ties;  // what lies above that score, and at it
  bool reached;
};

// Descends to the score at which the count, or the mass, of scores from the top that are not below least reaches target.
__device__ __forceinline__ Reached descend(Row row, float least, float top, bool by_mass, Mass target) {
  SMEM(Mass, bin, [kBins]);
  SMEM(Found, found, [1]);
  unsigned prefix = 0;
  Mass above = 0, in_ties = 0;
  for (int digit = 0; digit < kDigits; ++digit) {
    for (int i = int(threadIdx.x); i < kBins; i += kThreads) bin[i] = 0;
    __syncthreads();
    const int shift = shift_of(digit);
    for (int v = int(threadIdx.x); v < row.size; v += kThreads) {
      const float value = row.z[v];
      if (!(value >= least) || value == -INFINITY) continue;
      const unsigned key = key_of(value);
      if (digit > 0 && (key ^ prefix) >> shift_of(digit - 1) != 0) continue;
      atomicAdd(&bin[key >> shift & mask_of(digit)], by_mass ? mass_of(value, top) : Mass(1));
    }
    __syncthreads();
    if (threadIdx.x < 32) {
      const Found result = find_bin(bin, above, target);
      if (threadIdx.x == 0) found[0] = result;
    }
    __syncthreads();
    const Found result = found[0];
    if (result.bin < 0) return {0, 0, 0, false};
    above = result.above;
    in_ties = bin[result.bin];
    prefix |= unsigned(result.bin) << shift;
    __syncthreads();  // the next digit clears the bins
  }
  return {value_of(prefix), above, in_ties, true};
}

// The id after the `wanted`-th score equal to `at`; each thread looks through a run of ids.
__device__ __forceinline__ int end_of_ties(Row row, float at, Mass wanted) {
  SMEM(int, ties, [kThreads]);
  SMEM(int, end, [1]);
  const int run = (row.size + kThreads - 1) / kThreads, begin = min(row.size, int(threadIdx.x) * run);
  const int last = min(row.size, begin + run);
  int count = 0;
  for (int v = begin; v < last; ++v) count += row.z[v] == at;
  ties[threadIdx.x] = count;
  if (threadIdx.x == 0) end[0] = row.size;
  __syncthreads();
  Mass before = 0;
  for (int i = 0; i < int(threadIdx.x); ++i) before += Mass(ties[i]);
  if (before < wanted && before + Mass(count) >= wanted) {
    int v = begin;
    for (Mass left = wanted - before; left > 0; ++v) left -= row.z[v] == at;
    end[0] = v;
  }
  __syncthreads();
  return end[0];
}

__device__ __forceinline__ Mass block_mass(Row row, float least, float top) {
  SMEM(Mass, total, [1]);
  if (threadIdx.x == 0) total[0] = 0;
  __syncthreads();
  Mass mine = 0;
  for (int v = int(threadIdx.x); v < row.size; v += kThreads) {
    const float value = row.z[v];
    if (value >= least && value > -INFINITY) mine += mass_of(value, top);
  }
  mine = warp_sum(mine);
  if (threadIdx.x % 32 == 0) atomicAdd(total, mine);
  __syncthreads();
  return total[0];
}

__device__ __forceinline__ void cut_top_p(Row row, float top, float p, Cut& cut) {
  const Mass total = block_mass(row, cut.least, top);
  const Mass target = max(Mass(double(p) * double(total)), Mass(1));
  const Reached r = descend(row, cut.least, top, true, target);
  if (!r.reached) return;
  // Equal scores: as many as it takes, lowest ids first.
  const Mass each = mass_of(r.at, top), wanted = (target - r.above + each - 1) / each;
  cut = {r.at, wanted * each >= r.in_ties ? row.size : end_of_ties(row, r.at, wanted)};
}

// Turns z into scores, minus infinity where cut; gives the best token.
__device__ __forceinline__ Candidate draw(Row row, const SamplingPlan& plan, float top, const Cut& cut) {
  Candidate best = no_candidate();
  for (int v = int(threadIdx.x); v < row.size; v += kThreads) {
    const float value = row.z[v];
    bool kept = value > cut.least || (value == cut.least && v < cut.ties_end);
    if (plan.min_p > 0) kept = kept && expf(value - top) >= plan.min_p;
    if (kept) {
      best = better(best, competitor(plan, value, v));
    } else {
      row.z[v] = -INFINITY;
    }
  }
  return block_best<kThreads>(best);
}

__device__ __forceinline__ void leave_law(Row row, const SamplingPlan& plan, float top, int chosen) {
  if (plan.temperature < kGreedy) {
    for (int v = int(threadIdx.x); v < row.size; v += kThreads) row.z[v] = v == chosen ? 0 : -INFINITY;
    return;
  }
  float mass = 0;
  for (int v = int(threadIdx.x); v < row.size; v += kThreads) mass += expf(row.z[v] - top);
  const float log_mass = logf(block_sum<kThreads>(mass));
  for (int v = int(threadIdx.x); v < row.size; v += kThreads) row.z[v] = row.z[v] - top - log_mass;
}

__global__ void __launch_bounds__(kThreads) sample_kernel(const SampleArgs args) {
  grid_launch_dependents();

  grid_wait();
  const SamplingPlan plan = args.plan[blockIdx.x];
  if (plan.z_row < 0) return;
  const Row row = {args.z + int64_t(plan.z_row) * args.vocab_size, args.vocab_size};
  const float inverse_temperature = inverse(plan.temperature);
  float top = -INFINITY;
  for (int v = int(threadIdx.x); v < row.size; v += kThreads) {
    row.z[v] = score(row.z[v], inverse_temperature);
    top = fmaxf(top, row.z[v]);
  }
  top = block_max<kThreads>(top);  // and every thread sees the scores
  Candidate best = no_candidate();
  if (top > -INFINITY) {
    Cut cut = {-INFINITY, 0};
    if (plan.temperature >= kGreedy) {
      if (plan.top_k > 0 && plan.top_k < row.size) {
        const Reached r = descend(row, -INFINITY, top, false, Mass(plan.top_k));
        if (r.reached) cut = {r.at, row.size};
      }
      if (plan.top_p < 1) cut_top_p(row, top, plan.top_p, cut);
    }
    best = draw(row, plan, top, cut);
    if (plan.keep_law) leave_law(row, plan, top, best.id);
  }
  if (threadIdx.x == 0) args.sampled[blockIdx.x] = best.id;
}

}  // namespace

void sample(const SampleArgs& args, Order order, stream_t stream) {
  if (args.num_sequences == 0) return;
  launch(sample_kernel, Grid(unsigned(args.num_sequences), kThreads, order), stream, args);
}

}  // namespace genarm::cuda
