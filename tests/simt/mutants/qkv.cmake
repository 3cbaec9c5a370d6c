mutant("no barrier before the head is finished" qkv.cu
  [==[      __syncthreads();
    }]==] "    }")
mutant("a number past the half" qkv.cu "p.num_rows || i >= half)" "p.num_rows || i > half)")
mutant("a head too short in shared memory" qkv.cu "groups) * kGemvRows * sizeof(HeadRow)"
  "groups) * (kGemvRows - 1) * sizeof(HeadRow)")
mutant("the norm over half a head" qkv.cu "i < dim; i += 32" "i < half; i += 32")
mutant("v is rotated, too" qkv.cu "if (head.kind != Kind::v) {" "if (head.kind != Kind::q || !kv) {")
mutant("the page after" qkv.cu "+ position / c.page_size]" "+ (position + 1) / c.page_size]")
mutant("the padding is not cleared" qkv.cu "if (kv && begin == 0 &&" "if (!kv && begin == 0 &&")
mutant("every pair of a normed head is the first" qkv.cu
  "Product product = product_of(pair);" "Product product = product_of(mine.first_pair);")
mutant("no grid_wait" qkv.cu [==[      grid_wait();
]==] "")
mutant("blocked: no grid_wait" qkv.cu [==[  grid_wait();
  float* sums]==] "  float* sums")
mutant("blocked: no barrier before the heads are finished" qkv.cu [==[  __syncthreads();
  const int half]==] "  const int half")
mutant("blocked: bias and updates of the first rows" qkv.cu
  "completed(head, int64_t(blockIdx.x) * kBlockedRows + row," "completed(head, row,")
mutant("blocked: heads straddle blocks" qkv.cu "p.q_norm ? tiles / 2 / pairs * pairs : tiles / 2" "tiles / 2")
mutant("blocked: k's tiles where q's end" qkv.cu "    unit += heads;" "    unit += heads - 1;")
mutant("the position of the first rows" qkv.cu "return x[row][i]; }, first_row + row," "return x[row][i]; }, row,")
