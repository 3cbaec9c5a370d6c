// Shapes of launches at the largest sizes that an engine takes: captured, not run, so that memory need not be there.
#include "cuda/launch.h"
#include "fixture.h"

namespace genarm::cuda {
namespace {

constexpr int kMostRows = 1 << 20;  // of a step, see model/engine.cpp
constexpr int kHidden = 8192, kInner = 28672, kHeads = 64, kKvHeads = 8, kHeadDim = 128;

// As many of a problem as a launch takes.
template <class Problem>
std::vector<Problem> full_launch(Problem problem) {
  problem.num_rows = kMostRows;
  return std::vector<Problem>(kMaxProblems, problem);
}

void fits(const std::function<void(stream_t)>& make) {
  Stream stream;
  graph_destroy(capture(stream, [&] { make(stream); }));
}

Weight weight(int columns) { return {nullptr, nullptr, columns, Format::bf16}; }

void products_of_the_largest_step_can_be_launched() {
  bf16 input;
  for (bf16* scratch : {static_cast<bf16*>(nullptr), &input}) {  // in passes of 32 rows, and blocked
    fits([&](stream_t stream) {
      QkvProblem p = {};
      p.cache = {nullptr, 64, kKvHeads, kHeadDim};
      p.q_weight = p.k_weight = p.v_weight = weight(kHidden);
      p.columns = kHidden;
      p.num_heads = kHeads;
      p.input = scratch;
      qkv(full_launch(p).data(), kMaxProblems, Order::overlaps_previous, stream);
    });
    fits([&](stream_t stream) {
      ProjectProblem p = {};
      p.weight = weight(kInner);
      p.rows = kHidden;
      p.columns = kInner;
      p.input = scratch;
      project(full_launch(p).data(), kMaxProblems, Order::overlaps_previous, stream);
    });
    fits([&](stream_t stream) {
      GateUpProblem p = {};
      p.gate = p.up = weight(kHidden);
      p.rows = kInner;
      p.columns = kHidden;
      p.input = scratch;
      gate_up(full_launch(p).data(), kMaxProblems, Order::overlaps_previous, stream);
    });
  }
}

void what_stands_beside_them_can_be_launched() {
  fits([](stream_t stream) {
    EmbedProblem p = {};
    p.hidden_size = kHidden;
    embed(full_launch(p).data(), kMaxProblems, Order::overlaps_previous, stream);
  });
  fits([](stream_t stream) {
    LowRankUpdate update = {};
    update.rank = 64;
    update.w1 = &update.scale;
    update.num_rows = kMostRows;
    const std::vector<LowRankUpdate> updates(kMaxUpdates, update);
    const LowRankInput x = {nullptr, nullptr, 0, nullptr, kHidden, nullptr, 1e-5f, kHidden};
    shrink(x, updates.data(), kMaxUpdates, Order::overlaps_previous, stream);
  });
  for (const int lanes : {1, kMostRows})
    fits([&](stream_t stream) {
      AttentionProblem<bf16> p = {};
      const int32_t first = 0;
      p.cache = {nullptr, 64, kKvHeads, kHeadDim};
      p.num_heads = kHeads;
      p.num_lanes = lanes;
      p.lane_first = &first;
      attention(full_launch(p).data(), kMaxProblems, 512, Order::overlaps_previous, stream);
    });
}

}  // namespace
}  // namespace genarm::cuda

int main(int argc, char** argv) {
  using namespace genarm::cuda;
  return run_cases(argc, argv,
                   {{"products_of_the_largest_step_can_be_launched", products_of_the_largest_step_can_be_launched},
                    {"what_stands_beside_them_can_be_launched", what_stands_beside_them_can_be_launched}});
}
