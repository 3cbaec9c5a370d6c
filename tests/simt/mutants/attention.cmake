mutant("no barrier before the softmax" attention.cu
  [==[  __syncthreads();
  softmax]==] "  softmax")
mutant("no barrier before the values" attention.cu
  [==[  __syncthreads();
  add_values]==] "  add_values")
mutant("no barrier before the shares are added" attention.cu
  [==[  add_values(*work, p.cache, n);
  __syncthreads();]==] "  add_values(*work, p.cache, n);")
mutant("no barrier before the ticket" attention.cu
  [==[  __syncthreads();
  if (threadIdx.x == 0) work->last]==] "  if (threadIdx.x == 0) work->last")
mutant("the ticket orders nothing" attention.cu
  "work->last = add_acquire_release(ticket, 1)" "work->last = atomicAdd(ticket, 1u)")
mutant("the ticket is off by one" attention.cu "== unsigned(count - 1)" "== unsigned(count - 2)")
mutant("the ticket is not reset" attention.cu "if (threadIdx.x == 0) *ticket = 0;" "")
mutant("a position too many" attention.cu "min(position + 1," "min(position + 2,")
mutant("a window of one more" attention.cu "position - p.window + 1" "position - p.window")
mutant("partial scores beyond the end count" attention.cu "t < n ? sum[h] : -INFINITY" "sum[h]")
mutant("the merge forgets the largest score" attention.cu "exp2_approx(partial[0] - top)" "exp2_approx(top - top)")
mutant("no grid_wait" attention.cu [==[  grid_wait();
]==] "")
mutant("the heads of a block overlap" attention.cu "block % parts * kHeadsOfBlock" "block % parts * (kHeadsOfBlock - 1)")
