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
  "mma<bf16>(sum[g], second," "if (b[g].z) mma<bf16>(sum[g], second,")
mutant("the second step's fragment is the first's" units.cuh "load_streaming(numbers + kSlabBytes / 2)"
  "load_streaming(numbers)")
mutant("the low halves of f16 are left out" units.cuh "    add_slab(sum, first.low, second.low, b);" "")
mutant("the scale of the other rows" units.cuh "sum[g][2] += lower * d[2];" "sum[g][2] += upper * d[2];")
mutant("bytes less 127" units.cuh "(word >> shift & 0xff)) - (0x1p23f + 128)" "(word >> shift & 0xff)) - (0x1p23f + 127)")
mutant("the zeros of the upper rows" units.cuh "(u.zeros >> (8 * slab + 4) & 15)" "(u.zeros >> 8 * slab & 15)")
mutant("the scales of the first slab" units.cuh "word_of(u.scales, slab)" "word_of(u.scales, 0)")
mutant("padding of the order is read" gemv.cuh "return column >= 0 ? unsigned(row[column].bits) : 0u;"
  "return unsigned(row[column].bits);")
mutant("no barrier between two groups" project.cu "    if (g > 0) __syncthreads();" "")
mutant("the sums of the first group" gemv.cuh "if (g != group) continue;" "if (g != 0) continue;")
mutant("no grid_wait" project.cu [==[  grid_wait();
  if (num_rows <= 0) return;
]==] "  if (num_rows <= 0) return;
")
mutant("blocked: no grid_wait" project.cu [==[  grid_wait();
  const float* sums]==] "  const float* sums")
mutant("blocked: no cp.async wait" blocked.cuh [==[      copy_async_wait<kStages - 2>();
]==] "")
mutant("blocked: the wait is one group too lax" blocked.cuh "copy_async_wait<kStages - 2>" "copy_async_wait<kStages - 1>")
mutant("blocked: no barrier between stages" blocked.cuh "      __syncthreads();  // the stage" "      // the stage")
mutant("blocked: the stage that is being read" blocked.cuh "stage % kStages * kStageBytes"
  "stage % (kStages - 1) * kStageBytes")
mutant("blocked: two columns in one place" blocked.cuh "(eight ^ row % 2 * 4)" "(eight | row % 2 * 4)")
mutant("blocked: the tail reads the padding" blocked.cuh "max(0, min(8, rows.columns - column))" "8")
mutant("blocked: a row too many is read" blocked.cuh "row < rows.num_rows && valid" "row <= rows.num_rows && valid")
mutant("blocked: weights past the matrix" blocked.cuh "min(2, num_slabs_ - 2 * stage)" "2")
mutant("blocked: one run of all columns" blocked.cuh "if (2 * stage + half + 1 == end)"
  "if (2 * stage + half + 1 == num_slabs_)")
mutant("blocked: sums over a stage in use" blocked.cuh [==[    __syncthreads();
    return keep_sums();]==] "    return keep_sums();")
mutant("blocked: sums are read too early" blocked.cuh [==[    __syncthreads();
    return sums;]==] "    return sums;")
mutant("blocked: the first half of every unit" blocked.cuh "(at < scales ? 0 : skipped)" "0")
mutant("blocked: the scales of the first slabs" blocked.cuh "? 0 : slab_in_unit(stage) + half" "? 0 : half")
mutant("blocked: every block the first rows" blocked.cuh "int64_t(blockIdx.x) * kBlockedRows * stride"
  "int64_t(0) * kBlockedRows * stride")
mutant("blocked: an output too many" project.cu "if (to >= p.rows) return;" "if (to > p.rows) return;")
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
