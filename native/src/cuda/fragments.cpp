#include "cuda/fragments.h"

#include <algorithm>

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

void pack_head_pairs(uint16_t* out, const uint16_t* matrix, int64_t num_heads, int head_dim, int64_t columns) {
  const int half = head_dim / 2, pairs = pairs_of_head(head_dim);
  for (int64_t head = 0; head < num_heads; ++head)
    for (int pair = 0; pair < pairs; ++pair)
      for (int part = 0; part < 2; ++part) {
        const int first = pair * kTileRows, rows = std::min(kTileRows, half - first);
        pack_fragments(out, matrix + (head * head_dim + part * half + first) * columns, rows, columns, 0, 1);
        out += slabs_of(columns) * (kSlabBytes / 2);
      }
}

}  // namespace genarm::cuda
