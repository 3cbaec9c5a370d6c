// Every instruction of ptx.cuh, ptx_mma.cuh and warp.cuh alone. On a GPU this proves the host's meaning of them.
#include "cuda/ptx_mma.cuh"
#include "cuda/warp.cuh"
#include "harness.h"

namespace genarm::cuda {
namespace {

template <class... Parameters, class... Arguments>
void run(void (*kernel)(Parameters...), unsigned blocks, unsigned threads, Arguments... arguments) {
  Stream stream;
  launch(kernel, Grid(blocks, threads, Order::after_previous), stream, arguments...);
  stream_sync(stream);
}

// ---------------------------------------------------------------- numbers

__global__ void numbers_kernel(const float* in, uint16_t* b, uint16_t* h, unsigned* pairs, float* back, float* f) {
  const int i = int(threadIdx.x);
  b[i] = from_float<bf16>(in[i]).bits;
  h[i] = from_float<f16>(in[i]).bits;
  pairs[2 * i] = pack<bf16>(in[i], -in[i]);
  pairs[2 * i + 1] = pack<f16>(in[i], -in[i]);
  back[2 * i] = to_float(bf16{b[i]});
  back[2 * i + 1] = to_float(f16{h[i]});
  f[2 * i] = exp2_approx(in[i]);
  f[2 * i + 1] = rsqrt_approx(fabsf(in[i]));
}

void numbers_round_to_nearest_even() {
  std::vector<float> values = random_floats(64, 1, 10);
  const float edges[] = {1.00390625f, 1.01171875f, 65519, 65520, 3e-8f, 6e-8f, 1e-5f, 3.4e38f, -0.f, 2049};
  std::copy(std::begin(edges), std::end(edges), values.begin());
  const Array<float> in(values), back(128, 0), f(128, 0);
  const Array<uint16_t> b(64, 0), h(64, 0);
  const Array<unsigned> pairs(128, 0);

  run(numbers_kernel, 1, 64, in.data(), b.data(), h.data(), pairs.data(), back.data(), f.data());

  for (size_t i = 0; i < 64; ++i) {
    const uint16_t to_b = f32_to_bf16(values[i]), to_h = f32_to_f16(values[i]);
    CHECK(b.get()[i] == to_b && h.get()[i] == to_h);
    CHECK(pairs.get()[2 * i] == (unsigned(to_b) | unsigned(to_b ^ 0x8000) << 16));
    CHECK(pairs.get()[2 * i + 1] == (unsigned(to_h) | unsigned(to_h ^ 0x8000) << 16));
    CHECK(back.get()[2 * i] == bf16_to_f32(to_b) && back.get()[2 * i + 1] == f16_to_f32(to_h));
    if (std::fabs(values[i]) > 100) continue;
    const double power = std::exp2(double(values[i])), root = 1 / std::sqrt(std::fabs(double(values[i])));
    check_near(f.get()[2 * i], power, 3e-7 * power, "exp2", int64_t(i), 0);
    if (values[i] != 0) check_near(f.get()[2 * i + 1], root, 3e-7 * root, "rsqrt", int64_t(i), 0);
  }
}

__global__ void add_pairs_kernel(const unsigned* a, const unsigned* b, unsigned* sum) {
  sum[threadIdx.x] = add_pairs(a[threadIdx.x], b[threadIdx.x]);
}

void pairs_are_added_and_rounded() {
  const std::vector<uint16_t> x = to_bf16(random_floats(128, 3, 10)), y = to_bf16(random_floats(128, 4, 10));
  std::vector<unsigned> a, b;
  for (size_t i = 0; i < 64; ++i) {
    a.push_back(x[2 * i] | unsigned(x[2 * i + 1]) << 16);
    b.push_back(y[2 * i] | unsigned(y[2 * i + 1]) << 16);
  }
  const Array<unsigned> device_a(a), device_b(b), sum(64, 0);

  run(add_pairs_kernel, 1, 64, device_a.data(), device_b.data(), sum.data());

  for (size_t i = 0; i < 128; ++i)
    CHECK(uint16_t(sum.get()[i / 2] >> 16 * (i % 2)) == f32_to_bf16(bf16_to_f32(x[i]) + bf16_to_f32(y[i])));
}

__global__ void loads_kernel(const uint4* in, uint4* out) {
  out[2 * threadIdx.x] = load_streaming(in + threadIdx.x);
  out[2 * threadIdx.x + 1] = load_shared_by_blocks(in + threadIdx.x);
}

void loads_take_16_bytes() {
  std::vector<unsigned> values(128);
  for (size_t i = 0; i < 128; ++i) values[i] = unsigned(i * i + 1);
  const Array<unsigned> in(values), out(256, 0);

  run(loads_kernel, 1, 32, reinterpret_cast<const uint4*>(in.data()), reinterpret_cast<uint4*>(out.data()));

  for (size_t i = 0; i < 256; ++i) CHECK(out.get()[i] == values[i / 8 * 4 + i % 4]);
}

// ---------------------------------------------------------------- tensor cores
// The layouts are those published with CUTLASS for its SM80 16x8x16 atom, as strides of (lane % 4, lane / 4) and of
// the register's halves: A ((4,8),(2,2,2)):((32,1),(16,8,128)), B ((4,8),(2,2)):((16,1),(8,64)),
// C ((4,8),(2,2)):((32,1),(16,8)).

int at_a(int lane, int i) { return lane % 4 * 32 + lane / 4 + i % 2 * 16 + i / 2 % 2 * 8 + i / 4 * 128; }
int at_b(int lane, int i) { return lane % 4 * 16 + lane / 4 + i % 2 * 8 + i / 2 * 64; }
int at_c(int lane, int i) { return lane % 4 * 32 + lane / 4 + i % 2 * 16 + i / 2 * 8; }

template <class T>
__global__ void mma_kernel(const uint4* a, const uint2* b, float* d) {
  const int lane = int(threadIdx.x);
  float sum[4];
  for (int i = 0; i < 4; ++i) sum[i] = d[4 * lane + i];
  mma<T>(sum, a[lane], b[lane]);
  for (int i = 0; i < 4; ++i) d[4 * lane + i] = sum[i];
}

template <class T>
void mma_is_a_matrix_product(uint16_t (*narrow)(float), float (*widen)(uint16_t)) {
  const std::vector<float> wide_a = random_floats(256, 3), wide_b = random_floats(128, 4), c = random_floats(128, 5);
  std::vector<uint16_t> a(256), b(128);  // fragments
  std::vector<float> d(128);
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < 8; ++i) a[size_t(8 * lane + i)] = narrow(wide_a[size_t(at_a(lane, i))]);
    for (int i = 0; i < 4; ++i) b[size_t(4 * lane + i)] = narrow(wide_b[size_t(at_b(lane, i))]);
    for (int i = 0; i < 4; ++i) d[size_t(4 * lane + i)] = c[size_t(at_c(lane, i))];
  }
  const Array<uint16_t> device_a(a), device_b(b);
  const Array<float> device_d(d);

  run(mma_kernel<T>, 1, 32, reinterpret_cast<const uint4*>(device_a.data()), reinterpret_cast<const uint2*>(device_b.data()),
      device_d.data());

  const std::vector<float> result = device_d.get();
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < 4; ++i) {
      const int at = at_c(lane, i), m = at % 16, n = at / 16;
      double expected = c[size_t(at)];
      for (int k = 0; k < 16; ++k)
        expected += double(widen(narrow(wide_a[size_t(m + 16 * k)]))) * double(widen(narrow(wide_b[size_t(n + 8 * k)])));
      check_near(result[size_t(4 * lane + i)], expected, 3e-6, "d", m, n);
    }
}

void mma_multiplies_bf16() { mma_is_a_matrix_product<bf16>(f32_to_bf16, bf16_to_f32); }
void mma_multiplies_f16() { mma_is_a_matrix_product<f16>(f32_to_f16, f16_to_f32); }

__global__ void mma_int8_kernel(const uint4* a, const uint2* b, int* d) {
  int sum[4] = {1, 2, 3, 4};
  mma_int8(sum, a[threadIdx.x], b[threadIdx.x]);
  for (int i = 0; i < 4; ++i) d[4 * threadIdx.x + i] = sum[i];
}

void mma_multiplies_int8_exactly() {
  std::mt19937 random(6);
  std::vector<int8_t> a(512), b(256);  // row m of A: 32 columns; column n of B: 32 rows
  for (int8_t& x : a) x = int8_t(random());
  for (int8_t& x : b) x = int8_t(random());
  std::vector<int8_t> fragment_a(512), fragment_b(256);
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < 16; ++i)
      fragment_a[size_t(16 * lane + i)] = a[size_t((lane / 4 + i / 4 % 2 * 8) * 32 + lane % 4 * 4 + i % 4 + i / 8 * 16)];
    for (int i = 0; i < 8; ++i)
      fragment_b[size_t(8 * lane + i)] = b[size_t(lane / 4 * 32 + lane % 4 * 4 + i % 4 + i / 4 * 16)];
  }
  const Array<int8_t> device_a(fragment_a), device_b(fragment_b);
  const Array<int> d(128, 0);

  run(mma_int8_kernel, 1, 32, reinterpret_cast<const uint4*>(device_a.data()),
      reinterpret_cast<const uint2*>(device_b.data()), d.data());

  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < 4; ++i) {
      const int m = lane / 4 + i / 2 * 8, n = lane % 4 * 2 + i % 2;
      int expected = i + 1;
      for (int k = 0; k < 32; ++k) expected += a[size_t(32 * m + k)] * b[size_t(32 * n + k)];
      CHECK(d.get()[size_t(4 * lane + i)] == expected);
    }
}

__global__ void ldmatrix_kernel(const uint16_t* in, uint4* plain, uint4* transposed) {
  SMEM(uint16_t, tile, [32][40]);
  for (int c = 0; c < 8; ++c) tile[threadIdx.x][c] = in[8 * threadIdx.x + c];
  __syncwarp();
  plain[threadIdx.x] = ldmatrix(&tile[threadIdx.x][0]);
  transposed[threadIdx.x] = ldmatrix_transposed(&tile[threadIdx.x][0]);
}

void ldmatrix_deals_out_four_matrices() {
  std::vector<uint16_t> matrices(256);
  for (size_t i = 0; i < 256; ++i) matrices[i] = uint16_t(1000 + i);
  const Array<uint16_t> in(matrices), plain(256, 0), transposed(256, 0);

  run(ldmatrix_kernel, 1, 32, in.data(), reinterpret_cast<uint4*>(plain.data()),
      reinterpret_cast<uint4*>(transposed.data()));

  for (size_t lane = 0; lane < 32; ++lane)
    for (size_t matrix = 0; matrix < 4; ++matrix)
      for (size_t i = 0; i < 2; ++i) {
        const size_t g = lane / 4, q = lane % 4, at = 8 * lane + 2 * matrix + i;
        CHECK(plain.get()[at] == 1000 + 64 * matrix + 8 * g + 2 * q + i);
        CHECK(transposed.get()[at] == 1000 + 64 * matrix + 8 * (2 * q + i) + g);
      }
}

// ---------------------------------------------------------------- warps and blocks

__global__ void warp_kernel(int* out) {
  const int lane = int(threadIdx.x) % 32;
  int* mine = out + 8 * threadIdx.x;
  mine[0] = shuffle(lane, (lane * 5 + 3) % 32);
  mine[1] = shuffle_xor(lane, 9);
  mine[2] = warp_sum(lane * lane);
  mine[3] = warp_max((lane * 7) % 32);
  mine[4] = int(__ballot_sync(kAllLanes, lane % 3 == 0));
  mine[5] = __shfl_up_sync(kAllLanes, lane, 3);
  mine[6] = __shfl_down_sync(kAllLanes, lane, 3);
  mine[7] = int(block_sum<96>(float(threadIdx.x)) + 2 * block_sum<96>(1));
}

void warps_exchange_values() {
  const Array<int> out(96 * 8, 0);

  run(warp_kernel, 1, 96, out.data());

  for (int thread = 0; thread < 96; ++thread) {
    const int lane = thread % 32;
    const int expected[8] = {(lane * 5 + 3) % 32, lane ^ 9, 31 * 32 * 63 / 6, 31, int(0x49249249u),
                             lane < 3 ? lane : lane - 3, lane > 28 ? lane : lane + 3, 95 * 96 / 2 + 2 * 96};
    for (int i = 0; i < 8; ++i) CHECK(out.get()[size_t(8 * thread + i)] == expected[i]);
  }
}

// Warps 0 and 1 fill a buffer for warps 2 and 3, twice: full at barrier 1, empty at barrier 2.
__global__ void named_barriers_kernel(int* out) {
  SMEM(int, buffer, [64]);
  const int i = int(threadIdx.x) % 64;
  for (int round = 0; round < 2; ++round) {
    if (threadIdx.x < 64) {
      if (round) barrier_sync(2, 128);
      buffer[i] = 100 * round + i;
      barrier_arrive(1, 128);
    } else {
      barrier_sync(1, 128);
      out[64 * round + i] = buffer[63 - i];
      if (!round) barrier_arrive(2, 128);
    }
  }
}

void named_barriers_order_warps() {
  const Array<int> out(128, 0);

  run(named_barriers_kernel, 1, 128, out.data());

  for (int i = 0; i < 128; ++i) CHECK(out.get()[size_t(i)] == 100 * (i / 64) + 63 - i % 64);
}

// A ring of three rows, the last chunk cut short: what lies beyond is 0.
__global__ void copy_async_kernel(const float* in, float* out, int size) {
  SMEM(float4, ring, [3][32]);
  const int chunks = (size + 127) / 128;
  const auto fetch = [&](int chunk) {
    const int left = size - 128 * chunk - 4 * int(threadIdx.x);
    if (chunk < chunks)
      copy_async(&ring[chunk % 3][threadIdx.x], left > 0 ? in + size - left : in, left > 3 ? 16 : left > 0 ? 4 * left : 0);
    copy_async_commit();
  };
  fetch(0);
  fetch(1);
  for (int chunk = 0; chunk < chunks; ++chunk) {
    copy_async_wait<1>();
    __syncthreads();
    const float4 v = ring[chunk % 3][31 - threadIdx.x];
    out[128 * chunk + threadIdx.x] = v.x + 10 * v.y + 100 * v.z + 1000 * v.w;
    fetch(chunk + 2);
  }
}

void asynchronous_copies_land_before_they_are_read() {
  const int size = 128 * 4 + 77;
  std::vector<float> values(size);
  for (int i = 0; i < size; ++i) values[size_t(i)] = float(i % 9 + 1);
  const Array<float> in(values), out(128 * 5, 0);

  run(copy_async_kernel, 1, 32, in.data(), out.data(), size);

  for (int chunk = 0; chunk < 5; ++chunk)
    for (int t = 0; t < 32; ++t) {
      float expected = 0, digit = 1;
      for (int i = 0; i < 4; ++i, digit *= 10) {
        const int at = 128 * chunk + 4 * (31 - t) + i;
        expected += at < size ? digit * values[size_t(at)] : 0;
      }
      CHECK(out.get()[size_t(128 * chunk + t)] == expected);
    }
}

__global__ void release_kernel(unsigned* words) {
  words[1 + threadIdx.x] = threadIdx.x;
  __syncthreads();
  if (threadIdx.x == 0) store_release_system(words, 77);
}

void a_release_to_the_host_is_a_store() {
  const Array<unsigned> words(65, 0);

  run(release_kernel, 1, 64, words.data());

  for (unsigned i = 0; i < 65; ++i) CHECK(words.get()[i] == (i == 0 ? 77 : i - 1));
}

__global__ void atomics_kernel(int* v, float* f) {
  atomicAdd(&v[0], int(threadIdx.x));
  atomicMax(&v[1], int(threadIdx.x * 7 % 101));
  atomicMin(&v[2], int(threadIdx.x * 7 % 101) - 3);
  atomicOr(reinterpret_cast<unsigned*>(&v[3]), 1u << threadIdx.x % 32);
  if (atomicCAS(&v[4], 0, 1) == 0) atomicExch(&v[5], 42);
  atomicAdd(f, 0.5f);
}

void atomics_lose_nothing() {
  const Array<int> v(6, 0);
  const Array<float> f(1, 0);

  run(atomics_kernel, 3, 64, v.data(), f.data());

  CHECK(v.get() == (std::vector<int>{3 * 63 * 64 / 2, 99, -3, -1, 1, 42}));
  CHECK(f.get()[0] == 96);
}

}  // namespace
}  // namespace genarm::cuda

int main(int argc, char** argv) {
  using namespace genarm::cuda;
  return run_cases(argc, argv,
                   {{"numbers_round_to_nearest_even", numbers_round_to_nearest_even},
                    {"pairs_are_added_and_rounded", pairs_are_added_and_rounded},
                    {"loads_take_16_bytes", loads_take_16_bytes},
                    {"mma_multiplies_bf16", mma_multiplies_bf16},
                    {"mma_multiplies_f16", mma_multiplies_f16},
                    {"mma_multiplies_int8_exactly", mma_multiplies_int8_exactly},
                    {"ldmatrix_deals_out_four_matrices", ldmatrix_deals_out_four_matrices},
                    {"warps_exchange_values", warps_exchange_values},
                    {"named_barriers_order_warps", named_barriers_order_warps},
                    {"asynchronous_copies_land_before_they_are_read", asynchronous_copies_land_before_they_are_read},
                    {"a_release_to_the_host_is_a_store", a_release_to_the_host_is_a_store},
                    {"atomics_lose_nothing", atomics_lose_nothing}});
}
