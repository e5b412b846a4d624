// SPDX-License-Identifier: Apache-2.0
//
// libFuzzer target: any sequence of opens, closes, deaths, ticks, engine errors
// and ioctls, some of them with any byte changed, some of them made while an
// engine works for another call. Afterwards nothing may be suspended, and ASan
// and UBSan watch the way there.
//
// An input is a list of records of eight bytes, each a step of fuzz_machine.h.
#include <cstdlib>
#include <cstring>

#include "tests/unit/kmod/fuzz_machine.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  kmod_test::Machine machine(data, size);
  machine.Run();
  if (!machine.End()) std::abort();
  return 0;
}

// Whole records are inserted, copied and dropped, so that what follows keeps
// its meaning; the other half of the time, bytes change as they do elsewhere.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  constexpr size_t kRecord = kmod_test::kRecord;
  uint32_t random = seed * 2654435761u + 1;
  auto pick = [&random](size_t n) {
    random = random * 1664525u + 1013904223u;
    return static_cast<size_t>(random >> 8) % n;
  };
  size_t records = size / kRecord;
  if (records < 2 || pick(2)) return LLVMFuzzerMutate(data, size, max_size);
  uint8_t *at = data + pick(records) * kRecord, *end = data + size;
  switch (pick(4)) {
    case 0:  // drop
      memmove(at, at + kRecord, static_cast<size_t>(end - at) - kRecord);
      return size - kRecord;
    case 1: {  // a copy of another one before this one
      if (size + kRecord > max_size) return size;
      uint8_t copy[kRecord];
      memcpy(copy, data + pick(records) * kRecord, kRecord);
      memmove(at + kRecord, at, static_cast<size_t>(end - at));
      memcpy(at, copy, kRecord);
      return size + kRecord;
    }
    case 2:  // a new one before this one
      if (size + kRecord > max_size) return size;
      memmove(at + kRecord, at, static_cast<size_t>(end - at));
      for (size_t i = 0; i < kRecord; ++i) at[i] = static_cast<uint8_t>(pick(256));
      return size + kRecord;
    default:
      at[pick(kRecord)] = static_cast<uint8_t>(pick(256));
      return size;
  }
}
