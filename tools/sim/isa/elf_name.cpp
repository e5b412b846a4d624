// SPDX-License-Identifier: Apache-2.0
//
// Names a kernel from its loaded code object. ROCr copies the object's PT_LOAD
// segments to the device; the first one starts with the ELF header and holds
// the dynamic symbol table and the kernel descriptors (.rodata), so the symbol
// NAME.kd can be found from the descriptor's address alone. Every read is
// checked against the page table: the memory belongs to the program.

#include <elf.h>

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "decode.h"
#include "kernel.h"

namespace xsim::isa {

namespace {

constexpr u64 kPage = 4096;
constexpr u64 kSearchBytes = 64ull << 20;  // how far back the ELF header may be
constexpr u64 kMaxSymbols = 1u << 20;
constexpr size_t kMaxName = 16 * 1024;  // C++ templates make long ones

class Image {
 public:
  Image(const AddressSpace& space, u64 base) : memory_(&space), base_(base) {}

  template <class T>
  bool read(u64 offset, T& out) {
    const u64 address = base_ + offset;
    if (!memory_.allowed(address, sizeof(T), false)) return false;
    std::memcpy(&out, reinterpret_cast<const void*>(address), sizeof(T));
    return true;
  }

  bool read_string(u64 offset, std::string& out) {
    out.clear();
    for (char c = 0; out.size() < kMaxName; out.push_back(c)) {
      if (!read(offset + out.size(), c)) return false;
      if (c == 0) return true;
    }
    return false;
  }

 private:
  Memory memory_;
  u64 base_;
};

bool is_code_object(Image& image, Elf64_Ehdr& header) {
  return image.read(0, header) && std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
         header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_type == ET_DYN &&
         header.e_machine == 224 /* EM_AMDGPU */ && header.e_phentsize == sizeof(Elf64_Phdr);
}

struct Dynamic {
  u64 symbols = 0;
  u64 strings = 0;
  u64 hash = 0;
  u64 gnu_hash = 0;
};

bool read_dynamic(Image& image, const Elf64_Ehdr& header, Dynamic& out) {
  for (u64 i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    if (!image.read(header.e_phoff + i * sizeof segment, segment)) return false;
    if (segment.p_type != PT_DYNAMIC) continue;
    for (u64 at = 0; at + sizeof(Elf64_Dyn) <= segment.p_memsz; at += sizeof(Elf64_Dyn)) {
      Elf64_Dyn entry;
      if (!image.read(segment.p_vaddr + at, entry) || entry.d_tag == DT_NULL) break;
      if (entry.d_tag == DT_SYMTAB) out.symbols = entry.d_un.d_ptr;
      if (entry.d_tag == DT_STRTAB) out.strings = entry.d_un.d_ptr;
      if (entry.d_tag == DT_HASH) out.hash = entry.d_un.d_ptr;
      if (entry.d_tag == DT_GNU_HASH) out.gnu_hash = entry.d_un.d_ptr;
    }
    return out.symbols != 0 && out.strings != 0;
  }
  return false;
}

// DT_HASH says it; DT_GNU_HASH only lets it be found: the end of the chain
// that starts last.
u64 count_symbols(Image& image, const Dynamic& dynamic) {
  u32 word = 0;
  if (dynamic.hash != 0 && image.read(dynamic.hash + 4, word)) return word;
  u32 header[4];
  if (dynamic.gnu_hash == 0 || !image.read(dynamic.gnu_hash, header)) return 0;
  const u64 buckets = dynamic.gnu_hash + sizeof header + 8ull * header[2];
  u64 last = 0;
  for (u64 i = 0; i < std::min<u64>(header[0], kMaxSymbols); ++i) {
    if (!image.read(buckets + 4 * i, word)) return 0;
    last = std::max<u64>(last, word);
  }
  if (last < header[1]) return header[1];
  const u64 chains = buckets + 4ull * header[0];
  while (last < kMaxSymbols && image.read(chains + 4 * (last - header[1]), word)) {
    ++last;
    if (word & 1) break;
  }
  return last;
}

std::string search_image(Image& image, const Elf64_Ehdr& header, u64 offset) {
  Dynamic dynamic;
  if (!read_dynamic(image, header, dynamic)) return "";
  const u64 count = std::min(count_symbols(image, dynamic), kMaxSymbols);
  for (u64 i = 0; i < count; ++i) {
    Elf64_Sym symbol;
    if (!image.read(dynamic.symbols + i * sizeof symbol, symbol)) return "";
    if (symbol.st_value != offset) continue;
    std::string name;
    if (!image.read_string(dynamic.strings + symbol.st_name, name)) return "";
    constexpr size_t kSuffix = 3;
    if (name.size() > kSuffix && name.compare(name.size() - kSuffix, kSuffix, ".kd") == 0) {
      name.resize(name.size() - kSuffix);
      return name;
    }
  }
  return "";
}

std::string search(const AddressSpace& space, u64 descriptor) {
  Range range;
  if (!space.lookup(descriptor, range)) return "";
  const u64 lowest = std::max(range.begin, descriptor > kSearchBytes ? descriptor - kSearchBytes : 0);
  for (u64 base = descriptor / kPage * kPage; base >= lowest; base -= kPage) {
    Image image(space, base);
    Elf64_Ehdr header;
    if (is_code_object(image, header)) return search_image(image, header, descriptor - base);
    if (base < kPage) break;
  }
  return "";
}

}  // namespace

// Asked at every dispatch, so answers are kept until code is loaded again.
std::string find_kernel_name(const AddressSpace& memory, u64 descriptor) {
  struct Known {
    std::mutex mutex;
    u64 generation = 0;
    std::unordered_map<u64, std::string> names;
  };
  static Known& known = *new Known();
  std::lock_guard<std::mutex> lock(known.mutex);
  const u64 generation = code_generation();
  if (known.generation != generation) {
    known.names.clear();
    known.generation = generation;
  }
  const auto it = known.names.find(descriptor);
  if (it != known.names.end()) return it->second;
  return known.names[descriptor] = search(memory, descriptor);
}

}  // namespace xsim::isa
