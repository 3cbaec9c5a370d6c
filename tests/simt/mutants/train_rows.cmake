mutant("embed: the first row's token for all" train_rows.cu "a.table[a.ids[r] * columns + j]"
  "a.table[a.ids[0] * columns + j]")
mutant("embed: the last row's gradient alone" train_rows.cu "a.table_gradient[a.ids[r] * columns + j] += a"
  "a.table_gradient[a.ids[r] * columns + j] = a")
mutant("rms_norm: a column too many" train_rows.cu "j < columns; j += kThreads) squares"
  "j <= columns; j += kThreads) squares")
mutant("rms_norm: the scale is not kept" train_rows.cu "  if (threadIdx.x == 0) a.scale[r] = s;
" "")
mutant("rms_norm: weights of rows that were not chosen" train_rows.cu "a.x[source(a, r) * columns + j] * a.scale[r]"
  "a.x[r * columns + j] * a.scale[r]")
mutant("rms_norm: what was there is lost" train_rows.cu "a.accumulate ? dx[j] + d : d" "d")
mutant("rms_norm: a column too many of the weights" train_rows.cu
  [==[  if (j >= columns) return;
  float sum]==] "  if (j > columns) return;\n  float sum")
mutant("rope: the first row's position for all" train_rows.cu "a.position[head / a.num_heads]" "a.position[0]")
mutant("rope: backward turns forward" train_rows.cu "a.sines[at] * direction" "a.sines[at]")
mutant("rope: a pair too many" train_rows.cu "if (e >= int64_t(a.num_rows)" "if (e > int64_t(a.num_rows)")
mutant("swiglu: an element too many" train_rows.cu "if (i < a.count) a.out[i]" "if (i <= a.count) a.out[i]")
mutant("swiglu: gate's slope without its tail" train_rows.cu "fmaf(gate, 1 - s, 1.0f)" "1.0f")
mutant("log_prob: each thread's own top" train_rows.cu
  [==[  top = block_max<kThreads>(top);
  float sum = 0;]==] "  float sum = 0;")
mutant("log_prob: one thread's entries" train_rows.cu
  [==[  __syncthreads();
  if (threadIdx.x > 0) return;  // two entries may be of one token
]==] "  __syncthreads();
")
mutant("log_prob: no barrier before the entries" train_rows.cu
  [==[  __syncthreads();
  if (threadIdx.x > 0) return;  // two]==] "  if (threadIdx.x > 0) return;  // two")
