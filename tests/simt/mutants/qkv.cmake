mutant("no barrier before the head is finished" qkv.cu
  [==[    __syncthreads();
  }]==] "  }")
mutant("a number past the half" qkv.cu "row < num_rows && i < half" "row < num_rows && i <= half")
mutant("a head too short in shared memory" qkv.cu "[kGemvRows][kMaxHeadDim + 4]" "[kGemvRows][kMaxHeadDim - 40]")
mutant("the norm over half a head" qkv.cu "i < dim; i += 32" "i < half; i += 32")
mutant("v is rotated, too" qkv.cu "if (head.kind != Kind::v) {" "if (head.kind != Kind::q || !kv) {")
mutant("the page after" qkv.cu "+ position / c.page_size]" "+ (position + 1) / c.page_size]")
mutant("the padding is not cleared" qkv.cu "if (kv && begin == 0 &&" "if (!kv && begin == 0 &&")
mutant("every pair of a normed head is the first" qkv.cu
  "if (pair > first_pair) product = TileProduct<T, 2>({weight(pair)," "if (pair > first_pair) product = TileProduct<T, 2>({weight(first_pair),")
mutant("no grid_wait" qkv.cu [==[  grid_wait();
]==] "")
mutant("the position of the first rows" qkv.cu "x[mine_row], first_row + mine_row," "x[mine_row], mine_row,")
