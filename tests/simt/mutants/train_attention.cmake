mutant("no barrier before the values" train_attention.cu
  [==[  __syncthreads();
  for (int d = int(threadIdx.x); d < a.head_dim; d += kThreads) {
    float out = 0;]==] [==[  for (int d = int(threadIdx.x); d < a.head_dim; d += kThreads) {
    float out = 0;]==])
mutant("a row does not see itself" train_attention.cu "p.end = p.position + 1;" "p.end = p.position;")
mutant("a window of one more" train_attention.cu "? p.position - a.window + 1 : 0" "? p.position - a.window : 0")
mutant("the prompt's rows are the response's" train_attention.cu "at < prefix ? parent_first + at"
  "at < prefix ? first + at % length")
mutant("each thread's own top" train_attention.cu "  top = block_max<kThreads>(top);
" "")
mutant("the sum is not kept" train_attention.cu "  if (threadIdx.x == 0) a.log_sum_exp[row * a.num_heads + head] = lse;
" "")
mutant("dq: no barrier before the sum" train_attention.cu
  [==[head, mean).d;
  }
  __syncthreads();]==] "head, mean).d;\n  }")
mutant("dq: the mean is left out" train_attention.cu "p * (dp - mean) * factor" "p * dp * factor")
mutant("dk, dv: no barrier after the slopes" train_attention.cu
  [==[      slope[threadIdx.x] = each.d;
      __syncthreads();]==] "      slope[threadIdx.x] = each.d;")
mutant("dk, dv: no barrier before the next slopes" train_attention.cu
  [==[      __syncthreads();
    }
  }
}]==] "    }\n  }\n}")
mutant("dk, dv: responses do not see the prompt" train_attention.cu "count += a.packing.segments[s].length" "count += 0")
mutant("dk, dv: a window of one more" train_attention.cu "place.position < a.window" "place.position <= a.window")
mutant("dk, dv: a row less" train_attention.cu "? int(count - n0) : kThreads" "? int(count - n0) - 1 : kThreads")
mutant("dk, dv: the group's first head alone" train_attention.cu "head < (kv_head + 1) * group" "head < kv_head * group + 1")
