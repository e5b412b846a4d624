// SPDX-License-Identifier: Apache-2.0
//
// Mnemonic -> handler. Each exec_*.cpp registers its family; the decoder looks
// up once per instruction.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "inst.h"

namespace xsim::isa {

// What a mnemonic takes. `operands` has one letter an operand, in the order of
// the assembler text, each optionally followed by how many registers it spans:
//   V vector register          S scalar register
//   X any source               C scalar register or constant
//   I constant                 O scalar register or "off"
//   W vector register or "off" * anything
// A `?` in front makes this operand and all after it optional. An instruction
// whose text does not fit is refused when it is decoded, so handlers index
// registers without further checks.
struct Entry {
  Handler handler = nullptr;
  std::string operands;
  std::string operands_returning;  // with glc / sc0, if that changes the form
  std::string operands_lds;        // with lds
  u32 flags = 0;
  u32 parameter = 0;
};

enum : u32 {
  kAllowClamp = 1u << 0,   // an integer handler that saturates by itself
  kOpSel16 = 1u << 2,      // op_sel picks halves of 32-bit registers (16-bit VOP3)
  kOwnOpSel = 1u << 3,     // the handler reads op_sel and neg itself (packed, mixed)
  kKeepHigh = 1u << 4,     // 16-bit result leaves the register's upper half
  kHalfResult = 1u << 5,   // result is 16 bits wide
  kTextOnly = 1u << 6,     // the handler uses the SIMM16 field, operands are not parsed
  kOwnModifiers = 1u << 7, // the handler applies neg / abs / clamp itself
};

class Table {
 public:
  // The complete table; built at first use, never freed (threads outlive exit).
  static const Table& instance();

  void add(std::string_view name, Handler handler, std::string operands, u32 flags = 0,
           u32 parameter = 0);
  // The form of an entry that is there already, with glc / sc0 or with lds.
  void add_returning(std::string_view name, std::string operands);
  void add_lds(std::string_view name, std::string operands);
  const Entry* find(std::string_view name) const;
  size_t size() const { return entries_.size(); }
  const std::unordered_map<std::string, Entry>& entries() const { return entries_; }

 private:
  std::unordered_map<std::string, Entry> entries_;
};

// Number formats that the mnemonic's type suffixes name: sources (the last
// suffix) and result (the first).
Format source_format(std::string_view name);
Format result_format(std::string_view name);

}  // namespace xsim::isa
