// Storage of 16-bit floating point; without constructors, so that shared memory can hold it. Conversions: ptx.cuh on
// the device, half.h on the host.
#pragma once

#include <cstdint>

namespace genarm::cuda {

struct bf16 {
  uint16_t bits;
};
struct f16 {
  uint16_t bits;
};

}  // namespace genarm::cuda
