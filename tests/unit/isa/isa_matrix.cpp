// SPDX-License-Identifier: Apache-2.0
//
// Matrix instructions against a plain triple loop. Elements are small integers,
// so every format and order of summation gives the same exact result; where an
// element sits is written here from AMD's matrix calculator's formulas.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <random>

#include "machine.h"

namespace xsim::isa_test {
namespace {

using isa::Target;

enum class Type { kF32, kF16, kBF16, kI8, kF64, kFP8, kBF8, kXF32 };

int bits_of(Type type) {
  switch (type) {
    case Type::kF64:
      return 64;
    case Type::kF32:
    case Type::kXF32:
      return 32;
    case Type::kF16:
    case Type::kBF16:
      return 16;
    default:
      return 8;
  }
}

// -4 .. 4
uint64_t encode(Type type, int value) {
  static const uint32_t kHalf[] = {0, 0x3c00, 0x4000, 0x4200, 0x4400};
  static const uint32_t kFp8[] = {0, 0x40, 0x48, 0x4c, 0x50};  // E4M3, bias 8
  static const uint32_t kBf8[] = {0, 0x40, 0x44, 0x46, 0x48};  // E5M2, bias 16
  const int magnitude = std::abs(value);
  switch (type) {
    case Type::kF64:
      return __builtin_bit_cast(uint64_t, static_cast<double>(value));
    case Type::kF32:
    case Type::kXF32:
      return as_bits(static_cast<float>(value));
    case Type::kF16:
      return kHalf[magnitude] | (value < 0 ? 0x8000u : 0);
    case Type::kBF16:
      return as_bits(static_cast<float>(value)) >> 16;
    case Type::kI8:
      return static_cast<uint8_t>(value);
    case Type::kFP8:
      return kFp8[magnitude] | (value < 0 ? 0x80u : 0);
    case Type::kBF8:
      return kBf8[magnitude] | (value < 0 ? 0x80u : 0);
  }
  return 0;
}

struct Shape {
  Target target;
  const char* name;
  int m, k, blocks;
  Type a, b;
};

const Shape kShapes[] = {
    {Target::gfx90a, "v_mfma_f32_32x32x1f32", 32, 1, 2, Type::kF32, Type::kF32},
    {Target::gfx90a, "v_mfma_f32_16x16x1f32", 16, 1, 4, Type::kF32, Type::kF32},
    {Target::gfx90a, "v_mfma_f32_4x4x1f32", 4, 1, 16, Type::kF32, Type::kF32},
    {Target::gfx90a, "v_mfma_f32_32x32x2f32", 32, 2, 1, Type::kF32, Type::kF32},
    {Target::gfx90a, "v_mfma_f32_16x16x4f32", 16, 4, 1, Type::kF32, Type::kF32},
    {Target::gfx90a, "v_mfma_f32_32x32x4f16", 32, 4, 2, Type::kF16, Type::kF16},
    {Target::gfx90a, "v_mfma_f32_16x16x4f16", 16, 4, 4, Type::kF16, Type::kF16},
    {Target::gfx90a, "v_mfma_f32_4x4x4f16", 4, 4, 16, Type::kF16, Type::kF16},
    {Target::gfx90a, "v_mfma_f32_32x32x8f16", 32, 8, 1, Type::kF16, Type::kF16},
    {Target::gfx90a, "v_mfma_f32_16x16x16f16", 16, 16, 1, Type::kF16, Type::kF16},
    {Target::gfx90a, "v_mfma_f32_32x32x2bf16", 32, 2, 2, Type::kBF16, Type::kBF16},
    {Target::gfx90a, "v_mfma_f32_16x16x2bf16", 16, 2, 4, Type::kBF16, Type::kBF16},
    {Target::gfx90a, "v_mfma_f32_4x4x2bf16", 4, 2, 16, Type::kBF16, Type::kBF16},
    {Target::gfx90a, "v_mfma_f32_32x32x4bf16", 32, 4, 1, Type::kBF16, Type::kBF16},
    {Target::gfx90a, "v_mfma_f32_16x16x8bf16", 16, 8, 1, Type::kBF16, Type::kBF16},
    {Target::gfx90a, "v_mfma_f32_32x32x4bf16_1k", 32, 4, 2, Type::kBF16, Type::kBF16},
    {Target::gfx90a, "v_mfma_f32_16x16x4bf16_1k", 16, 4, 4, Type::kBF16, Type::kBF16},
    {Target::gfx90a, "v_mfma_f32_4x4x4bf16_1k", 4, 4, 16, Type::kBF16, Type::kBF16},
    {Target::gfx90a, "v_mfma_f32_32x32x8bf16_1k", 32, 8, 1, Type::kBF16, Type::kBF16},
    {Target::gfx90a, "v_mfma_f32_16x16x16bf16_1k", 16, 16, 1, Type::kBF16, Type::kBF16},
    {Target::gfx90a, "v_mfma_i32_32x32x4i8", 32, 4, 2, Type::kI8, Type::kI8},
    {Target::gfx90a, "v_mfma_i32_16x16x4i8", 16, 4, 4, Type::kI8, Type::kI8},
    {Target::gfx90a, "v_mfma_i32_4x4x4i8", 4, 4, 16, Type::kI8, Type::kI8},
    {Target::gfx90a, "v_mfma_i32_32x32x8i8", 32, 8, 1, Type::kI8, Type::kI8},
    {Target::gfx90a, "v_mfma_i32_16x16x16i8", 16, 16, 1, Type::kI8, Type::kI8},
    {Target::gfx90a, "v_mfma_f64_16x16x4f64", 16, 4, 1, Type::kF64, Type::kF64},
    {Target::gfx90a, "v_mfma_f64_4x4x4f64", 4, 4, 4, Type::kF64, Type::kF64},
    {Target::gfx942, "v_mfma_f32_32x32x1_2b_f32", 32, 1, 2, Type::kF32, Type::kF32},
    {Target::gfx942, "v_mfma_f32_16x16x1_4b_f32", 16, 1, 4, Type::kF32, Type::kF32},
    {Target::gfx942, "v_mfma_f32_4x4x1_16b_f32", 4, 1, 16, Type::kF32, Type::kF32},
    {Target::gfx942, "v_mfma_f32_32x32x2_f32", 32, 2, 1, Type::kF32, Type::kF32},
    {Target::gfx942, "v_mfma_f32_16x16x4_f32", 16, 4, 1, Type::kF32, Type::kF32},
    {Target::gfx942, "v_mfma_f32_32x32x4_2b_f16", 32, 4, 2, Type::kF16, Type::kF16},
    {Target::gfx942, "v_mfma_f32_16x16x4_4b_f16", 16, 4, 4, Type::kF16, Type::kF16},
    {Target::gfx942, "v_mfma_f32_4x4x4_16b_f16", 4, 4, 16, Type::kF16, Type::kF16},
    {Target::gfx942, "v_mfma_f32_32x32x8_f16", 32, 8, 1, Type::kF16, Type::kF16},
    {Target::gfx942, "v_mfma_f32_16x16x16_f16", 16, 16, 1, Type::kF16, Type::kF16},
    {Target::gfx942, "v_mfma_f32_32x32x4_2b_bf16", 32, 4, 2, Type::kBF16, Type::kBF16},
    {Target::gfx942, "v_mfma_f32_16x16x4_4b_bf16", 16, 4, 4, Type::kBF16, Type::kBF16},
    {Target::gfx942, "v_mfma_f32_4x4x4_16b_bf16", 4, 4, 16, Type::kBF16, Type::kBF16},
    {Target::gfx942, "v_mfma_f32_32x32x8_bf16", 32, 8, 1, Type::kBF16, Type::kBF16},
    {Target::gfx942, "v_mfma_f32_16x16x16_bf16", 16, 16, 1, Type::kBF16, Type::kBF16},
    {Target::gfx942, "v_mfma_i32_32x32x4_2b_i8", 32, 4, 2, Type::kI8, Type::kI8},
    {Target::gfx942, "v_mfma_i32_16x16x4_4b_i8", 16, 4, 4, Type::kI8, Type::kI8},
    {Target::gfx942, "v_mfma_i32_4x4x4_16b_i8", 4, 4, 16, Type::kI8, Type::kI8},
    {Target::gfx942, "v_mfma_i32_32x32x16_i8", 32, 16, 1, Type::kI8, Type::kI8},
    {Target::gfx942, "v_mfma_i32_16x16x32_i8", 16, 32, 1, Type::kI8, Type::kI8},
    {Target::gfx942, "v_mfma_f32_32x32x4_xf32", 32, 4, 1, Type::kXF32, Type::kXF32},
    {Target::gfx942, "v_mfma_f32_16x16x8_xf32", 16, 8, 1, Type::kXF32, Type::kXF32},
    {Target::gfx942, "v_mfma_f32_32x32x16_fp8_fp8", 32, 16, 1, Type::kFP8, Type::kFP8},
    {Target::gfx942, "v_mfma_f32_32x32x16_fp8_bf8", 32, 16, 1, Type::kFP8, Type::kBF8},
    {Target::gfx942, "v_mfma_f32_32x32x16_bf8_fp8", 32, 16, 1, Type::kBF8, Type::kFP8},
    {Target::gfx942, "v_mfma_f32_32x32x16_bf8_bf8", 32, 16, 1, Type::kBF8, Type::kBF8},
    {Target::gfx942, "v_mfma_f32_16x16x32_fp8_fp8", 16, 32, 1, Type::kFP8, Type::kFP8},
    {Target::gfx942, "v_mfma_f32_16x16x32_fp8_bf8", 16, 32, 1, Type::kFP8, Type::kBF8},
    {Target::gfx942, "v_mfma_f32_16x16x32_bf8_fp8", 16, 32, 1, Type::kBF8, Type::kFP8},
    {Target::gfx942, "v_mfma_f32_16x16x32_bf8_bf8", 16, 32, 1, Type::kBF8, Type::kBF8},
    {Target::gfx942, "v_mfma_f64_16x16x4_f64", 16, 4, 1, Type::kF64, Type::kF64},
    {Target::gfx942, "v_mfma_f64_4x4x4_4b_f64", 4, 4, 4, Type::kF64, Type::kF64},
};

class Bench {
 public:
  explicit Bench(const Shape& shape)
      : shape_(shape),
        per_lane_(shape.m * shape.k * shape.blocks / kLanes),
        wide_(shape.a == Type::kF64),
        inputs_(per_lane_ * bits_of(shape.a) / 32),
        outputs_(shape.m * shape.m * shape.blocks / kLanes * (wide_ ? 2 : 1)) {}

  void run(const std::string& modifiers, int cbsz, int abid) {
    std::mt19937 random(7);
    const auto small = [&] { return static_cast<int>(random() % 9) - 4; };
    std::map<std::array<int, 3>, int> a, b, c;
    std::vector<Row> rows(1, Row(kLanes, 0));  // so that A begins at an even register
    const int first_a = append(rows, inputs_);
    const int first_b = append(rows, inputs_);
    const int first_c = append(rows, outputs_);
    for (int block = 0; block < shape_.blocks; ++block) {
      for (int i = 0; i < shape_.m; ++i) {
        for (int k = 0; k < shape_.k; ++k) {
          const int x = a[{block, i, k}] = small();
          const int y = b[{block, i, k}] = small();
          put_input(rows, first_a, shape_.a, block, i, k, x);
          put_input(rows, first_b, shape_.b, block, i, k, y);
        }
        for (int j = 0; j < shape_.m; ++j) {
          const int z = c[{block, i, j}] = small();
          const auto [reg, lane] = output_place(block, i, j);
          put_output(rows, first_c + reg, lane, z);
        }
      }
    }
    const auto range = [](char file, int first, int count) {
      const std::string f(1, file);
      if (count == 1) return f + std::to_string(first);
      return f + "[" + std::to_string(first) + ":" + std::to_string(first + count - 1) + "]";
    };
    std::string body = std::string(shape_.name) + " " + range('v', 100, outputs_) + ", " +
                       range('v', first_a + 1, inputs_) + ", " + range('v', first_b + 1, inputs_) +
                       ", " + range('v', first_c + 1, outputs_) + modifiers + "\n";
    for (int r = 0; r < outputs_; ++r) {
      body += "v_mov_b32_e32 v" + std::to_string(20 + r) + ", v" + std::to_string(100 + r) + "\n";
    }
    Machine machine(shape_.target);
    const auto out = machine.evaluate(body, rows, outputs_);
    for (int block = 0; block < shape_.blocks; ++block) {
      const int from = cbsz == 0 ? block : block >> cbsz << cbsz | abid;
      for (int i = 0; i < shape_.m; ++i) {
        for (int j = 0; j < shape_.m; ++j) {
          int sum = c[{block, i, j}];
          for (int k = 0; k < shape_.k; ++k) sum += a[{from, i, k}] * b[{block, j, k}];
          const auto [reg, lane] = output_place(block, i, j);
          ASSERT_EQ(get_output(out, reg, lane), sum)
              << shape_.name << modifiers << " D[" << i << "][" << j << "] block " << block;
        }
      }
    }
  }

 private:
  // Reserves `count` rows at an even register; returns the row number.
  static int append(std::vector<Row>& rows, int count) {
    if ((rows.size() + 1) % 2 != 0) rows.emplace_back(kLanes, 0);
    const int first = static_cast<int>(rows.size());
    for (int i = 0; i < count; ++i) rows.emplace_back(kLanes, 0);
    return first;
  }

  void put_input(std::vector<Row>& rows, int first, Type type, int block, int i, int k, int value) {
    const int lane = block * shape_.m + k / per_lane_ * shape_.m * shape_.blocks + i;
    const int bit = k % per_lane_ * bits_of(type);
    const uint64_t bits = encode(type, value);
    rows[first + bit / 32][lane] |= static_cast<uint32_t>(bits << (bit % 32));
    if (bits_of(type) == 64) rows[first + bit / 32 + 1][lane] = static_cast<uint32_t>(bits >> 32);
  }

  std::pair<int, int> output_place(int block, int i, int j) const {
    const int height = wide_ ? 1 : 4;
    const int side = kLanes / shape_.m;
    const int area = shape_.m * shape_.m / height;
    const int blocks = area >= kLanes ? 1 : kLanes / area;
    int reg = block * (shape_.m * shape_.m / kLanes);
    reg += i / (height * side) * height + i % height;
    int lane = block % blocks * shape_.m;
    lane += i / height % side * blocks * shape_.m + j;
    return {reg * (wide_ ? 2 : 1), lane};
  }

  void put_output(std::vector<Row>& rows, int row, int lane, int value) {
    if (wide_) {
      const uint64_t bits = encode(Type::kF64, value);
      rows[row][lane] = static_cast<uint32_t>(bits);
      rows[row + 1][lane] = static_cast<uint32_t>(bits >> 32);
    } else if (shape_.a == Type::kI8) {
      rows[row][lane] = static_cast<uint32_t>(value);
    } else {
      rows[row][lane] = as_bits(static_cast<float>(value));
    }
  }

  int get_output(const std::vector<Row>& rows, int row, int lane) const {
    if (wide_) return static_cast<int>(as_double(rows[row][lane], rows[row + 1][lane]));
    if (shape_.a == Type::kI8) return static_cast<int>(rows[row][lane]);
    return static_cast<int>(as_float(rows[row][lane]));
  }

  Shape shape_;
  int per_lane_;
  bool wide_;
  int inputs_;
  int outputs_;
};

TEST(IsaMatrix, AllShapes) {
  NEEDS_ASSEMBLER();
  for (const Shape& shape : kShapes) {
    Bench(shape).run("", 0, 0);
    if (HasFatalFailure()) return;
  }
}

TEST(IsaMatrix, BroadcastOfA) {
  NEEDS_ASSEMBLER();
  Bench(kShapes[1]).run(" cbsz:2 abid:1", 2, 1);
  Bench(kShapes[0]).run(" cbsz:1 abid:1", 1, 1);
}

// EXEC does not matter, and the destination may be the accumulator.
TEST(IsaMatrix, IgnoresExecAndWorksInPlace) {
  NEEDS_ASSEMBLER();
  Machine machine(Target::gfx942);
  const Row one = broadcast(as_bits(1.0f));
  const auto out = machine.evaluate(
      "v_mov_b32_e32 v20, 1.0\nv_mov_b32_e32 v21, 1.0\nv_mov_b32_e32 v22, 1.0\n"
      "v_mov_b32_e32 v23, 1.0\ns_mov_b64 exec, 1\n"
      "v_mfma_f32_16x16x4_f32 v[20:23], v1, v1, v[20:23]\n"
      "v_mfma_f32_16x16x4_f32 a[0:3], v1, v1, 2.0\ns_mov_b64 exec, -1\n"
      "v_accvgpr_read_b32 v24, a3",
      {one}, 5);
  for (int l = 0; l < kLanes; ++l) {
    EXPECT_EQ(as_float(out[0][l]), 5.0f);
    EXPECT_EQ(as_float(out[3][l]), 5.0f);
    EXPECT_EQ(as_float(out[4][l]), 6.0f);
  }
}

}  // namespace
}  // namespace xsim::isa_test
