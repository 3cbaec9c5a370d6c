mutant("no barrier before C reads A x" low_rank.cu
  [==[  __syncthreads();
  for (int r = int(threadIdx.x); r < p.rank;]==] "  for (int r = int(threadIdx.x); r < p.rank;")
mutant("A x of a column too many" low_rank.cu "c < p.input.columns; c += 32" "c <= p.input.columns; c += 32")
mutant("the free part reads the fixed" low_rank.cu "w[j] * t[p.fixed_rank + j]" "w[j] * t[j]")
mutant("the preference of the first row" low_rank.cu "p.preference[row * p.preference_stride + k]" "p.preference[k]")
mutant("the low part is left out" low_rank.cu "(in.low ? to_float(in.low[at]) : 0)" "(in.low ? 0 * to_float(in.low[at]) : 0)")
mutant("a number past the row" low_rank.cu "if (o >= p.rows) return;" "if (o > p.rows) return;")
mutant("only lanes with a column add up" low_rank.cu "    sum = warp_sum(sum);" "    if (int(threadIdx.x) % 32 < p.input.columns) sum = warp_sum(sum);")
mutant("expand does not wait for shrink" low_rank.cu
  [==[  grid_wait();
  if (o >= p.rows) return;]==] "  if (o >= p.rows) return;")
mutant("clear does not wait" low_rank.cu
  [==[  grid_wait();
  if (i < size) values[i] = 0;]==] "  if (i < size) values[i] = 0;")
mutant("too little shared memory" low_rank.cu "size_t(update.rank) * sizeof(float)" "size_t(update.rank - 1) * sizeof(float)")
