mutant("no grid_wait" embed.cu [==[  grid_wait();
]==] "")
mutant("a column too many is written" embed.cu "column + 1 < p.hidden_size" "column + 1 <= p.hidden_size")
mutant("a column too many is read" embed.cu "column < p.hidden_size; column" "column <= p.hidden_size; column")
mutant("the lower half of a tile" fragments.h "+ row % kTileRows / 8;" "+ 0 * row;")
mutant("the steps of a slab swapped" fragments.h "step = column % 8 / 4" "step = 1 - column % 8 / 4")
