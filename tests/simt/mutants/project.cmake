mutant("no barrier before the warps' sums are added" gemv.cuh
  [==[    __syncthreads();
]==] "")
mutant("lanes without an output leave before the barrier" gemv.cuh
  [==[    __syncthreads();
]==] [==[    if (threadIdx.x >= kTileRows * kGemvRows) return;
    __syncthreads();
]==])
mutant("one slab too many" gemv.cuh "if (slab_ + i >= last_) break;" "if (slab_ + i > last_) break;")
mutant("weights read past the matrix" gemv.cuh "if (slab >= last_) return;" "if (slab > last_) return;")
mutant("the tail reads the padding" gemv.cuh "if (first + 8 <= columns)" "if (first < columns)")
mutant("a row too many is read" project.cu "x_row < num_rows ?" "x_row <= num_rows ?")
mutant("mma under a guard for each lane" gemv.cuh
  "mma<T>(odd_[t], ahead_" "if (mine.row) mma<T>(odd_[t], ahead_")
mutant("the second step's fragment is the first's" gemv.cuh "at + kSlabBytes / 2" "at")
mutant("no grid_wait" project.cu [==[  grid_wait();
]==] "")
mutant("grid_wait after x was read" project.cu
  [==[  grid_wait();
  if (num_rows <= 0) return;]==]
  [==[  const float before = writes ? p.hidden[(first_row + row) * p.hidden_stride + out] : 0;
  grid_wait();
  if (num_rows <= 0 || before > 1e30f) return;]==])
mutant("blocks without rows do not wait" project.cu
  [==[  grid_wait();
  if (num_rows <= 0) return;]==]
  [==[  if (num_rows <= 0) return;
  grid_wait();]==])
mutant("an output row too many" project.cu "out < p.rows" "out <= p.rows")
mutant("the wrong problem's blocks" problems.cuh
  "int(blockIdx.x) >= problems.first_block[p + 1]" "int(blockIdx.x) > problems.first_block[p + 1]")
