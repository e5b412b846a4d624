// SPDX-License-Identifier: Apache-2.0
//
// Matrix instructions (MFMA): D = A * B + C over the whole wave, EXEC ignored.
// Compiled twice.
//
// Where an element lives (facts from AMD's matrix instruction calculator): an
// input lane holds `P` neighbouring k of one row (column for B) of one block;
// rows come first, then blocks, then groups of P. Output registers hold groups
// of 4 rows (1 for doubles), spread over the lanes N at a time.
//
// Accumulation is a chain of fused operations in order of k; the hardware's
// internal order is not documented, so the last bit may differ from it.

#include "families.h"
#include "fp8.h"
#include "lanes.h"
#include "scalar.h"
#include "vec_float.h"

namespace xsim::isa::XSIM_LEVEL {

namespace {

// ---- element types: bits of an input element, its value, the accumulator ----

struct F32 {
  using Sum = float;
  static constexpr int kBits = 32;
  static Sum value(u64 bits) { return as_float(low32(bits)); }
};
// "Extended" 32-bit floats drop mantissa bits: 10 stay, as in TF32.
struct XF32 {
  using Sum = float;
  static constexpr int kBits = 32;
  static Sum value(u64 bits) {
    const u32 word = low32(bits);
    if ((word & 0x7f800000u) == 0x7f800000u) return as_float(word);
    return as_float((word + 0xfffu + (word >> 13 & 1)) & 0xffffe000u);
  }
};
struct F16 {
  using Sum = float;
  static constexpr int kBits = 16;
  static Sum value(u64 bits) { return half_to_float(low32(bits)); }
};
struct BF16 {
  using Sum = float;
  static constexpr int kBits = 16;
  static Sum value(u64 bits) { return bf16_to_float(low32(bits)); }
};
struct FP8 {
  using Sum = float;
  static constexpr int kBits = 8;
  static Sum value(u64 bits) { return fp8_to_float(low32(bits)); }
};
struct BF8 {
  using Sum = float;
  static constexpr int kBits = 8;
  static Sum value(u64 bits) { return bf8_to_float(low32(bits)); }
};
struct I8 {
  using Sum = i32;
  static constexpr int kBits = 8;
  static Sum value(u64 bits) { return sign_extend(low32(bits), 8); }
};
struct F64 {
  using Sum = double;
  static constexpr int kBits = 64;
  static Sum value(u64 bits) { return as_double(bits); }
};

float multiply_add(float a, float b, float c) { return fused(a, b, c); }
double multiply_add(double a, double b, double c) { return fused(a, b, c); }
i32 multiply_add(i32 a, i32 b, i32 c) {
  return static_cast<i32>(static_cast<u32>(a) * static_cast<u32>(b) + static_cast<u32>(c));
}

// Element `e` of a lane's packed registers.
template <class T>
u64 element_bits(const Wave& wave, int row, int e, int lane) {
  if constexpr (T::kBits == 64) {
    return pair(wave.v[row + 2 * e][lane], wave.v[row + 2 * e + 1][lane]);
  } else {
    constexpr int kPerRegister = 32 / T::kBits;
    const u32 word = wave.v[row + e / kPerRegister][lane];
    const u32 shifted = word >> (e % kPerRegister * T::kBits % 32);
    return T::kBits == 32 ? shifted : shifted & ((1u << T::kBits % 32) - 1);
  }
}

// The lane that B's lane `lane` is taken from.
int permuted_lane(int lane, int blgp) {
  switch (blgp) {
    case 1:
      return lane % 32;
    case 2:
      return lane % 32 + 32;
    case 3:
      return (lane + 16) % 64;
    case 4:
    case 5:
    case 6:
    case 7:
      return lane % 16 + 16 * (blgp - 4);
    default:
      return lane;
  }
}

// TA, TB: element types of A and B, of the same width and accumulator.
template <int M, int N, int K, int B, class TA, class TB>
class Matrix {
 public:
  using Sum = typename TA::Sum;
  static constexpr int P = M * K * B / kLanes;         // elements a lane
  static constexpr int kInputs = P * TA::kBits / 32;   // registers of A, of B
  static constexpr int kWords = sizeof(Sum) / 4;       // registers an accumulator
  static constexpr int kOutputs = M * N * B / kLanes * kWords;
  static_assert(P >= 1 && M == N);

  static void run(Wave& wave, const Inst& inst) {
    Sum a[B][M][K];
    Sum b[B][K][N];
    gather(wave, inst, a, b);
    const Operand& c = inst.op[3];
    const Sum constant = c.kind == Kind::kVector ? Sum{} : constant_value(wave, c);
    for (int block = 0; block < B; ++block) {
      for (int i = 0; i < M; ++i) {
        Sum sum[N];
        const Place place = output_place(block, i);
        for (int j = 0; j < N; ++j) {
          sum[j] = c.kind == Kind::kVector ? read(wave, c.index, place, j) : constant;
        }
        for (int k = 0; k < K; ++k) {
          const Sum factor = a[block][i][k];
          for (int j = 0; j < N; ++j) sum[j] = multiply_add(factor, b[block][k][j], sum[j]);
        }
        for (int j = 0; j < N; ++j) write(wave, inst.op[0].index, place, j, sum[j]);
      }
    }
  }

 private:
  struct Place {
    int reg;   // accumulator number
    int lane;  // of column 0
  };

  static Place output_place(int block, int i) {
    constexpr int kHigh = sizeof(Sum) == 8 ? 1 : 4;  // rows a group
    constexpr int kGroups = kLanes / N;              // groups side by side
    constexpr int kArea = M * N / kHigh;
    constexpr int kBlocks = kArea >= kLanes ? 1 : kLanes / kArea;  // blocks side by side
    Place place;
    place.reg = block * (M * N / kLanes) + i / (kHigh * kGroups) * kHigh + i % kHigh;
    place.lane = block % kBlocks * N + i / kHigh % kGroups * kBlocks * N;
    // Small blocks fill the lanes without leaving room for more row groups.
    place.lane %= kLanes;
    return place;
  }

  static void gather(const Wave& wave, const Inst& inst, Sum (&a)[B][M][K], Sum (&b)[B][K][N]) {
    constexpr bool kDouble = sizeof(Sum) == 8;
    // BLGP permutes B's lanes; for doubles its bits negate A, B and C.
    const int permute = kDouble ? 0 : inst.blgp;
    const Sum sign_a = kDouble && (inst.blgp & 1) ? Sum(-1) : Sum(1);
    const Sum sign_b = kDouble && (inst.blgp & 2) ? Sum(-1) : Sum(1);
    const int broadcast = 1 << inst.cbsz;  // blocks that share one block of A
    for (int block = 0; block < B; ++block) {
      const int from = B > 1 && inst.cbsz != 0 ? block / broadcast * broadcast + inst.abid : block;
      for (int k = 0; k < K; ++k) {
        const int group = k / P * M * B;
        for (int i = 0; i < M; ++i) {
          const int lane_a = (from * M + group + i) % kLanes;
          const int lane_b = permuted_lane(block * M + group + i, permute);
          a[block][i][k] = TA::value(element_bits<TA>(wave, inst.op[1].index, k % P, lane_a));
          b[block][k][i] = TB::value(element_bits<TB>(wave, inst.op[2].index, k % P, lane_b));
          if constexpr (kDouble) {
            a[block][i][k] *= sign_a;
            b[block][k][i] *= sign_b;
          }
        }
      }
    }
  }

  static Sum from_bits(u64 bits) {
    if constexpr (sizeof(Sum) == 8) {
      return as_double(bits);
    } else {
      return __builtin_bit_cast(Sum, low32(bits));
    }
  }

  static Sum constant_value(const Wave& wave, const Operand& op) {
    return from_bits(sizeof(Sum) == 8 ? read64(wave, op) : read32(wave, op));
  }

  static Sum read(const Wave& wave, int first, const Place& place, int column) {
    const int row = first + place.reg * kWords;
    const int lane = place.lane + column;
    const u32 high = kWords == 2 ? wave.v[row + 1][lane] : 0;
    return from_bits(pair(wave.v[row][lane], high));
  }

  static void write(Wave& wave, int first, const Place& place, int column, Sum value) {
    const int row = first + place.reg * kWords;
    const int lane = place.lane + column;
    if constexpr (kWords == 2) {
      const u64 bits = as_bits(value);
      wave.v[row][lane] = low32(bits);
      wave.v[row + 1][lane] = high32(bits);
    } else {
      wave.v[row][lane] = __builtin_bit_cast(u32, value);
    }
  }
};

template <int M, int K, int B, class TA, class TB = TA>
void add(Table& table, const char* name) {
  using Shape = Matrix<M, M, K, B, TA, TB>;
  const auto registers = [](char letter, int count) { return letter + std::to_string(count); };
  const std::string signature = registers('V', Shape::kOutputs) + registers('V', Shape::kInputs) +
                                registers('V', Shape::kInputs) + registers('X', Shape::kOutputs);
  table.add(std::string("v_mfma_") + name, Shape::run, signature, kOwnModifiers);
}

void register_gfx90a(Table& t) {
  add<32, 1, 2, F32>(t, "f32_32x32x1f32");
  add<16, 1, 4, F32>(t, "f32_16x16x1f32");
  add<4, 1, 16, F32>(t, "f32_4x4x1f32");
  add<32, 2, 1, F32>(t, "f32_32x32x2f32");
  add<16, 4, 1, F32>(t, "f32_16x16x4f32");
  add<32, 4, 2, F16>(t, "f32_32x32x4f16");
  add<16, 4, 4, F16>(t, "f32_16x16x4f16");
  add<4, 4, 16, F16>(t, "f32_4x4x4f16");
  add<32, 8, 1, F16>(t, "f32_32x32x8f16");
  add<16, 16, 1, F16>(t, "f32_16x16x16f16");
  add<32, 2, 2, BF16>(t, "f32_32x32x2bf16");
  add<16, 2, 4, BF16>(t, "f32_16x16x2bf16");
  add<4, 2, 16, BF16>(t, "f32_4x4x2bf16");
  add<32, 4, 1, BF16>(t, "f32_32x32x4bf16");
  add<16, 8, 1, BF16>(t, "f32_16x16x8bf16");
  add<32, 4, 2, BF16>(t, "f32_32x32x4bf16_1k");
  add<16, 4, 4, BF16>(t, "f32_16x16x4bf16_1k");
  add<4, 4, 16, BF16>(t, "f32_4x4x4bf16_1k");
  add<32, 8, 1, BF16>(t, "f32_32x32x8bf16_1k");
  add<16, 16, 1, BF16>(t, "f32_16x16x16bf16_1k");
  add<32, 4, 2, I8>(t, "i32_32x32x4i8");
  add<16, 4, 4, I8>(t, "i32_16x16x4i8");
  add<4, 4, 16, I8>(t, "i32_4x4x4i8");
  add<32, 8, 1, I8>(t, "i32_32x32x8i8");
  add<16, 16, 1, I8>(t, "i32_16x16x16i8");
  add<16, 4, 1, F64>(t, "f64_16x16x4f64");
  add<4, 4, 4, F64>(t, "f64_4x4x4f64");
}

void register_gfx942(Table& t) {
  add<32, 1, 2, F32>(t, "f32_32x32x1_2b_f32");
  add<16, 1, 4, F32>(t, "f32_16x16x1_4b_f32");
  add<4, 1, 16, F32>(t, "f32_4x4x1_16b_f32");
  add<32, 2, 1, F32>(t, "f32_32x32x2_f32");
  add<16, 4, 1, F32>(t, "f32_16x16x4_f32");
  add<32, 4, 2, F16>(t, "f32_32x32x4_2b_f16");
  add<16, 4, 4, F16>(t, "f32_16x16x4_4b_f16");
  add<4, 4, 16, F16>(t, "f32_4x4x4_16b_f16");
  add<32, 8, 1, F16>(t, "f32_32x32x8_f16");
  add<16, 16, 1, F16>(t, "f32_16x16x16_f16");
  add<32, 4, 2, BF16>(t, "f32_32x32x4_2b_bf16");
  add<16, 4, 4, BF16>(t, "f32_16x16x4_4b_bf16");
  add<4, 4, 16, BF16>(t, "f32_4x4x4_16b_bf16");
  add<32, 8, 1, BF16>(t, "f32_32x32x8_bf16");
  add<16, 16, 1, BF16>(t, "f32_16x16x16_bf16");
  add<32, 4, 2, I8>(t, "i32_32x32x4_2b_i8");
  add<16, 4, 4, I8>(t, "i32_16x16x4_4b_i8");
  add<4, 4, 16, I8>(t, "i32_4x4x4_16b_i8");
  add<32, 16, 1, I8>(t, "i32_32x32x16_i8");
  add<16, 32, 1, I8>(t, "i32_16x16x32_i8");
  add<32, 4, 1, XF32>(t, "f32_32x32x4_xf32");
  add<16, 8, 1, XF32>(t, "f32_16x16x8_xf32");
  add<32, 16, 1, FP8>(t, "f32_32x32x16_fp8_fp8");
  add<32, 16, 1, FP8, BF8>(t, "f32_32x32x16_fp8_bf8");
  add<32, 16, 1, BF8, FP8>(t, "f32_32x32x16_bf8_fp8");
  add<32, 16, 1, BF8>(t, "f32_32x32x16_bf8_bf8");
  add<16, 32, 1, FP8>(t, "f32_16x16x32_fp8_fp8");
  add<16, 32, 1, FP8, BF8>(t, "f32_16x16x32_fp8_bf8");
  add<16, 32, 1, BF8, FP8>(t, "f32_16x16x32_bf8_fp8");
  add<16, 32, 1, BF8>(t, "f32_16x16x32_bf8_bf8");
  add<16, 4, 1, F64>(t, "f64_16x16x4_f64");
  add<4, 4, 4, F64>(t, "f64_4x4x4_4b_f64");
}

}  // namespace

void register_matrix(Table& table) {
  register_gfx90a(table);
  register_gfx942(table);
}

}  // namespace xsim::isa::XSIM_LEVEL
