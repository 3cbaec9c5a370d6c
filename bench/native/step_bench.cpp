// A whole decode step of Llama-3.2-1B's shape, operation by operation: plain, and with the rows of one and two LoRA ARMs
// over the same weights. Four layers' weights serve sixteen: more than the last cache holds lies between two uses.
//   step_bench [threads] [activations: f32, bf16, int8] [weights: bf16, int8, int4] [context]
#include <string>

#include "bench.h"

using namespace genarm_bench;

namespace {

constexpr int kLayers = 16, kDistinct = 4, kModules = 7, kMostRows = 3, kRounds = 12;
enum Stage { embed, qkv, attention, o, gate_up, down, norm, head, kStages };
constexpr const char* kNames[kStages] = {"embed", "qkv", "attention", "o", "gate_up", "down", "norm", "lm_head"};
enum Module { kQ, kK, kV, kO, kGate, kUp, kDown };

struct Shape {
  int64_t rows, columns, group;
};
constexpr Shape kShapes[kModules] = {
    {kHeads * kHeadDim, kHidden, kHeadDim}, {kKvHeads * kHeadDim, kHidden, kHeadDim},
    {kKvHeads * kHeadDim, kHidden, kHeadDim}, {kHidden, kHeads * kHeadDim, 0},
    {kIntermediate, kHidden, 0}, {kIntermediate, kHidden, 0}, {kHidden, kIntermediate, 0}};

// Updates of every layer for up to two ARMs; ARM i takes row 1 + i.
struct Adapters {
  std::vector<std::unique_ptr<Matrix>> owned;
  LowRank update[kDistinct][kModules][2] = {};
  int modules, arms;

  Adapters(Bench& bench, int arms_, int rank, int modules_, Dtype dtype) : modules(modules_), arms(arms_) {
    for (auto& layer : update)
      for (int m = 0; m < modules; ++m)
        for (int i = 0; i < arms; ++i) {
          const Matrix* a = keep(bench.matrix(rank, kShapes[m].columns, dtype));
          const Matrix* b = keep(bench.matrix(kShapes[m].rows, rank, dtype, kShapes[m].group));
          layer[m][i] = {a, b, 0.5f, 1 + i, 1, nullptr, nullptr, nullptr, 0, 0, 0};
        }
  }
  const Matrix* keep(std::unique_ptr<Matrix> matrix) {
    owned.push_back(std::move(matrix));
    return owned.back().get();
  }
  Span<LowRank> of(int layer, int module) const {
    return module < modules ? Span<LowRank>(update[layer % kDistinct][module], arms) : Span<LowRank>();
  }
};

class Model {
 public:
  Model(Bench& b, Dtype dtype, int context)
      : bench(b), table(b.matrix(kVocab, kHidden, dtype == Dtype::int4 ? Dtype::int8 : dtype)), norms(b.floats(kHidden)),
        tables(b.floats(int64_t(context) * kHeadDim / 2)), hidden(b.floats(kMostRows * kHidden)),
        q(b.floats(kMostRows * kHidden)), mixed(b.floats(kMostRows * kHidden)), inner(b.floats(kMostRows * kIntermediate)),
        x(b.floats(kHidden)), z(b.floats(1)), small(b.values(std::vector<int32_t>{0, 1, 2, 3})),
        scales(b.values(std::vector<float>{1, 0.5f, 0.5f})), context_(context) {
    for (auto& layer : weights)
      for (int m = 0; m < kModules; ++m) layer[m] = b.matrix(kShapes[m].rows, kShapes[m].columns, dtype, kShapes[m].group);
    for (int rows = 1; rows <= kMostRows; ++rows) lanes.emplace_back(b, rows, 1, context);
    bytes = double(table->bytes);
    for (int l = 0; l < kLayers; ++l)
      for (const auto& matrix : weights[l % kDistinct]) bytes += double(matrix->bytes);
  }

  // Microseconds of each stage, for `rows` lanes of one row each.
  void step(int rows, const Adapters& adapters, double (&us)[kStages]) {
    for (double& t : us) t = 0;
    const Lanes& plan = lanes[size_t(rows - 1)];
    const EmbedArgs embeds{hidden->as<float>(), small->as<int32_t>(), table.get(), rows};
    time(us[embed], [&] { bench.backend->embed({&embeds, 1}); });
    for (int l = 0; l < kLayers; ++l) layer(rows, plan, adapters, l, us);
    const int32_t* first = small->as<int32_t>();
    finish(rows, first, us);
  }

  Bench& bench;
  std::unique_ptr<Matrix> table, weights[kDistinct][kModules];
  double bytes;

 private:
  template <class F>
  void time(double& us, const F& run) {
    const double begin = clock_us(CLOCK_MONOTONIC);
    run();
    us += clock_us(CLOCK_MONOTONIC) - begin;
  }

  void layer(int rows, const Lanes& plan, const Adapters& adapters, int l, double (&us)[kStages]) {
    const auto& w = weights[l % kDistinct];
    QkvArgs a{};
    a.q = q->as<float>();
    a.cache = plan.cache;
    a.hidden = hidden->as<float>();
    a.norm = norms->as<float>();
    a.q_proj = w[kQ].get();
    a.k_proj = w[kK].get();
    a.v_proj = w[kV].get();
    a.rope_cos = a.rope_sin = tables->as<float>();
    a.eps = 1e-5f;
    a.num_heads = kHeads;
    a.num_kv_heads = kKvHeads;
    a.head_dim = kHeadDim;
    a.rows = plan.rows;
    a.q_low_rank = adapters.of(l, kQ);
    a.k_low_rank = adapters.of(l, kK);
    a.v_low_rank = adapters.of(l, kV);
    time(us[qkv], [&] { bench.backend->qkv({&a, 1}); });
    const AttentionArgs attend{mixed->as<float>(), q->as<float>(), plan.cache, 0, 0, kHeads, plan.rows};
    time(us[attention], [&] { bench.backend->attention({&attend, 1}); });
    const ProjectArgs out{hidden->as<float>(), mixed->as<float>(), w[kO].get(), nullptr, rows, adapters.of(l, kO)};
    time(us[o], [&] { bench.backend->project({&out, 1}); });
    const GateUpArgs gated{inner->as<float>(), hidden->as<float>(), norms->as<float>(), w[kGate].get(), w[kUp].get(),
                           nullptr, nullptr, 1e-5f, rows, adapters.of(l, kGate), adapters.of(l, kUp)};
    time(us[gate_up], [&] { bench.backend->gate_up({&gated, 1}); });
    const ProjectArgs back{hidden->as<float>(), inner->as<float>(), w[kDown].get(), nullptr, rows, adapters.of(l, kDown)};
    time(us[down], [&] { bench.backend->project({&back, 1}); });
  }

  // One sequence whose terms share the LM head.
  void finish(int rows, const int32_t* numbers, double (&us)[kStages]) {
    const int32_t first[] = {0, rows}, zero = 0, bounds[] = {0, 1};
    const FinalNormArgs args{x->as<float>(), hidden->as<float>(), norms->as<float>(), first, numbers,
                             scales->as<float>(), 1e-5f, 1, kHidden};
    time(us[norm], [&] { bench.backend->final_norm({&args, 1}); });
    SamplingPlan plan{};
    plan.position = ++position_;
    plan.temperature = plan.top_p = 1;
    plan.z_row = -1;
    int32_t sampled;
    const HeadProblem problem{table.get(), x->as<float>(), 1, nullptr};
    const LmHeadArgs heads{&sampled, z->as<float>(), {&problem, 1}, bounds, &zero, &zero, &plan, 1, kVocab};
    time(us[head], [&] { bench.backend->lm_head(heads); });
  }

  std::unique_ptr<Buffer> norms, tables, hidden, q, mixed, inner, x, z, small, scales;
  std::vector<Lanes> lanes;
  int context_, position_ = 0;
};

double sum(const double (&us)[kStages]) {
  double total = 0;
  for (double t : us) total += t;
  return total;
}

struct Variant {
  const char* name;
  Adapters adapters;
  double best[kStages], total = 1e30;
  std::vector<double> totals;
};

}  // namespace

int main(int argc, char** argv) {
  Bench bench(argc, argv);
  const std::string weights = argc > 3 ? argv[3] : "bf16";
  const Dtype dtype = weights == "bf16" ? Dtype::bf16 : weights == "int8" ? Dtype::int8 : Dtype::int4;
  Model model(bench, dtype, argc > 4 ? std::atoi(argv[4]) : 48);
  const Dtype kept = dtype == Dtype::bf16 ? Dtype::f32 : Dtype::bf16;  // of adapters, as a model keeps those stored in f32
  Variant variants[] = {{"plain", {bench, 0, 1, 0, kept}, {}, 1e30, {}},
                        {"1 ARM, r 8 qkv", {bench, 1, 8, 3, kept}, {}, 1e30, {}},
                        {"1 ARM, r 16 all", {bench, 1, 16, kModules, kept}, {}, 1e30, {}},
                        {"2 ARMs, r 8 qkv", {bench, 2, 8, 3, kept}, {}, 1e30, {}},
                        {"2 ARMs, r 16 all", {bench, 2, 16, kModules, kept}, {}, 1e30, {}}};
  for (int round = -1; round < kRounds; ++round) {
    for (Variant& v : variants) {
      double us[kStages];
      model.step(1 + v.adapters.arms, v.adapters, us);
      if (round < 0) continue;
      v.totals.push_back(sum(us));
      if (sum(us) < v.total) {
        v.total = sum(us);
        std::copy(us, us + kStages, v.best);
      }
    }
  }
  for (Variant& v : variants) {
    std::sort(v.totals.begin(), v.totals.end());
    const double median = v.totals[v.totals.size() / 2], plain = variants[0].totals[variants[0].totals.size() / 2];
    std::printf("%-16s best %8.0f us %5.2f  median %8.0f us %5.2f  %5.1f GB/s %3.0f %% |", v.name, v.total,
                v.total / variants[0].total, median, median / plain, model.bytes / v.total / 1e3,
                100 * model.bytes / v.total / 1e3 / bench.bandwidth());
    for (int s = 0; s < kStages; ++s) std::printf(" %s %.0f", kNames[s], v.best[s]);
    std::printf("\n");
  }
}
