// SPDX-License-Identifier: Apache-2.0
//
// Scalar memory: s_load, s_store, s_buffer_load. Scalar atomics do not exist
// on these targets' compilers and are refused as unimplemented.

#include "families.h"
#include "scalar.h"
#include "table.h"
#include "wave.h"

namespace xsim::isa {

namespace {

// Base pair, then an SGPR or constant offset, then "offset:".
u64 scalar_address(const Wave& wave, const Inst& inst) {
  u64 address = wave.scalar64(inst.op[1].index) + static_cast<u64>(static_cast<i64>(inst.offset));
  if (inst.operands > 2) {
    const Operand& extra = inst.op[2];
    address += extra.kind == Kind::kConstant
                   ? static_cast<u64>(static_cast<i64>(static_cast<i32>(extra.value)))
                   : read32(wave, extra);
  }
  return address & ~3ull;
}

template <int N>
void s_load(Wave& wave, const Inst& inst) {
  const u64 address = scalar_address(wave, inst);
  if (!wave.memory->allowed(address, 4 * N, false)) {
    fault_memory(wave, inst, address, 4 * N, false);
    return;
  }
  std::memcpy(&wave.s[inst.op[0].index], reinterpret_cast<const void*>(address), 4 * N);
}

template <int N>
void s_store(Wave& wave, const Inst& inst) {
  const u64 address = scalar_address(wave, inst);
  if (!wave.memory->allowed(address, 4 * N, true)) {
    fault_memory(wave, inst, address, 4 * N, true);
    return;
  }
  std::memcpy(reinterpret_cast<void*>(address), &wave.s[inst.op[0].index], 4 * N);
}

// A buffer resource: base, stride, number of records. Reads beyond the end
// give 0.
template <int N>
void s_buffer_load(Wave& wave, const Inst& inst) {
  const u32* resource = &wave.s[inst.op[1].index];
  const u64 base = pair(resource[0], resource[1] & 0xffff);
  const u64 stride = resource[1] >> 16 & 0x3fff;
  const u64 bytes = stride == 0 ? resource[2] : stride * resource[2];
  u64 offset = static_cast<u64>(static_cast<i64>(inst.offset));
  if (inst.operands > 2) offset += read32(wave, inst.op[2]);
  offset &= ~3ull;
  u32 loaded[N] = {};
  for (int i = 0; i < N; ++i) {
    const u64 at = offset + 4 * static_cast<u64>(i);
    if (at + 4 > bytes) continue;
    if (!wave.memory->allowed(base + at, 4, false)) {
      fault_memory(wave, inst, base + at, 4, false);
      return;
    }
    std::memcpy(&loaded[i], reinterpret_cast<const void*>(base + at), 4);
  }
  std::memcpy(&wave.s[inst.op[0].index], loaded, sizeof loaded);
}

}  // namespace

void register_scalar_memory(Table& table) {
  table.add("s_load_dword", s_load<1>, "SS2?C");
  table.add("s_load_dwordx2", s_load<2>, "S2S2?C");
  table.add("s_load_dwordx4", s_load<4>, "S4S2?C");
  table.add("s_load_dwordx8", s_load<8>, "S8S2?C");
  table.add("s_load_dwordx16", s_load<16>, "S16S2?C");
  table.add("s_store_dword", s_store<1>, "SS2?C");
  table.add("s_store_dwordx2", s_store<2>, "S2S2?C");
  table.add("s_store_dwordx4", s_store<4>, "S4S2?C");
  table.add("s_buffer_load_dword", s_buffer_load<1>, "SS4?C");
  table.add("s_buffer_load_dwordx2", s_buffer_load<2>, "S2S4?C");
  table.add("s_buffer_load_dwordx4", s_buffer_load<4>, "S4S4?C");
  table.add("s_buffer_load_dwordx8", s_buffer_load<8>, "S8S4?C");
  table.add("s_buffer_load_dwordx16", s_buffer_load<16>, "S16S4?C");
}

}  // namespace xsim::isa
