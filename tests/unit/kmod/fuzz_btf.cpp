// SPDX-License-Identifier: Apache-2.0
//
// libFuzzer target: the BTF reader, whose input the module takes from sysfs.
// Half of the inputs are bytes as they come; the other half describe types one
// by one, so that lengths are right and the walk over them is reached.
#include <algorithm>
#include <cstdlib>
#include <memory>

#include "kmod/core/btf.h"
#include "tests/unit/kmod/btf_blob.h"

namespace {

using kmod_test::Blob;
using kmod_test::Bytes;

constexpr uint32_t kWordsBehind[20] = {0, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0};
constexpr uint32_t kWordsEach[20] = {0, 0, 0, 0, 3, 3, 2, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0, 0, 0, 3};

// A block of exactly that size: ASan sees the first byte beyond it.
std::unique_ptr<uint8_t[]> Exactly(const uint8_t* data, size_t n) {
  std::unique_ptr<uint8_t[]> block(new uint8_t[n]);
  std::copy(data, data + n, block.get());
  return block;
}

void Ask(const uint8_t* base, size_t base_len, const uint8_t* module, size_t module_len,
         uint32_t out_len) {
  auto b = Exactly(base, base_len), m = Exactly(module, module_len);
  xs_btf* btf = xs_btf_new(b.get(), static_cast<uint32_t>(base_len), m.get(),
                           static_cast<uint32_t>(module_len));
  if (!btf) return;
  for (const char* name : {"update", "f", "absent"}) {
    std::unique_ptr<char[]> out(new char[out_len]);
    out[0] = 0;
    xs_btf_prototype(btf, name, out.get(), out_len);
    if (strnlen(out.get(), out_len) == out_len) std::abort();
  }
  xs_btf_free(btf);
}

// Six bytes a type: half and kind, name, vlen, type, and what stands behind it.
Bytes Describe(Blob& blob, const uint8_t* data, size_t size, uint32_t base) {
  uint32_t names[] = {0, blob.Text("update"), blob.Text("f"), blob.Text("u32"), 4000};
  for (size_t at = 0; at + 6 <= size; at += 6) {
    const uint8_t* r = data + at;
    if ((r[0] >> 7) != base) continue;
    uint32_t kind = 1 + (r[0] & 0x7f) % 19, vlen = r[2] % 5;
    std::vector<uint32_t> more(kWordsBehind[kind] + kWordsEach[kind] * vlen);
    for (size_t i = 0; i < more.size(); ++i) more[i] = (r[4] + r[5] * static_cast<uint32_t>(i)) % 24;
    blob.Type(names[r[1] % 5], kind, vlen, r[3] % 24, more);
  }
  return blob.Done();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) return 0;
  uint32_t out_len = 1 + data[0] % 200, split = (data[1] | data[2] << 8) % static_cast<uint32_t>(size - 3);
  bool described = data[0] & 1;
  uint8_t damage = data[0] & 2 ? data[1] : 0;
  xs_fail_alloc_in = data[0] % 16 == 15 ? data[2] % 4 : -1;
  data += 3;
  size -= 3;
  if (described) {
    Blob base(0);
    Bytes b = Describe(base, data, size, 1);
    Blob module(base.StringsSize());
    Bytes m = Describe(module, data, size, 0);
    if (damage) (damage & 1 ? b : m)[damage % 24] ^= static_cast<uint8_t>(1 << split % 8);
    Ask(b.data(), b.size(), m.data(), m.size(), out_len);
  } else {
    Ask(data, split, data + split, size - split, out_len);
  }
  xs_fail_alloc_in = -1;
  return 0;
}
