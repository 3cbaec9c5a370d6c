// embed: rows of a packed table, exactly.
#include "fixture.h"

namespace genarm::cuda {
namespace {

struct Problem {
  Weights table;
  std::vector<int32_t> ids;
  int64_t stride;
  Array<int32_t> device_ids, drawn;
  Array<float> hidden;

  Problem(int vocab_size, int hidden_size, const std::vector<int32_t>& rows, unsigned seed, Format format = Format::bf16)
      : table(vocab_size, hidden_size, seed, 0, format), ids(rows), stride(hidden_size + 3), device_ids(rows),
        drawn(std::vector<int32_t>{9, 36, -1, 3}), hidden(rows.size() * size_t(stride), 7) {}

  EmbedProblem arguments() const {
    return {hidden.data(), stride, device_ids.data(), table.weight(), int(table.columns), int(ids.size()), drawn.data()};
  }

  void check() const {
    const std::vector<float> result = hidden.get();
    for (size_t r = 0; r < ids.size(); ++r) {
      const float* row = &result[r * size_t(stride)];
      for (int64_t c = 0; c < table.columns; ++c) CHECK(row[c] == float(table.at(ids[r], c)));
      for (int64_t c = table.columns; c < stride; ++c) CHECK(row[c] == 7);
    }
  }
};

void copies_rows_of(Format format) {
  for (const int size : {1, 5, 32, 77, 1025}) {
    const Problem problem(37, size, {36, 0, 15, 16, 8, 15}, unsigned(size), format);
    const EmbedProblem arguments = problem.arguments();
    Stream stream;

    embed(&arguments, 1, Order::after_previous, stream);
    stream_sync(stream);

    problem.check();
  }
}

void copies_rows_of_every_format() {
  for (const Format format : {Format::bf16, Format::f16, Format::int8, Format::int4}) copies_rows_of(format);
}

// Below 0 an id is a place among the tokens that were drawn: the device's, whatever the host thinks; -1 there is no token.
void tokens_that_were_drawn_are_read() {
  Problem problem(37, 48, {-2, 5, -1, -4, -3}, 9);
  const EmbedProblem arguments = problem.arguments();
  Stream stream;

  embed(&arguments, 1, Order::after_previous, stream);
  stream_sync(stream);

  problem.ids = {36, 5, 9, 3, 0};
  problem.check();
}

// The kernel before still writes them, which the race checker sees.
void follows_the_kernel_that_draws() {
  Problem problem(37, 16, {-1}, 4);
  const Array<float> drawn(4, -8.0f);  // and 0 once 8 has been added: the bits of token 0
  EmbedProblem arguments = problem.arguments();
  arguments.drawn = reinterpret_cast<const int32_t*>(drawn.data());
  const AddEight add(1, 4);
  Stream stream;

  add.run(drawn.data(), 4, stream);
  embed(&arguments, 1, Order::overlaps_previous, stream);
  stream_sync(stream);

  problem.ids = {0};
  problem.check();
}

void several_problems_are_one_launch() {
  const Problem a(17, 64, {1, 2}, 1), none(5, 8, {}, 2), b(90, 33, {89}, 3);
  const EmbedProblem arguments[] = {a.arguments(), none.arguments(), b.arguments()};
  Stream stream;

  embed(arguments, 3, Order::after_previous, stream);
  stream_sync(stream);

  a.check();
  b.check();
}

// The kernel before still adds to hidden while this one may begin.
void follows_a_projection_that_it_overlaps() {
  const Problem problem(40, 48, {3, 39, 3}, 5);
  const EmbedProblem arguments = problem.arguments();
  const AddEight add(3, 48);
  Stream stream;

  add.run(problem.hidden.data(), problem.stride, stream);
  embed(&arguments, 1, Order::overlaps_previous, stream);
  stream_sync(stream);

  problem.check();
}

}  // namespace
}  // namespace genarm::cuda

int main(int argc, char** argv) {
  using namespace genarm::cuda;
  return run_cases(argc, argv,
                   {{"copies_rows_of_every_format", copies_rows_of_every_format},
                    {"tokens_that_were_drawn_are_read", tokens_that_were_drawn_are_read},
                    {"follows_the_kernel_that_draws", follows_the_kernel_that_draws},
                    {"several_problems_are_one_launch", several_problems_are_one_launch},
                    {"follows_a_projection_that_it_overlaps", follows_a_projection_that_it_overlaps}});
}
