#include "model/engine.h"

#include <algorithm>
#include <cstring>

#include "error.h"

namespace genarm {
namespace {

void require_limit(const char* name, int32_t value, int32_t lowest, int32_t highest) {
  REQUIRE(value >= lowest && value <= highest, "%s must be in [%d, %d], got %d", name, lowest, highest, value);
}

const ga_engine_config& checked(const ga_engine_config& c) {
  constexpr int32_t kMany = 1 << 20;
  require_limit("vocab_size", c.vocab_size, 1, 1 << 24);
  require_limit("max_model_len", c.max_model_len, 1, 1 << 24);
  require_limit("max_rows", c.max_rows, 1, kMany);
  require_limit("max_lanes", c.max_lanes, 1, kMany);
  require_limit("max_sequences", c.max_sequences, 1, kMany);
  require_limit("max_terms", c.max_terms, 1, kMany);
  require_limit("max_components", c.max_components, 0, kMany);
  require_limit("max_biases", c.max_biases, 0, 1 << 28);
  require_limit("max_objectives", c.max_objectives, 0, 64);
  require_limit("page_size", c.page_size, 16, 1 << 16);
  require_limit("max_in_flight", c.max_in_flight, 0, GA_MAX_IN_FLIGHT);
  REQUIRE(c.page_size % 16 == 0, "page_size must be a multiple of 16, got %d", c.page_size);
  REQUIRE(c.activations == GA_F32 || c.activations == GA_BF16 || c.activations == GA_INT8,
          "activations must be GA_F32, GA_BF16 or GA_INT8, got %d", c.activations);
  return c;
}

// Copies `values` into the plan; returns where the device finds them.
template <class T>
const T* publish(PlanArena& plan, const std::vector<T>& values) {
  const T* device;
  T* host = plan.take<T>(int64_t(values.size()), &device);
  if (!values.empty()) memcpy(host, values.data(), values.size() * sizeof(T));
  return device;
}

}  // namespace

Engine::Engine(Backend& backend, const ga_engine_config& limits)
    : backend_(backend), operations_(&backend), limits_(checked(limits)), arrays_(limits_) {
  backend.set_activations(Dtype(limits.activations));
}

std::unique_ptr<Buffer> Engine::allocate(size_t bytes) {
  auto buffer = backend_.allocate(bytes);
  bytes_ += int64_t(buffer->bytes);
  return buffer;
}

void Engine::add_view(std::shared_ptr<const WeightSet> weights, std::shared_ptr<const Adapter> adapter,
                      int32_t num_pages) {
  REQUIRE(!started(), "views are added before the engine is started");
  REQUIRE(&weights->backend() == &backend_, "the weights are on another device than the engine");
  REQUIRE(weights->finished(), "the weights are not finished: call ga_weights_finish first");
  const ga_model_config& config = weights->config();
  REQUIRE(weights->head_rows() >= limits_.vocab_size, "the model's vocabulary has %d tokens, the engine draws from %d",
          weights->head_rows(), limits_.vocab_size);
  if (adapter) {
    REQUIRE(&adapter->weights() == weights.get(), "the adapter was made for other weights than the view's");
    REQUIRE(adapter->finished(), "the adapter is not finished: call ga_adapter_finish first");
    REQUIRE(adapter->num_objectives() <= limits_.max_objectives,
            "the adapter has %d objectives, the engine's max_objectives is %d", adapter->num_objectives(),
            limits_.max_objectives);
  }

  View view{weights, std::move(adapter), 0, 0, num_pages};
  int32_t views_of_set = 0;
  for (const View& other : views_) views_of_set += other.weights == weights;
  if (views_of_set > 0) {
    REQUIRE(views_.back().weights == weights, "views over the same weights must be added one after the other");
    REQUIRE(views_of_set < kMaxViews, "a weight set has at most %d views", kMaxViews);
    view.set = views_.back().set;
    view.num_pages = views_.back().num_pages;
  } else {
    require_limit("num_pages", num_pages, 1, 1 << 28);
    view.set = views_.empty() ? 0 : views_.back().set + 1;
    REQUIRE(view.set < kMaxSets, "an engine has at most %d weight sets", kMaxSets);
  }
  view_limits_.push_back({view.num_pages, config.vocab_size, view.adapter ? view.adapter->num_objectives() : 0});
  views_.push_back(std::move(view));
}

void Engine::start() {
  REQUIRE(!started(), "the engine is already started");
  REQUIRE(!views_.empty(), "the engine has no views");
  sets_.clear();  // of a start that failed
  heads_.clear();
  bytes_ = 0;
  for (View& view : views_) {
    if (size_t(view.set) == sets_.size()) {
      sets_.push_back(std::make_unique<SetRunner>(backend_, *view.weights, limits_, view.num_pages));
      bytes_ += sets_.back()->bytes;
      add_head(*sets_.back(), nullptr);
    }
    LowRank unused;
    const bool own_head = view.adapter && view.adapter->low_rank(0, Module::lm_head, &unused);
    if (own_head) add_head(*sets_.back(), view.adapter.get());
    view.head = int32_t(heads_.size()) - 1;
    while (!own_head && heads_[size_t(view.head)].adapter) --view.head;  // the set's own
  }
  const size_t laws = size_t(limits_.max_sequences + limits_.max_components);
  z_ = allocate(laws * size_t(limits_.vocab_size) * sizeof(float));
  sampled_ = allocate(laws * sizeof(int32_t));
  tokens_ = backend_.open_tokens(limits_.max_sequences, max_in_flight());
  rows_.reserve(size_t(limits_.max_rows));
  active_.reserve(sets_.size());
  final_norms_.reserve(heads_.size());
  problems_.resize(heads_.size());
  head_plan_ = std::make_unique<HeadPlan>(limits_, int32_t(heads_.size()));
  reserve_backend();

  auto plan = std::make_unique<PlanArena>(backend_, plan_bytes(), max_in_flight());
  bytes_ += int64_t(plan->bytes());
  plan_ = std::move(plan);
}

void Engine::add_head(SetRunner& set, const Adapter* adapter) {
  const size_t x_rows = size_t(limits_.max_terms + limits_.max_components);
  heads_.push_back({&set, adapter, allocate(x_rows * size_t(set.weights.config().hidden_size) * sizeof(float)), {}});
}

void Engine::reserve_backend() {
  Backend::Limits limits{};
  for (const auto& set : sets_) {
    const ga_model_config& c = set->weights.config();
    limits.max_columns = std::max({limits.max_columns, c.hidden_size, c.intermediate_size, c.num_heads * c.head_dim});
    limits.max_heads = std::max(limits.max_heads, c.num_heads);
    limits.head_dim = std::max(limits.head_dim, c.head_dim);
  }
  for (const View& view : views_) {
    if (view.adapter) limits.max_rank = std::max(limits.max_rank, view.adapter->max_rank());
  }
  limits.max_rows = limits_.max_rows;
  limits.max_sequences = limits_.max_sequences + limits_.max_components;
  limits.max_x = limits_.max_terms + limits_.max_components;
  limits.vocab_size = limits_.vocab_size;
  limits.max_positions = limits_.max_model_len;
  backend_.reserve(limits);
}

// The most that a step's plan can take, with each array's share of alignment.
size_t Engine::plan_bytes() const {
  const size_t rows = size_t(limits_.max_rows), lanes = size_t(limits_.max_lanes);
  const size_t pages = 2 * lanes * size_t(arrays_.step().max_pages_per_lane) + 16;
  const size_t terms = size_t(limits_.max_terms + limits_.max_components);
  const size_t laws = size_t(limits_.max_sequences + limits_.max_components);
  const size_t values = rows * (3 + size_t(limits_.max_objectives)) + lanes + pages + terms * 6 + laws +
                        2 * size_t(limits_.max_biases);
  const size_t arrays = sets_.size() * 5 + heads_.size() * 3 + 10;
  return values * sizeof(int32_t) + laws * sizeof(SamplingPlan) + arrays * 128;
}

// The head of each row, and its place among the rows of its weight set.
void Engine::find_rows() {
  const ga_step& step = arrays_.step();
  rows_.clear();
  int32_t set = -1, row_of_set = 0;
  for (int32_t l = 0; l < step.num_lanes; ++l) {
    const View& view = views_[size_t(step.lane_view[l])];
    if (view.set != set) row_of_set = 0;
    set = view.set;
    for (int32_t r = 0; r < step.lane_rows[l]; ++r) rows_.push_back({view.head, row_of_set++});
  }
}

int32_t Engine::num_lane_pages(int32_t lane) const {
  const ga_step& step = arrays_.step();
  return (step.lane_position[lane] + step.lane_rows[lane] - 1) / limits_.page_size + 1;
}

// Tells each set where its rows stand.
void Engine::publish_rows() {
  const ga_step& step = arrays_.step();
  int32_t num_pages = 0;
  for (int32_t l = 0; l < step.num_lanes; ++l) num_pages += num_lane_pages(l);
  // By doublings, so that what follows in the plan seldom moves: a device may know steps by where they read.
  int32_t room = 16;
  while (room < num_pages) room *= 2;
  pages_ = plan_->take<int32_t>(room, &pages_device_);

  active_.clear();
  int32_t lane = 0, row = 0, page = 0;
  while (lane < step.num_lanes) {
    const int32_t set = views_[size_t(step.lane_view[lane])].set;
    int32_t end = lane;
    while (end < step.num_lanes && views_[size_t(step.lane_view[end])].set == set) ++end;
    active_.push_back(sets_[size_t(set)].get());
    publish_set(*active_.back(), lane, end - lane, row, &page);
    publish_adapters(*active_.back(), lane, end - lane);
    row += active_.back()->rows.num_rows;
    lane = end;
  }
}

// Lanes [first_lane, first_lane + num_lanes) with rows from first_row on; `page` counts the pages published so far.
void Engine::publish_set(SetRunner& set, int32_t first_lane, int32_t num_lanes, int32_t first_row, int32_t* page) {
  const ga_step& step = arrays_.step();
  int32_t num_rows = 0;
  for (int32_t l = first_lane; l < first_lane + num_lanes; ++l) num_rows += step.lane_rows[l];
  set.rows = {};
  set.rows.pages = pages_device_;
  set.rows.num_rows = num_rows;
  set.rows.num_lanes = num_lanes;
  set.drawn = sampled_->as<int32_t>();
  int32_t* ids = plan_->take<int32_t>(num_rows, &set.ids);
  int32_t* position = plan_->take<int32_t>(num_rows, &set.rows.position);
  int32_t* page_table = plan_->take<int32_t>(num_rows, &set.rows.page_table);
  int32_t* lane_first = plan_->take<int32_t>(num_lanes + 1, &set.rows.lane_first);

  memcpy(ids, step.token_ids + first_row, size_t(num_rows) * sizeof(int32_t));
  int32_t row = 0;
  for (int32_t i = 0; i < num_lanes; ++i) {
    const int32_t lane = first_lane + i;
    lane_first[i] = row;
    for (int32_t r = 0; r < step.lane_rows[lane]; ++r, ++row) {
      position[row] = step.lane_position[lane] + r;
      page_table[row] = *page;
    }
    const int32_t count = num_lane_pages(lane);
    memcpy(pages_ + *page, step.lane_pages + int64_t(lane) * step.max_pages_per_lane, size_t(count) * sizeof(int32_t));
    *page += count;
  }
  lane_first[num_lanes] = row;
}

// Which rows of the set carry which adapter, and their preferences.
void Engine::publish_adapters(SetRunner& set, int32_t first_lane, int32_t num_lanes) {
  const ga_step& step = arrays_.step();
  set.num_adapters = 0;
  int32_t row = 0;
  for (int32_t lane = first_lane; lane < first_lane + num_lanes; ++lane) {
    const int32_t view = step.lane_view[lane];
    const Adapter* adapter = views_[size_t(view)].adapter.get();
    const bool continued = lane > first_lane && step.lane_view[lane - 1] == view;
    if (adapter && !continued) set.adapters[set.num_adapters++] = {adapter, row, 0, nullptr, limits_.max_objectives};
    if (adapter) set.adapters[set.num_adapters - 1].num_rows += step.lane_rows[lane];
    row += step.lane_rows[lane];
  }
  if (set.num_adapters == 0 || limits_.max_objectives == 0) return;

  const int64_t stride = limits_.max_objectives;
  const float* device;
  float* preference = plan_->take<float>(row * stride, &device);
  for (int32_t lane = first_lane; lane < first_lane + num_lanes; ++lane) {
    for (int32_t r = 0; r < step.lane_rows[lane]; ++r, preference += stride) {
      memcpy(preference, step.lane_preference + lane * stride, size_t(stride) * sizeof(float));
    }
  }
  for (int32_t i = 0; i < set.num_adapters; ++i) {
    set.adapters[i].preference = device + set.adapters[i].first_row * stride;
  }
}

// Tells an LM head which hidden states it reads.
void Engine::publish_head(Head& head, int32_t index) {
  const HeadPlan::Inputs& inputs = head_plan_->inputs()[size_t(index)];
  const WeightSet& weights = head.set->weights;
  problems_[size_t(index)] = {weights.lm_head(), head.x->as<float>(), inputs.num_x(), nullptr};
  if (head.adapter) {
    head.adapter->low_rank(0, Module::lm_head, &head.low_rank);
    head.low_rank.num_rows = inputs.num_x();
    problems_[size_t(index)].low_rank = &head.low_rank;
  }
  if (inputs.num_x() == 0) return;

  FinalNormArgs a{};
  a.x = head.x->as<float>();
  a.hidden = head.set->hidden->as<float>();
  a.norm = weights.final_norm();
  a.first = publish(*plan_, inputs.first);
  a.row = publish(*plan_, inputs.row);
  a.scale = publish(*plan_, inputs.scale);
  a.eps = weights.config().rms_norm_eps;
  a.num_x = inputs.num_x();
  a.hidden_size = weights.config().hidden_size;
  final_norms_.push_back(a);
}

// Tells how the heads' logits add up to laws, and how tokens are drawn from them.
void Engine::publish_laws() {
  head_plan_->build(arrays_.step(), rows_);
  final_norms_.clear();
  for (size_t h = 0; h < heads_.size(); ++h) publish_head(heads_[h], int32_t(h));

  lm_head_.sampled = sampled_->as<int32_t>();
  lm_head_.z = z_->as<float>();
  lm_head_.problems = {problems_.data(), int32_t(problems_.size())};
  lm_head_.first = publish(*plan_, head_plan_->first());
  lm_head_.problem = publish(*plan_, head_plan_->head());
  lm_head_.x_row = publish(*plan_, head_plan_->x_row());
  lm_head_.plan = publish(*plan_, head_plan_->sampling());
  lm_head_.num_sequences = int32_t(head_plan_->sampling().size());
  lm_head_.vocab_size = limits_.vocab_size;
}

void Engine::publish_biases(int32_t count) {
  const ga_step& step = arrays_.step();
  int32_t* token = plan_->take<int32_t>(count, &lm_head_.bias_token);
  float* value = plan_->take<float>(count, &lm_head_.bias_value);
  memcpy(token, step.bias_token, size_t(count) * sizeof(int32_t));
  memcpy(value, step.bias_value, size_t(count) * sizeof(float));
}

void Engine::profile(int32_t max_events) {
  REQUIRE(max_events >= 0, "max_events must be at least 0, got %d", max_events);
  REQUIRE(started(), "the engine is not started");
  REQUIRE(in_flight() == 0, "%d steps are in flight: collect them first", in_flight());
  operations_ = &backend_;
  profiling_.reset();
  if (max_events == 0) return;
  profiling_ = std::make_unique<ProfilingBackend>(backend_, plan_->twin(), max_events);
  operations_ = profiling_.get();
}

}  // namespace genarm
