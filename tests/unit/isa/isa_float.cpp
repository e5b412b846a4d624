// SPDX-License-Identifier: Apache-2.0
//
// Single and double precision: arithmetic, modifiers, conversions, division,
// rounding and denormal modes.

#include <gtest/gtest.h>

#include <cfenv>
#include <cmath>
#include <random>

#include "machine.h"

namespace xsim::isa_test {
namespace {

using isa::Target;

bool same(uint32_t a, uint32_t b) {
  return a == b || (std::isnan(as_float(a)) && std::isnan(as_float(b)));
}

struct Binary {
  const char* text;
  float (*reference)(float a, float b);
};

const Binary kBinary[] = {
    {"v_add_f32_e32 v20, v1, v2", [](float a, float b) { return a + b; }},
    {"v_sub_f32_e32 v20, v1, v2", [](float a, float b) { return a - b; }},
    {"v_subrev_f32_e32 v20, v1, v2", [](float a, float b) { return b - a; }},
    {"v_mul_f32_e32 v20, v1, v2", [](float a, float b) { return a * b; }},
    {"v_min_f32_e32 v20, v1, v2", [](float a, float b) { return std::fmin(a, b); }},
    {"v_max_f32_e32 v20, v1, v2", [](float a, float b) { return std::fmax(a, b); }},
    {"v_fma_f32 v20, v1, v2, v1", [](float a, float b) { return std::fma(a, b, a); }},
    {"v_mov_b32_e32 v20, v2\nv_fmac_f32_e32 v20, v1, v2",
     [](float a, float b) { return std::fma(a, b, b); }},
    {"v_add_f32_e64 v20, -|v1|, v2", [](float a, float b) { return -std::fabs(a) + b; }},
    {"v_mul_f32_e64 v20, v1, -v2 mul:2", [](float a, float b) { return a * -b * 2.0f; }},
    {"v_mul_f32_e64 v20, v1, v2 div:2", [](float a, float b) { return a * b * 0.5f; }},
    {"v_add_f32_e64 v20, v1, v2 clamp",
     [](float a, float b) {
       const float r = a + b;
       return !(r > 0) ? 0.0f : r > 1 ? 1.0f : r;
     }},
    {"v_add_f32_e32 v20, 0.5, v2", [](float, float b) { return 0.5f + b; }},
    {"v_mul_f32_e32 v20, 0.15915494, v2", [](float, float b) { return 0.15915494f * b; }},
    {"v_rndne_f32_e32 v20, v1", [](float a, float) { return std::nearbyint(a); }},
    {"v_floor_f32_e32 v20, v1", [](float a, float) { return std::floor(a); }},
    {"v_trunc_f32_e32 v20, v1", [](float a, float) { return std::trunc(a); }},
    {"v_sqrt_f32_e32 v20, v1", [](float a, float) { return std::sqrt(a); }},
    {"v_rcp_f32_e32 v20, v1", [](float a, float) { return 1.0f / a; }},
    {"v_med3_f32 v20, v1, 0, 1.0",
     [](float a, float) {
       return std::isnan(a) ? 0.0f : a < 0 ? 0.0f : a > 1 ? 1.0f : a;
     }},
    {"v_frexp_mant_f32_e32 v20, v1",
     [](float a, float) {
       int e;
       return std::isfinite(a) ? std::frexp(a, &e) : a;
     }},
};

TEST(IsaFloat, SingleArithmetic) {
  NEEDS_ASSEMBLER();
  for (const Target target : {Target::gfx90a, Target::gfx942}) {
    Machine machine(target);
    for (uint32_t seed = 0; seed < 3; ++seed) {
      const Row a = sample_floats(20 + seed), b = sample_floats(30 + seed);
      for (const Binary& test : kBinary) {
        const auto out = machine.evaluate(test.text, {a, b}, 1);
        for (int l = 0; l < kLanes; ++l) {
          const uint32_t expected = as_bits(test.reference(as_float(a[l]), as_float(b[l])));
          const bool zeros = ((out[0][l] | expected) & 0x7fffffffu) == 0;  // sign of min/max zeros
          ASSERT_TRUE(same(out[0][l], expected) || zeros)
              << test.text << std::hex << " a=" << a[l] << " b=" << b[l] << " got " << out[0][l]
              << " expected " << expected;
        }
      }
    }
  }
}

// Fused on gfx942, rounded twice in what gfx90a has at the same opcodes.
TEST(IsaFloat, MultiplyAddWithLiteral) {
  NEEDS_ASSEMBLER();
  struct Case {
    Target target;
    const char* text;
    float (*reference)(float a, float b);
  };
  const Case cases[] = {
      {Target::gfx90a, "v_madmk_f32 v20, v1, 0x3e22f983, v2",
       [](float a, float b) { return a * as_float(0x3e22f983u) + b; }},
      {Target::gfx90a, "v_madak_f32 v20, v1, v2, 0x3e22f983",
       [](float a, float b) { return a * b + as_float(0x3e22f983u); }},
      {Target::gfx942, "v_fmamk_f32 v20, v1, 0x3e22f983, v2",
       [](float a, float b) { return std::fma(a, as_float(0x3e22f983u), b); }},
      {Target::gfx942, "v_fmaak_f32 v20, v1, v2, 0x3e22f983",
       [](float a, float b) { return std::fma(a, b, as_float(0x3e22f983u)); }},
  };
  for (const Case& test : cases) {
    // Each in a machine of its own, at the same address: what the last one left
    // behind in the thread must not decode or check for the next.
    Machine machine(test.target);
    for (uint32_t seed = 0; seed < 3; ++seed) {
      const Row a = sample_floats(120 + seed), b = sample_floats(130 + seed);
      const auto out = machine.evaluate(test.text, {a, b}, 1);
      for (int l = 0; l < kLanes; ++l) {
        const uint32_t expected = as_bits(test.reference(as_float(a[l]), as_float(b[l])));
        ASSERT_TRUE(same(out[0][l], expected))
            << test.text << std::hex << " a=" << a[l] << " b=" << b[l] << " got " << out[0][l]
            << " expected " << expected;
      }
    }
  }
}

// The sequence that compilers emit for an IEEE division.
TEST(IsaFloat, SingleDivisionIsExact) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  for (uint32_t seed = 0; seed < 20; ++seed) {
    const Row a = sample_floats(100 + seed), b = sample_floats(200 + seed);
    const auto out = machine.evaluate(
        "v_div_scale_f32 v3, s[10:11], v2, v2, v1\n"
        "v_rcp_f32_e32 v4, v3\n"
        "v_fma_f32 v5, -v3, v4, 1.0\n"
        "v_fmac_f32_e32 v4, v5, v4\n"
        "v_div_scale_f32 v5, vcc, v1, v2, v1\n"
        "v_mul_f32_e32 v6, v5, v4\n"
        "v_fma_f32 v7, -v3, v6, v5\n"
        "v_fmac_f32_e32 v6, v7, v4\n"
        "v_fma_f32 v3, -v3, v6, v5\n"
        "v_div_fmas_f32 v3, v3, v4, v6\n"
        "v_div_fixup_f32 v20, v3, v2, v1",
        {a, b}, 1);
    for (int l = 0; l < kLanes; ++l) {
      const uint32_t expected = as_bits(as_float(a[l]) / as_float(b[l]));
      ASSERT_TRUE(same(out[0][l], expected))
          << std::hex << a[l] << " / " << b[l] << " = " << expected << ", got " << out[0][l];
    }
  }
}

// v[20:21] = (v1, v2) / (v3, v4)
const char kDivideDoubles[] =
    "v_mov_b32_e32 v6, v1\nv_mov_b32_e32 v7, v2\nv_mov_b32_e32 v8, v3\nv_mov_b32_e32 v9, v4\n"
    "v_div_scale_f64 v[10:11], s[10:11], v[8:9], v[8:9], v[6:7]\n"
    "v_rcp_f64_e32 v[12:13], v[10:11]\n"
    "v_fma_f64 v[14:15], -v[10:11], v[12:13], 1.0\n"
    "v_fmac_f64_e32 v[12:13], v[12:13], v[14:15]\n"
    "v_fma_f64 v[14:15], -v[10:11], v[12:13], 1.0\n"
    "v_fmac_f64_e32 v[12:13], v[12:13], v[14:15]\n"
    "v_div_scale_f64 v[14:15], vcc, v[6:7], v[8:9], v[6:7]\n"
    "v_mul_f64 v[16:17], v[14:15], v[12:13]\n"
    "v_fma_f64 v[10:11], -v[10:11], v[16:17], v[14:15]\n"
    "v_div_fmas_f64 v[10:11], v[10:11], v[12:13], v[16:17]\n"
    "v_div_fixup_f64 v[20:21], v[10:11], v[8:9], v[6:7]\n";

TEST(IsaFloat, Double) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  for (uint32_t seed = 0; seed < 8; ++seed) {
    const Row al = sample(300 + seed), ah = sample_floats(310 + seed);
    const Row bl = sample(320 + seed), bh = sample_floats(330 + seed);
    const auto out = machine.evaluate(
        "v_mov_b32_e32 v6, v1\nv_mov_b32_e32 v7, v2\nv_mov_b32_e32 v8, v3\nv_mov_b32_e32 v9, v4\n"
        "v_add_f64 v[20:21], v[6:7], v[8:9]\nv_mul_f64 v[22:23], v[6:7], -v[8:9]\n"
        "v_fma_f64 v[24:25], v[6:7], v[8:9], 1.0\nv_max_f64 v[26:27], |v[6:7]|, v[8:9]\n"
        "v_div_scale_f64 v[10:11], s[10:11], v[8:9], v[8:9], v[6:7]\n"
        "v_rcp_f64_e32 v[12:13], v[10:11]\n"
        "v_fma_f64 v[14:15], -v[10:11], v[12:13], 1.0\n"
        "v_fmac_f64_e32 v[12:13], v[12:13], v[14:15]\n"
        "v_fma_f64 v[14:15], -v[10:11], v[12:13], 1.0\n"
        "v_fmac_f64_e32 v[12:13], v[12:13], v[14:15]\n"
        "v_div_scale_f64 v[14:15], vcc, v[6:7], v[8:9], v[6:7]\n"
        "v_mul_f64 v[16:17], v[14:15], v[12:13]\n"
        "v_fma_f64 v[10:11], -v[10:11], v[16:17], v[14:15]\n"
        "v_div_fmas_f64 v[10:11], v[10:11], v[12:13], v[16:17]\n"
        "v_div_fixup_f64 v[28:29], v[10:11], v[8:9], v[6:7]\n"
        "v_cvt_f32_f64_e32 v30, v[6:7]\nv_cvt_f64_f32_e32 v[32:33], v2\nv_cvt_i32_f64_e32 v31, "
        "v[6:7]",
        {al, ah, bl, bh}, 14);
    const auto check = [&](int k, int l, double expected, const char* what) {
      const double got = as_double(out[k][l], out[k + 1][l]);
      EXPECT_TRUE(got == expected || (std::isnan(got) && std::isnan(expected)))
          << what << " lane " << l << " got " << got << " expected " << expected;
    };
    for (int l = 0; l < kLanes; ++l) {
      const double a = as_double(al[l], ah[l]);
      const double b = as_double(bl[l], bh[l]);
      check(0, l, a + b, "add");
      check(2, l, a * -b, "mul");
      check(4, l, std::fma(a, b, 1.0), "fma");
      check(6, l, std::fmax(std::fabs(a), b), "max");
      check(8, l, a / b, "div");
      EXPECT_TRUE(same(out[10][l], as_bits(static_cast<float>(a))));
      const int32_t integer = std::isnan(a)        ? 0
                              : a >= 2147483647.0  ? INT32_MAX
                              : a <= -2147483648.0 ? INT32_MIN
                                                   : static_cast<int32_t>(a);
      EXPECT_EQ(out[11][l], static_cast<uint32_t>(integer));
      check(12, l, static_cast<double>(as_float(ah[l])), "widen");
    }
  }
}

// Quotients below the smallest normal number: random ones, exact ties between
// two neighbours, which must go to the even one, and ties but for 2^-64.
TEST(IsaFloat, DoubleDivisionIsExactForDenormalQuotients) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  static const double kNearTies[][2] = {
      {0x1.5e8fb9250ba71p-315, 0x1.bbb1339637441p+710},
      {0x1.99e879d475b37p-168, 0x1.dbb079310dbcap+855},
      {0x1.82ce22dbbe31dp-372, 0x1.1776b4d653bf6p+654},
      {0x0.844b30a8p-1022, 0x1.cb72ea418p-1},
      {0x0.00002d9f714afp-1022, 0x1.adcef25e0abdep-17},
  };
  std::mt19937_64 random(11);
  for (int round = 0; round < 60; ++round) {
    Row al(kLanes), ah(kLanes), bl(kLanes), bh(kLanes);
    for (int l = 0; l < kLanes; ++l) {
      const auto odd = [&](uint64_t bits) { return double(random() % (1ull << bits) | 1); };
      const int bits = 1 + static_cast<int>(random() % 52);
      double b = odd(53 - bits);
      double a = l % 2 ? b * odd(bits) : odd(53);
      if (l % 4 == 0) b = odd(53);
      const int lower = 1023 + static_cast<int>(random() % 53);
      a = std::ldexp(a, std::ilogb(b) - std::ilogb(a) - lower);
      if (l < static_cast<int>(std::size(kNearTies))) a = kNearTies[l][0], b = kNearTies[l][1];
      const uint64_t x = __builtin_bit_cast(uint64_t, a), y = __builtin_bit_cast(uint64_t, b);
      al[l] = static_cast<uint32_t>(x), ah[l] = static_cast<uint32_t>(x >> 32);
      bl[l] = static_cast<uint32_t>(y), bh[l] = static_cast<uint32_t>(y >> 32);
    }
    const auto out = machine.evaluate(kDivideDoubles, {al, ah, bl, bh}, 2);
    for (int l = 0; l < kLanes; ++l) {
      const double a = as_double(al[l], ah[l]), b = as_double(bl[l], bh[l]);
      ASSERT_EQ(as_double(out[0][l], out[1][l]), a / b) << std::hexfloat << a << " / " << b;
    }
  }
}

TEST(IsaFloat, Conversions) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  Row a = sample_floats(40);
  a[0] = as_bits(-1.0f);
  a[1] = as_bits(4.3e9f);
  a[2] = as_bits(-2.2e9f);
  a[3] = as_bits(2.5f);
  const auto out = machine.evaluate(
      "v_cvt_u32_f32_e32 v20, v1\nv_cvt_i32_f32_e32 v21, v1\nv_cvt_flr_i32_f32_e32 v22, v1", {a},
      3);
  for (int l = 0; l < kLanes; ++l) {
    const double x = as_float(a[l]);
    const auto clamp = [](double v, double low, double high) {
      return std::isnan(v) ? 0.0 : v < low ? low : v > high ? high : v;
    };
    EXPECT_EQ(out[0][l], uint32_t(clamp(std::trunc(x), 0, 4294967295.0)));
    EXPECT_EQ(out[1][l], uint32_t(int32_t(clamp(std::trunc(x), -2147483648.0, 2147483647.0))));
    EXPECT_EQ(out[2][l], uint32_t(int32_t(clamp(std::floor(x), -2147483648.0, 2147483647.0))));
  }
}

TEST(IsaFloat, ApproximationsAreClose) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const Row a = map([](int l) { return as_bits(0.05f + 0.31f * static_cast<float>(l)); });
  const auto out = machine.evaluate(
      "v_exp_f32_e32 v20, v1\nv_log_f32_e32 v21, v1\nv_rsq_f32_e32 v22, v1\n"
      "v_sin_f32_e32 v23, v1\nv_cos_f32_e32 v24, v1",
      {a}, 5);
  for (int l = 0; l < kLanes; ++l) {
    const double x = as_float(a[l]);
    const double turn = 2 * M_PI * x;
    const double expected[] = {std::exp2(x), std::log2(x), 1 / std::sqrt(x), std::sin(turn),
                               std::cos(turn)};
    for (int k = 0; k < 5; ++k) {
      EXPECT_NEAR(as_float(out[k][l]), expected[k], 1e-6 * (1 + std::fabs(expected[k])));
    }
  }
}

TEST(IsaFloat, RoundingAndDenormalModes) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const Row a = sample_floats(50), b = sample_floats(51);
  const int rounding[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
  for (int mode = 0; mode < 4; ++mode) {
    const auto out = machine.evaluate(
        "s_setreg_imm32_b32 hwreg(HW_REG_MODE, 0, 2), " + std::to_string(mode) +
            "\nv_mul_f32_e32 v20, v1, v2\ns_setreg_imm32_b32 hwreg(HW_REG_MODE, 0, 2), 0\n"
            "v_mul_f32_e32 v21, v1, v2",
        {a, b}, 2);
    for (int l = 0; l < kLanes; ++l) {
      const volatile float x = as_float(a[l]), y = as_float(b[l]);
      std::fesetround(rounding[mode]);
      const volatile float expected = x * y;
      std::fesetround(FE_TONEAREST);
      const volatile float nearest = x * y;
      ASSERT_TRUE(same(out[0][l], as_bits(expected))) << "mode " << mode << " lane " << l;
      ASSERT_TRUE(same(out[1][l], as_bits(nearest))) << "after mode " << mode;
    }
  }
  // Denormals of single precision flushed, of double precision kept.
  Launch flush;
  flush.float_mode = 0xc0;
  const Row tiny = broadcast(0x00400000u);
  const auto out = machine.evaluate(
      "v_add_f32_e32 v20, v1, v1\nv_mov_b32_e32 v6, 1\nv_mov_b32_e32 v7, 0\n"
      "v_add_f64 v[22:23], v[6:7], v[6:7]\nv_mov_b32_e32 v21, 0",
      {tiny}, 4, flush);
  EXPECT_EQ(out[0][9], 0u);
  EXPECT_EQ(out[2][9], 2u);
  const auto kept = machine.evaluate("v_add_f32_e32 v20, v1, v1", {tiny}, 1);
  EXPECT_EQ(kept[0][9], 0x00800000u);
}

TEST(IsaFloat, PackedSingle) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const Row a = sample_floats(60), b = sample_floats(61), c = sample_floats(62),
            d = sample_floats(63);
  const auto out = machine.evaluate(
      "v_mov_b32_e32 v6, v1\nv_mov_b32_e32 v7, v2\nv_mov_b32_e32 v8, v3\nv_mov_b32_e32 v9, v4\n"
      "v_pk_mul_f32 v[20:21], v[6:7], v[8:9]\n"
      "v_pk_add_f32 v[22:23], v[6:7], v[8:9] op_sel:[1,0] op_sel_hi:[0,0] neg_lo:[0,1]\n"
      "v_pk_fma_f32 v[24:25], v[6:7], v[8:9], v[6:7]\n"
      "v_pk_mov_b32 v[26:27], v[6:7], v[8:9] op_sel:[1,0]",
      {a, b, c, d}, 8);
  for (int l = 0; l < kLanes; ++l) {
    const float f[] = {as_float(a[l]), as_float(b[l]), as_float(c[l]), as_float(d[l])};
    EXPECT_TRUE(same(out[0][l], as_bits(f[0] * f[2])));
    EXPECT_TRUE(same(out[1][l], as_bits(f[1] * f[3])));
    EXPECT_TRUE(same(out[2][l], as_bits(f[1] - f[2])));
    EXPECT_TRUE(same(out[3][l], as_bits(f[0] + f[2])));
    EXPECT_TRUE(same(out[4][l], as_bits(std::fma(f[0], f[2], f[0]))));
    EXPECT_TRUE(same(out[5][l], as_bits(std::fma(f[1], f[3], f[1]))));
    EXPECT_EQ(out[6][l], b[l]);
    EXPECT_EQ(out[7][l], c[l]);
  }
}

TEST(IsaFloat, CompareAndClass) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const Row a = sample_floats(70), b = sample_floats(71);
  const auto out = machine.evaluate(
      "v_cmp_nlt_f32_e32 vcc, v1, v2\nv_cndmask_b32_e64 v20, 0, 1, vcc\n"
      "v_cmp_u_f32_e32 vcc, v1, v2\nv_cndmask_b32_e64 v21, 0, 1, vcc\n"
      "v_cmp_lg_f32_e32 vcc, v1, v2\nv_cndmask_b32_e64 v22, 0, 1, vcc\n"
      "s_movk_i32 s10, 0x90\nv_cmp_class_f32_e64 vcc, v1, s10\nv_cndmask_b32_e64 v23, 0, 1, vcc\n"
      "v_cmp_gt_f32_e64 s[10:11], |v1|, -v2\nv_cndmask_b32_e64 v24, 0, 1, s[10:11]",
      {a, b}, 5);
  for (int l = 0; l < kLanes; ++l) {
    const float x = as_float(a[l]), y = as_float(b[l]);
    EXPECT_EQ(out[0][l], uint32_t(!(x < y)));
    EXPECT_EQ(out[1][l], uint32_t(std::isnan(x) || std::isnan(y)));
    EXPECT_EQ(out[2][l], uint32_t(x < y || x > y));
    EXPECT_EQ(out[3][l], uint32_t(std::fpclassify(x) == FP_SUBNORMAL));
    EXPECT_EQ(out[4][l], uint32_t(std::fabs(x) > -y));
  }
}

}  // namespace
}  // namespace xsim::isa_test
