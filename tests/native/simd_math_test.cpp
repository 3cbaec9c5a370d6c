// The polynomials of simd_math.h against the C library in double. Every instruction set computes the same bits (the
// tests of operations hold it to that), so one is enough.
#define GENARM_ISA under_test
#include "cpu/simd_math.h"

#include <cmath>

#include "check.h"
#include "draws.h"

namespace kernel = genarm::cpu::under_test;
using genarm_test::Random;

namespace {

template <class F>
double worst_ulps(F f, double (*definition)(double), const std::vector<float>& inputs) {
  double worst = 0;
  for (float x : inputs) {
    float lanes[16];
    kernel::store(lanes, f(kernel::broadcast(x)));
    const double expected = definition(double(x));
    const double ulp = double(std::nextafter(float(std::fabs(expected)), INFINITY)) - double(float(std::fabs(expected)));
    worst = std::max(worst, std::fabs(double(lanes[3]) - expected) / ulp);
  }
  return worst;
}

void exp_is_within_two_ulp() {
  Random random(1);
  std::vector<float> inputs = {0, -87.3f, 88.3f, 1e-30f};
  for (int i = 0; i < 200000; ++i) inputs.push_back(float(random.uniform() * 175.6 - 87.3));
  CHECK(worst_ulps([](auto x) { return kernel::exp(x); }, std::exp, inputs) < 2);
}

void exp_of_0_is_1_and_far_below_it_is_0() {
  float lanes[16];
  kernel::store(lanes, kernel::exp(kernel::broadcast(0.0f)));
  CHECK(lanes[0] == 1.0f);
  kernel::store(lanes, kernel::exp(kernel::broadcast(-INFINITY)));
  CHECK(lanes[0] == 0.0f);
  kernel::store(lanes, kernel::exp(kernel::broadcast(-90.0f)));
  CHECK(lanes[0] == 0.0f);
  kernel::store(lanes, kernel::exp(kernel::broadcast(NAN)));
  CHECK(std::isnan(lanes[0]));
}

void log_is_within_two_ulp() {
  Random random(2);
  std::vector<float> inputs = {1e-37f, 3e38f, 0x1p-33f};
  for (int i = 0; i < 200000; ++i) inputs.push_back(std::ldexp(float(1 + random.uniform()), int(random.next() % 200) - 100));
  // Near 1 the result is small against the inputs' spacing, and still exact to 2 ulp.
  for (int i = 0; i < 1000; ++i) inputs.push_back(1 + float(i + 1) * 0x1p-20f);
  CHECK(worst_ulps([](auto x) { return kernel::log(x); }, std::log, inputs) < 2);
}

void the_noise_is_within_4_ulp_or_1e_6() {
  std::vector<uint32_t> words = {0, 1, 2, 255, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff, 0x4afb0ccd};
  Random random(3);
  for (int i = 0; i < 300000; ++i) words.push_back(uint32_t(random.next()) >> (i % 32));
  for (int i = 0; i < 100000; ++i) words.push_back(~(uint32_t(random.next()) >> (i % 32)));
  for (uint32_t word : words) {
    float lanes[16];
    kernel::store(lanes, kernel::gumbel(kernel::broadcast(int32_t(word))));
    const double expected = genarm_test::gumbel_of_word(word);
    CHECK_NEAR(lanes[5], expected, std::max(1e-6, 4 * 0x1p-24 * std::fabs(expected)));
    CHECK(lanes[5] < kernel::kMaxGumbel);
  }
}

void sixty_four_tokens_have_their_own_words_in_order() {
  for (int32_t first : {0, 64, 128256 - 128256 % 64}) {
    genarm::SamplingPlan plan = genarm_test::plain(1, 31);
    plan.choice = 2;
    kernel::f32x16 noise[4];
    kernel::gumbel64(noise, plan.seed, plan.choice, plan.position, first);
    for (int32_t i = 0; i < 64; ++i) {
      float lanes[16];
      kernel::store(lanes, noise[i / 16]);
      CHECK_NEAR(lanes[i % 16], genarm_test::noise_of(plan, first + i), 4e-6);
    }
  }
}

}  // namespace

int main() {
  return run_tests({
      TEST(exp_is_within_two_ulp),
      TEST(exp_of_0_is_1_and_far_below_it_is_0),
      TEST(log_is_within_two_ulp),
      TEST(the_noise_is_within_4_ulp_or_1e_6),
      TEST(sixty_four_tokens_have_their_own_words_in_order),
  });
}
