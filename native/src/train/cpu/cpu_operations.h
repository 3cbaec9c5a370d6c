// Training on a CPU: the kernels of one instruction set on the backend's threads.
#pragma once

#include <memory>

#include "../../cpu/isa.h"
#include "../../cpu/thread_pool.h"
#include "../operations.h"

namespace genarm::cpu {

// `pool` must outlive what is returned.
std::unique_ptr<train::Operations> open_train_operations(ThreadPool& pool, Isa isa);

}  // namespace genarm::cpu
