// SPDX-License-Identifier: Apache-2.0
//
// Builds the mnemonic table, with the vector handlers that fit this CPU.

#include "table.h"

#include <cstdlib>
#include <utility>

#include "families.h"

namespace xsim::isa {

namespace {

#ifndef XSIM_BASELINE_ONLY
bool cpu_has_avx2_level() {
  // XSCHED_SIM_BASELINE=1 keeps to plain x86-64, to compare the two.
  const char* baseline = std::getenv("XSCHED_SIM_BASELINE");
  if (baseline != nullptr && *baseline == '1') return false;
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi2");
}
#endif

#define XSIM_REGISTER_LEVEL(level, table) \
  do {                                    \
    level::register_integer32(table);     \
    level::register_float32(table);       \
    level::register_divide(table);        \
    level::register_convert(table);       \
    level::register_half(table);          \
    level::register_packed(table);        \
    level::register_dot(table);           \
    level::register_wide(table);          \
    level::register_compare(table);       \
    level::register_matrix(table);        \
  } while (false)

Table* build() {
  Table* table = new Table();
  register_scalar(*table);
  register_scalar_control(*table);
  register_scalar_memory(*table);
  register_lane(*table);
  register_global(*table);
  register_atomics(*table);
  register_buffer(*table);
  register_lds(*table);
  register_lds_atomics(*table);
#ifndef XSIM_BASELINE_ONLY
  if (cpu_has_avx2_level()) {
    XSIM_REGISTER_LEVEL(avx2, *table);
    return table;
  }
#endif
  XSIM_REGISTER_LEVEL(baseline, *table);
  return table;
}

// Position of the first / last "_TYPEnn" suffix; `last` picks which.
Format suffix_format(std::string_view name, bool last) {
  Format found = Format::kInt;
  bool any = false;
  for (size_t at = name.find('_'); at != std::string_view::npos; at = name.find('_', at + 1)) {
    const std::string_view tail = name.substr(at + 1);
    if (tail.size() < 3) break;
    const std::string_view type = tail.substr(0, tail.find('_'));
    if (type.size() != 3 && !(type.size() == 4 && type[3] == 'x')) continue;
    const std::string_view bits = type.substr(1, 2);
    Format format = Format::kInt;
    if (type[0] == 'f' && bits == "16") {
      format = Format::kHalf;
    } else if (type[0] == 'f' && bits == "32") {
      format = Format::kFloat;
    } else if (type[0] == 'f' && bits == "64") {
      format = Format::kDouble;
    } else if ((type[0] == 'b' || type[0] == 'u' || type[0] == 'i') &&
               (bits == "16" || bits == "32" || bits == "64")) {
      // Integer: floating inline constants still need the operand's width.
      format = Format::kInt;
    } else {
      continue;
    }
    if (any && !last) break;
    found = format;
    any = true;
  }
  return found;
}

}  // namespace

const Table& Table::instance() {
  static const Table* table = build();
  return *table;
}

void Table::add(std::string_view name, Handler handler, std::string operands, u32 flags,
                u32 parameter) {
  entries_[std::string(name)] = Entry{handler, std::move(operands), "", "", flags, parameter};
}

void Table::add_returning(std::string_view name, std::string operands) {
  entries_[std::string(name)].operands_returning = std::move(operands);
}

void Table::add_lds(std::string_view name, std::string operands) {
  entries_[std::string(name)].operands_lds = std::move(operands);
}

const Entry* Table::find(std::string_view name) const {
  const auto it = entries_.find(std::string(name));
  return it == entries_.end() ? nullptr : &it->second;
}

Format source_format(std::string_view name) {
  // Matrix instructions take their constant (the C operand) in the result's
  // format, and so do the mixed-precision ones.
  if (name.substr(0, 6) == "v_mfma" || name.substr(0, 7) == "v_dot2_") {
    return suffix_format(name, false);
  }
  if (name.find("_mix") != std::string_view::npos) return Format::kFloat;
  return suffix_format(name, true);
}

Format result_format(std::string_view name) { return suffix_format(name, false); }

}  // namespace xsim::isa
