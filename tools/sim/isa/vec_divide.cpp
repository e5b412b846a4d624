// SPDX-License-Identifier: Apache-2.0
//
// The IEEE division helpers: div_scale, div_fmas, div_fixup, in 32 and 64
// bits. Formulas from AMD's "CDNA3 ISA" (VOP3 opcodes). Compiled twice.

#include "families.h"
#include "lanes.h"
#include "vec_float.h"

namespace xsim::isa::XSIM_LEVEL {

namespace {

struct Single {
  using Value = float;
  using Bits = u32;
  static constexpr int kFraction = 23;
  static constexpr int kExponents = 255;
  static constexpr int kScale = 64;     // steps of div_scale
  static constexpr int kFarApart = 96;  // exponent distance that needs scaling
  static constexpr int kTiny = 23;      // a numerator with this exponent or less
  static constexpr int kBias = 127;
  static constexpr int kUnderflow = -150;
  static Value value(Bits bits) { return as_float(bits); }
  static Value scaled(Value v, int by) { return __builtin_ldexpf(v, by); }
  static Value fused_scaled(Value a, Value b, Value c, int by) {
    return static_cast<Value>(__builtin_ldexp(__builtin_fma(a, b, c), by));
  }
};

struct Double {
  using Value = double;
  using Bits = u64;
  static constexpr int kFraction = 52;
  static constexpr int kExponents = 2047;
  static constexpr int kScale = 128;
  static constexpr int kFarApart = 768;
  static constexpr int kTiny = 53;
  static constexpr int kBias = 1023;
  static constexpr int kUnderflow = -1075;
  static Value value(Bits bits) { return as_double(bits); }
  static Value scaled(Value v, int by) { return __builtin_ldexp(v, by); }
  // A denormal quotient is half-way between two others exactly, or off by more
  // than 2^-106 of itself, and the refinement's last step is right to 2^-106:
  // 100 bits tell the two apart. 64 (long double) round some near ones to a
  // tie, the exact sum misses ties by its own last bits.
  static Value fused_scaled(Value a, Value b, Value c, int by) {
    using Wide = __float128;  // 113 bits: the product is exact
    const Wide sum = Wide(a) * Wide(b) + Wide(c);
    const Wide spread = sum * Wide((1 << 13) + 1);  // Veltkamp's split, 113 - 13 bits
    const Wide rounded = __builtin_isfinite(a * b + c) ? spread - (spread - sum) : sum;
    return static_cast<Value>(rounded * Wide(__builtin_ldexp(1.0, by)));
  }
};

template <class T>
int exponent(typename T::Bits bits) {
  return static_cast<int>(bits >> T::kFraction) & T::kExponents;
}
template <class T>
typename T::Bits magnitude(typename T::Bits bits) {
  return bits & ~(typename T::Bits{1} << (sizeof(bits) * 8 - 1));
}
template <class T>
bool is_denormal(typename T::Bits bits) {
  return exponent<T>(bits) == 0 && magnitude<T>(bits) != 0;
}

// a is the denominator or the numerator, whichever is being scaled.
template <class T>
typename T::Bits div_scale(typename T::Bits a, typename T::Bits denominator,
                           typename T::Bits numerator, bool& vcc) {
  using Bits = typename T::Bits;
  const auto scale = [&](int by) { return Bits(as_bits(T::scaled(T::value(a), by))); };
  vcc = false;
  if (magnitude<T>(numerator) == 0 || magnitude<T>(denominator) == 0) {
    return (Bits{1} << T::kFraction) * Bits(T::kExponents) | Bits{1} << (T::kFraction - 1);
  }
  if (exponent<T>(numerator) - exponent<T>(denominator) >= T::kFarApart) {
    // The quotient is near overflow: only the denominator is scaled.
    vcc = true;
    return a == denominator ? scale(T::kScale) : a;
  }
  if (is_denormal<T>(denominator)) return scale(T::kScale);
  const Bits reciprocal = as_bits(typename T::Value(1) / T::value(denominator));
  const Bits quotient = as_bits(T::value(numerator) / T::value(denominator));
  const bool tiny_reciprocal = is_denormal<T>(reciprocal);
  const bool tiny_quotient = is_denormal<T>(quotient);
  if (tiny_reciprocal && tiny_quotient) {
    // The ISA document scales up here, which would overflow; down is what
    // gives the quotient that hardware gives.
    vcc = true;
    return a == denominator ? scale(-T::kScale) : a;
  }
  if (tiny_reciprocal) return scale(-T::kScale);
  if (tiny_quotient) {
    vcc = true;
    return a == numerator ? scale(T::kScale) : a;
  }
  if (exponent<T>(numerator) <= T::kTiny) return scale(T::kScale);
  return a;
}

template <class T>
typename T::Bits div_fixup(typename T::Bits quotient, typename T::Bits denominator,
                           typename T::Bits numerator) {
  using Bits = typename T::Bits;
  constexpr Bits kSign = Bits{1} << (sizeof(Bits) * 8 - 1);
  constexpr Bits kInfinity = Bits(T::kExponents) << T::kFraction;
  constexpr Bits kQuiet = Bits{1} << (T::kFraction - 1);
  const Bits sign = (denominator ^ numerator) & kSign;
  const Bits d = magnitude<T>(denominator);
  const Bits n = magnitude<T>(numerator);
  if (n > kInfinity) return numerator | kQuiet;
  if (d > kInfinity) return denominator | kQuiet;
  if ((d == 0 && n == 0) || (d == kInfinity && n == kInfinity)) return kSign | kInfinity | kQuiet;
  if (d == 0 || n == kInfinity) return sign | kInfinity;
  if (d == kInfinity || n == 0) return sign;
  // The quotient that the refinement made may have overflowed on the way.
  if (exponent<T>(numerator) - exponent<T>(denominator) < T::kUnderflow) return sign;
  // A refinement that overflowed ends as inf - inf.
  if (magnitude<T>(quotient) > kInfinity) return sign | kInfinity;
  return sign | magnitude<T>(quotient);
}

// a * b + c without what div_scale did to one side: c, the quotient before the
// last refinement, tells which side that was. Summed in a wider format, so
// that a denormal result is rounded once.
template <class T>
typename T::Bits fmas_unscaled(typename T::Bits a, typename T::Bits b, typename T::Bits c) {
  const int by = exponent<T>(c) > T::kBias ? T::kScale : -T::kScale;
  return as_bits(T::fused_scaled(T::value(a), T::value(b), T::value(c), by));
}

void div_scale_f32(Wave& wave, const Inst& inst) {
  Row ta, tb, tc, result;
  const u32* a = source(wave, inst, 2, ta);
  const u32* b = source(wave, inst, 3, tb);
  const u32* c = source(wave, inst, 4, tc);
  u64 flags = 0;
  for (int l = 0; l < kLanes; ++l) {
    bool flag;
    result.x[l] = div_scale<Single>(a[l], b[l], c[l], flag);
    flags |= static_cast<u64>(flag) << l;
  }
  write_masked(wave.v[inst.op[0].index], result.x, wave.exec());
  write_lane_mask(wave, inst.op[1], flags & wave.exec());
}

void div_scale_f64(Wave& wave, const Inst& inst) {
  Row64 a, b, c;
  source64(wave, inst, 2, a);
  source64(wave, inst, 3, b);
  source64(wave, inst, 4, c);
  u64 flags = 0;
  for (int l = 0; l < kLanes; ++l) {
    bool flag;
    a.x[l] = div_scale<Double>(a.x[l], b.x[l], c.x[l], flag);
    flags |= static_cast<u64>(flag) << l;
  }
  const u64 mask = wave.exec();
  write64(wave, inst, a);
  write_lane_mask(wave, inst.op[1], flags & mask);
}

// VCC says which lanes div_scale has scaled.
void div_fmas_f32(Wave& wave, const Inst& inst) {
  Row ta, tb, tc, result;
  const u32* a = source(wave, inst, 1, ta);
  const u32* b = source(wave, inst, 2, tb);
  const u32* c = source(wave, inst, 3, tc);
  const u64 vcc = wave.vcc();
  for (int l = 0; l < kLanes; ++l) {
    const float r = fused(as_float(a[l]), as_float(b[l]), as_float(c[l]));
    result.x[l] = vcc >> l & 1 ? fmas_unscaled<Single>(a[l], b[l], c[l]) : as_bits(r);
  }
  write_masked(wave.v[inst.op[0].index], result.x, wave.exec());
}

void div_fmas_f64(Wave& wave, const Inst& inst) {
  Row64 a, b, c;
  source64(wave, inst, 1, a);
  source64(wave, inst, 2, b);
  source64(wave, inst, 3, c);
  const u64 vcc = wave.vcc();
  for (int l = 0; l < kLanes; ++l) {
    const double r = fused(as_double(a.x[l]), as_double(b.x[l]), as_double(c.x[l]));
    a.x[l] = vcc >> l & 1 ? fmas_unscaled<Double>(a.x[l], b.x[l], c.x[l]) : as_bits(r);
  }
  write64(wave, inst, a);
}

}  // namespace

void register_divide(Table& t) {
  t.add("v_div_scale_f32", div_scale_f32, "VS2XXX");
  t.add("v_div_scale_f64", div_scale_f64, "V2S2X2X2X2");
  t.add("v_div_fmas_f32", div_fmas_f32, "VXXX");
  t.add("v_div_fmas_f64", div_fmas_f64, "V2X2X2X2");
  t.add("v_div_fixup_f32", ternary<[](u32 a, u32 b, u32 c) { return div_fixup<Single>(a, b, c); }>,
        "VXXX");
  t.add("v_div_fixup_f64",
        ternary64<[](u64 a, u64 b, u64 c) { return div_fixup<Double>(a, b, c); }>, "V2X2X2X2");
}

}  // namespace xsim::isa::XSIM_LEVEL
