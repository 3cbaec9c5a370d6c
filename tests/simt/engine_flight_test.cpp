// Steps in flight over the CUDA backend, on an executor that does nothing before the host waits for it: tokens are fed on
// the device, and every step reads what was written for it.
#include "../native/flight_texts.h"
#include "engine_fixture.h"

namespace genarm {
namespace {

constexpr int kSteps = 10;  // over the end of a page, and round the ring

struct Generation {
  Rig rig;
  genarm_test::FlightTexts<Rig> texts;

  Generation(const Model& base, const Model& arm, int32_t in_flight, bool fed_by_host)
      : rig(100, in_flight),
        texts{rig, fed_by_host, {ids(2, 1), ids(3, 2), ids(8, 3)}, kSteps, [](int step) { return 0.1f * float(step); },
              [](int) { return 0; }} {
    rig.engine.add_view(load(rig.backend, base), nullptr, 32);
    rig.engine.add_view(load(rig.backend, arm), nullptr, 32);
    rig.start();
  }
};

#ifdef __SANITIZE_THREAD__
constexpr int kDepths[] = {4};  // each takes seconds
#else
constexpr int kDepths[] = {2, 3, 4};
#endif

ga_model_config one_layer() {
  ga_model_config c = config_of(4, 2, 6);
  c.num_layers = 1;
  return c;
}

void tokens_do_not_depend_on_the_steps_in_flight() {
  const Model base = model_of(one_layer(), 1), arm = model_of(one_layer(), 2);
  const auto expected = Generation(base, arm, 1, true).texts.run(1);
  for (const auto& text : expected)
    for (const int32_t token : text) CHECK(token >= 0 && token < kVocab);

  for (const int in_flight : kDepths) {
    Generation generation(base, arm, in_flight, false);
    CHECK(generation.texts.run(in_flight) == expected);
    // The prompts', and one for all others: it counts on nothing that the host writes.
    CHECK(generation.rig.backend.graphs().num_captured() == 2);
  }
}

void an_engine_may_be_closed_with_steps_in_flight() {
  const Model base = model_of(one_layer(), 1), arm = model_of(one_layer(), 2);
  Generation generation(base, arm, 4, false);
  for (int step = 0; step < 4; ++step) generation.texts.submit(step);
}

// Until the end of a case.
struct LostDevice {
  LostDevice() = default;
  ~LostDevice() { simt::set_device_lost(false); }
  LostDevice(const LostDevice&) = delete;
  LostDevice& operator=(const LostDevice&) = delete;
};

// As on a GPU after a fault: the step says so, and closing gives everything back without a further error.
void an_engine_of_a_lost_device_can_be_closed() {
  const Model base = model_of(one_layer(), 1), arm = model_of(one_layer(), 2);
  const LostDevice lost;
  Generation generation(base, arm, 2, false);
  generation.texts.submit(0);
  generation.rig.collect();
  generation.texts.submit(1);
  simt::set_device_lost(true);

  std::vector<ga_status> ended;
  const std::function<void()> calls[] = {[&] { generation.rig.collect(); }, [&] { generation.texts.submit(2); }};
  for (const auto& call : calls) {
    try {
      call();
    } catch (const Error& error) {
      ended.push_back(error.status);
    }
  }

  CHECK(ended == std::vector<ga_status>(2, GA_DEVICE_ERROR));
}

// Each has a line of its own to the host.
void engines_of_one_device_take_turns() {
  const Model model = model_of(one_layer(), 5);
  CudaBackend backend(0);
  const auto weights = load(backend, model);
  const auto prompt = ids(6, 2);
  const auto open = [&](Engine& engine) {
    engine.add_view(weights, nullptr, 8);
    engine.start();
  };
  const auto write = [&](Engine& engine, int32_t rows) {
    ga_step& step = *engine.step_buffer();
    step.num_lanes = step.num_sequences = 1;
    step.lane_rows[0] = rows;
    step.lane_pages[0] = 3;
    std::copy_n(prompt.begin(), rows, step.token_ids);
    step.sequence_terms[0] = 1;
    step.term_row[0] = rows - 1;
    step.term_weight[0] = 1;
    step.sequence_temperature[0] = 0;
    step.sequence_top_p[0] = 1;
  };
  std::vector<int32_t> expected, found;
  Engine first(backend, limits_of(32)), second(backend, limits_of(32));
  open(first);
  open(second);
  for (const int32_t rows : {1, 6}) {
    write(first, rows);
    first.step();
    expected.push_back(first.step_buffer()->sampled[0]);
  }

  write(first, 1);
  first.submit();
  write(second, 6);
  second.step();
  first.collect();

  found = {first.step_buffer()->sampled[0], second.step_buffer()->sampled[0]};
  CHECK(found == expected);
}

}  // namespace
}  // namespace genarm

int main(int argc, char** argv) {
  using namespace genarm;
  return cuda::run_cases(argc, argv,
                         {{"tokens_do_not_depend_on_the_steps_in_flight", tokens_do_not_depend_on_the_steps_in_flight},
                          {"an_engine_may_be_closed_with_steps_in_flight", an_engine_may_be_closed_with_steps_in_flight},
                          {"an_engine_of_a_lost_device_can_be_closed", an_engine_of_a_lost_device_can_be_closed},
                          {"engines_of_one_device_take_turns", engines_of_one_device_take_turns}});
}
