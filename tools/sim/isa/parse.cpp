// SPDX-License-Identifier: Apache-2.0
//
// Parses the disassembler's text once per instruction. Whatever this file does
// not understand makes the instruction unimplemented: nothing is skipped
// silently, since a forgotten modifier would be a wrong result.

#include "parse.h"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "parse_operand.h"
#include "table.h"

namespace xsim::isa {

namespace {

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

bool ends_with(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// Splits at commas that are not inside brackets or quotes.
std::vector<std::string_view> split_operands(std::string_view text) {
  std::vector<std::string_view> parts;
  int depth = 0;
  bool quoted = false;
  size_t begin = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || (text[i] == ',' && depth == 0 && !quoted)) {
      parts.push_back(trim(text.substr(begin, i - begin)));
      begin = i + 1;
      continue;
    }
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == '[' || text[i] == '(') ++depth;
    if (text[i] == ']' || text[i] == ')') --depth;
  }
  return parts;
}

// The next blank-separated word (brackets and quotes keep their blanks).
std::string_view take_word(std::string_view& text) {
  text = trim(text);
  int depth = 0;
  size_t end = 0;
  while (end < text.size() && (text[end] != ' ' || depth > 0)) {
    if (text[end] == '[' || text[end] == '(') ++depth;
    if (text[end] == ']' || text[end] == ')') --depth;
    ++end;
  }
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

bool parse_number(std::string_view text, i64& out) {
  bool negative = false;
  if (!text.empty() && text.front() == '-') {
    negative = true;
    text.remove_prefix(1);
  }
  int base = 10;
  if (starts_with(text, "0x")) {
    base = 16;
    text.remove_prefix(2);
  }
  u64 value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  out = static_cast<i64>(negative ? 0 - value : value);
  return true;
}

// "[1,0,1]" -> bit 0 and bit 2.
bool parse_bits(std::string_view text, u8& out) {
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return false;
  u8 bits = 0;
  int position = 0;
  for (const char c : text.substr(1, text.size() - 2)) {
    if (c == '0' || c == '1') bits |= static_cast<u8>((c - '0') << position++);
  }
  out = bits;
  return true;
}

bool parse_select(std::string_view text, Select& out) {
  static constexpr std::string_view kNames[] = {"BYTE_0", "BYTE_1", "BYTE_2", "BYTE_3",
                                                "WORD_0", "WORD_1", "DWORD"};
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (text == kNames[i]) {
      out = static_cast<Select>(i);
      return true;
    }
  }
  return false;
}

// Offset field of ds_swizzle_b32 when printed as swizzle(...): back to 16 bits.
bool parse_swizzle(std::string_view text, i32& out) {
  text.remove_prefix(strlen("swizzle("));
  if (!ends_with(text, ")")) return false;
  text.remove_suffix(1);
  const std::vector<std::string_view> parts = split_operands(text);
  i64 number[4] = {};
  const auto numbers = [&](size_t count) {
    if (parts.size() != count + 1) return false;
    for (size_t i = 0; i < count; ++i) {
      if (!parse_number(parts[i + 1], number[i])) return false;
    }
    return true;
  };
  const auto bitmask = [&](i64 and_mask, i64 or_mask, i64 xor_mask) {
    out = static_cast<i32>(and_mask | or_mask << 5 | xor_mask << 10);
    return true;
  };
  if (parts[0] == "QUAD_PERM" && numbers(4)) {
    out = static_cast<i32>(0x8000 | number[0] | number[1] << 2 | number[2] << 4 | number[3] << 6);
    return true;
  }
  if (parts[0] == "SWAP" && numbers(1)) return bitmask(31, 0, number[0]);
  if (parts[0] == "REVERSE" && numbers(1)) return bitmask(31, 0, number[0] - 1);
  if (parts[0] == "BROADCAST" && numbers(2)) return bitmask(32 - number[0], number[1], 0);
  if (parts[0] == "BITMASK_PERM" && parts.size() == 2 && parts[1].size() == 7) {
    i64 and_mask = 0, or_mask = 0, xor_mask = 0;
    for (int i = 0; i < 5; ++i) {
      const i64 bit = 1 << (4 - i);
      switch (parts[1][1 + i]) {
        case 'p':
          and_mask |= bit;
          break;
        case 'i':
          and_mask |= bit;
          xor_mask |= bit;
          break;
        case '1':
          or_mask |= bit;
          break;
        case '0':
          break;
        default:
          return false;
      }
    }
    return bitmask(and_mask, or_mask, xor_mask);
  }
  return false;
}

bool parse_dpp(std::string_view key, std::string_view value, Inst& inst) {
  struct Control {
    std::string_view name;
    u16 code;
    bool counted;
  };
  static constexpr Control kControls[] = {
      {"row_shl", 0x100, true},  {"row_shr", 0x110, true},      {"row_ror", 0x120, true},
      {"wave_shl", 0x130, false}, {"wave_rol", 0x134, false},    {"wave_shr", 0x138, false},
      {"wave_ror", 0x13c, false}, {"row_mirror", 0x140, false},  {"row_half_mirror", 0x141, false},
      {"row_newbcast", 0x150, true}};
  i64 number = 0;
  if (!value.empty() && value.front() != '[' && !parse_number(value, number)) return false;
  for (const Control& control : kControls) {
    if (key != control.name) continue;
    inst.dpp_control = static_cast<u16>(control.code + (control.counted ? number : 0));
    return true;
  }
  if (key == "row_bcast" && (number == 15 || number == 31)) {
    inst.dpp_control = number == 15 ? 0x142 : 0x143;
  } else if (key == "quad_perm") {
    const std::vector<std::string_view> lanes = split_operands(value.substr(1, value.size() - 2));
    if (lanes.size() != 4) return false;
    u32 control = 0;
    for (int i = 0; i < 4; ++i) {
      if (!parse_number(lanes[i], number)) return false;
      control |= static_cast<u32>(number & 3) << (2 * i);
    }
    inst.dpp_control = static_cast<u16>(control);
  } else if (key == "row_mask") {
    inst.row_mask = static_cast<u8>(number);
  } else if (key == "bank_mask") {
    inst.bank_mask = static_cast<u8>(number);
  } else if (key == "bound_ctrl") {
    // Older printers say bound_ctrl:0 for the same set bit.
    inst.bound_ctrl = true;
  } else {
    return false;
  }
  return true;
}

struct Selects {
  Select source[2] = {Select::kDword, Select::kDword};
};

bool parse_modifier(std::string_view word, Inst& inst, Selects& selects) {
  const size_t colon = word.find(':');
  const std::string_view key = word.substr(0, colon);
  const std::string_view value =
      colon == std::string_view::npos ? std::string_view() : word.substr(colon + 1);
  i64 number = 0;
  const bool numeric = parse_number(value, number);

  if (value.empty()) {
    if (key == "sc0" || key == "glc") return inst.glc = true;
    if (key == "sc1" || key == "nt" || key == "slc" || key == "scc" || key == "dlc") return true;
    if (key == "clamp") return inst.clamp = true;
    if (key == "offen") return inst.offen = true;
    if (key == "idxen") return inst.idxen = true;
    if (key == "lds") return inst.lds = true;
    return parse_dpp(key, value, inst);
  }
  if (key == "offset" && starts_with(value, "swizzle(")) return parse_swizzle(value, inst.offset);
  if (key == "offset" || key == "offset0") {
    inst.offset = static_cast<i32>(number);
    return numeric;
  }
  if (key == "offset1") {
    inst.offset1 = static_cast<i32>(number);
    return numeric;
  }
  if (key == "mul" && numeric) {
    inst.omod = number == 2 ? 1 : 2;
    return number == 2 || number == 4;
  }
  if (key == "div" && numeric) {
    inst.omod = 3;
    return number == 2;
  }
  if (key == "op_sel") return parse_bits(value, inst.op_sel);
  if (key == "op_sel_hi") return parse_bits(value, inst.op_sel_hi);
  if (key == "neg_lo") return parse_bits(value, inst.neg_lo);
  if (key == "neg_hi") return parse_bits(value, inst.neg_hi);
  if (key == "neg") return parse_bits(value, inst.blgp);
  if (key == "cbsz" || key == "abid" || key == "blgp") {
    u8& field = key == "cbsz" ? inst.cbsz : key == "abid" ? inst.abid : inst.blgp;
    field = static_cast<u8>(number);
    return numeric;
  }
  if (key == "dst_sel") return parse_select(value, inst.dst_select);
  if (key == "src0_sel") return parse_select(value, selects.source[0]);
  if (key == "src1_sel") return parse_select(value, selects.source[1]);
  if (key == "dst_unused") {
    inst.dst_unused = value == "UNUSED_PAD"    ? Unused::kPad
                      : value == "UNUSED_SEXT" ? Unused::kSext
                                               : Unused::kPreserve;
    return true;
  }
  return parse_dpp(key, value, inst);
}

// Cuts the encoding suffix off the mnemonic.
std::string_view strip_encoding(std::string_view name, Inst& inst) {
  for (const std::string_view suffix : {"_e32", "_e64", "_sdwa", "_dpp"}) {
    if (!ends_with(name, suffix)) continue;
    inst.sdwa = suffix == "_sdwa";
    inst.dpp = suffix == "_dpp";
    return name.substr(0, name.size() - suffix.size());
  }
  return name;
}

bool fits(const Operand& op, char letter, int count) {
  switch (letter) {
    case 'V':
      return op.kind == Kind::kVector && op.count >= count;
    case 'S':
      return op.kind == Kind::kScalar && op.count >= count;
    case 'X':
      if (op.kind == Kind::kVector || op.kind == Kind::kScalar) return op.count >= count;
      return op.kind != Kind::kNone && op.kind != Kind::kOff;
    case 'C':
      if (op.kind == Kind::kScalar) return op.count >= count;
      return op.kind != Kind::kVector && op.kind != Kind::kNone && op.kind != Kind::kOff;
    case 'I':
      return op.kind == Kind::kConstant;
    case 'O':
      return op.kind == Kind::kOff || (op.kind == Kind::kScalar && op.count >= count);
    case 'W':
      return op.kind == Kind::kOff || (op.kind == Kind::kVector && op.count >= count);
    default:
      return letter == '*';
  }
}

// Checks the parsed operands against the table's signature.
bool matches_signature(const Inst& inst, const char* signature) {
  int k = 0;
  bool optional = false;
  for (const char* at = signature; *at != 0; ++k) {
    if (*at == '?') {
      optional = true;
      ++at;
    }
    const char letter = *at++;
    int count = 0;
    while (*at >= '0' && *at <= '9') count = count * 10 + (*at++ - '0');
    if (k >= inst.operands) return optional;
    if (!fits(inst.op[k], letter, count == 0 ? 1 : count)) return false;
  }
  return k == inst.operands;
}

// Which operand is the first source: behind the destination, and behind the
// carry-out if there is one.
int first_source(std::string_view name) {
  return name.find("_co_") != std::string_view::npos ? 2 : 1;
}

void settle_operands(std::string_view name, const Entry& entry, const Selects& selects,
                     Inst& inst) {
  const int first = inst.first_source;
  if (inst.sdwa) {
    for (int i = 0; i < 2 && first + i < inst.operands; ++i) {
      inst.op[first + i].select = selects.source[i];
    }
  }
  if (inst.dpp) inst.op[first].dpp = true;
  if ((entry.flags & kOpSel16) && inst.op_sel != 0) {
    // Bits 0..2 pick the upper half of a source, the bit behind the last
    // source that of the destination.
    const int sources = inst.operands - 1;
    for (int i = 0; i < sources; ++i) {
      if (inst.op_sel >> i & 1) inst.op[1 + i].select = Select::kWord1;
    }
    if (inst.op_sel >> sources & 1) {
      inst.dst_select = Select::kWord1;
      inst.dst_unused = Unused::kPreserve;
    }
  }
  if ((entry.flags & kKeepHigh) && inst.dst_select == Select::kDword) {
    inst.dst_select = Select::kWord0;
    inst.dst_unused = Unused::kPreserve;
  }
  const bool signed64 = ends_with(name, "_i64");
  for (int k = 0; k < inst.operands; ++k) {
    Operand& op = inst.op[k];
    if (signed64 && op.kind == Kind::kConstant) {
      op.value64 = static_cast<u64>(static_cast<i64>(static_cast<i32>(op.value)));
    }
    op.plain = op.kind == Kind::kVector && !op.neg && !op.abs && !op.sext && !op.dpp &&
               op.select == Select::kDword;
  }
  inst.direct = !inst.dpp && !inst.clamp && inst.omod == 0 && inst.dst_select == Select::kDword;
}

// Modifiers that the handler would not look at.
bool modifiers_supported(const Entry& entry, const Inst& inst, std::string& why) {
  const bool own = (entry.flags & kOwnModifiers) != 0;
  if (inst.clamp && inst.result_format == Format::kInt && !own && !(entry.flags & kAllowClamp)) {
    why = "clamp";
  } else if (inst.op_sel != 0 && !(entry.flags & (kOpSel16 | kOwnOpSel))) {
    why = "op_sel";
  } else if ((inst.neg_lo | inst.neg_hi) != 0 && !(entry.flags & kOwnOpSel)) {
    why = "neg_lo";
  } else {
    return true;
  }
  return false;
}

}  // namespace

bool parse_instruction(std::string_view text, u32 first_word, Inst& inst, std::string& why) {
  std::string_view rest = text;
  const std::string_view full_name = take_word(rest);
  const std::string_view name = strip_encoding(full_name, inst);
  const Entry* entry = Table::instance().find(name);
  if (entry == nullptr) {
    why = "unimplemented";
    return false;
  }
  inst.immediate = static_cast<u16>(first_word);
  inst.parameter = entry->parameter;
  inst.vector_alu = starts_with(name, "v_");
  inst.first_source = static_cast<u8>(first_source(name));
  inst.format = source_format(name);
  inst.result_format = result_format(name);
  inst.fp64_mode = inst.format == Format::kDouble || inst.format == Format::kHalf;
  if (inst.sdwa) inst.dst_unused = Unused::kPad;

  if (!(entry->flags & kTextOnly) && !trim(rest).empty()) {
    Selects selects;
    for (std::string_view part : split_operands(rest)) {
      bool first_word_of_part = true;
      while (!(part = trim(part)).empty()) {
        const std::string_view word = take_word(part);
        Operand op;
        if (first_word_of_part && parse_operand(word, inst.format, op)) {
          if (inst.operands == std::size(inst.op)) {
            why = "too many operands";
            return false;
          }
          inst.op[inst.operands++] = op;
        } else if (starts_with(word, "hwreg(") || starts_with(word, "gpr_idx(")) {
          // In the SIMM16 field.
        } else if (!parse_modifier(word, inst, selects)) {
          why = "unimplemented modifier '" + std::string(word) + "'";
          return false;
        }
        first_word_of_part = false;
      }
    }
    const std::string& signature =
        inst.lds ? entry->operands_lds
                 : (inst.glc && !entry->operands_returning.empty() ? entry->operands_returning
                                                                   : entry->operands);
    if (!matches_signature(inst, signature.c_str())) {
      why = "unimplemented operand form";
      return false;
    }
    std::string modifier;
    if (!modifiers_supported(*entry, inst, modifier)) {
      why = "unimplemented modifier '" + modifier + "'";
      return false;
    }
    settle_operands(name, *entry, selects, inst);
  }
  inst.handler = entry->handler;
  return true;
}

}  // namespace xsim::isa
