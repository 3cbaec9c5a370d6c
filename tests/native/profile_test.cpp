// What an engine keeps of its last step's operations, through the door.
#include <string>

#include "genarm_profile.h"
#include "model_rig.h"

using namespace model_rig;

namespace {

void run(Rig& rig, int32_t rows) {
  rig.clear();
  const auto prompt = ids(rows, 3);
  rig.lane(0, 0, prompt.data(), rows, 0);
  rig.sequence({{rows - 1, 1.f}}, 1, 0, 5);
  ok(ga_engine_step(rig.engine.get()));
}

void the_last_step_is_kept_operation_by_operation() {
  Model model(small_config(), 11);
  Rig rig({&model}, 2);
  CHECK(ga_engine_profile_log(rig.engine.get()) == nullptr);
  ok(ga_engine_profile(rig.engine.get(), 64));

  run(rig, 9);
  run(rig, 4);

  const ga_profile_log& log = *ga_engine_profile_log(rig.engine.get());
  CHECK(log.num_events == 1 + 5 * small_config().num_layers + 3);
  CHECK(log.num_lost == 0);
  CHECK(ga_operation_name(log.events[0].operation) == std::string("embed"));
  for (int32_t i = 0; i < log.num_events; ++i) {
    const ga_profile_event& event = log.events[i];
    CHECK(event.nanos >= 0);
    if (i > 0) CHECK(event.begin_nanos == log.events[i - 1].begin_nanos + log.events[i - 1].nanos);
    if (i <= 5 * small_config().num_layers) CHECK(event.rows == 4);
  }
}

void keys_and_values_are_counted_up_to_each_lanes_last_row() {
  ga_model_config config = small_config();
  Model model(config, 11);
  model.windows.back() = 3;
  Rig rig({&model}, 1);
  ok(ga_engine_profile(rig.engine.get(), 64));

  run(rig, 9);

  const ga_profile_log& log = *ga_engine_profile_log(rig.engine.get());
  const int64_t position = 2 * config.num_kv_heads * config.head_dim * int64_t(sizeof(float));
  const int64_t score = 4 * config.num_heads * config.head_dim;
  const ga_profile_event &whole = log.events[2], &window = log.events[7];
  CHECK(ga_operation_name(whole.operation) == std::string("attention"));
  CHECK(whole.bytes == 9 * position);
  CHECK(whole.flops == (1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9) * score);
  CHECK(window.flops == (1 + 2 + 7 * 3) * score);
}

void what_there_is_no_room_for_is_counted() {
  Model model(small_config(), 11);
  Rig rig({&model}, 1);
  ok(ga_engine_profile(rig.engine.get(), 3));

  run(rig, 4);

  CHECK(ga_engine_profile_log(rig.engine.get())->num_events == 3);
  CHECK(ga_engine_profile_log(rig.engine.get())->num_lost == 1 + 5 * small_config().num_layers);
  ok(ga_engine_profile(rig.engine.get(), 0));
  CHECK(ga_engine_profile_log(rig.engine.get()) == nullptr);
}

void an_engine_that_was_not_started_is_refused() {
  const auto device = open_device(1);
  const ga_engine_config limits = small_limits();
  ga_engine* created = nullptr;
  ok(ga_engine_create(device.get(), &limits, &created));
  const Handle<ga_engine> engine(created);

  CHECK(ga_engine_profile(created, 8) == GA_INVALID_ARGUMENT);
  CHECK(ga_last_error() == std::string("the engine is not started"));
  CHECK(ga_engine_profile(created, -1) == GA_INVALID_ARGUMENT);
  CHECK(ga_last_error() == std::string("max_events must be at least 0, got -1"));
}

}  // namespace

int main() {
  the_last_step_is_kept_operation_by_operation();
  keys_and_values_are_counted_up_to_each_lanes_last_row();
  what_there_is_no_room_for_is_counted();
  an_engine_that_was_not_started_is_refused();
}
