mutant("no barrier before the warps' sums are added" gemv.cuh
  [==[    __syncthreads();
]==] "")
mutant("lanes without an output leave before the barrier" gemv.cuh
  [==[    __syncthreads();
]==] [==[    if (threadIdx.x >= kTileRows * kGemvRows) return;
    __syncthreads();
]==])
mutant("one unit too many" gemv.cuh "if (unit_ + i >= last_) break;" "if (unit_ + i > last_) break;")
mutant("weights read past the matrix" gemv.cuh "if (unit >= last_) return;" "if (unit > last_) return;")
mutant("the tail reads the padding" gemv.cuh "left == 1 ? pair & 0xffff : 0" "left == 1 ? pair : 0")
mutant("a pair past the row's end" gemv.cuh "return left >= 2 ? pair" "return left >= 0 ? pair")
mutant("a row too many is read" gemv.cuh "group * kGemvRows >= left_ ||" "group * kGemvRows > left_ ||")
mutant("mma under a guard for each lane" units.cuh
  "    mma<bf16>(odd[g], second," "    if (b[g].z) mma<bf16>(odd[g], second,")
mutant("the second step's fragment is the first's" units.cuh "load_streaming(numbers + kSlabBytes / 2)" "load_streaming(numbers)")
mutant("the low halves of f16 are left out" units.cuh "    add_slab(even, odd, first.low, second.low, b);" "")
mutant("the scale of the other rows" units.cuh "sum[g][2] += lower * d[2];" "sum[g][2] += upper * d[2];")
mutant("bytes less 127" units.cuh "(word >> shift & 0xff)) - (0x1p23f + 128)" "(word >> shift & 0xff)) - (0x1p23f + 127)")
mutant("the zeros of the upper rows" units.cuh "(u.zeros >> (8 * slab + 4) & 15)" "(u.zeros >> 8 * slab & 15)")
mutant("the scales of the first slab" units.cuh "add_scaled(odd, first, second, word_of(u.scales, slab), b)" "add_scaled(odd, first, second, word_of(u.scales, 0), b)")
mutant("padding of the order is read" gemv.cuh "return column >= 0 ? unsigned(row[column].bits) : 0u;" "return unsigned(row[column].bits);")
mutant("no barrier between two groups" project.cu "    if (g > 0) __syncthreads();" "")
mutant("the sums of the first group" gemv.cuh "if (g != group) continue;" "if (g != 0) continue;")
mutant("no grid_wait" project.cu [==[  grid_wait();
]==] "")
mutant("grid_wait after x was read" project.cu
  [==[  grid_wait();
  if (num_rows <= 0) return;]==]
  [==[  const float before = has_out && row < num_rows ? p.hidden[(first_row + row) * p.hidden_stride + out] : 0;
  grid_wait();
  if (num_rows <= 0 || before > 1e30f) return;]==])
mutant("an output row too many" project.cu "out < p.rows" "out <= p.rows")
mutant("the wrong problem's blocks" problems.cuh
  "b >= problems.first_block[p + 1]" "b > problems.first_block[p + 1]")
mutant("every pass over the first rows" project.cu "int(blockIdx.x) * kGroups * kGemvRows" "0 * kGroups * kGemvRows")
mutant("the update of the next row" row_update.cuh "rows[row]" "rows[row + 1]")
mutant("a number of B too many" row_update.cuh "r < update.rank" "r <= update.rank")
mutant("the update is not scaled" row_update.cuh "update.scale * sum" "sum")
