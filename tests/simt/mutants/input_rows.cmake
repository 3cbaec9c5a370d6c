mutant("a row too many is written" input_rows.cu "if (row >= p.num_rows) return;" "if (row > p.num_rows) return;")
mutant("no grid_wait" input_rows.cu [==[  grid_wait();
]==] "")
mutant("every block the first rows" input_rows.cu "int(blockIdx.x) * kGemvRows" "0 * kGemvRows")
mutant("a slab too many between two of a warp's" input_rows.cu "first += kGemvWarps * kSlabColumns"
  "first += (kGemvWarps + 1) * kSlabColumns")
