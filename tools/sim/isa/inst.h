// SPDX-License-Identifier: Apache-2.0
//
// A decoded instruction: what parse.cpp makes of the disassembler's text and
// what a handler reads. Immutable once it is in the code cache.
#pragma once

#include "types.h"

namespace xsim::isa {

struct Wave;
struct Inst;
using Handler = void (*)(Wave&, const Inst&);

enum class Kind : u8 {
  kNone,
  kScalar,    // a scalar register, `index` into Wave::s
  kVector,    // a vector register, `index` into Wave::v (accumulation ones from 256)
  kConstant,  // inline constant or literal
  kOff,       // the word "off" of an address
  kScc,       // src_scc, src_vccz, src_execz: computed when read
  kVccz,
  kExecz,
};

// Sub-dword selection of SDWA operands.
enum class Select : u8 { kByte0, kByte1, kByte2, kByte3, kWord0, kWord1, kDword };

struct Operand {
  Kind kind = Kind::kNone;
  u8 count = 1;        // registers
  bool plain = false;  // a vector register without any modifier: the fast path
  bool neg = false;
  bool abs = false;
  bool sext = false;  // SDWA sext()
  bool dpp = false;   // lanes are taken from where dpp_control says
  Select select = Select::kDword; // SDWA srcN_sel
  u16 index = 0;
  u32 value = 0;    // kConstant as a 32-bit (or 16-bit) operand
  u64 value64 = 0;  // kConstant as a 64-bit operand
};

// How sub-dword results treat the rest of the register.
enum class Unused : u8 { kPad, kSext, kPreserve };

// The number format that modifiers and floating constants are meant in.
enum class Format : u8 { kInt, kHalf, kFloat, kDouble };

struct Inst {
  Handler handler = nullptr;
  u8 size = 4;        // bytes
  u8 operands = 0;    // used entries of `op`
  Format format = Format::kInt;         // of the sources
  Format result_format = Format::kInt;  // of the result: omod and clamp
  bool fp64_mode = false;  // MODE's 16/64-bit float controls apply, not the 32-bit ones
  bool direct = true;      // no result modifier: a handler may write the register itself
  bool dpp = false;
  bool sdwa = false;
  bool clamp = false;
  bool bound_ctrl = false;
  bool glc = false;    // sc0 / glc: an atomic returns the old value
  bool offen = false;  // buffer: address register holds an offset
  bool idxen = false;  // buffer: address register holds an index
  bool lds = false;    // memory -> LDS
  bool vector_alu = false;  // register indexing applies
  u8 first_source = 1;      // operand number of source 0
  u8 omod = 0;  // 1: times 2, 2: times 4, 3: half
  u8 op_sel = 0;
  u8 op_sel_hi = 7;
  u8 neg_lo = 0;
  u8 neg_hi = 0;
  u8 cbsz = 0;  // matrix: broadcast of A
  u8 abid = 0;
  u8 blgp = 0;  // matrix: lane permutation of B (negation for f64)
  u8 row_mask = 15;
  u8 bank_mask = 15;
  u16 dpp_control = 0;  // the hardware's 9-bit encoding
  Select dst_select = Select::kDword;
  Unused dst_unused = Unused::kPreserve;
  i32 offset = 0;
  i32 offset1 = 0;
  u16 immediate = 0;  // the SIMM16 field of scalar formats (low half of the first word)
  u32 parameter = 0;  // free for a family's own use (set by its table entry)
  Operand op[6];
};

}  // namespace xsim::isa
