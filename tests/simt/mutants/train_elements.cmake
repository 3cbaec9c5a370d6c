mutant("dropout: draws past the last row" train_elements.cu "if (e >= rows * fours) return;" "if (e > rows * fours) return;")
mutant("dropout: a row's end runs into the next" train_elements.cu "i < 4 && 4 * four + i < columns" "i < 4")
mutant("dropout: every update drops the same" train_elements.cu "d.module, d.update)" "d.module, 0)")
mutant("dropout: rows of other batches drop alike" train_elements.cu "d.first_row + uint32_t(r)" "uint32_t(r)")
mutant("dropout: what was there is lost" train_elements.cu "accumulate ? out[at] + v : v" "v")
mutant("scale: an element too many" train_elements.cu "if (i < count) x[i] *= scale;" "if (i <= count) x[i] *= scale;")
mutant("mix: the first objective alone" train_elements.cu "k < c.num_objectives" "k < 1")
mutant("mix: an element too many" train_elements.cu "if (i >= size) return;" "if (i > size) return;")
mutant("weigh: rows follow each other" train_elements.cu "i / columns * stride + i % columns" "i")
mutant("adam: nothing decays" train_elements.cu "a.weight[i] * step.keep" "a.weight[i]")
mutant("adam: the gradient is not scaled" train_elements.cu "a.gradient[i] * a.gradient_scale" "a.gradient[i]")
mutant("adam: an element too many" train_elements.cu "if (i >= a.count) return;" "if (i > a.count) return;")
mutant("squares: no barrier before the total" train_elements.cu
  [==[  part[threadIdx.x] = sum;
  __syncthreads();]==] "  part[threadIdx.x] = sum;")
mutant("squares: past the last block's end" train_elements.cu "begin + kSquaresBlock < count ? begin + kSquaresBlock : count"
  "begin + kSquaresBlock")
mutant("squares: one thread less" train_elements.cu "i < kThreads; ++i) total" "i < kThreads - 1; ++i) total")
