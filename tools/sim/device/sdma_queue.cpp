// SPDX-License-Identifier: Apache-2.0
//
// SDMA packets of gfx90a and gfx942 (SDMA 4.x).
#include "sdma_queue.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace xsim::dev {
namespace {

enum Op : uint32_t {
  kNop = 0,
  kCopy = 1,
  kWrite = 2,
  kFence = 5,
  kTrap = 6,
  kPoll = 8,
  kAtomic = 10,
  kFill = 11,
  kTimestamp = 13,
  kGcr = 17,
};
constexpr uint32_t kCopyLinear = 0, kCopyRect = 4;
constexpr uint32_t kAtomicAdd64 = 47;
constexpr uint64_t kPiece = 1 << 20;

std::string hex(uint64_t v) {
  char text[32];
  snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(v));
  return text;
}

struct PollCondition {
  const uint32_t* address;
  uint32_t function, value, mask;
};

bool poll_met(const void* context) {
  const auto* c = static_cast<const PollCondition*>(context);
  const uint32_t v = __atomic_load_n(c->address, __ATOMIC_ACQUIRE) & c->mask;
  switch (c->function) {
    case 1:
      return v < c->value;
    case 2:
      return v <= c->value;
    case 3:
      return v == c->value;
    case 4:
      return v != c->value;
    case 5:
      return v >= c->value;
    case 6:
      return v > c->value;
    default:
      return true;  // 0: always
  }
}

// The sub-window copy's description of one side, in elements.
struct Window {
  uint64_t base, x, y, z, pitch, slice;
};

}  // namespace

SdmaQueue::SdmaQueue(Process& process, const QueueParams& params, const SlotRef& slot)
    : Queue(process, params, slot), read_(*params.read_index) {}

bool SdmaQueue::pending() const {
  return read_.load(std::memory_order_relaxed) <
         __atomic_load_n(params().doorbell, __ATOMIC_ACQUIRE);
}

void SdmaQueue::drain() {
  uint64_t spin_until = 0;
  while (checkpoint()) {
    if (!pending()) {
      const uint64_t now = now_ns();
      if (spin_until == 0) spin_until = now + kSpinNs;
      if (now > spin_until) return;
      cpu_relax();
      continue;
    }
    spin_until = 0;
    const uint32_t dwords = execute();
    if (dwords == 0) return;
    read_.fetch_add(dwords * 4ull, std::memory_order_relaxed);
    __atomic_store_n(params().read_index, read_.load(std::memory_order_relaxed), __ATOMIC_RELEASE);
  }
}

uint32_t SdmaQueue::execute() {
  const uint32_t header = dword(0);
  const uint32_t op = header & 0xff, sub = header >> 8 & 0xff;
  switch (op) {
    case kNop:
      return 1 + (header >> 16 & 0x3fff);
    case kCopy:
      if (sub == kCopyLinear) return copy_linear() ? 7 : 0;
      if (sub == kCopyRect) return copy_rect() ? 13 : 0;
      break;
    case kWrite:
      if (sub == 0) return write() ? 4 + (dword(3) & 0xfffff) + 1 : 0;
      break;
    case kFence:
      return fence() ? 4 : 0;
    case kTrap:
      return trap() ? 2 : 0;
    case kPoll:
      return poll() ? 6 : 0;
    case kAtomic:
      return atomic() ? 8 : 0;
    case kFill:
      return fill() ? 5 : 0;
    case kTimestamp:
      return timestamp() ? 3 : 0;
    case kGcr:
      return 5;  // caches are coherent here
    default:
      break;
  }
  illegal("sdma opcode " + std::to_string(op) + "." + std::to_string(sub) + " (header " +
              hex(header) + ") has no model here",
          isa::FaultKind::kBadDispatch, 0);
  return 0;
}

bool SdmaQueue::move(uint64_t to, uint64_t from, uint64_t bytes) {
  while (bytes != 0) {
    const uint64_t n = std::min(bytes, kPiece);
    memmove(reinterpret_cast<void*>(to), reinterpret_cast<const void*>(from), n);
    to += n;
    from += n;
    bytes -= n;
    if (bytes != 0 && !checkpoint()) return false;
  }
  return true;
}

bool SdmaQueue::copy_linear() {
  // The count has 30 bits from gfx90a on and is one less than the bytes.
  const uint64_t bytes = (dword(1) & 0x3fffffff) + 1ull;
  const uint64_t from = qword(3), to = qword(5);
  return check(from, bytes, false, "copy source") && check(to, bytes, true, "copy destination") &&
         move(to, from, bytes);
}

bool SdmaQueue::copy_rect() {
  const uint32_t shift = dword(0) >> 29 & 7;
  const auto side = [this](uint32_t i) {
    Window w;
    w.base = qword(i);
    w.x = dword(i + 2) & 0x3fff;
    w.y = dword(i + 2) >> 16 & 0x3fff;
    w.z = dword(i + 3) & 0x7ff;
    w.pitch = (dword(i + 3) >> 13) + 1ull;
    w.slice = (dword(i + 4) & 0xfffffff) + 1ull;
    return w;
  };
  const Window from = side(1), to = side(6);
  const uint64_t nx = (dword(11) & 0x3fff) + 1ull, ny = (dword(11) >> 16 & 0x3fff) + 1ull,
                 nz = (dword(12) & 0x7ff) + 1ull;
  if (shift > 4) {
    return illegal("sub-window copy of " + std::to_string(1u << shift) + "-byte elements",
                   isa::FaultKind::kBadDispatch, 0);
  }
  const uint64_t row = nx << shift;
  for (uint64_t z = 0; z < nz; ++z) {
    for (uint64_t y = 0; y < ny; ++y) {
      const auto at = [&](const Window& w) {
        return w.base + (((w.z + z) * w.slice + (w.y + y) * w.pitch + w.x) << shift);
      };
      const uint64_t source = at(from), destination = at(to);
      if (!check(source, row, false, "sub-window source") ||
          !check(destination, row, true, "sub-window destination")) {
        return false;
      }
      memmove(reinterpret_cast<void*>(destination), reinterpret_cast<const void*>(source), row);
    }
    if (!checkpoint()) return false;
  }
  return true;
}

bool SdmaQueue::fence() {
  const uint64_t address = qword(1);
  if (!check(address, 4, true, "fence", 4)) return false;
  __atomic_store_n(reinterpret_cast<uint32_t*>(address), dword(3), __ATOMIC_RELEASE);
  process().poller().completed();
  return true;
}

bool SdmaQueue::trap() {
  process().raise_event(dword(1) & 0xfffffff);
  return true;
}

bool SdmaQueue::poll() {
  const uint32_t header = dword(0);
  if (header >> 31 == 0) return true;  // not memory: the HDP flush that ROCr sends
  const uint64_t address = qword(1);
  if (!check(address, 4, false, "poll", 4)) return false;
  const PollCondition c{reinterpret_cast<const uint32_t*>(address), header >> 28 & 7, dword(3),
                        dword(4)};
  return wait_until(poll_met, &c, WaitKind::kSignal);
}

bool SdmaQueue::atomic() {
  const uint32_t operation = dword(0) >> 25;
  if (operation != kAtomicAdd64) {
    return illegal("sdma atomic " + std::to_string(operation) + " has no model here",
                   isa::FaultKind::kBadDispatch, 0);
  }
  const uint64_t address = qword(1);
  if (!check(address, 8, true, "atomic", 8)) return false;
  __atomic_fetch_add(reinterpret_cast<uint64_t*>(address), qword(3), __ATOMIC_ACQ_REL);
  process().poller().completed();
  return true;
}

bool SdmaQueue::fill() {
  // The count is the offset of the last element: bytes - size of one.
  const uint64_t address = qword(1);
  const uint32_t value = dword(3), size_code = dword(0) >> 30, count = dword(4) & 0x3fffff;
  if (size_code == 3) {
    return illegal("constant fill of 8-byte elements", isa::FaultKind::kBadDispatch, 0);
  }
  const uint64_t element = 1ull << size_code;
  const uint64_t bytes = (count & ~(element - 1)) + element;
  if (!check(address, bytes, true, "fill")) return false;
  auto* p = reinterpret_cast<uint8_t*>(address);
  for (uint64_t i = 0; i < bytes; i += element) memcpy(p + i, &value, element);
  return true;
}

bool SdmaQueue::write() {
  const uint64_t address = qword(1);
  const uint32_t dwords = (dword(3) & 0xfffff) + 1;
  if (!check(address, dwords * 4ull, true, "write")) return false;
  for (uint32_t i = 0; i < dwords; ++i) {
    const uint32_t v = dword(4 + i);
    memcpy(reinterpret_cast<uint8_t*>(address) + i * 4ull, &v, 4);
  }
  return true;
}

bool SdmaQueue::timestamp() {
  const uint64_t address = qword(1);
  if (!check(address, 8, true, "timestamp", 8)) return false;
  __atomic_store_n(reinterpret_cast<uint64_t*>(address), process().ticks(), __ATOMIC_RELEASE);
  return true;
}

bool SdmaQueue::check(uint64_t address, uint64_t bytes, bool write, const char* role,
                      uint64_t alignment) {
  const bool aligned = address % alignment == 0;
  if (aligned && accessible(address, bytes, write)) return true;
  return illegal(std::string(role) + " at " + hex(address) + ", " + std::to_string(bytes) +
                     " bytes, is not " + (aligned ? "mapped to the gpu" : "aligned") +
                     (write && aligned ? " for writing" : ""),
                 isa::FaultKind::kMemory, address);
}

bool SdmaQueue::illegal(const std::string& what, isa::FaultKind kind, uint64_t address) {
  isa::Fault fault;
  fault.kind = kind;
  fault.address = address;
  fault.text = "sdma offset " + std::to_string(read_.load(std::memory_order_relaxed)) + ": " + what;
  fail(fault, {0, 6});
  return false;
}

}  // namespace xsim::dev
