// Numbers in double beside the f32 operations, and central differences.
#pragma once

#include <algorithm>
#include <functional>
#include <random>
#include <vector>

#include "check.h"
#ifdef GENARM_TRAIN_ON_CUDA
#include "synced_cuda_training.h"
#else
#include "cpu/isa.h"
#include "cpu/thread_pool.h"
#include "train/cpu/cpu_operations.h"
#endif

namespace genarm_test {

using namespace genarm;
using namespace genarm::train;

using Doubles = std::vector<double>;
using Floats = std::vector<float>;

inline Doubles random_values(size_t size, uint32_t seed, double scale = 1) {
  std::mt19937 bits(seed);
  std::normal_distribution<float> normal;
  Doubles out(size);
  for (double& v : out) v = double(float(normal(bits) * scale));
  return out;
}
inline Floats floats(const Doubles& x) { return Floats(x.begin(), x.end()); }

inline void check_close(const Floats& found, const Doubles& expected, double tolerance) {
  CHECK(found.size() == expected.size());
  double largest = 1;
  for (double v : expected) largest = std::max(largest, std::fabs(v));
  for (size_t i = 0; i < found.size(); ++i) CHECK_NEAR(found[i], expected[i], tolerance * largest);
}

// found[i] = start + d <weights, f()> / d x[i] for every `stride`-th element, f reading x.
inline void check_gradient(const Floats& found, Doubles& x, const Doubles& weights, const std::function<Doubles()>& f,
                    double start = 0, size_t stride = 1) {
  const auto value = [&] {
    const Doubles y = f();
    double sum = 0;
    for (size_t i = 0; i < y.size(); ++i) sum += y[i] * weights[i];
    return sum;
  };
  for (size_t i = 0; i < x.size(); i += stride) {
    const double kept = x[i], h = 1e-5;
    x[i] = kept + h;
    const double above = value();
    x[i] = kept - h;
    const double below = value();
    x[i] = kept;
    const double slope = (above - below) / (2 * h);
    CHECK_NEAR(found[i] - start, slope, 2e-5 * std::max(1.0, std::fabs(slope)) + 1e-5);
  }
}

// Runs `body` with the operations of every instruction set, or with CUDA's under the executor (tests/simt).
#ifdef GENARM_TRAIN_ON_CUDA
constexpr bool kOnCuda = true;
inline void on_every_isa(const std::function<void(Operations&)>& body) {
  for (const uint64_t seed : {0, 7}) {  // both orders of threads, both fillings of memory, one and two blocks at once
    simt::set_seed(seed);
    SyncedCudaTraining operations;
    body(operations);
  }
}
#else
constexpr bool kOnCuda = false;
inline void on_every_isa(const std::function<void(Operations&)>& body) {
  cpu::ThreadPool pool(2);
  for (cpu::Isa isa : cpu::available_isas()) body(*cpu::open_train_operations(pool, isa));
}
#endif

}  // namespace genarm_test
