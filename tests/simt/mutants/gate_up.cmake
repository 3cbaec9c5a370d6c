mutant("no barrier before the scales are read" norm.cuh
  [==[  __syncthreads();
  return scale;]==] "  return scale;")
mutant("lanes beyond the row leave the sum" norm.cuh
  "    squares = warp_sum(squares);" "    if (lane * 4 < columns) squares = warp_sum(squares);")
mutant("the last numbers of the row are not counted" norm.cuh "i < columns; i += 128" "i + 4 < columns; i += 128")
mutant("a number past the row" norm.cuh "first >= columns_)) return" "first > columns_)) return")
mutant("the scale of the next row" norm.cuh "scale_[group * kGemvRows]" "scale_[group * kGemvRows + 1]")
mutant("scales of the first group alone" norm.cuh "row < num_rows; row += kGemvWarps"
  "row < min(num_rows, kGemvRows); row += kGemvWarps")
mutant("padding of the order is read" norm.cuh "return column >= 0 ?" "return column >= -1 ?")
mutant("up is gate" gate_up.cu "{tile_of(p.gate, tile), tile_of(p.up, tile)}"
  "{tile_of(p.gate, tile), tile_of(p.gate, tile)}")
mutant("the update of the first rows" gate_up.cu "write_out(p, r, out, sum[0], sum[1])"
  "write_out(p, r - first_row, out, sum[0], sum[1])")
mutant("no grid_wait" gate_up.cu [==[  grid_wait();
  if (num_rows <= 0) return;
]==] "  if (num_rows <= 0) return;
")
mutant("blocked: no grid_wait" gate_up.cu [==[  grid_wait();
  const float* sums]==] "  const float* sums")
mutant("blocked: up is gate" gate_up.cu "Product::copied_tile() < kTiles ? p.gate : p.up"
  "Product::copied_tile() < kTiles ? p.gate : p.gate")
mutant("blocked: the input as wide as the residual" gate_up.cu "    p.columns = width;
" "")
mutant("a row too many is written" gate_up.cu "!has_out || r >= p.num_rows" "!has_out || r > p.num_rows")
mutant("no barrier before the warps' sums are added" gemv.cuh
  [==[    __syncthreads();
]==] "")
