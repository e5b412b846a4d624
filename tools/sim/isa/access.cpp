// SPDX-License-Identifier: Apache-2.0
//
// Address formation and checked copies for vector memory.

#include "access.h"

namespace xsim::isa {

namespace {

enum class Space { kGlobal, kShared, kPrivate };

Space space_of(u64 address) {
  const u32 high = high32(address);
  if (high == high32(kSharedAperture)) return Space::kShared;
  if (high == high32(kPrivateAperture)) return Space::kPrivate;
  return Space::kGlobal;
}

// Copies between `data` and the LDS or private memory of one lane.
bool copy_local(Wave& wave, const Inst& inst, u64 address, int lane, u8* data, u32 bytes,
                bool write) {
  const u32 offset = low32(address);
  if (space_of(address) == Space::kShared) {
    std::vector<u8>& lds = wave.group->lds;
    if (static_cast<u64>(offset) + bytes > lds.size()) {
      fault_memory(wave, inst, address, bytes, write, "outside of the workgroup's LDS");
      return false;
    }
    if (write) {
      std::memcpy(&lds[offset], data, bytes);
    } else {
      std::memcpy(data, &lds[offset], bytes);
    }
    return true;
  }
  if (static_cast<u64>(offset) + bytes > wave.group->private_bytes) {
    fault_memory(wave, inst, address, bytes, write, "outside of the lane's private memory");
    return false;
  }
  for (u32 done = 0; done < bytes;) {
    const u32 at = offset + done;
    const u32 piece = (at & 3) == 0 && bytes - done >= 4 ? 4 : 1;
    u8* memory = wave.scratch + private_offset(lane, at);
    if (write) {
      std::memcpy(memory, data + done, piece);
    } else {
      std::memcpy(data + done, memory, piece);
    }
    done += piece;
  }
  return true;
}

// The wave's own private memory, reached by its host address: what the buffer
// resource of the private segment points at.
bool in_scratch(const Wave& wave, u64 address, u32 bytes) {
  const u64 begin = reinterpret_cast<u64>(wave.scratch);
  return address - begin < wave.scratch_bytes && bytes <= wave.scratch_bytes - (address - begin);
}

bool may_access(Wave& wave, const Inst& inst, u64 address, u32 bytes, bool write) {
  if (__builtin_expect(wave.memory->allowed(address, bytes, write), 1)) return true;
  if (in_scratch(wave, address, bytes)) return true;
  fault_memory(wave, inst, address, bytes, write);
  return false;
}

// All 64 lanes active, each 4 bytes behind the one before.
bool is_contiguous(const LaneAddresses& lanes) {
  if (lanes.active != ~0ull) return false;
  const u64 first = lanes.at[0];
  u64 different = 0;
  for (int l = 0; l < kLanes; ++l) {
    different |= lanes.at[l] - first - 4 * static_cast<u64>(l);
  }
  return different == 0;
}

template <int Bytes>
void load_lane(const u8* from, u32 stride, int lane, u32 (*rows)[kLanes]) {
  if constexpr (Bytes == 1) {
    rows[0][lane] = *from;
  } else if constexpr (Bytes == 2) {
    u16 value;
    std::memcpy(&value, from, sizeof value);
    rows[0][lane] = value;
  } else {
    for (int i = 0; i < Bytes / 4; ++i) std::memcpy(&rows[i][lane], from + i * stride, 4);
  }
}

template <int Bytes>
void store_lane(u8* to, u32 stride, int lane, const u32 (*rows)[kLanes]) {
  if constexpr (Bytes == 1) {
    *to = static_cast<u8>(rows[0][lane]);
  } else if constexpr (Bytes == 2) {
    const u16 value = static_cast<u16>(rows[0][lane]);
    std::memcpy(to, &value, sizeof value);
  } else {
    for (int i = 0; i < Bytes / 4; ++i) std::memcpy(to + i * stride, &rows[i][lane], 4);
  }
}

// The parts of one lane's access: all of it at once, or dword by dword when
// they are apart.
template <int Bytes>
bool may_access_lane(Wave& wave, const Inst& inst, u64 address, u32 stride, bool write) {
  if (stride == 4 || Bytes <= 4) return may_access(wave, inst, address, Bytes, write);
  for (int i = 0; i < Bytes / 4; ++i) {
    if (!may_access(wave, inst, address + static_cast<u64>(i) * stride, 4, write)) return false;
  }
  return true;
}

}  // namespace

void global_addresses(const Wave& wave, const Inst& inst, int address, int base,
                      LaneAddresses& out) {
  out.active = wave.exec();
  const u64 offset = static_cast<u64>(static_cast<i64>(inst.offset));
  const u32* low = wave.v[inst.op[address].index];
  if (inst.op[base].kind == Kind::kScalar) {
    const u64 start = wave.scalar64(inst.op[base].index) + offset;
    for (int l = 0; l < kLanes; ++l) out.at[l] = start + low[l];
    return;
  }
  const u32* high = wave.v[inst.op[address].index + 1];
  for (int l = 0; l < kLanes; ++l) out.at[l] = pair(low[l], high[l]) + offset;
}

void flat_addresses(const Wave& wave, const Inst& inst, int address, LaneAddresses& out) {
  out.active = wave.exec();
  const u64 offset = static_cast<u64>(static_cast<i64>(inst.offset));
  const u32* low = wave.v[inst.op[address].index];
  const u32* high = wave.v[inst.op[address].index + 1];
  // The aperture is the upper half of the address register, before the offset.
  u32 upper = 0;
  for (int l = 0; l < kLanes; ++l) {
    out.at[l] = pair(low[l], high[l]) + offset;
    upper |= high[l] >> 16;
  }
  if (upper == 0) return;
  for (int l = 0; l < kLanes; ++l) {
    const u64 bit = out.active & 1ull << l;
    if (bit != 0 && space_of(pair(low[l], high[l])) != Space::kGlobal) {
      out.local |= bit;
      out.at[l] = pair(low[l] + static_cast<u32>(inst.offset), high[l]);
    }
  }
}

void scratch_addresses(const Wave& wave, const Inst& inst, int address, int base,
                       LaneAddresses& out) {
  out.active = wave.exec();
  out.local = out.active;
  u32 start = static_cast<u32>(inst.offset);
  if (inst.op[base].kind == Kind::kScalar) start += wave.s[inst.op[base].index];
  const bool has_vector = inst.op[address].kind == Kind::kVector;
  const u32* row = has_vector ? wave.v[inst.op[address].index] : nullptr;
  for (int l = 0; l < kLanes; ++l) {
    out.at[l] = pair(start + (has_vector ? row[l] : 0), high32(kPrivateAperture));
  }
}

template <int Bytes>
bool read_lanes(Wave& wave, const Inst& inst, const LaneAddresses& lanes, u32 (*rows)[kLanes]) {
  if constexpr (Bytes == 4) {
    if (lanes.local == 0 && is_contiguous(lanes)) {
      const u64 first = lanes.at[0];
      if (wave.memory->allowed(first, 4 * kLanes, false)) {
        std::memcpy(rows[0], reinterpret_cast<const void*>(first), 4 * kLanes);
        return true;
      }
    }
  }
  for (u64 left = lanes.active & ~lanes.local; left != 0; left &= left - 1) {
    const int l = __builtin_ctzll(left);
    if (!may_access_lane<Bytes>(wave, inst, lanes.at[l], lanes.stride, false)) return false;
    load_lane<Bytes>(reinterpret_cast<const u8*>(lanes.at[l]), lanes.stride, l, rows);
  }
  for (u64 left = lanes.active & lanes.local; left != 0; left &= left - 1) {
    const int l = __builtin_ctzll(left);
    alignas(4) u8 data[Bytes];
    if (!copy_local(wave, inst, lanes.at[l], l, data, Bytes, false)) return false;
    load_lane<Bytes>(data, 4, l, rows);
  }
  return true;
}

template <int Bytes>
bool write_lanes(Wave& wave, const Inst& inst, const LaneAddresses& lanes,
                 const u32 (*rows)[kLanes]) {
  if constexpr (Bytes == 4) {
    if (lanes.local == 0 && is_contiguous(lanes)) {
      const u64 first = lanes.at[0];
      if (wave.memory->allowed(first, 4 * kLanes, true)) {
        std::memcpy(reinterpret_cast<void*>(first), rows[0], 4 * kLanes);
        return true;
      }
    }
  }
  for (u64 left = lanes.active & ~lanes.local; left != 0; left &= left - 1) {
    const int l = __builtin_ctzll(left);
    if (!may_access_lane<Bytes>(wave, inst, lanes.at[l], lanes.stride, true)) return false;
    store_lane<Bytes>(reinterpret_cast<u8*>(lanes.at[l]), lanes.stride, l, rows);
  }
  for (u64 left = lanes.active & lanes.local; left != 0; left &= left - 1) {
    const int l = __builtin_ctzll(left);
    alignas(4) u8 data[Bytes];
    store_lane<Bytes>(data, 4, l, rows);
    if (!copy_local(wave, inst, lanes.at[l], l, data, Bytes, true)) return false;
  }
  return true;
}

#define XSIM_ACCESS(bytes)                                                                        \
  template bool read_lanes<bytes>(Wave&, const Inst&, const LaneAddresses&, u32 (*)[kLanes]);     \
  template bool write_lanes<bytes>(Wave&, const Inst&, const LaneAddresses&, const u32 (*)[kLanes]);
XSIM_ACCESS(1)
XSIM_ACCESS(2)
XSIM_ACCESS(4)
XSIM_ACCESS(8)
XSIM_ACCESS(12)
XSIM_ACCESS(16)
#undef XSIM_ACCESS

u8* atomic_pointer(Wave& wave, const Inst& inst, const LaneAddresses& lanes, int lane,
                   u32 bytes) {
  const u64 address = lanes.at[lane];
  if (address % bytes != 0) {
    fault_memory(wave, inst, address, bytes, true, "misaligned atomic");
    return nullptr;
  }
  if (!(lanes.local >> lane & 1)) {
    return may_access(wave, inst, address, bytes, true) ? reinterpret_cast<u8*>(address) : nullptr;
  }
  const u32 offset = low32(address);
  if (space_of(address) == Space::kShared) {
    std::vector<u8>& lds = wave.group->lds;
    if (static_cast<u64>(offset) + bytes <= lds.size()) return &lds[offset];
    fault_memory(wave, inst, address, bytes, true, "outside of the workgroup's LDS");
    return nullptr;
  }
  // A lane's 8-byte values are not contiguous in private memory.
  if (bytes == 4 && static_cast<u64>(offset) + bytes <= wave.group->private_bytes) {
    return wave.scratch + private_offset(lane, offset);
  }
  fault_memory(wave, inst, address, bytes, true, "atomic on private memory");
  return nullptr;
}

}  // namespace xsim::isa
