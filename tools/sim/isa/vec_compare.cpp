// SPDX-License-Identifier: Apache-2.0
//
// Vector compares and class tests. The result is a lane mask in an SGPR pair
// (VCC in the short encoding); v_cmpx also writes EXEC. Compiled twice.

#include "families.h"
#include "lanes.h"
#include "scalar.h"
#include "vec_float.h"

namespace xsim::isa::XSIM_LEVEL {

namespace {

template <bool WriteExec>
void write_result(Wave& wave, const Inst& inst, const Row& truth) {
  const u64 mask = pack_mask(truth) & write_mask(wave, inst);
  write_lane_mask(wave, inst.op[0], mask);
  if (WriteExec) wave.set_exec(mask);
}

template <auto F, bool WriteExec>
void compare32(Wave& wave, const Inst& inst) {
  Row ta, tb, truth;
  const u32* a = source(wave, inst, 1, ta);
  const u32* b = source(wave, inst, 2, tb);
  XSIM_LANES truth.x[l] = F(a[l], b[l]) ? ~0u : 0u;
  write_result<WriteExec>(wave, inst, truth);
}

template <auto F, bool WriteExec>
void compare64(Wave& wave, const Inst& inst) {
  Row64 a, b;
  Row truth;
  source64(wave, inst, 1, a);
  source64(wave, inst, 2, b);
  XSIM_LANES truth.x[l] = F(a.x[l], b.x[l]) ? ~0u : 0u;
  write_result<WriteExec>(wave, inst, truth);
}

template <bool WriteExec>
void class64(Wave& wave, const Inst& inst) {
  Row64 a;
  Row tb, truth;
  source64(wave, inst, 1, a);
  const u32* b = source(wave, inst, 2, tb);
  for (int l = 0; l < kLanes; ++l) {
    const u64 bits = a.x[l];
    const u32 found = float_class(static_cast<u32>(bits >> 63), static_cast<u32>(bits >> 52) & 2047,
                                  2047, (bits & 0xfffffffffffffull) != 0, bits >> 51 & 1);
    truth.x[l] = (found & b[l]) != 0 ? ~0u : 0u;
  }
  write_result<WriteExec>(wave, inst, truth);
}

template <auto F>
void add32(Table& t, const std::string& name, u32 flags = 0) {
  t.add("v_cmp_" + name, compare32<F, false>, "S2XX", flags);
  t.add("v_cmpx_" + name, compare32<F, true>, "S2XX", flags);
}
template <auto F>
void add64(Table& t, const std::string& name) {
  t.add("v_cmp_" + name, compare64<F, false>, "S2X2X2");
  t.add("v_cmpx_" + name, compare64<F, true>, "S2X2X2");
}

// One relation in all integer types.
template <auto F>
void add_integers(Table& t, const std::string& relation) {
  add32<[](u32 a, u32 b) { return F(a, b); }>(t, relation + "_u32");
  add32<[](u32 a, u32 b) { return F(static_cast<i32>(a), static_cast<i32>(b)); }>(
      t, relation + "_i32");
  add32<[](u32 a, u32 b) { return F(a & 0xffff, b & 0xffff); }>(t, relation + "_u16", kOpSel16);
  add32<[](u32 a, u32 b) {
    return F(static_cast<i32>(static_cast<i16>(a)), static_cast<i32>(static_cast<i16>(b)));
  }>(t, relation + "_i16", kOpSel16);
  add64<[](u64 a, u64 b) { return F(a, b); }>(t, relation + "_u64");
  add64<[](u64 a, u64 b) { return F(static_cast<i64>(a), static_cast<i64>(b)); }>(
      t, relation + "_i64");
}

template <auto F>
void add_floats(Table& t, const std::string& relation) {
  add32<[](u32 a, u32 b) { return F(as_float(a), as_float(b)); }>(t, relation + "_f32");
  add32<[](u32 a, u32 b) { return F(half_to_float(a), half_to_float(b)); }>(t, relation + "_f16",
                                                                            kOpSel16);
  add64<[](u64 a, u64 b) { return F(as_double(a), as_double(b)); }>(t, relation + "_f64");
}

u32 class_of_float(u32 bits) {
  return float_class(bits >> 31, bits >> 23 & 255, 255, (bits & 0x7fffffu) != 0, bits >> 22 & 1);
}
u32 class_of_half(u32 bits) {
  return float_class(bits >> 15 & 1, bits >> 10 & 31, 31, (bits & 0x3ffu) != 0, bits >> 9 & 1);
}

// The "n" relations are the negations, true for unordered operands.
void register_float_relations(Table& t) {
  add_floats<[](auto, auto) { return false; }>(t, "f");
  add_floats<[](auto a, auto b) { return a < b; }>(t, "lt");
  add_floats<[](auto a, auto b) { return a == b; }>(t, "eq");
  add_floats<[](auto a, auto b) { return a <= b; }>(t, "le");
  add_floats<[](auto a, auto b) { return (a > b); }>(t, "gt");
  add_floats<[](auto a, auto b) { return (a < b) || (a > b); }>(t, "lg");
  add_floats<[](auto a, auto b) { return a >= b; }>(t, "ge");
  add_floats<[](auto a, auto b) { return a == a && b == b; }>(t, "o");
  add_floats<[](auto a, auto b) { return a != a || b != b; }>(t, "u");
  add_floats<[](auto a, auto b) { return !(a >= b); }>(t, "nge");
  add_floats<[](auto a, auto b) { return !(a < b || a > b); }>(t, "nlg");
  add_floats<[](auto a, auto b) { return !(a > b); }>(t, "ngt");
  add_floats<[](auto a, auto b) { return !(a <= b); }>(t, "nle");
  add_floats<[](auto a, auto b) { return !(a == b); }>(t, "neq");
  add_floats<[](auto a, auto b) { return !(a < b); }>(t, "nlt");
  add_floats<[](auto, auto) { return true; }>(t, "tru");
}

void register_integer_relations(Table& t) {
  add_integers<[](auto, auto) { return false; }>(t, "f");
  add_integers<[](auto a, auto b) { return a < b; }>(t, "lt");
  add_integers<[](auto a, auto b) { return a == b; }>(t, "eq");
  add_integers<[](auto a, auto b) { return a <= b; }>(t, "le");
  add_integers<[](auto a, auto b) { return (a > b); }>(t, "gt");
  add_integers<[](auto a, auto b) { return a != b; }>(t, "ne");
  add_integers<[](auto a, auto b) { return a >= b; }>(t, "ge");
  add_integers<[](auto, auto) { return true; }>(t, "t");
}

}  // namespace

void register_compare(Table& table) {
  register_float_relations(table);
  register_integer_relations(table);
  add32<[](u32 a, u32 b) { return (class_of_float(a) & b) != 0; }>(table, "class_f32");
  add32<[](u32 a, u32 b) { return (class_of_half(a) & b) != 0; }>(table, "class_f16", kOpSel16);
  table.add("v_cmp_class_f64", class64<false>, "S2X2X");
  table.add("v_cmpx_class_f64", class64<true>, "S2X2X");
}

}  // namespace xsim::isa::XSIM_LEVEL
