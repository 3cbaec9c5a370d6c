#include "isa.h"

#include <cstdlib>
#include <cstring>

#include "../error.h"

namespace genarm::cpu {

const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::portable: return "portable";
    case Isa::avx2: return "avx2";
    case Isa::avx512: return "avx512";
    case Isa::avx512_bf16: return "avx512_bf16";
  }
  return "unknown";
}

std::vector<Isa> available_isas() {
  std::vector<Isa> isas = {Isa::portable};
#if defined(__x86_64__)
  __builtin_cpu_init();
  const auto has = [](int answer) { return answer != 0; };
  if (!has(__builtin_cpu_supports("avx2")) || !has(__builtin_cpu_supports("fma")) ||
      !has(__builtin_cpu_supports("f16c"))) {
    return isas;
  }
  isas.push_back(Isa::avx2);
  if (!has(__builtin_cpu_supports("avx512f")) || !has(__builtin_cpu_supports("avx512bw")) ||
      !has(__builtin_cpu_supports("avx512vl")) || !has(__builtin_cpu_supports("avx512dq"))) {
    return isas;
  }
  isas.push_back(Isa::avx512);
  if (has(__builtin_cpu_supports("avx512bf16")) && has(__builtin_cpu_supports("avx512vnni"))) {
    isas.push_back(Isa::avx512_bf16);
  }
#endif
  return isas;
}

Isa choose_isa() {
  const std::vector<Isa> isas = available_isas();
  const char* wanted = std::getenv("GENARM_ISA");
  if (!wanted || !*wanted) return isas.back();
  std::string names;
  for (Isa isa : isas) {
    if (!std::strcmp(wanted, isa_name(isa))) return isa;
    names += names.empty() ? "" : ", ";
    names += isa_name(isa);
  }
  fail(GA_INVALID_ARGUMENT, "GENARM_ISA is \"%s\", this machine has %s", wanted, names.c_str());
}

}  // namespace genarm::cpu
