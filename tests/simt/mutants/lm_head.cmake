mutant("no barrier after a head's logits" lm_head.cu
  [==[      __syncthreads();
    }]==] "    }")
mutant("the low row is left out" lm_head.cu "sum[0] + shuffle_xor(sum[0], kTileRows)"
  "sum[0] + 0 * shuffle_xor(sum[0], kTileRows)")
mutant("only lanes with a token reduce" lm_head.cu "    mine = best_of_lanes(mine, kTileRows / 2);"
  "    if (token < p.vocab_size) mine = best_of_lanes(mine, kTileRows / 2);")
mutant("the reduction takes in the next sequence" lm_head.cu "best_of_lanes(mine, kTileRows / 2)"
  "best_of_lanes(mine, kTileRows)")
mutant("tokens past the vocabulary compete" lm_head.cu "token < p.vocab_size)" "token <= p.vocab_size)")
mutant("the ticket orders nothing" lm_head.cu "add_acquire_release(p.ticket, 1)" "atomicAdd(p.ticket, 1u)")
mutant("no barrier before the ticket" lm_head.cu
  [==[  SMEM(int, last, [1]);
  __syncthreads();]==] "  SMEM(int, last, [1]);")
mutant("the last block is assumed" lm_head.cu "== gridDim.x - 1" "== gridDim.x - 2")
mutant("the ticket is not reset" lm_head.cu "if (threadIdx.x == 0) *p.ticket = 0;" "")
mutant("the last tile is left out" lm_head.cu "(blockIdx.x + 1) / gridDim.x)"
  "(blockIdx.x + 1) / gridDim.x) - (blockIdx.x + 1 == gridDim.x && begin > 0)")
mutant("the noise of the neighbour" law.cuh "unsigned(token) / 4" "unsigned(token + 1) / 4")
mutant("equal values give the highest id" law.cuh "b.id < a.id)) return b;" "b.id > a.id)) return b;")
mutant("infinite logits compete" law.cuh "z <= kLargestFloat &&" "z >= -kLargestFloat &&")
mutant("no grid_wait" lm_head.cu [==[  grid_wait();
]==] "")
mutant("too little shared memory" lm_head.cu "size_t(head.num_sequences) * sizeof(Candidate)"
  "size_t(head.num_sequences - 1) * sizeof(Candidate)")
mutant("a bias of the next token" lm_head.cu "p.bias_token[begin] == token ?" "true ?")
mutant("the first bias is passed over" lm_head.cu "p.bias_token[middle] < token" "p.bias_token[middle] <= token")
mutant("the update of a token too many" lm_head.cu "token < head.update_rows" "token <= head.update_rows")
