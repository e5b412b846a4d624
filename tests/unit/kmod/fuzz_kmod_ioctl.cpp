// SPDX-License-Identifier: Apache-2.0
//
// libFuzzer target: any sequence of opens, closes, deaths, ticks, engine errors
// and ioctls with any bytes. Afterwards nothing may be suspended, and ASan and
// UBSan watch the way there.
#include <algorithm>
#include <cstdlib>

#include "tests/unit/kmod/fixture.h"

namespace {

class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  bool Empty() const { return at_ >= size_; }
  uint8_t Byte() { return Empty() ? 0 : data_[at_++]; }
  void Fill(void* to, size_t n) {
    for (size_t i = 0; i < n; ++i) static_cast<uint8_t*>(to)[i] = Byte();
  }

 private:
  const uint8_t* data_;
  size_t size_;
  size_t at_ = 0;
};

constexpr uint32_t kSizes[] = {624, 48, 16, 32, 56, 32, 40, 40, 16, 16, 32};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input in(data, size);
  kmod_test::Node node(in.Byte() % 4 ? 0 : 100);
  std::vector<xs_file*> files = {node.Open(), node.Open(XS_FILE_CONTROL), node.Open(XS_FILE_ADMIN)};
  for (int steps = 0; !in.Empty() && steps < 200; ++steps) {
    uint8_t what = in.Byte();
    xs_file* file = files[in.Byte() % files.size()];
    uintptr_t process = 1 + in.Byte() % 3;
    alignas(8) uint8_t arg[4200] = {};
    alignas(8) uint8_t rows[24 * 256] = {};
    switch (what % 20) {
      case 11:
        if (files.size() < 8) files.push_back(node.Open(in.Byte() % 4));
        continue;
      case 12:
        if (files.size() > 1) {
          if (in.Byte() % 2) xs_file_retire(file);
          node.Close(file);
          files.erase(std::find(files.begin(), files.end(), file));
        }
        continue;
      case 13: node.Advance(in.Byte() * kmod_test::kMs); continue;
      case 14: xs_mock_fail(node.mock, in.Byte() % 8, in.Byte() % 4, -1 - in.Byte() % 40); continue;
      case 15: node.Kill(process); continue;
      case 16: node.Register(file, in.Byte() % 8, 1 + in.Byte() % 3, process); continue;
      case 17: {
        std::vector<uint64_t> handles(1 + in.Byte() % 4);
        for (uint64_t& h : handles) h = in.Byte() % 16;
        node.Suspend(file, handles, in.Byte(), in.Byte() % 2, process);
        continue;
      }
      case 18: {
        std::vector<uint64_t> handles(in.Byte() % 4);
        for (uint64_t& h : handles) h = in.Byte() % 16;
        node.Resume(file, handles, in.Byte() % 4);
        continue;
      }
      case 19: {
        xsched_event events[4];
        xs_file_take_events(file, events, 4);
        continue;
      }
      default: break;
    }
    // Raw bytes for one of the calls; its size mostly right, so that the rest is
    // reached, and its array mostly at a place that can be read.
    uint32_t nr = what % 20;
    uint8_t style = in.Byte();
    in.Fill(arg, kSizes[nr]);
    uint32_t length = style % 8 ? kSizes[nr] : in.Byte() * 20u;
    memcpy(arg, &length, 4);
    if (style & 16) memset(arg + 4, 0, 4);
    bool list = nr == 3 || nr == 10, items = nr == 4 || nr == 5;
    uint32_t small = 0;
    if (list || items) {
      size_t at = list ? 24 : nr == 4 ? 32 : 16;
      uint64_t address = style & 32 ? 0 : reinterpret_cast<uintptr_t>(rows);
      memcpy(arg + at, &address, 8);
      small = arg[8] % 9;
      memcpy(arg + 8, &small, 4);
      if (list) {
        uint32_t row = style & 64 ? arg[12] : nr == 3 ? 96 : 64;
        memcpy(arg + 12, &row, 4);
      } else {
        for (uint32_t i = 0; i < small; ++i) rows[24 * i] = in.Byte() % 16;
        if (nr == 4) {
          arg[12] = static_cast<uint8_t>(2 + arg[12] % 2);
          memset(arg + 13, 0, 3);
          memset(arg + 17, 0, 3);
        }
      }
    }
    if (style & 128) (style & 1 ? xs_fail_alloc_in : xs_fail_copy_in) = in.Byte() % 8;
    node.Call(file, _IO(XSCHED_IOC_TYPE, nr), arg, process);
    xs_fail_alloc_in = xs_fail_copy_in = -1;
  }
  xs_mock_fail(node.mock, 0, 0, 0);
  for (xs_file* file : files) node.Close(file);
  if (xs_mock_suspended(node.mock) || node.mock->violations) std::abort();
  return 0;
}
