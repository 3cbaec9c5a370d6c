// Several problems in one launch: block b of the grid works on the problem whose range holds b. In grids of products b
// is the slow index and passes over rows the fast one: a tile's blocks run together, and only the first of them reads
// its weights from memory.
#pragma once

#include <algorithm>

#include "cuda/kernels.h"
#include "cuda/launch.h"

namespace genarm::cuda {

template <class Problem>
struct Problems {
  Problem problem[kMaxProblems];
  int first_block[kMaxProblems + 1];
  int count;
};

// Which problem block b works on, and which of its blocks that is.
template <class Problem>
__device__ __forceinline__ int problem_of_block(const Problems<Problem>& problems, int b, int& block) {
  int p = 0;
  while (p + 1 < problems.count && b >= problems.first_block[p + 1]) ++p;
  block = b - problems.first_block[p];
  return p;
}

// The rows of the largest problem.
template <class Problem>
int most_rows(const Problems<Problem>& problems) {
  int rows = 0;
  for (int i = 0; i < problems.count; ++i) rows = std::max(rows, problems.problem[i].num_rows);
  return rows;
}

// Calls go(problems, number of blocks) for every kMaxProblems of them; blocks_of(problem): its blocks.
template <class Problem, class BlocksOf, class Go>
void for_each_launch(const Problem* problem, int count, const BlocksOf& blocks_of, const Go& go) {
  for (int done = 0; done < count; done += kMaxProblems) {
    Problems<Problem> batch = {};
    batch.count = std::min(kMaxProblems, count - done);
    for (int i = 0; i < batch.count; ++i) {
      batch.problem[i] = problem[done + i];
      batch.first_block[i + 1] = batch.first_block[i] + int(blocks_of(problem[done + i]));
    }
    if (batch.first_block[batch.count] > 0) go(batch, unsigned(batch.first_block[batch.count]));
  }
}

}  // namespace genarm::cuda
