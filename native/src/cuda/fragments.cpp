#include "cuda/fragments.h"

namespace genarm::cuda {

void pack_fragments(uint16_t* out, const uint16_t* matrix, int64_t rows, int64_t columns, int64_t first_tile,
                    int64_t last_tile) {
  for (int64_t tile = first_tile; tile < last_tile; ++tile)
    for (int64_t slab = 0; slab < slabs_of(columns); ++slab)
      for (int step = 0; step < 2; ++step)
        for (int lane = 0; lane < 32; ++lane)
          for (int i = 0; i < 8; ++i) {
            // Registers 0 and 2 hold row g, 1 and 3 row g + 8; registers 0 and 1 the first two columns of the four.
            const int reg = i / 2;
            const int64_t row = tile * kTileRows + lane / 4 + reg % 2 * 8;
            const int64_t column = slab * kSlabColumns + lane % 4 * 8 + step * 4 + reg / 2 * 2 + i % 2;
            *out++ = row < rows && column < columns ? matrix[row * columns + column] : 0;
          }
}

}  // namespace genarm::cuda
