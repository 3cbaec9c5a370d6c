// Errors behind the door: thrown as Error, turned into a status and a text by abi.cpp alone.
#pragma once

#include <cstdarg>
#include <cstdio>
#include <stdexcept>
#include <string>

#include "genarm.h"

namespace genarm {

struct Error : std::runtime_error {
  ga_status status;
  Error(ga_status s, const std::string& message) : std::runtime_error(message), status(s) {}
};

[[noreturn]] __attribute__((format(printf, 2, 3))) inline void fail(ga_status status, const char* format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  throw Error(status, text);
}

}  // namespace genarm

// GA_INVALID_ARGUMENT with a text unless the condition holds.
#define REQUIRE(condition, ...) \
  do {                          \
    if (!(condition)) ::genarm::fail(GA_INVALID_ARGUMENT, __VA_ARGS__); \
  } while (0)
