// The launchers of the CUDA kernels: the operations of backend.h with device pointers and CUDA's types. Residuals,
// norm weights, biases and accumulators are f32; activations and weights are bf16 or f16. Leading dimensions
// (stride) count elements. A launch takes up to kMaxProblems problems; rows of a problem do not affect each other.
// Host C++: includes nothing of CUDA.
#pragma once

#include <cstdint>

#include "cuda/numbers.h"
#include "cuda/stream.h"

namespace genarm::cuda {

constexpr int kMaxProblems = 8;

// hidden[r] += W x[r] + bias, W packed by pack_fragments (fragments.h).
template <class T>
struct ProjectProblem {
  float* hidden;         // [num_rows, rows]
  int64_t hidden_stride;
  const T* x;            // [num_rows, columns], 16-byte aligned
  int64_t x_stride;      // a multiple of 8
  const T* weight;
  const float* bias;     // [rows] or null
  int32_t rows, columns;
  int32_t num_rows;
};

// T: bf16 or f16. At most 8 rows read each weight once; of more, every 8 read them again.
template <class T>
void project(const ProjectProblem<T>* problems, int num_problems, Order order, stream_t stream);

// x[n] = sum over j in [first[n], first[n + 1]) of scale[j] * rms_norm(hidden[row[j]]) * norm, as the sum of two
// bf16 rows: x[n][0] is the number rounded, x[n][1] what is missing of it. The LM head reads them as two rows.
struct FinalNormProblem {
  bf16* x;                // [num_x, 2, hidden_size]
  int64_t x_stride;       // of each of the two
  const float* hidden;    // [.., hidden_size]
  int64_t hidden_stride;
  const float* norm;      // [hidden_size]
  const int32_t* first;   // [num_x + 1]
  const int32_t* row;     // [first[num_x]]
  const float* scale;     // [first[num_x]]
  float eps;
  int32_t num_x, hidden_size;
};

// max_terms: at least first[n + 1] - first[n] for every n.
void final_norm(const FinalNormProblem* problems, int num_problems, int max_terms, Order order, stream_t stream);

}  // namespace genarm::cuda
