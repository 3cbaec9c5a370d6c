// Memory of a device, in bytes.
#pragma once

#include <cstdint>

namespace genarm {

struct DeviceBytes {
  int64_t free, total;
};

}  // namespace genarm
