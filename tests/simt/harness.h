// Runs cases over seeds of the executor, or once on a GPU, and compares with definitions in double.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "cuda/runtime.h"
#include "half.h"
#ifndef GENARM_ON_GPU
#include "simt/simt.h"
#endif

namespace genarm::cuda {

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

#define CHECK(condition) \
  if (!(condition)) throw Failure(std::string(__FILE__) + ":" + std::to_string(__LINE__) + ": " #condition)

// value must lie within tolerance of expected; NaN never does.
inline void check_near(double value, double expected, double tolerance, const char* what, int64_t i, int64_t j) {
  if (std::fabs(value - expected) <= tolerance) return;
  char text[256];
  snprintf(text, sizeof text, "%s[%lld, %lld] is %.9g, expected %.9g within %.3g", what, static_cast<long long>(i),
           static_cast<long long>(j), value, expected, tolerance);
  throw Failure(text);
}

// The stream of a case, alive as long as the case.
class Stream {
 public:
  Stream() : stream_(stream_create()) {}
  ~Stream() { stream_destroy(stream_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  operator stream_t() const { return stream_; }

 private:
  stream_t stream_;
};

// An array in device memory, exactly as long as its elements.
template <class T>
class Array {
 public:
  explicit Array(const std::vector<T>& values)
      : data_(static_cast<T*>(device_alloc(values.size() * sizeof(T)))), size_(values.size()) {
    Stream stream;
    copy_to_device(data_, values.data(), size_ * sizeof(T), stream);
  }
  Array(size_t size, T value) : Array(std::vector<T>(size, value)) {}
  ~Array() { device_free(data_); }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;

  // Does not wait for any stream but by stream_sync.
  std::vector<T> get() const {
    std::vector<T> values(size_);
    Stream stream;
    copy_to_host(values.data(), data_, size_ * sizeof(T), stream);
    return values;
  }
  T* data() const { return data_; }

 private:
  T* data_;
  size_t size_;
};

inline std::vector<float> random_floats(size_t size, unsigned seed, float scale = 1) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> values(size);
  for (float& value : values) value = normal(engine);
  return values;
}

inline std::vector<uint16_t> to_bf16(const std::vector<float>& values) {
  std::vector<uint16_t> bits;
  for (const float value : values) bits.push_back(f32_to_bf16(value));
  return bits;
}

struct Case {
  const char* name;
  std::function<void()> run;
};

// Arguments of the program: number of seeds (default 12), then names of cases (default all).
inline int run_cases(int argc, char** argv, const std::vector<Case>& cases) {
  const int num_seeds = argc > 1 ? atoi(argv[1]) : 12;
  int failures = 0;
  for (const Case& each : cases) {
    bool wanted = argc <= 2;
    for (int i = 2; i < argc; ++i) wanted = wanted || strcmp(argv[i], each.name) == 0;
    if (!wanted) continue;
    int failed = 0;
    std::string first;
    for (int seed = 0; seed < num_seeds; ++seed) {
#ifndef GENARM_ON_GPU
      simt::set_seed(uint64_t(seed));
#endif
      try {
        each.run();
      } catch (const std::exception& e) {
        if (!failed++) first = "seed " + std::to_string(seed) + ": " + e.what();
      }
    }
    if (failed) printf("FAILED %s on %d of %d seeds\n  %s\n", each.name, failed, num_seeds, first.c_str());
    failures += failed > 0;
  }
  if (!failures) printf("passed, %d seeds\n", num_seeds);
  return failures ? 1 : 0;
}

}  // namespace genarm::cuda
