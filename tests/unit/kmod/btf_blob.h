// SPDX-License-Identifier: Apache-2.0
//
// Builds one half of a split BTF by hand.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

namespace kmod_test {

using Bytes = std::vector<uint8_t>;

enum BtfKind : uint32_t { kInt = 1, kPtr, kStruct = 4, kTypedef = 8, kConst = 10, kFunc = 12, kProto = 13 };

class Blob {
 public:
  explicit Blob(uint32_t strings_before) : before_(strings_before) { strings_.push_back(0); }
  uint32_t Text(const char* s) {
    uint32_t at = before_ + static_cast<uint32_t>(strings_.size());
    strings_.insert(strings_.end(), s, s + strlen(s) + 1);
    return at;
  }
  Blob& Type(uint32_t name, uint32_t kind, uint32_t vlen, uint32_t type,
             const std::vector<uint32_t>& more = {}) {
    for (uint32_t word : {name, kind << 24 | vlen, type}) Word(word);
    for (uint32_t word : more) Word(word);
    return *this;
  }
  uint32_t StringsSize() const { return static_cast<uint32_t>(strings_.size()); }
  Bytes Done() const {
    uint32_t types = static_cast<uint32_t>(types_.size());
    uint32_t header[6] = {0x0001eb9f, 24, 0, types, types, StringsSize()};
    Bytes all(sizeof(header));
    memcpy(all.data(), header, sizeof(header));
    all.insert(all.end(), types_.begin(), types_.end());
    all.insert(all.end(), strings_.begin(), strings_.end());
    return all;
  }

 private:
  void Word(uint32_t word) {
    uint8_t b[4];
    memcpy(b, &word, 4);
    types_.insert(types_.end(), b, b + 4);
  }
  uint32_t before_;
  Bytes types_, strings_;
};

}  // namespace kmod_test
