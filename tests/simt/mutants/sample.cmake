mutant("no barrier before the bins are counted" sample.cu
  [==[bin[i] = 0;
    __syncthreads();]==] "bin[i] = 0;")
mutant("no barrier before the bins are read" sample.cu
  [==[    __syncthreads();
    if (threadIdx.x < 32) {]==] "    if (threadIdx.x < 32) {")
mutant("no barrier before the bins are cleared again" sample.cu
  [==[    __syncthreads();  // the next digit clears the bins
]==] "")
mutant("the ballot by lanes that found the bin" sample.cu
  "const unsigned found = __ballot_sync(kAllLanes, mine >= 0);"
  "unsigned found = 0; if (run > 0) found = __ballot_sync(kAllLanes, mine >= 0);")
mutant("a bin too far" sample.cu "while (before + bin[mine] < target)" "while (before + bin[mine] <= target)")
mutant("the digits before do not matter" sample.cu "if (digit > 0 && (key" "if (digit > 2 && (key")
mutant("bins added to without atomics" sample.cu
  "atomicAdd(&bin[key >> shift & mask_of(digit)], by_mass ? mass_of(value, top) : Mass(1));"
  "bin[key >> shift & mask_of(digit)] += by_mass ? mass_of(value, top) : Mass(1);")
mutant("negative scores in reverse" sample.cu "bits & 0x80000000u ? ~bits :" "bits & 0x80000000u ? bits ^ 0x80000000u :")
mutant("a tie too many" sample.cu "end[0] = v;" "end[0] = v + 1;")
mutant("all ties stay" sample.cu "wanted * each >= r.in_ties ?" "wanted * each >= 0 ?")
mutant("the crossing token is left out" sample.cu "wanted = (target - r.above + each - 1) / each"
  "wanted = (target - r.above) / each")
mutant("min-p is not asked" sample.cu "if (plan.min_p > 0) kept" "if (plan.min_p > 1) kept")
mutant("no grid_wait" sample.cu [==[  grid_wait();
]==] "")
mutant("a score past the row" sample.cu "row.z[v] = score(row.z[v], inverse_temperature);"
  "row.z[v + 1] = score(row.z[v + 1], inverse_temperature);")
