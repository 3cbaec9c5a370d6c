// Fills a step by hand, lane after lane and sequence after sequence: for tests of the engine through the door and over CUDA.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "genarm.h"

namespace genarm_test {

struct StepWriter {
  ga_step* step = nullptr;
  int32_t num_pages;  // of each view: a lane's pages begin again at the first

  explicit StepWriter(int32_t pages) : num_pages(pages) {}

  // Adds a lane whose tokens stand at `position`; its pages are base_page, base_page + 1, ...; returns its first row.
  int32_t lane(int32_t view, int32_t position, const int32_t* ids, int32_t rows, int32_t base_page) {
    const int32_t l = step->num_lanes++;
    int32_t first = 0;
    for (int32_t i = 0; i < l; ++i) first += step->lane_rows[i];
    step->lane_view[l] = view;
    step->lane_position[l] = position;
    step->lane_rows[l] = rows;
    for (int32_t p = 0; p < step->max_pages_per_lane; ++p)
      step->lane_pages[l * step->max_pages_per_lane + p] = (base_page + p) % num_pages;
    std::copy(ids, ids + rows, step->token_ids + first);
    return first;
  }

  void sequence(const std::vector<std::pair<int32_t, float>>& terms, float temperature, int32_t flags, int64_t seed) {
    const int32_t s = step->num_sequences++;
    int32_t term = 0;
    for (int32_t i = 0; i < s; ++i) term += step->sequence_terms[i];
    step->sequence_terms[s] = int32_t(terms.size());
    for (const auto& [row, weight] : terms) {
      step->term_row[term] = row;
      step->term_weight[term++] = weight;
    }
    step->sequence_seed[s] = seed;
    step->sequence_choice[s] = 0;
    step->sequence_position[s] = 7;
    step->sequence_temperature[s] = temperature;
    step->sequence_top_k[s] = 0;
    step->sequence_top_p[s] = 1;
    step->sequence_min_p[s] = 0;
    step->sequence_flags[s] = flags;
    step->sequence_biases[s] = 0;
  }

  // Adds a bias of the last sequence.
  void bias(int32_t token, float value) {
    const int32_t s = step->num_sequences - 1;
    int32_t b = 0;
    for (int32_t i = 0; i <= s; ++i) b += step->sequence_biases[i];
    step->bias_token[b] = token;
    step->bias_value[b] = value;
    ++step->sequence_biases[s];
  }

  void clear() { step->num_lanes = step->num_sequences = 0; }
};

}  // namespace genarm_test
