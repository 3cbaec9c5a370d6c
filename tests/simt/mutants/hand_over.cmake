mutant("no grid_wait" hand_over.cu [==[  grid_wait();
]==] "")
mutant("no barrier before the number" hand_over.cu
  [==[  __syncthreads();  // every thread has read the number, and its tokens lie before the release
]==] "")
mutant("the slot of the step before" hand_over.cu "int64_t(step % kRingSteps)" "int64_t((step - 1) % kRingSteps)")
mutant("a token too many" hand_over.cu "i < p.count; i += kThreads" "i <= p.count; i += kThreads")
mutant("the number is not counted" hand_over.cu "  *p.num_steps = step;
" "")
mutant("the first tokens alone" hand_over.cu "i < p.count; i += kThreads" "i < p.count; i += p.count")
