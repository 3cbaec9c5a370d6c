mutant("no barrier before the head is finished" qkv.cu
  [==[      __syncthreads();
    }]==] "    }")
mutant("a number past the half" qkv.cu "p.num_rows || i >= half)" "p.num_rows || i > half)")
mutant("a head too short in shared memory" qkv.cu "groups) * kGemvRows * sizeof(HeadRow)" "groups) * (kGemvRows - 1) * sizeof(HeadRow)")
mutant("the norm over half a head" qkv.cu "i < dim; i += 32" "i < half; i += 32")
mutant("v is rotated, too" qkv.cu "if (head.kind != Kind::v) {" "if (head.kind != Kind::q || !kv) {")
mutant("the page after" qkv.cu "+ position / c.page_size]" "+ (position + 1) / c.page_size]")
mutant("the padding is not cleared" qkv.cu "if (kv && begin == 0 &&" "if (!kv && begin == 0 &&")
mutant("every pair of a normed head is the first" qkv.cu
  "if (pair > mine.first_pair) product = product_of(pair)" "if (pair > mine.first_pair) product = product_of(mine.first_pair)")
mutant("no grid_wait" qkv.cu [==[  grid_wait();
]==] "")
mutant("the position of the first rows" qkv.cu "x[row], first_row + row," "x[row], row,")
