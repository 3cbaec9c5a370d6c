// Texts under two views, each step of which is submitted with those before it in flight.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

namespace genarm_test {

using Texts = std::vector<std::vector<int32_t>>;

// Rig: a StepWriter with submit() and collect().
template <class Rig>
struct FlightTexts {
  static constexpr int kTexts = 3;

  Rig& rig;
  bool fed_by_host;  // otherwise each row is of a token that the device has drawn
  Texts prompts;     // [kTexts]
  int steps;
  std::function<float(int step)> arm_weight;
  std::function<int32_t(int text)> top_k;
  Texts drawn{kTexts};
  int place[kTexts] = {};  // of each text among the sequences of the step before

  // Each step has the texts in another order.
  static int text_at(int step, int s) { return (step + s) % kTexts; }

  void submit(int step) {
    rig.clear();
    int32_t row[2][kTexts];
    for (int view = 0; view < 2; ++view)
      for (int s = 0; s < kTexts; ++s) {
        const int text = text_at(step, s);
        const std::vector<int32_t>& prompt = prompts[size_t(text)];
        const auto length = int32_t(prompt.size());
        const int32_t last = fed_by_host && step > 0 ? drawn[size_t(text)].back() : -1 - place[text];
        row[view][s] = step == 0 ? rig.lane(view, 0, prompt.data(), length, 4 * text) + length - 1
                                 : rig.lane(view, length + step - 1, &last, 1, 4 * text);
      }
    for (int s = 0; s < kTexts; ++s) {
      const int text = text_at(step, s);
      rig.sequence({{row[0][s], 1.f}, {row[1][s], arm_weight(step)}}, 0.9f, 0, text);
      rig.step->sequence_position[s] = int32_t(prompts[size_t(text)].size()) + step;
      rig.step->sequence_top_k[s] = top_k(text);
      place[text] = s;
    }
    rig.submit();
    std::fill_n(rig.step->token_ids, 40, 1 << 20);  // the step has what it needs
    std::fill_n(rig.step->lane_pages, 40, -1);
    std::fill_n(rig.step->sampled, kTexts, -7);
  }

  void collect(int step) {
    rig.collect();
    for (int s = 0; s < kTexts; ++s) drawn[size_t(text_at(step, s))].push_back(rig.step->sampled[s]);
  }

  Texts run(int in_flight) {
    for (int submitted = 0, collected = 0; collected < steps; collect(collected), ++collected)
      while (submitted < steps && submitted - collected < in_flight) submit(submitted++);
    return drawn;
  }
};

}  // namespace genarm_test
