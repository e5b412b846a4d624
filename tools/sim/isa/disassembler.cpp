// SPDX-License-Identifier: Apache-2.0
//
// amd_comgr is opened with dlopen() at the first decoded instruction: the
// simulator is preloaded into every child process of a program, most of which
// never run a kernel. Whoever uses HIP has comgr.

#include "disassembler.h"

#include <dlfcn.h>

#include <algorithm>
#include <mutex>

namespace xsim::isa {

namespace {

// The part of amd_comgr.h that is used here, declared so that building needs
// no ROCm headers. The ABI is stable over libamd_comgr.so.2 and .so.3.
using ReadMemory = u64 (*)(u64 from, char* to, u64 size, void* user);
using PrintInstruction = void (*)(const char* text, void* user);
using PrintAddress = void (*)(u64 address, void* user);
struct DisassemblyInfo {
  u64 handle;
};
using CreateInfo = int (*)(const char* isa, ReadMemory, PrintInstruction, PrintAddress,
                           DisassemblyInfo* out);
using Disassemble = int (*)(DisassemblyInfo, u64 address, void* user, u64* size);

struct Request {
  const Memory* memory;
  std::string* text;
};

u64 read_code(u64 from, char* to, u64 size, const Memory& memory) {
  Range range;
  if (!memory.space()->lookup(from, range) || !range.contains(from, 1)) return 0;
  const u64 bytes = std::min(size, range.end - from);
  std::memcpy(to, reinterpret_cast<const void*>(from), bytes);
  return bytes;
}

u64 read_for_comgr(u64 from, char* to, u64 size, void* user) {
  return read_code(from, to, size, *static_cast<const Request*>(user)->memory);
}

void keep_text(const char* text, void* user) { *static_cast<Request*>(user)->text = text; }
void ignore_address(u64, void*) {}

// Reserved encodings that LLVM neither decodes nor refuses: it crashes (seen
// with LLVM 21 and random words). They must not get there.
bool kills_llvm(const Memory& memory, u64 pc) {
  u32 word[2] = {};
  const u64 bytes = read_code(pc, reinterpret_cast<char*>(word), sizeof word, memory);
  if (bytes != sizeof word) return false;
  constexpr u32 kLiteral = 0xff;  // only 32-bit encodings can have one behind them
  constexpr u32 kSdwa = 0xf9;     // as source 0 of VOP1, VOP2, VOPC
  if (word[0] >> 26 == 0x34) {    // VOP3, VOP3P
    const auto source = [&](int shift) { return word[1] >> shift & 0x1ff; };
    return source(0) == kLiteral || source(9) == kLiteral || source(18) == kLiteral;
  }
  if (word[0] >> 26 == 0x38 || word[0] >> 26 == 0x3a) {  // MUBUF, MTBUF: the scalar offset
    return word[1] >> 24 == kLiteral;
  }
  if (word[0] >> 31 == 0 && (word[0] & 0x1ff) == kSdwa) {
    const auto select = [&](int shift) { return word[1] >> shift & 7; };
    const bool vop1 = word[0] >> 25 == 0x3f;
    const bool vopc = word[0] >> 25 == 0x3e;
    const bool bad_result = !vopc && (select(8) == 7 || (word[1] >> 11 & 3) == 3);
    return bad_result || select(16) == 7 || (!vop1 && select(24) == 7);
  }
  return false;
}

class Comgr {
 public:
  Comgr() {
    void* library = nullptr;
    for (const char* name : {"libamd_comgr.so.3", "libamd_comgr.so.2"}) {
      library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
      if (library != nullptr) break;
    }
    if (library == nullptr) {
      why_ = "no libamd_comgr.so.3 or .so.2 to disassemble with (install ROCm's comgr)";
      return;
    }
    const auto create =
        reinterpret_cast<CreateInfo>(dlsym(library, "amd_comgr_create_disassembly_info"));
    disassemble_ =
        reinterpret_cast<Disassemble>(dlsym(library, "amd_comgr_disassemble_instruction"));
    if (create == nullptr || disassemble_ == nullptr) {
      why_ = "libamd_comgr.so has no disassembler";
      return;
    }
    const char* const kIsa[] = {"amdgcn-amd-amdhsa--gfx90a", "amdgcn-amd-amdhsa--gfx942"};
    for (int i = 0; i < 2; ++i) {
      valid_[i] = create(kIsa[i], read_for_comgr, keep_text, ignore_address, &info_[i]) == 0;
    }
    why_ = "libamd_comgr.so does not know this target";
  }

  u32 run(Target target, const Memory& memory, u64 pc, std::string& text) {
    const int i = target == Target::gfx90a ? 0 : 1;
    text.clear();
    if (!valid_[i]) {
      text = why_;
      return 0;
    }
    if (kills_llvm(memory, pc)) {
      text = "undecodable";
      return 0;
    }
    Request request{&memory, &text};
    u64 size = 0;
    std::lock_guard<std::mutex> lock(mutex_);
    if (disassemble_(info_[i], pc, &request, &size) != 0 || size == 0 || size > 64) {
      text = "undecodable";
      return 0;
    }
    return static_cast<u32>(size);
  }

 private:
  std::mutex mutex_;
  Disassemble disassemble_ = nullptr;
  DisassemblyInfo info_[2] = {};
  bool valid_[2] = {};
  const char* why_ = "";
};

}  // namespace

u32 disassemble_one(Target target, const Memory& memory, u64 pc, std::string& text) {
  static Comgr& comgr = *new Comgr();  // outlives exit(): ROCr's threads do
  const u32 size = comgr.run(target, memory, pc, text);
  if (size == 0) return 0;
  const size_t comment = text.find("//");
  if (comment != std::string::npos) text.resize(comment);
  const size_t begin = text.find_first_not_of(" \t\n");
  const size_t end = text.find_last_not_of(" \t\n");
  text = begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
  std::replace(text.begin(), text.end(), '\t', ' ');
  return size;
}

}  // namespace xsim::isa
