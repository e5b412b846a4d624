// SPDX-License-Identifier: Apache-2.0
//
// Fetching decoded instructions by address: the disassembler (amd_comgr) and
// the code cache.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "inst.h"
#include "isa.h"
#include "memory.h"

namespace xsim::isa {

// Text of the instruction at `pc`, for messages; "?" if there is none.
std::string disassemble(Target target, const Memory& memory, u64 pc);

// Grows with every invalidate_code().
u64 code_generation();

class CodeCache;  // all decoded code of this process, since the last invalidate

constexpr u64 kCodePageBytes = 4096;

// The decoded instructions that begin in one 4 KiB page. A slot is null until
// its instruction is decoded; slots are only ever set, under the cache's lock.
struct CodePage {
  std::atomic<const Inst*> slot[kCodePageBytes / 4] = {};
};

// One a thread: finds instructions without a lock as long as nothing was
// invalidated. Keeps the cache that it uses alive, so that an invalidate in
// another thread cannot free an instruction that is being executed.
class Fetcher {
 public:
  Fetcher(Target target, Memory* memory) : target_(target), memory_(memory) {}

  // To be called before a slice of instructions: moves on to the current
  // cache. Instructions got before are invalid from then on.
  void refresh();

  // Never null: an address that holds no instruction gives one that faults.
  const Inst* fetch(u64 pc) {
    const u64 page = pc / kCodePageBytes;
    const Line& line = lines_[page % kLines];
    if (__builtin_expect(line.number == page && (pc & 3) == 0, 1)) {
      const Inst* inst =
          line.page->slot[pc % kCodePageBytes / 4].load(std::memory_order_acquire);
      if (__builtin_expect(inst != nullptr, 1)) return inst;
    }
    return fetch_slow(pc);
  }

 private:
  static constexpr int kLines = 64;
  struct Line {
    u64 number = ~0ull;
    CodePage* page = nullptr;
  };

  const Inst* fetch_slow(u64 pc);

  Target target_;
  Memory* memory_;
  u64 generation_ = 0;
  std::shared_ptr<CodeCache> cache_;
  Line lines_[kLines];
};

}  // namespace xsim::isa
