// SPDX-License-Identifier: Apache-2.0
//
// The buffer resource (V#) of gfx9 and its address formula. Source: AMD
// "CDNA3 ISA", section "Buffer addressing"; LLVM's private segment buffer is
// the swizzled case.

#include "buffer_address.h"

#include "scalar.h"

namespace xsim::isa {

namespace {

struct Resource {
  u64 base;
  u32 stride;
  bool swizzle;
  u32 records;
  bool add_lane;
  u32 element_bytes;  // 2, 4, 8, 16
  u32 index_stride;   // 8, 16, 32, 64

  explicit Resource(const u32* word)
      : base(pair(word[0], word[1] & 0xffff)),
        stride(word[1] >> 16 & 0x3fff),
        swizzle(word[1] >> 31 & 1),
        records(word[2]),
        add_lane(word[3] >> 23 & 1),
        element_bytes(2u << (word[3] >> 19 & 3)),
        index_stride(8u << (word[3] >> 21 & 3)) {
    // With the lane number added, these bits widen the stride.
    if (add_lane) stride |= (word[3] >> 15 & 15) << 14;
  }
};

}  // namespace

void buffer_addresses(const Wave& wave, const Inst& inst, u32 bytes, LaneAddresses& out) {
  const Resource resource(&wave.s[inst.op[2].index]);
  const u32 scalar_offset = read32(wave, inst.op[3]);
  const Operand& address = inst.op[1];
  const bool has_register = address.kind == Kind::kVector;
  const u32* first = has_register ? wave.v[address.index] : nullptr;
  const u32* second = has_register ? wave.v[address.index + 1] : nullptr;
  const u32* index_row = inst.idxen ? first : nullptr;
  const u32* offset_row = inst.offen ? (inst.idxen ? second : first) : nullptr;

  out.active = wave.exec();
  if (resource.swizzle) out.stride = resource.element_bytes * resource.index_stride;
  // A scratch resource has the interleaving that access.h knows: 4-byte
  // elements of 64 lanes.
  const u32 widened = resource.add_lane && resource.swizzle ? 0 : resource.stride;
  for (int l = 0; l < kLanes; ++l) {
    const u64 index = (index_row ? index_row[l] : 0) + (resource.add_lane ? u64(l) : 0);
    const u64 offset = (offset_row ? offset_row[l] : 0) + static_cast<u64>(static_cast<u32>(inst.offset));
    if (resource.swizzle) {
      const u64 element = offset / resource.element_bytes;
      const u64 inside = offset % resource.element_bytes;
      const u64 high = index / resource.index_stride;
      const u64 low = index % resource.index_stride;
      out.at[l] = resource.base + scalar_offset + high * widened * resource.index_stride +
                  (element * resource.index_stride + low) * resource.element_bytes + inside;
      continue;
    }
    // Raw buffers count bytes (the scalar offset included), structured ones
    // records.
    const bool outside = resource.stride == 0
                             ? offset + scalar_offset + bytes > resource.records
                             : index >= resource.records;
    if (outside) out.active &= ~(1ull << l);
    out.at[l] = resource.base + scalar_offset + index * resource.stride + offset;
  }
}

}  // namespace xsim::isa
