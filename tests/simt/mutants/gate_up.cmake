mutant("no barrier before the scales are read" norm.cuh
  [==[  __syncthreads();
  return scale;]==] "  return scale;")
mutant("lanes beyond the row leave the sum" norm.cuh
  "    squares = warp_sum(squares);" "    if (lane * 4 < columns) squares = warp_sum(squares);")
mutant("the tail of the row is not counted" norm.cuh "for (int j = i; j < columns; ++j)" "for (int j = columns; j < columns; ++j)")
mutant("a number past the row" norm.cuh "if (at + j < columns)" "if (at + j <= columns)")
mutant("whole loads over the row's end" norm.cuh "if (at + 4 <= columns)" "if (at < columns)")
mutant("the scale of a row that is not there" gate_up.cu "has_row ? scale[x_row] : 0" "scale[x_row + 1]")
mutant("up is gate" gate_up.cu "{p.gate + at_tile, p.up + at_tile}" "{p.gate + at_tile, p.gate + at_tile}")
mutant("the delta of the first rows" gate_up.cu "int64_t(first_row + row) * p.rows" "int64_t(row) * p.rows")
mutant("no grid_wait" gate_up.cu [==[  grid_wait();
]==] "")
mutant("a row too many is written" gate_up.cu "row < num_rows && out < p.rows" "row <= num_rows && out < p.rows")
mutant("no barrier before the warps' sums are added" gemv.cuh
  [==[    __syncthreads();
]==] "")
