#include "model/step_plan.h"

#include <cmath>

#include "error.h"

namespace genarm {
namespace {

constexpr size_t kAlignment = 64;  // of each array in the plan

void check_lane(const ga_step& step, int32_t l, const ga_engine_config& limits,
                const std::vector<ViewLimits>& views) {
  const int32_t view = step.lane_view[l];
  REQUIRE(view >= 0 && view < int32_t(views.size()), "lane_view[%d] is %d, the engine has %d views", l, view,
          int32_t(views.size()));
  REQUIRE(l == 0 || step.lane_view[l - 1] <= view, "lane_view[%d] is %d after %d, lanes are ordered by view", l, view,
          step.lane_view[l - 1]);

  const int32_t position = step.lane_position[l], rows = step.lane_rows[l];
  REQUIRE(position >= 0 && position < limits.max_model_len, "lane_position[%d] is %d, expected [0, %d)", l, position,
          limits.max_model_len);
  REQUIRE(rows >= 1 && rows <= limits.max_model_len - position,
          "lane_rows[%d] is %d at position %d, a lane has at most %d positions", l, rows, position,
          limits.max_model_len);

  const float* preference = step.lane_preference + int64_t(l) * limits.max_objectives;
  for (int32_t k = 0; k < views[size_t(view)].num_objectives; ++k) {
    REQUIRE(std::isfinite(preference[k]), "lane_preference[%d, %d] must be finite, got %g", l, k, preference[k]);
  }

  const int32_t pages = (position + rows - 1) / limits.page_size + 1;
  const int32_t* page = step.lane_pages + int64_t(l) * step.max_pages_per_lane;
  for (int32_t p = 0; p < pages; ++p) {
    REQUIRE(page[p] >= 0 && page[p] < views[size_t(view)].num_pages,
            "lane_pages[%d, %d] is %d, the pool has %d pages", l, p, page[p], views[size_t(view)].num_pages);
  }
}

// num_drawn: tokens that the row may stand for.
void check_token(const ga_step& step, int32_t r, int32_t vocab_size, int32_t num_drawn) {
  const int32_t id = step.token_ids[r];
  REQUIRE(id < vocab_size, "token_ids[%d] is %d, the vocabulary has %d tokens", r, id, vocab_size);
  REQUIRE(id >= -num_drawn, "token_ids[%d] is %d, the step before drew %d tokens that it may stand for", r, id, num_drawn);
}

void check_sampling(const ga_step& step, int32_t s) {
  const float temperature = step.sequence_temperature[s];
  const float top_p = step.sequence_top_p[s], min_p = step.sequence_min_p[s];
  REQUIRE(std::isfinite(temperature) && temperature >= 0,
          "sequence_temperature[%d] must be finite and not negative, got %g", s, temperature);
  REQUIRE(step.sequence_top_k[s] >= 0, "sequence_top_k[%d] must not be negative, got %d", s, step.sequence_top_k[s]);
  REQUIRE(top_p > 0 && top_p <= 1, "sequence_top_p[%d] must be in (0, 1], got %g", s, top_p);
  REQUIRE(min_p >= 0 && min_p <= 1, "sequence_min_p[%d] must be in [0, 1], got %g", s, min_p);
  REQUIRE(step.sequence_choice[s] >= 0, "sequence_choice[%d] must not be negative, got %d", s,
          step.sequence_choice[s]);
  REQUIRE(step.sequence_position[s] >= 0, "sequence_position[%d] must not be negative, got %d", s,
          step.sequence_position[s]);
  const int32_t flags = step.sequence_flags[s];
  REQUIRE((flags & ~(GA_KEEP_LAW | GA_KEEP_COMPONENTS | GA_KEEP_LOGITS)) == 0, "sequence_flags[%d] is %d", s, flags);
  const bool cut = step.sequence_top_k[s] > 0 || top_p < 1 || min_p > 0 || step.sequence_biases[s] != 0;
  const bool whole = temperature == 1 && !cut;
  REQUIRE((flags & GA_KEEP_LOGITS) == 0 || (whole && (flags & GA_KEEP_LAW) == 0),
          "sequence %d keeps its logits (GA_KEEP_LOGITS), so its temperature is 1, nothing is cut off and no law kept", s);
}

void check_biases(const ga_step& step, int32_t s, int32_t first, const ga_engine_config& limits) {
  const int32_t count = step.sequence_biases[s];
  REQUIRE(count >= 0 && count <= limits.max_biases - first,
          "sequence_biases[%d] is %d after %d biases, expected at least 0 and at most %d in all", s, count, first,
          limits.max_biases);
  for (int32_t b = first; b < first + count; ++b) {
    REQUIRE(step.bias_token[b] >= 0 && step.bias_token[b] < limits.vocab_size,
            "bias_token[%d] is %d, the law has %d tokens", b, step.bias_token[b], limits.vocab_size);
    REQUIRE(b == first || step.bias_token[b - 1] < step.bias_token[b],
            "bias_token[%d] is %d after %d, a sequence's are rising", b, step.bias_token[b], step.bias_token[b - 1]);
    REQUIRE(std::isfinite(step.bias_value[b]), "bias_value[%d] must be finite, got %g", b, step.bias_value[b]);
  }
}

}  // namespace

template <class T>
T* StepArrays::take(int64_t size) {
  blocks_.emplace_back(size_t(size * int64_t(sizeof(T)) / 8 + 1));  // never empty: the host maps it
  return reinterpret_cast<T*>(blocks_.back().data());
}

StepArrays::StepArrays(const ga_engine_config& limits) {
  step_.max_pages_per_lane = (limits.max_model_len - 1) / limits.page_size + 1;
  step_.lane_view = take<int32_t>(limits.max_lanes);
  step_.lane_position = take<int32_t>(limits.max_lanes);
  step_.lane_rows = take<int32_t>(limits.max_lanes);
  step_.lane_pages = take<int32_t>(int64_t(limits.max_lanes) * step_.max_pages_per_lane);
  step_.lane_preference = take<float>(int64_t(limits.max_lanes) * limits.max_objectives);
  step_.token_ids = take<int32_t>(limits.max_rows);
  step_.term_row = take<int32_t>(limits.max_terms);
  step_.term_weight = take<float>(limits.max_terms);
  step_.sequence_terms = take<int32_t>(limits.max_sequences);
  step_.sequence_seed = take<int64_t>(limits.max_sequences);
  step_.sequence_choice = take<int32_t>(limits.max_sequences);
  step_.sequence_position = take<int32_t>(limits.max_sequences);
  step_.sequence_temperature = take<float>(limits.max_sequences);
  step_.sequence_top_k = take<int32_t>(limits.max_sequences);
  step_.sequence_top_p = take<float>(limits.max_sequences);
  step_.sequence_min_p = take<float>(limits.max_sequences);
  step_.sequence_flags = take<int32_t>(limits.max_sequences);
  step_.sequence_biases = take<int32_t>(limits.max_sequences);
  step_.bias_token = take<int32_t>(limits.max_biases);
  step_.bias_value = take<float>(limits.max_biases);
  step_.sampled = take<int32_t>(limits.max_sequences);
}

StepTotals check_step(const ga_step& step, const ga_engine_config& limits, const std::vector<ViewLimits>& views,
                      int32_t num_drawn) {
  REQUIRE(step.num_lanes >= 0 && step.num_lanes <= limits.max_lanes, "num_lanes is %d, expected [0, %d]",
          step.num_lanes, limits.max_lanes);
  REQUIRE(step.num_sequences >= 0 && step.num_sequences <= limits.max_sequences,
          "num_sequences is %d, expected [0, %d]", step.num_sequences, limits.max_sequences);

  StepTotals totals;
  for (int32_t l = 0; l < step.num_lanes; ++l) {
    check_lane(step, l, limits, views);
    REQUIRE(step.lane_rows[l] <= limits.max_rows - totals.rows, "lane_rows[%d] is %d after %d rows, a step has at most %d",
            l, step.lane_rows[l], totals.rows, limits.max_rows);
    const int32_t vocab_size = views[size_t(step.lane_view[l])].vocab_size;
    for (int32_t r = totals.rows; r < totals.rows + step.lane_rows[l]; ++r) {
      check_token(step, r, vocab_size, limits.vocab_size <= vocab_size ? num_drawn : 0);
    }
    totals.rows += step.lane_rows[l];
  }

  for (int32_t s = 0; s < step.num_sequences; ++s) {
    const int32_t terms = step.sequence_terms[s];
    REQUIRE(terms >= 1 && terms <= limits.max_terms - totals.terms,
            "sequence_terms[%d] is %d after %d terms, expected at least 1 and at most %d in all", s, terms,
            totals.terms, limits.max_terms);
    for (int32_t t = totals.terms; t < totals.terms + terms; ++t) {
      REQUIRE(step.term_row[t] >= 0 && step.term_row[t] < totals.rows, "term_row[%d] is %d, the step has %d rows", t,
              step.term_row[t], totals.rows);
      REQUIRE(std::isfinite(step.term_weight[t]), "term_weight[%d] must be finite, got %g", t, step.term_weight[t]);
    }
    check_sampling(step, s);
    check_biases(step, s, totals.biases, limits);
    totals.terms += terms;
    totals.biases += step.sequence_biases[s];
    if (step.sequence_flags[s] & GA_KEEP_COMPONENTS) totals.components += terms;
  }
  REQUIRE(totals.components <= limits.max_components, "%d terms are to be kept (GA_KEEP_COMPONENTS), at most %d can be",
          totals.components, limits.max_components);
  return totals;
}

PlanArena::PlanArena(Backend& backend, size_t bytes, int32_t max_in_flight)
    : backend_(backend), device_(backend.allocate(bytes)) {
  for (int32_t i = 0; i < max_in_flight; ++i) hosts_.push_back(backend.allocate_host(bytes));
}

size_t PlanArena::reserve(size_t bytes) {
  const size_t start = used_;
  used_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
  if (used_ > device_->bytes)
    fail(GA_OUT_OF_MEMORY, "the step's plan needs %zu bytes, %zu were reserved", used_, device_->bytes);
  return start;
}

}  // namespace genarm
