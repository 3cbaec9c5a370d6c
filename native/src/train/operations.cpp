#include "train/operations.h"

#include "backend.h"
#include "error.h"

namespace genarm {

std::unique_ptr<train::Operations> Backend::open_training() {
  fail(GA_UNSUPPORTED, "%s cannot train", description().c_str());
}

}  // namespace genarm
