mutant("no grid_wait" embed.cu [==[  grid_wait();
]==] "")
mutant("a column too many" embed.cu "column < p.hidden_size; column" "column <= p.hidden_size; column")
mutant("the lower half of a tile" units.cuh "reg = int(row % kTileRows / 8) + column" "reg = column")
mutant("the steps of a slab swapped" units.cuh "step = column % 8 / 4, reg" "step = 1 - column % 8 / 4, reg")
mutant("the scales of the first slab" units.cuh "(int(row % 8) * slabs + slab) * 2" "int(row % 8) * slabs * 2")
mutant("the token of the first sequence" embed.cu "p.drawn[-1 - id]" "p.drawn[0]")
mutant("the token of the sequence after" embed.cu "p.drawn[-1 - id]" "p.drawn[-id]")
mutant("a token that was not drawn" embed.cu "max(p.drawn[-1 - id], 0)" "p.drawn[-1 - id]")
mutant("the host's token" embed.cu "if (id < 0) id = max(p.drawn[-1 - id], 0);" "if (id < 0) id = 0;")
mutant("what was drawn read before grid_wait" embed.cu
  [==[  grid_wait();
  int id = p.ids[row];]==]
  [==[  int id = p.ids[row];
  const int early = id < 0 ? p.drawn[-1 - id] : 0;
  grid_wait();
  if (id < 0) id = early < 0 ? 0 : early;]==])
