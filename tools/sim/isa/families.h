// SPDX-License-Identifier: Apache-2.0
//
// The registration function of each handler file.
#pragma once

namespace xsim::isa {

class Table;

void register_scalar(Table& table);          // exec_scalar.cpp
void register_scalar_control(Table& table);  // exec_control.cpp
void register_scalar_memory(Table& table);   // exec_smem.cpp
void register_lane(Table& table);            // exec_lane.cpp
void register_global(Table& table);          // exec_global.cpp
void register_atomics(Table& table);         // exec_atomic.cpp
void register_buffer(Table& table);          // exec_buffer.cpp
void register_lds(Table& table);             // exec_lds.cpp
void register_lds_atomics(Table& table);     // exec_lds_atomic.cpp

// The vector files exist once a level (lanes.h).
#define XSIM_VECTOR_FAMILIES(level)             \
  namespace level {                             \
  void register_integer32(Table& table);        \
  void register_float32(Table& table);          \
  void register_divide(Table& table);           \
  void register_convert(Table& table);          \
  void register_half(Table& table);             \
  void register_packed(Table& table);           \
  void register_dot(Table& table);              \
  void register_wide(Table& table);             \
  void register_compare(Table& table);          \
  void register_matrix(Table& table);           \
  }

XSIM_VECTOR_FAMILIES(baseline)
XSIM_VECTOR_FAMILIES(avx2)
#undef XSIM_VECTOR_FAMILIES

}  // namespace xsim::isa
