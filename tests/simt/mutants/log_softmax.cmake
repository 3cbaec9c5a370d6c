mutant("no grid_wait" log_softmax.cu [==[  grid_wait();
]==] "")
mutant("a number past the row" log_softmax.cu "v < vocab_size; v += kThreads) mass" "v <= vocab_size; v += kThreads) mass")
mutant("no barrier before the maxima are compared" warp.cuh
  [==[  __syncthreads();
  for (int i = 0; i < kThreads / 32; ++i) mine = fmaxf]==] "  for (int i = 0; i < kThreads / 32; ++i) mine = fmaxf")
mutant("the maximum of the first warps" warp.cuh "i < kThreads / 32; ++i) mine = fmaxf"
  "i < kThreads / 64; ++i) mine = fmaxf")
mutant("one subtraction" log_softmax.cu "z[v] - top - log_mass" "z[v] - (top + log_mass)")
