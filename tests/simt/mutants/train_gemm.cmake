mutant("bf16: no barrier before the tensor cores" train_gemm.cu
  [==[    load_rounded(b, p.b, p.b_column, p.b_row, j0, p.n, k0, p.k);
    __syncthreads();]==] "    load_rounded(b, p.b, p.b_column, p.b_row, j0, p.n, k0, p.k);")
mutant("bf16: no barrier before the next slices" train_gemm.cu
  [==[    __syncthreads();
  }
  store_sums]==] "  }\n  store_sums")
mutant("f32: no barrier before the multipliers" train_gemm.cu
  [==[    load_slice(b, p.b, p.b_column, p.b_row, j0, p.n, k0, p.k);
    __syncthreads();]==] "    load_slice(b, p.b, p.b_column, p.b_row, j0, p.n, k0, p.k);")
mutant("bf16: half of a slice" train_gemm.cu "k < kPairs; k += 8" "k < 8; k += 8")
mutant("bf16: the tile's own columns" train_gemm.cu "b[j + t * 8 + g][k + 4]}" "b[j + g][k + 4]}")
mutant("bf16: the lower rows twice" train_gemm.cu "a[i + 8][k + 4]" "a[i][k + 4]")
mutant("bf16: an odd depth's last column" train_gemm.cu "k + 1 < depth" "k + 2 < depth")
mutant("bf16: a column too many" train_gemm.cu "k + 1 < depth" "k < depth")
mutant("bf16: sums start at 0" train_gemm.cu "p.start[row * p.start_row + column]" "0")
mutant("bf16: a row too many is written" train_gemm.cu "if (row < p.m && column < p.n) p.c[row"
  "if (row <= p.m && column < p.n) p.c[row")
mutant("f32: a depth that ends within a slice" train_gemm.cu "p.k - k0 < kDepth ? int(p.k - k0) : kDepth" "kDepth - 1")
mutant("products are never rounded" train_gemm.cu "rounded ? rounded_gemm_kernel : gemm_kernel" "gemm_kernel")
