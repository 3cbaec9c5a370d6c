// The instruction sets that kernels are compiled for, in order: each contains those before it.
#pragma once

#include <vector>

namespace genarm::cpu {

enum class Isa { portable, avx2, avx512, avx512_bf16 };

const char* isa_name(Isa isa);

// Those that this machine runs and this build holds, from the least to the best.
std::vector<Isa> available_isas();

// The best, or the one that GENARM_ISA names. Throws Error{GA_INVALID_ARGUMENT} where that is unknown or not available.
Isa choose_isa();

}  // namespace genarm::cpu
