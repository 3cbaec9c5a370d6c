// sample: cuts combined logits / temperature by top-k, top-p and min-p, draws with lm_head's noise, and leaves the law.
// One task a sequence.
//
// Nothing is sorted. A vector pass keeps the candidates, the few scores that can matter: for top-k those not below the
// k-th largest of the maxima of 64 tokens each, for top-p those that alone reach the mass. Their 32-bit keys are in
// the same order; top-k and top-p descend through the key's digits by histograms (counts, or masses in f64), top
// digit first. Bound by passes over the row in the cache.
#include "dense.h"
#include "law.h"
#include "operations.h"

namespace genarm::cpu::GENARM_ISA {
namespace {

constexpr int kDigits = 3, kBins = 2048;
constexpr int kShift[kDigits] = {21, 10, 0};
constexpr uint32_t kDigitMask[kDigits] = {2047, 2047, 1023};

// The same order as the numbers.
uint32_t key_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

float value_of(uint32_t key) {
  const uint32_t bits = key & 0x80000000u ? key & 0x7fffffffu : ~key;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

// What is kept: scores above `least`, and those equal to it with an id below ties_end.
struct Cut {
  float least;
  int32_t ties_end;
};

constexpr int kChunk = 64;  // tokens whose maximum is looked at first

struct Scratch {
  double* bin;   // [kBins] counts or masses
  int32_t* id;   // [vocab_size + 15] candidates: scores that share the digits so far
  float* chunk;  // [chunks] their maxima
};

int64_t num_chunks(int64_t vocab_size) { return (vocab_size + kChunk - 1) / kChunk; }

// exp(value - top), as the vector passes compute it.
float weight_of(float value, float top) {
  float lanes[16];
  store(lanes, exp(broadcast(value) - broadcast(top)));
  return lanes[0];
}

// Lists the ids of the scores at or above `least`, minus infinity never.
int32_t list_candidates(const float* s, int32_t n, float least, int32_t* id) {
  int32_t count = 0;
  for (int32_t v = 0; v < n; v += 16) {
    const f32x16 value = load_or(s + v, n - v, -kInfinity);
    uint32_t kept = bits((broadcast(least) <= value) & (broadcast(-kInfinity) < value));
    for (; kept; kept &= kept - 1) id[count++] = v + __builtin_ctz(kept);
  }
  return count;
}

// Descends through `count` candidates to the score at which their number, or their mass where by_mass, counted from the
// top reaches `target`. `above` is what lies above that score. Gives how many candidates have it, their ids in scratch.id
// in order, or 0 where all together do not reach the target.
int32_t descend(const float* s, int32_t count, float top, bool by_mass, double target, const Scratch& scratch, float* at,
             double* above) {
  uint32_t prefix = 0;
  double reached = 0;
  for (int digit = 0; digit < kDigits; ++digit) {
    memset(scratch.bin, 0, kBins * sizeof(double));
    for (int32_t i = 0; i < count; i += 16) {
      const int lanes = int(smaller(16, count - i));
      float value[16] = {}, weight[16];
      for (int j = 0; j < lanes; ++j) value[j] = s[scratch.id[i + j]];
      store(weight, by_mass ? exp(load(value) - broadcast(top)) : broadcast(1.0f));
      for (int j = 0; j < lanes; ++j)
        scratch.bin[key_of(value[j]) >> kShift[digit] & kDigitMask[digit]] += double(weight[j]);
    }
    int bin = digit == 0 ? int(key_of(top) >> kShift[0]) : int(kDigitMask[digit]);
    while (bin >= 0 && reached + scratch.bin[bin] < target) reached += scratch.bin[bin--];
    if (bin < 0) return 0;
    prefix |= uint32_t(bin) << kShift[digit];
    int32_t kept = 0;
    for (int32_t i = 0; i < count; ++i) {
      const int32_t id = scratch.id[i];
      if ((key_of(s[id]) ^ prefix) >> kShift[digit] == 0) scratch.id[kept++] = id;
    }
    count = kept;
  }
  *at = value_of(prefix);
  *above = reached;
  return count;
}

// Turns z into scores; gives the largest.
float score_all(float* z, int64_t n, float temperature) {
  const f32x16 scale = broadcast(inverse(temperature));
  for (int64_t v = 0; v < n; v += 16) store_first(z + v, score(load_or(z + v, n - v, -kInfinity), scale), n - v);
  return largest(z, n);
}

void cut_top_k(const float* s, int32_t n, float top, int32_t k, const Scratch& scratch, Cut& cut) {
  // At least k scores reach the k-th largest of the maxima.
  const int32_t chunks = int32_t(num_chunks(n));
  float least = -kInfinity, at;
  double above;
  if (k <= chunks) {
    for (int32_t c = 0; c < chunks; ++c) {
      scratch.chunk[c] = largest(s + int64_t(c) * kChunk, smaller(kChunk, n - int64_t(c) * kChunk));
    }
    const int32_t count = list_candidates(scratch.chunk, chunks, least, scratch.id);
    if (descend(scratch.chunk, count, top, false, k, scratch, &at, &above) > 0) least = at;
  }
  const int32_t count = list_candidates(s, n, least, scratch.id);
  if (descend(s, count, top, false, k, scratch, &at, &above) > 0) cut = {at, n};
}

// The mass of the candidates.
double mass_of(const float* s, int32_t count, float top, const Scratch& scratch) {
  double total = 0;
  for (int32_t i = 0; i < count; i += 16) {
    float value[16];
    for (int j = 0; j < 16; ++j) value[j] = i + j < count ? s[scratch.id[i + j]] : -kInfinity;
    total += double(reduce_add(exp(load(value) - broadcast(top))));
  }
  return total;
}

void cut_top_p(const float* s, int32_t n, float top, double p, const Scratch& scratch, Cut& cut) {
  const bool cut_before = cut.least > -kInfinity;
  int32_t count = cut_before ? list_candidates(s, n, cut.least, scratch.id) : 0;
  const double total = cut_before ? mass_of(s, count, top, scratch) : mass(s, n, top);
  if (!cut_before) {
    // What lies below has less than half the mass that is to be cut, so the rest reaches p.
    count = list_candidates(s, n, top + float(__builtin_log((1 - p) * total / (2.0 * n))), scratch.id);
  }
  float at;
  double above;
  const int32_t equal = descend(s, count, top, true, p * total, scratch, &at, &above);
  if (equal == 0) return;
  // Equal scores: as many as it takes, lowest ids first.
  const double each = double(weight_of(at, top));
  int32_t taken = 0;
  do above += each; while (++taken < equal && above < p * total);
  cut = {at, scratch.id[taken - 1] + 1};
}

// Probability at least min_p times the largest.
void cut_min_p(const float* s, int32_t n, float top, float min_p, Cut& cut) {
  f32x16 least = broadcast(kInfinity);
  for (int32_t v = 0; v < n; v += 16) {
    const f32x16 value = load_or(s + v, n - v, -kInfinity);
    const mask16 allowed = broadcast(min_p) <= exp(value - broadcast(top));
    least = minimum(select(allowed, value, broadcast(kInfinity)), least);
  }
  const float smallest = -reduce_max(zero() - least);
  if (smallest > cut.least) cut = {smallest, n};
}

void keep(float* s, int32_t n, const Cut& cut) {
  const f32x16 least = broadcast(cut.least), out = broadcast(-kInfinity);
  for (int32_t v = 0; v < n; v += 16) {
    const f32x16 value = load_or(s + v, n - v, -kInfinity);
    store_first(s + v, select(value < least, out, value), n - v);
  }
  for (int32_t v = cut.ties_end; v < n; v += 16) {
    const f32x16 value = load_or(s + v, n - v, -kInfinity);
    store_first(s + v, select(value <= least, out, value), n - v);
  }
}

int32_t draw_from(float* z, int32_t n, const SamplingPlan& plan, const Scratch& scratch) {
  Best best = none();
  if (plan.temperature < kGreedy) {
    draw(best, z, n, 0, plan);
    if (!plan.keep_law) return best.id;
    for (int32_t v = 0; v < n; ++v) z[v] = v == best.id ? 0.0f : -kInfinity;
    return best.id;
  }
  const float top = score_all(z, n, plan.temperature);
  if (top == -kInfinity) return -1;
  Cut cut{-kInfinity, 0};
  if (plan.top_k > 0 && plan.top_k < n) cut_top_k(z, n, top, plan.top_k, scratch, cut);
  if (plan.top_p < 1) cut_top_p(z, n, top, double(plan.top_p), scratch, cut);
  if (plan.min_p > 0) cut_min_p(z, n, top, plan.min_p, cut);
  if (cut.least > -kInfinity) keep(z, n, cut);

  SamplingPlan scored = plan;
  scored.temperature = 1;  // z holds scores
  draw(best, z, n, 0, scored);
  if (plan.keep_law) normalise(z, n, top);
  return best.id;
}

size_t scratch_bytes(int64_t vocab_size) {
  return kBins * sizeof(double) + size_t(num_chunks(vocab_size) + 16) * sizeof(float) +
         size_t(vocab_size + 15) * sizeof(int32_t);
}

}  // namespace

size_t sample_thread_bytes(const Backend::Limits& limits) { return scratch_bytes(limits.vocab_size); }

void sample(Context& context, const SampleArgs& args) {
  ensure_threads(context, scratch_bytes(args.vocab_size));
  parallel(context, args.num_sequences, [&](int64_t s, int thread) {
    const SamplingPlan& plan = args.plan[s];
    if (plan.z_row < 0) return;
    uint8_t* memory = context.threads[thread].data;
    float* chunk = reinterpret_cast<float*>(memory + kBins * sizeof(double));
    int32_t* id = reinterpret_cast<int32_t*>(chunk + num_chunks(args.vocab_size) + 16);
    const Scratch scratch{reinterpret_cast<double*>(memory), id, chunk};
    args.sampled[s] = draw_from(args.z + int64_t(plan.z_row) * args.vocab_size, args.vocab_size, plan, scratch);
  });
}

}  // namespace genarm::cpu::GENARM_ISA
