// SPDX-License-Identifier: Apache-2.0
//
// Half precision against a reference that rounds the exact (double) result
// once, in integer arithmetic of its own.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "machine.h"

namespace xsim::isa_test {
namespace {

using isa::Target;

double half_value(uint32_t half) {
  const int exponent = half >> 10 & 31;
  const int fraction = half & 1023;
  const double sign = half & 0x8000 ? -1 : 1;
  if (exponent == 31) return fraction ? std::numeric_limits<double>::quiet_NaN() : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

uint32_t round_to_half(double value) {
  if (std::isnan(value)) return 0x7e00;
  const uint32_t sign = std::signbit(value) ? 0x8000 : 0;
  const double magnitude = std::fabs(value);
  if (magnitude >= 65520) return sign | 0x7c00;
  int exponent = magnitude == 0 ? -14 : std::ilogb(magnitude);
  if (exponent < -14) exponent = -14;
  const double units = std::nearbyint(std::ldexp(magnitude, 10 - exponent));  // to even
  const uint32_t count = static_cast<uint32_t>(units);
  if (count >= 2048) return sign | static_cast<uint32_t>(exponent + 16) << 10;
  if (count < 1024) return sign | count;
  return sign | static_cast<uint32_t>(exponent + 15) << 10 | (count - 1024);
}

bool same_half(uint32_t a, uint32_t b) {
  const auto nan = [](uint32_t h) { return (h & 0x7fff) > 0x7c00; };
  return a == b || (nan(a) && nan(b));
}

struct Binary {
  const char* text;
  double (*reference)(double a, double b);
};

const Binary kBinary[] = {
    {"v_add_f16_e32 v20, v1, v2", [](double a, double b) { return a + b; }},
    {"v_sub_f16_e32 v20, v1, v2", [](double a, double b) { return a - b; }},
    {"v_mul_f16_e32 v20, v1, v2", [](double a, double b) { return a * b; }},
    {"v_fma_f16 v20, v1, v2, v1", [](double a, double b) { return a * b + a; }},
    {"v_mul_f16_e64 v20, v1, -v2", [](double a, double b) { return a * -b; }},
    {"v_add_f16_e32 v20, 1.0, v2", [](double, double b) { return 1 + b; }},
    {"v_sqrt_f16_e32 v20, v1", [](double a, double) { return std::sqrt(a); }},
    {"v_floor_f16_e32 v20, v1", [](double a, double) { return std::floor(a); }},
    {"v_rndne_f16_e32 v20, v1", [](double a, double) { return std::nearbyint(a); }},
};

TEST(IsaHalf, Arithmetic) {
  NEEDS_ASSEMBLER();
  for (const Target target : {Target::gfx90a, Target::gfx942}) {
    Machine machine(target);
    for (uint32_t seed = 0; seed < 4; ++seed) {
      const Row a = sample_halves(400 + seed), b = sample_halves(410 + seed);
      for (const Binary& test : kBinary) {
        const auto out = machine.evaluate("v_mov_b32_e32 v20, 0\n" + std::string(test.text),
                                          {a, b}, 1);
        for (int l = 0; l < kLanes; ++l) {
          const double x = half_value(a[l] & 0xffff), y = half_value(b[l] & 0xffff);
          const uint32_t expected = round_to_half(test.reference(x, y));
          ASSERT_TRUE(same_half(out[0][l], expected))
              << test.text << std::hex << " a=" << a[l] << " b=" << b[l] << " got " << out[0][l]
              << " expected " << expected;
        }
      }
    }
  }
}

TEST(IsaHalf, Packed) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const Row a = sample_halves(420), b = sample_halves(421), c = sample_halves(422);
  const auto out = machine.evaluate(
      "v_pk_add_f16 v20, v1, v2\nv_pk_mul_f16 v21, v1, v2 op_sel:[0,1] op_sel_hi:[1,0]\n"
      "v_pk_fma_f16 v22, v1, v2, v3 neg_lo:[0,0,1] neg_hi:[1,0,0]\n"
      "v_pk_add_f16 v23, v1, 1.0 op_sel_hi:[1,0]\n"
      "v_mov_b32_e32 v24, v3\nv_pk_fmac_f16 v24, v1, v2",
      {a, b, c}, 5);
  for (int l = 0; l < kLanes; ++l) {
    const auto low = [&](const Row& r) { return half_value(r[l] & 0xffff); };
    const auto high = [&](const Row& r) { return half_value(r[l] >> 16); };
    const auto check = [&](int k, double lower, double upper) {
      EXPECT_TRUE(same_half(out[k][l] & 0xffff, round_to_half(lower)) &&
                  same_half(out[k][l] >> 16, round_to_half(upper)))
          << "case " << k << std::hex << " got " << out[k][l] << " expected "
          << round_to_half(lower) << "," << round_to_half(upper);
    };
    check(0, low(a) + low(b), high(a) + high(b));
    check(1, low(a) * high(b), high(a) * low(b));
    check(2, low(a) * low(b) - low(c), -high(a) * high(b) + high(c));
    check(3, low(a) + 1, high(a) + 1);
    check(4, low(a) * low(b) + low(c), high(a) * high(b) + high(c));
  }
}

TEST(IsaHalf, ConversionsAllValues) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  for (uint32_t base = 0; base < 0x10000; base += 64 * 16) {
    std::vector<Row> rows;
    std::string body;
    for (uint32_t k = 0; k < 8; ++k) {
      rows.push_back(map([&](int l) { return base + k * 128 + uint32_t(l) * 2; }));
      const std::string from = std::to_string(k + 1), to = std::to_string(20 + k);
      body += "v_cvt_f32_f16_e32 v" + to + ", v" + from + "\n";
    }
    const auto out = machine.evaluate(body, rows, 8);
    for (int k = 0; k < 8; ++k) {
      for (int l = 0; l < kLanes; ++l) {
        const float expected = static_cast<float>(half_value(rows[k][l]));
        if (std::isnan(expected)) {
          ASSERT_TRUE(std::isnan(as_float(out[k][l])));
        } else {
          ASSERT_EQ(out[k][l], as_bits(expected)) << std::hex << rows[k][l];
        }
      }
    }
  }
}

TEST(IsaHalf, ConversionsFromFloat) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  for (uint32_t seed = 0; seed < 16; ++seed) {
    Row a = sample_floats(430 + seed);
    for (int l = 0; l < kLanes; l += 2) {
      a[l] = as_bits(std::ldexp(as_float((a[l] & 0x7fffff) | 0x3f800000), int(seed) * 3 - 30));
    }
    const auto out = machine.evaluate(
        "v_cvt_f16_f32_e32 v20, v1\nv_cvt_pkrtz_f16_f32 v21, v1, 0", {a}, 2);
    for (int l = 0; l < kLanes; ++l) {
      const double x = as_float(a[l]);
      ASSERT_TRUE(same_half(out[0][l], round_to_half(x)))
          << std::hex << a[l] << " got " << out[0][l] << " expected " << round_to_half(x);
      if (std::isnan(x)) continue;
      // Towards zero: at most the value, and the next one is above it.
      const uint32_t cut = out[1][l] & 0xffff;
      if (std::isinf(x)) continue;
      ASSERT_LE(std::fabs(half_value(cut)), std::fabs(x));
      if ((cut & 0x7fff) < 0x7bff) {
        ASSERT_GT(std::fabs(half_value(cut + 1)), std::fabs(x));
      }
    }
  }
}

TEST(IsaHalf, MixedAndDot) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const Row a = map([](int l) { return (0x3c00u + uint32_t(l)) | 0x40000000u; });  // 1.x, 2.0
  const Row b = map([](int l) { return 0x38004200u + uint32_t(l); });             // 3.x, 0.5
  const Row c = map([](int l) { return as_bits(0.25f * static_cast<float>(l)); });
  const auto out = machine.evaluate(
      "v_fma_mix_f32 v20, v1, v2, v3 op_sel:[0,1,0] op_sel_hi:[1,1,0]\n"
      "v_mov_b32_e32 v21, -1\nv_fma_mixhi_f16 v21, v1, -v2, v3 op_sel_hi:[1,1,0]\n"
      "v_dot2_f32_f16 v22, v1, v2, v3\n"
      "v_mov_b32_e32 v23, v3\nv_dot2c_f32_f16_e32 v23, v1, v2",
      {a, b, c}, 4);
  for (int l = 0; l < kLanes; ++l) {
    const float al = static_cast<float>(half_value(a[l] & 0xffff)), ah = 2.0f;
    const float bl = static_cast<float>(half_value(b[l] & 0xffff)), bh = 0.5f;
    const float x = as_float(c[l]);
    EXPECT_EQ(as_float(out[0][l]), std::fma(al, bh, x));
    EXPECT_EQ(out[1][l] & 0xffff, 0xffffu);
    EXPECT_EQ(out[1][l] >> 16, round_to_half(std::fma(al, -bl, x)));
    const float dot = std::fma(ah, bh, std::fma(al, bl, x));
    EXPECT_EQ(as_float(out[2][l]), dot);
    EXPECT_EQ(as_float(out[3][l]), dot);
  }
}

// gfx9: some 16-bit results clear the register's upper half, some keep it.
TEST(IsaHalf, UpperHalves) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const Row a = broadcast(0x40003c00u), b = broadcast(0x44004200u);
  const auto out = machine.evaluate(
      "v_mov_b32_e32 v20, 0xaaaaaaaa\nv_add_f16_e32 v20, v1, v2\n"
      "v_mov_b32_e32 v21, 0xaaaaaaaa\nv_fma_f16 v21, v1, v2, v1\n"
      "v_mov_b32_e32 v22, 0xaaaaaaaa\nv_fma_f16 v22, v1, v2, v1 op_sel:[1,0,0,1]\n"
      "v_mov_b32_e32 v23, 0xaaaaaaaa\n"
      "v_add_f16_sdwa v23, v1, v2 dst_sel:WORD_1 dst_unused:UNUSED_PRESERVE src0_sel:WORD_1 "
      "src1_sel:WORD_0\n"
      "v_mov_b32_e32 v24, 0xaaaaaaaa\n"
      "v_and_b32_sdwa v24, v1, v2 dst_sel:BYTE_1 dst_unused:UNUSED_PAD src0_sel:BYTE_3 "
      "src1_sel:DWORD",
      {a, b}, 5);
  EXPECT_EQ(out[0][0], 0x00004400u);  // 1 + 3
  EXPECT_EQ(out[1][0], 0xaaaa4400u);  // 1 * 3 + 1
  EXPECT_EQ(out[2][0], 0x4700aaaau);  // 2 * 3 + 1
  EXPECT_EQ(out[3][0], 0x4500aaaau);  // 2 + 3
  EXPECT_EQ(out[4][0], 0x00000000u);  // 0x40 & 0x44004200, byte 0
}

}  // namespace
}  // namespace xsim::isa_test
