// What the GPU benches share: options, times of launches, and results as a table on standard output and as JSON lines.
// Options: --json FILE (appended to), --ceiling GB/S (measured by device_bench), --seconds S (begin nothing new after),
// --smoke (tiny shapes, once: what the host executor runs in tests).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "cuda/cuda_matrix.h"
#include "cuda/runtime.h"

namespace genarm::cuda {

using Clock = std::chrono::steady_clock;

struct BenchOptions {
  const char* json = nullptr;
  double ceiling = 0, seconds = 1e9;
  bool smoke = false;
  Clock::time_point begin = Clock::now();

  BenchOptions(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
      const auto value = [&] { return i + 1 < argc ? argv[++i] : ""; };
      if (!strcmp(argv[i], "--json")) {
        json = value();
      } else if (!strcmp(argv[i], "--ceiling")) {
        ceiling = atof(value());
      } else if (!strcmp(argv[i], "--seconds")) {
        seconds = atof(value());
      } else if (!strcmp(argv[i], "--smoke")) {
        smoke = true;
      } else {
        fprintf(stderr, "unknown option %s\n", argv[i]);
        exit(2);
      }
    }
  }
  // Whether a line of the JSON file begins so: an earlier run was cut off behind it.
  bool measured_before(const std::string& begin_of_line) const {
    std::ifstream file(json ? json : "");
    for (std::string line; std::getline(file, line);)
      if (line.compare(0, begin_of_line.size(), begin_of_line) == 0 && line.back() == '}') return true;
    return false;
  }
  bool out_of_time() const { return std::chrono::duration<double>(Clock::now() - begin).count() > seconds; }
};

// One result: a line of the table, a JSON object of a line.
inline void report(const BenchOptions& options, const char* json_format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, json_format);
  vsnprintf(text, sizeof text, json_format, arguments);
  va_end(arguments);
  printf("%s\n", text);
  fflush(stdout);
  if (!options.json) return;
  FILE* file = fopen(options.json, "a");
  if (!file) {
    fprintf(stderr, "%s cannot be written\n", options.json);
    exit(1);
  }
  fprintf(file, "{%s}\n", text);
  fclose(file);
}

struct Spread {
  double median, low, high;  // quartiles
};

inline Spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values[values.size() / 2], values[values.size() / 4], values[values.size() * 3 / 4]};
}

// Microseconds of one of the `times` launches that `make(i)` makes, in one graph: wall clock over whole graphs.
template <class Make>
Spread time_us(const BenchOptions& options, stream_t stream, int times, const Make& make) {
  const graph_t graph = capture(stream, [&] {
    for (int i = 0; i < times; ++i) make(i);
  });
  const int warm = options.smoke ? 0 : 3, rounds = options.smoke ? 1 : 21;
  std::vector<double> values;
  for (int round = -warm; round < rounds; ++round) {
    stream_sync(stream);
    const auto begin = Clock::now();
    graph_launch(graph, stream);
    stream_sync(stream);
    if (round >= 0) values.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count() / times);
  }
  graph_destroy(graph);
  return spread_of(values);
}

// Fills memory with numbers that are small in every format.
void fill_random(void* data, size_t bytes, stream_t stream);

inline DeviceMemory random_memory(size_t bytes, stream_t stream) {
  DeviceMemory memory((bytes + 15) / 16 * 16);
  fill_random(memory.as<void>(), memory.bytes(), stream);
  return memory;
}

}  // namespace genarm::cuda
