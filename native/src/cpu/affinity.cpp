#include "affinity.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <charconv>

#include "../error.h"

namespace genarm::cpu {
namespace {

constexpr int kMostCpus = CPU_SETSIZE;

// Reads a number at `at` and moves it behind; -1 where there is none below kMostCpus.
int read_cpu(const char*& at, const char* end) {
  int value = -1;
  const auto [next, error] = std::from_chars(at, end, value);
  if (error != std::errc() || value < 0 || value >= kMostCpus) return -1;
  at = next;
  return value;
}

}  // namespace

std::vector<int> allowed_cpus() {
  std::vector<int> cpus;
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    for (int cpu = 0; cpu < kMostCpus; ++cpu)
      if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  return cpus;
}

std::vector<int> parse_cpu_list(const std::string& list) {
  std::vector<int> cpus;
  const char* at = list.data();
  const char* const end = at + list.size();
  for (bool more = true; more;) {
    const int first = read_cpu(at, end);
    int last = first;
    if (first >= 0 && at != end && *at == '-') last = read_cpu(++at, end);
    more = at != end && *at == ',';
    REQUIRE(first >= 0 && last >= first && (more || at == end), "CPUs are a list as 0-3,6, got %s", list.c_str());
    for (int cpu = first; cpu <= last; ++cpu) {
      REQUIRE(std::find(cpus.begin(), cpus.end(), cpu) == cpus.end(), "CPU %d stands twice in %s", cpu, list.c_str());
      cpus.push_back(cpu);
    }
    if (more) ++at;
  }
  const std::vector<int> allowed = allowed_cpus();
  for (int cpu : cpus)
    if (std::find(allowed.begin(), allowed.end(), cpu) == allowed.end())
      fail(GA_DEVICE_ERROR, "CPU %d of %s is not there, or this process may not run on it", cpu, list.c_str());
  return cpus;
}

int pin_this_thread(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  return pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

int leave_cpus(const cpu_set_t& taken) {
  cpu_set_t before, rest;
  if (sched_getaffinity(0, sizeof before, &before) != 0) return -1;
  CPU_XOR(&rest, &before, &taken);
  CPU_AND(&rest, &rest, &before);
  if (CPU_COUNT(&rest) == 0 || sched_setaffinity(0, sizeof rest, &rest) != 0) return -1;
  const int cpu = sched_getcpu();
  sched_setaffinity(0, sizeof before, &before);
  return cpu;
}

}  // namespace genarm::cpu
