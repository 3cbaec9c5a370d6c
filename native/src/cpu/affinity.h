// Which CPUs threads run on.
#pragma once

#include <sched.h>

#include <string>
#include <vector>

namespace genarm::cpu {

// CPUs that this process may run on, in order.
std::vector<int> allowed_cpus();

// "0-3,6" as {0, 1, 2, 3, 6}. Throws Error{GA_INVALID_ARGUMENT} for what is no such list or names a CPU twice, and
// Error{GA_DEVICE_ERROR} for a CPU that this process may not run on.
std::vector<int> parse_cpu_list(const std::string& list);

// The calling thread runs on this CPU alone from here on: 0, or the system's error number.
int pin_this_thread(int cpu);

// Moves the calling thread from a CPU of `taken` to another that it may run on; afterwards it may run where it might
// before. The CPU that it is on then; -1 where there is none for it, or the system does not let it.
int leave_cpus(const cpu_set_t& taken);

}  // namespace genarm::cpu
