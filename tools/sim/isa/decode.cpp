// SPDX-License-Identifier: Apache-2.0
//
// The code cache. Lookups read atomics only; decoding takes the cache's lock.
// invalidate_code() replaces the whole cache; the old one is freed when the
// last Fetcher has moved on, so instructions in flight stay valid.

#include "decode.h"

#include <deque>
#include <mutex>
#include <unordered_map>

#include "disassembler.h"
#include "parse.h"
#include "wave.h"

namespace xsim::isa {

namespace {

void illegal_address(Wave& wave, const Inst& inst) {
  fault_memory(wave, inst, wave.pc - inst.size, 4, false, "instruction fetch");
}
void illegal_instruction(Wave& wave, const Inst& inst) {
  fault_illegal(wave, inst, "illegal instruction");
}
void unimplemented_instruction(Wave& wave, const Inst& inst) {
  fault_illegal(wave, inst, "unimplemented instruction");
}

Inst faulting(Handler handler, u32 size) {
  Inst inst;
  inst.handler = handler;
  inst.size = static_cast<u8>(size);
  return inst;
}

Inst decode(Target target, Memory& memory, u64 pc) {
  if ((pc & 3) != 0 || !memory.allowed(pc, 4, false)) return faulting(illegal_address, 0);
  std::string text;
  const u32 size = disassemble_one(target, memory, pc, text);
  if (size == 0) return faulting(illegal_instruction, 0);
  u32 word = 0;
  std::memcpy(&word, reinterpret_cast<const void*>(pc), sizeof word);
  Inst inst;
  std::string why;
  if (!parse_instruction(text, word, inst, why)) return faulting(unimplemented_instruction, size);
  inst.size = static_cast<u8>(size);
  return inst;
}

}  // namespace

class CodeCache {
 public:
  CodePage* page(u64 number) {
    std::lock_guard<std::mutex> lock(mutex_);
    return &pages_[number];
  }

  const Inst* insert(CodePage& page, Target target, Memory& memory, u64 pc) {
    std::lock_guard<std::mutex> lock(mutex_);
    std::atomic<const Inst*>& slot = page.slot[pc % kCodePageBytes / 4];
    const Inst* present = slot.load(std::memory_order_relaxed);
    if (present != nullptr) return present;
    instructions_.push_back(decode(target, memory, pc));
    const Inst* inst = &instructions_.back();
    // Release: the reader that sees the pointer sees the instruction.
    slot.store(inst, std::memory_order_release);
    return inst;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<u64, CodePage> pages_;  // node-based: addresses are stable
  std::deque<Inst> instructions_;
};

namespace {

struct Current {
  std::mutex mutex;
  std::atomic<u64> generation{1};
  std::shared_ptr<CodeCache> cache = std::make_shared<CodeCache>();
};

Current& current() {
  static Current& state = *new Current();
  return state;
}

}  // namespace

void invalidate_code() {
  Current& state = current();
  std::shared_ptr<CodeCache> old;
  {
    std::lock_guard<std::mutex> lock(state.mutex);
    old = std::move(state.cache);
    state.cache = std::make_shared<CodeCache>();
    state.generation.fetch_add(1, std::memory_order_release);
  }
}

u64 code_generation() { return current().generation.load(std::memory_order_acquire); }

void Fetcher::refresh() {
  Current& state = current();
  if (generation_ == state.generation.load(std::memory_order_acquire)) return;
  std::lock_guard<std::mutex> lock(state.mutex);
  cache_ = state.cache;
  generation_ = state.generation.load(std::memory_order_relaxed);
  for (Line& line : lines_) line = Line();
}

const Inst* Fetcher::fetch_slow(u64 pc) {
  static const Inst& misaligned = *new Inst(faulting(illegal_address, 0));
  if ((pc & 3) != 0) return &misaligned;
  const u64 number = pc / kCodePageBytes;
  Line& line = lines_[number % kLines];
  if (line.number != number) {
    line.page = cache_->page(number);
    line.number = number;
  }
  const Inst* inst = line.page->slot[pc % kCodePageBytes / 4].load(std::memory_order_acquire);
  return inst != nullptr ? inst : cache_->insert(*line.page, target_, *memory_, pc);
}

std::string disassemble(Target target, const Memory& memory, u64 pc) {
  std::string text;
  return disassemble_one(target, memory, pc, text) != 0 ? text : "?";
}

}  // namespace xsim::isa
