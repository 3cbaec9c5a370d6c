mutant("no grid_wait" embed.cu [==[  grid_wait();
]==] "")
mutant("a column too many" embed.cu "column < p.hidden_size; column" "column <= p.hidden_size; column")
mutant("the lower half of a tile" units.cuh "reg = int(row % kTileRows / 8) + column" "reg = column")
mutant("the steps of a slab swapped" units.cuh "step = column % 8 / 4, reg" "step = 1 - column % 8 / 4, reg")
mutant("the scales of the first slab" units.cuh "(int(row % 8) * slabs + slab) * 2" "int(row % 8) * slabs * 2")
