// A test is a function whose name says what holds. CHECK does not end it: every broken line is printed.
#pragma once

#include <cmath>
#include <cstdio>
#include <exception>
#include <initializer_list>

namespace genarm_test {

inline int failures = 0;

inline void report(const char* file, int line, const char* text) {
  ++failures;
  if (failures <= 40) std::fprintf(stderr, "%s:%d: %s\n", file, line, text);
}

inline void report_near(const char* file, int line, double found, double expected, double tolerance) {
  char text[160];
  std::snprintf(text, sizeof text, "found %.9g, expected %.9g within %.3g", found, expected, tolerance);
  report(file, line, text);
}

struct Test {
  const char* name;
  void (*run)();
};

// Runs the tests; the exit status of main.
inline int run(std::initializer_list<Test> tests) {
  int failed = 0;
  for (const Test& test : tests) {
    const int before = failures;
    try {
      test.run();
    } catch (const std::exception& error) {
      report(test.name, 0, error.what());
    }
    if (failures != before) {
      ++failed;
      std::fprintf(stderr, "failed: %s\n", test.name);
    }
  }
  std::printf("%d passed, %d failed\n", int(tests.size()) - failed, failed);
  return failed ? 1 : 0;
}

}  // namespace genarm_test

#define CHECK(condition) \
  ((condition) ? void() : ::genarm_test::report(__FILE__, __LINE__, "not true: " #condition))

#define CHECK_NEAR(found, expected, tolerance)                                                 \
  do {                                                                                         \
    const double found_ = double(found), expected_ = double(expected), within_ = double(tolerance); \
    if (!(std::fabs(found_ - expected_) <= within_))                                           \
      ::genarm_test::report_near(__FILE__, __LINE__, found_, expected_, within_);              \
  } while (0)

#define TEST(name) ::genarm_test::Test{#name, name}

inline int run_tests(std::initializer_list<::genarm_test::Test> tests) { return ::genarm_test::run(tests); }
