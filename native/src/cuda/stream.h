// A CUDA stream, without CUDA's headers: the same type in both builds and in plain C++.
#pragma once

struct CUstream_st;

namespace genarm::cuda {

using stream_t = CUstream_st*;

// When a kernel may begin.
enum class Order {
  after_previous,     // when the previous kernel of the stream has ended
  overlaps_previous,  // before that: it reads nothing that a kernel wrote, and writes nothing, before grid_wait()
};

}  // namespace genarm::cuda
