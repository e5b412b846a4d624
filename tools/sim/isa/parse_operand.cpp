// SPDX-License-Identifier: Apache-2.0
//
// Registers, named registers, constants, and the neg / abs / sext wrappers
// around them, as LLVM's AMDGPU printer writes them.

#include "parse_operand.h"

#include <charconv>
#include <cstdlib>
#include <string>

#include "wave.h"

namespace xsim::isa {

namespace {

bool consume(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool consume_index(std::string_view& text, int& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

// "7" or "[6:7]" behind the register file's letter.
bool parse_span(std::string_view text, int base, int limit, Kind kind, Operand& out) {
  int first = 0;
  int last = 0;
  if (consume(text, "[")) {
    if (!consume_index(text, first)) return false;
    last = first;
    if (consume(text, ":") && !consume_index(text, last)) return false;
    if (!consume(text, "]")) return false;
  } else {
    if (!consume_index(text, first)) return false;
    last = first;
  }
  if (!text.empty() || first < 0 || last < first || last >= limit) return false;
  out.kind = kind;
  out.index = static_cast<u16>(base + first);
  out.count = static_cast<u8>(last - first + 1);
  return true;
}

bool parse_register(std::string_view text, Operand& out) {
  if (consume(text, "ttmp")) return parse_span(text, kTtmp0, 16, Kind::kScalar, out);
  if (consume(text, "s")) return parse_span(text, 0, 104, Kind::kScalar, out);
  if (consume(text, "v")) return parse_span(text, 0, 256, Kind::kVector, out);
  if (consume(text, "a")) return parse_span(text, kAccumulation, 256, Kind::kVector, out);
  return false;
}

bool parse_named(std::string_view text, Operand& out) {
  struct Named {
    std::string_view name;
    Kind kind;
    u16 index;
    u8 count;
  };
  static constexpr Named kNamed[] = {
      {"vcc", Kind::kScalar, kVcc, 2},
      {"vcc_lo", Kind::kScalar, kVcc, 1},
      {"vcc_hi", Kind::kScalar, kVcc + 1, 1},
      {"exec", Kind::kScalar, kExec, 2},
      {"exec_lo", Kind::kScalar, kExec, 1},
      {"exec_hi", Kind::kScalar, kExec + 1, 1},
      {"m0", Kind::kScalar, kM0, 1},
      {"flat_scratch", Kind::kScalar, kFlatScratch, 2},
      {"flat_scratch_lo", Kind::kScalar, kFlatScratch, 1},
      {"flat_scratch_hi", Kind::kScalar, kFlatScratch + 1, 1},
      {"xnack_mask", Kind::kScalar, kXnackMask, 2},
      {"xnack_mask_lo", Kind::kScalar, kXnackMask, 1},
      {"xnack_mask_hi", Kind::kScalar, kXnackMask + 1, 1},
      {"src_shared_base", Kind::kScalar, kSharedBase, 2},
      {"src_private_base", Kind::kScalar, kPrivateBase, 2},
      {"src_shared_limit", Kind::kScalar, kSharedLimit, 2},
      {"src_private_limit", Kind::kScalar, kPrivateLimit, 2},
      {"src_scc", Kind::kScc, 0, 1},
      {"scc", Kind::kScc, 0, 1},
      {"src_vccz", Kind::kVccz, 0, 1},
      {"src_execz", Kind::kExecz, 0, 1},
      {"off", Kind::kOff, 0, 1},
  };
  for (const Named& named : kNamed) {
    if (text != named.name) continue;
    out.kind = named.kind;
    out.index = named.index;
    out.count = named.count;
    return true;
  }
  return false;
}

// Inline constants are exact in every format, so one parse to double will do.
bool parse_float(std::string_view text, Format format, Operand& out) {
  const std::string copy(text);
  char* end = nullptr;
  const double value = std::strtod(copy.c_str(), &end);
  if (end == copy.c_str() || *end != 0) return false;
  out.kind = Kind::kConstant;
  out.value64 = as_bits(value);
  out.value = format == Format::kHalf ? float_to_half(static_cast<float>(value))
                                      : as_bits(static_cast<float>(value));
  return true;
}

bool parse_integer(std::string_view text, Format format, Operand& out) {
  const bool negative = consume(text, "-");
  const bool hex = consume(text, "0x");
  u64 magnitude = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), magnitude, hex ? 16 : 10);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  const u64 value = negative ? 0 - magnitude : magnitude;
  out.kind = Kind::kConstant;
  out.value = low32(value);
  // Literals are printed in hex: the upper half of a double, or the lower half
  // of an unsigned integer (parse.cpp extends those of signed instructions).
  // Inline integers are printed in decimal and sign-extended.
  out.value64 = hex && format == Format::kDouble ? value << 32 : value;
  return true;
}

}  // namespace

bool parse_operand(std::string_view text, Format format, Operand& out) {
  out = Operand();
  const auto unwrap = [&](std::string_view open) {
    if (text.empty() || text.back() != ')' || !consume(text, open)) return false;
    text.remove_suffix(1);
    return true;
  };
  if (unwrap("neg(")) out.neg = true;
  if (unwrap("sext(")) out.sext = true;
  if (text.size() > 1 && text[0] == '-' && !(text[1] >= '0' && text[1] <= '9')) {
    out.neg = true;
    text.remove_prefix(1);
  }
  if (unwrap("abs(")) out.abs = true;
  if (text.size() > 2 && text.front() == '|' && text.back() == '|') {
    out.abs = true;
    text = text.substr(1, text.size() - 2);
  }
  if (text.empty()) return false;
  if (parse_named(text, out) || parse_register(text, out)) return true;
  const bool digit = (text[0] >= '0' && text[0] <= '9') || text[0] == '-';
  if (!digit) return false;
  if (text.find('.') != std::string_view::npos) return parse_float(text, format, out);
  return parse_integer(text, format, out);
}

}  // namespace xsim::isa
