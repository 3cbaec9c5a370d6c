mutant("no barrier before the coefficients are read" final_norm.cu
  [==[  __syncthreads();

  bf16]==] [==[
  bf16]==])
mutant("no barrier before the parts are added" warp.cuh
  [==[  __syncthreads();
  float sum = 0;]==] "  float sum = 0;")
mutant("no barrier before the parts are written again" warp.cuh
  [==[  __syncthreads();  // the next call writes part
]==] "")
mutant("every thread but the first waits" warp.cuh
  [==[  __syncthreads();
  float sum = 0;]==]
  [==[  if (threadIdx.x != 0) __syncthreads();
  float sum = 0;]==])
mutant("a part too many" warp.cuh "i < kThreads / 32; ++i) sum +=" "i <= kThreads / 32; ++i) sum +=")
mutant("the sum over half a warp" warp.cuh "for (int lanes = 16; lanes > 0; lanes /= 2) x +="
  "for (int lanes = 8; lanes > 0; lanes /= 2) x +=")
mutant("an element past the row" final_norm.cu
  "i < p.hidden_size; i += kThreads) squares" "i <= p.hidden_size; i += kThreads) squares")
mutant("grid_wait by one warp" final_norm.cu "  grid_wait();" "  if (threadIdx.x < 32) grid_wait();")
mutant("the first read before grid_wait" final_norm.cu
  [==[  grid_wait();
]==]
  [==[  const float early = p.hidden[threadIdx.x % p.hidden_size];
  grid_wait();
  if (early > 1e30f) return;
]==])
mutant("a coefficient too few" final_norm.cu "size_t(max_terms) * sizeof(float)" "size_t(max_terms - 1) * sizeof(float)")
mutant("the low part of the rounded number" final_norm.cu "x - to_float(high[i])" "to_float(high[i]) - to_float(high[i])")
