// sample: cuts combined logits / temperature by top-k, top-p and min-p, draws with lm_head's noise, and leaves the law.
// One task a sequence.
//
// Nothing is sorted. Scores have 32-bit keys in the same order; top-k and top-p descend through the key's digits by
// histograms (counts, or masses in f64), top digit first. The first digit is counted over the vocabulary, the
// others over the few scores that share the digits so far. Bound by passes over the row in the cache.
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

struct Scratch {
  double* bin;   // [kBins] counts or masses
  int32_t* id;   // [vocab_size] candidates: scores that share the digits so far
};

// exp(value - top), as the vector passes compute it.
float weight_of(float value, float top) {
  float lanes[16];
  store(lanes, exp(broadcast(value) - broadcast(top)));
  return lanes[0];
}

// Descends to the score at which the count, or the mass where `by_mass`, of scores from the top reaches `target`.
// `above` returns what lies above that score. False where all scores together do not reach it.
bool descend(const float* s, int32_t n, float least, float top, bool by_mass, double target, const Scratch& scratch,
             float* at, double* above) {
  uint32_t prefix = 0;
  int32_t candidates = n;
  double reached = 0;
  for (int digit = 0; digit < kDigits; ++digit) {
    memset(scratch.bin, 0, kBins * sizeof(double));
    for (int32_t i = 0; i < candidates; i += 16) {
      const int lanes = int(smaller(16, candidates - i));
      float value[16], weight[16];
      for (int j = 0; j < lanes; ++j) value[j] = s[digit == 0 ? i + j : scratch.id[i + j]];
      for (int j = lanes; j < 16; ++j) value[j] = -kInfinity;
      if (by_mass) store(weight, exp(load(value) - broadcast(top)));
      for (int j = 0; j < lanes; ++j) {
        if (!(value[j] >= least) || value[j] == -kInfinity) continue;
        scratch.bin[key_of(value[j]) >> kShift[digit] & kDigitMask[digit]] += by_mass ? double(weight[j]) : 1.0;
      }
    }
    int bin = digit == 0 ? int(key_of(top) >> kShift[0]) : int(kDigitMask[digit]);
    while (bin >= 0 && reached + scratch.bin[bin] < target) reached += scratch.bin[bin--];
    if (bin < 0) return false;
    prefix |= uint32_t(bin) << kShift[digit];
    int32_t kept = 0;
    for (int32_t i = 0; i < candidates; ++i) {
      const int32_t id = digit == 0 ? i : scratch.id[i];
      if (s[id] >= least && (key_of(s[id]) ^ prefix) >> kShift[digit] == 0) scratch.id[kept++] = id;
    }
    candidates = kept;
  }
  *at = value_of(prefix);
  *above = reached;
  return true;
}

// Turns z into scores; gives the largest.
float score_all(float* z, int64_t n, float temperature) {
  const f32x16 scale = broadcast(inverse(temperature));
  for (int64_t v = 0; v < n; v += 16) store_first(z + v, score(load_or(z + v, n - v, -kInfinity), scale), n - v);
  return largest(z, n);
}

void cut_top_p(const float* s, int32_t n, float top, double p, const Scratch& scratch, Cut& cut) {
  double total = 0, above = 0;
  float at = 0;
  for (int32_t v = 0; v < n; v += 16) {
    const f32x16 value = load_or(s + v, n - v, -kInfinity);
    const f32x16 weight = select(value < broadcast(cut.least), zero(), exp(value - broadcast(top)));
    total += double(reduce_add(weight));
  }
  if (!descend(s, n, cut.least, top, true, p * total, scratch, &at, &above)) return;
  // Equal scores: as many as it takes, lowest ids first. The last candidates are exactly those.
  const double each = double(weight_of(at, top));
  cut.least = at;
  cut.ties_end = 0;
  for (int32_t v = 0; v < n && (above < p * total || cut.ties_end == 0); ++v) {
    if (s[v] != at) continue;
    above += each;
    cut.ties_end = v + 1;
  }
}

// Probability at least min_p times the largest.
void cut_min_p(const float* s, int32_t n, float top, float min_p, Cut& cut) {
  float least = kInfinity;
  for (int32_t v = 0; v < n; v += 16) {
    const f32x16 value = load_or(s + v, n - v, -kInfinity);
    const f32x16 allowed = select(exp(value - broadcast(top)) < broadcast(min_p), broadcast(kInfinity), value);
    least = -reduce_max(maximum(zero() - allowed, broadcast(-least)));
  }
  if (least > cut.least) cut = {least, n};
}

void keep(float* s, int32_t n, const Cut& cut) {
  for (int32_t v = 0; v < n; ++v) {
    if (s[v] < cut.least || (s[v] == cut.least && v >= cut.ties_end)) s[v] = -kInfinity;
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
  double above;
  if (plan.top_k > 0 && plan.top_k < n) {
    float at;
    if (descend(z, n, -kInfinity, top, false, plan.top_k, scratch, &at, &above)) cut = {at, n};
  }
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
  return kBins * sizeof(double) + size_t(vocab_size) * sizeof(int32_t);
}

}  // namespace

size_t sample_thread_bytes(const Backend::Limits& limits) { return scratch_bytes(limits.vocab_size); }

void sample(Context& context, const SampleArgs& args) {
  ensure_threads(context, scratch_bytes(args.vocab_size));
  parallel(context, args.num_sequences, [&](int64_t s, int thread) {
    const SamplingPlan& plan = args.plan[s];
    if (plan.z_row < 0) return;
    uint8_t* memory = context.threads[thread].data;
    const Scratch scratch{reinterpret_cast<double*>(memory), reinterpret_cast<int32_t*>(memory + kBins * sizeof(double))};
    args.sampled[s] = draw_from(args.z + int64_t(plan.z_row) * args.vocab_size, args.vocab_size, plan, scratch);
  });
}

}  // namespace genarm::cpu::GENARM_ISA
