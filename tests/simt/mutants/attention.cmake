mutant("no wait for the keys" attention_tile.cuh
  [==[      copy_async_wait<0>();
      __syncthreads();  // keys]==] "      __syncthreads();  // keys")
mutant("a wait that leaves the values on their way" attention_tile.cuh "copy_async_wait<1>();" "copy_async_wait<2>();")
mutant("a wait that leaves the last values on their way" attention_tile.cuh
  [==[      } else {
        copy_async_wait<0>();]==] [==[      } else {
        copy_async_wait<1>();]==])
mutant("no barrier once the keys are there" attention_tile.cuh "__syncthreads();  // keys are there" "// keys are there")
mutant("no barrier before the keys are overwritten" attention_tile.cuh "__syncthreads();  // keys were read"
  "// keys were read")
mutant("no barrier once the values are there" attention_tile.cuh "__syncthreads();  // values and" "// values and")
mutant("no barrier before the ticket" attention.cu
  [==[  __syncthreads();
  if (threadIdx.x == 0) work.last]==] "  if (threadIdx.x == 0) work.last")
mutant("the ticket orders nothing" attention.cu
  "work.last = add_acquire_release(ticket, 1)" "work.last = atomicAdd(ticket, 1u)")
mutant("the ticket is off by one" attention.cu "== unsigned(count - 1)" "== unsigned(count - 2)")
mutant("the ticket is not reset" attention.cu "if (threadIdx.x == 0) *ticket = 0;" "")
mutant("no grid_wait" attention.cu [==[  grid_wait();
]==] "")
mutant("a position too many is read" attention.cu "min(highest + 1," "min(highest + 2,")
mutant("a position too many is seen" attention_tile.cuh "position > high_[i]" "position > high_[i] + 1")
mutant("a window of one more" attention.cu "position - window + 1), position" "position - window), position")
mutant("what q lost in rounding does not count" attention_tile.cuh
  "mma<bf16>(scores[s][0], low, make_uint2(key.x, key.y));" "")
mutant("what weights lost in rounding does not count" attention_tile.cuh
  "mma<bf16>(sum_[c], low, make_uint2(v.x, v.y));" "")
mutant("the weights of another warp's positions are not summed" attention_tile.cuh "mma<bf16>(total_, high, ones);"
  "if (kMany || s == warp()) mma<bf16>(total_, high, ones);")
mutant("sums are not scaled to a larger score" attention_tile.cuh "sum_[c][j] *= factor" "sum_[c][j] *= 1")
mutant("the fold forgets the largest score" attention_tile.cuh "exp2_approx(top - higher)" "1.f")
mutant("the first of a thread's sums kept for all" attention_tile.cuh "fold.of(kept_[c][j], sum_[c][j])"
  "fold.of(kept_[c][0], sum_[c][j])")
mutant("the padding of a row is what lay there" attention_tile.cuh "column < padded; column" "column < stride; column")
mutant("tiles of lanes overlap" attention.cu "middle + p.lane_first[middle]" "p.lane_first[middle]")
mutant("a tile takes rows of the next lane" attention.cu "p.lane_first[lane + 1] - part" "p.num_rows - part")
mutant("a head between two tiles is left out" attention.cu "block % parts * queries" "block % parts * (queries + 1)")
