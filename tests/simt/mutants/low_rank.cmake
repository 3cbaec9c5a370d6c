mutant("shrink does not wait" low_rank.cu
  [==[  grid_wait();
  if (r == 0 &&]==] "  if (r == 0 &&")
mutant("mix does not wait" low_rank.cu
  [==[  grid_wait();
  if (row >= p.num_rows || !p.w1)]==] "  if (row >= p.num_rows || !p.w1)")
mutant("no barrier before C reads A x" low_rank.cu
  [==[  __syncthreads();
]==] "")
mutant("A x of a column too many" low_rank.cu "row < p.num_rows ? in.columns : 0" "row < p.num_rows ? in.columns + 1 : 0")
mutant("the numbers ahead of the next" low_rank.cu "next = column + kAhead * step" "next = column + step")
mutant("the rows at the stage's beginning" low_rank.cu "p.first_row + row, column" "row, column")
mutant("rows without an adapter keep the last one's" low_rank.cu "if (r == 0 && row < p.num_rows &&"
  "if (r == 0 && end > 0 &&")
mutant("the rank of the last update" low_rank.cu "rank = std::max(rank, each.rank);" "rank = std::max(1, each.rank);")
mutant("the free part reads the fixed" low_rank.cu "w[j] * t[p.fixed_rank + j]" "w[j] * t[j]")
mutant("the preference of the first row" low_rank.cu "p.preference[row * p.preference_stride + k]" "p.preference[k]")
mutant("the low part is left out" low_rank.cu "in.low ? x[i] + other[i] : x[i]" "x[i]")
mutant("the scale of no norm" low_rank.cu "if (!in.x) product *=" "if (in.x) product *=")
mutant("too little shared memory" low_rank.cu "size_t(mixed_rank) * sizeof(float)" "size_t(mixed_rank - 1) * sizeof(float)")
