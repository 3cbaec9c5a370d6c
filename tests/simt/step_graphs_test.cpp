// Steps as graphs: the same launches are captured once, whatever lies in the memory that they read.
#include "cuda/step_graphs.h"

#include "error.h"
#include "fixture.h"

namespace genarm::cuda {
namespace {

// Embeds a token of zeros.
class Clear {
 public:
  static constexpr int kMost = 160;
  Clear() : table_(size_t(tile_bytes(kMost, Format::bf16)), uint8_t{0}), id_(1, 0) {}

  void run(float* values, int size, stream_t stream) const {
    const EmbedProblem p = {values, kMost, id_.data(), {table_.data(), nullptr, kMost, Format::bf16}, size, 1, nullptr};
    embed(&p, 1, Order::overlaps_previous, stream);
  }

 private:
  Array<uint8_t> table_;
  Array<int32_t> id_;
};

// hidden[r] += 8, and then the first `cleared` numbers of other = 0: two launches, one overlapping the other.
struct Step {
  int rows, size;
  AddEight add;
  Clear clear;
  Array<float> hidden, other;

  Step(int num_rows, int row_size)
      : rows(num_rows), size(row_size), add(num_rows, row_size), hidden(size_t(num_rows * row_size), 1.0f), other(9, 5.0f) {}

  void ask(stream_t stream, int cleared) const {
    add.run(hidden.data(), size, stream);
    clear.run(other.data(), cleared, stream);
  }
  void check(float value, int cleared) const {
    for (const float found : hidden.get()) CHECK(found == value);
    const std::vector<float> rest = other.get();
    for (int i = 0; i < 9; ++i) CHECK(rest[size_t(i)] == (i < cleared ? 0 : 5));
  }
};

void the_same_step_is_captured_once() {
  const Step step(3, 40);
  Stream stream;
  StepGraphs graphs(stream);

  for (int i = 0; i < 4; ++i) graphs.run([&] { step.ask(stream, 5); });
  stream_sync(stream);

  step.check(33, 5);
  CHECK(graphs.num_captured() == 1 && graphs.num_replayed() == 3);
}

// What a captured step reads may have been written since.
void a_replay_reads_what_is_there_now() {
  const Step step(2, 24);
  Stream stream;
  StepGraphs graphs(stream);
  graphs.run([&] { step.ask(stream, 3); });
  const std::vector<float> now(2 * 24, 100.0f);
  copy_to_device(step.hidden.data(), now.data(), now.size() * sizeof(float), stream);

  graphs.run([&] { step.ask(stream, 3); });
  stream_sync(stream);

  step.check(108, 3);
  CHECK(graphs.num_captured() == 1);
}

void another_argument_is_another_graph() {
  const Step step(2, 24);
  Stream stream;
  StepGraphs graphs(stream);

  for (const int cleared : {3, 4, 3, 4, 9}) graphs.run([&] { step.ask(stream, cleared); });
  stream_sync(stream);

  step.check(41, 9);
  CHECK(graphs.num_captured() == 3 && graphs.num_replayed() == 2);
}

void the_graph_that_was_not_used_for_longest_goes() {
  const Array<float> values(200, 5.0f);
  const Clear clear;
  Stream stream;
  StepGraphs graphs(stream);
  const auto run = [&](int size) { graphs.run([&] { clear.run(values.data(), size, stream); }); };
  for (int size = 1; size <= int(StepGraphs::kMost); ++size) run(size);
  run(1);

  run(150);  // in place of 2
  run(1);
  run(2);
  stream_sync(stream);

  CHECK(graphs.num_captured() == int64_t(StepGraphs::kMost) + 2 && graphs.num_replayed() == 2);
  const std::vector<float> result = values.get();
  for (size_t i = 0; i < result.size(); ++i) CHECK(result[i] == (i < 150 ? 0 : 5));
}

void a_step_that_throws_does_nothing() {
  const Step step(2, 24);
  Stream stream;
  StepGraphs graphs(stream);
  bool thrown = false;

  try {
    graphs.run([&] {
      step.ask(stream, 3);
      fail(GA_UNSUPPORTED, "no");
    });
  } catch (const Error&) {
    thrown = true;
  }
  stream_sync(stream);

  CHECK(thrown);
  step.check(1, 0);
  step.ask(stream, 2);  // and launches are made at once again
  stream_sync(stream);
  step.check(9, 2);
}

void what_must_be_made_now_is_made_in_order() {
  const Step step(2, 24);
  Stream stream;
  StepGraphs graphs(stream);

  graphs.run([&] {
    step.ask(stream, 3);
    graphs.make_now();
    stream_sync(stream);
    step.check(9, 3);
    step.ask(stream, 4);
  });
  stream_sync(stream);

  step.check(17, 4);
  CHECK(graphs.num_captured() == 0);
}

void a_step_of_nothing_is_no_graph() {
  Stream stream;
  StepGraphs graphs(stream);

  graphs.run([] {});

  CHECK(graphs.num_captured() == 0);
}

}  // namespace
}  // namespace genarm::cuda

int main(int argc, char** argv) {
  using namespace genarm::cuda;
  return run_cases(argc, argv,
                   {{"the_same_step_is_captured_once", the_same_step_is_captured_once},
                    {"a_replay_reads_what_is_there_now", a_replay_reads_what_is_there_now},
                    {"another_argument_is_another_graph", another_argument_is_another_graph},
                    {"the_graph_that_was_not_used_for_longest_goes", the_graph_that_was_not_used_for_longest_goes},
                    {"a_step_that_throws_does_nothing", a_step_that_throws_does_nothing},
                    {"what_must_be_made_now_is_made_in_order", what_must_be_made_now_is_made_in_order},
                    {"a_step_of_nothing_is_no_graph", a_step_of_nothing_is_no_graph}});
}
