// SPDX-License-Identifier: Apache-2.0
//
// AQL packets. Whatever the application can get wrong ends in fail(), which
// tells it as hardware would; nothing here dereferences an address that the
// GPU's page table does not hold.
#include "aql_queue.h"

#include <atomic>
#include <cstdio>
#include <cstring>

#include "../base/log.h"
#include "dispatch.h"

namespace xsim::dev {
namespace {

// What CP stores into queue_inactive_signal and KFD's exception code for the
// same thing, as ROCr 6.x reads them (AqlQueue::DynamicQueueEventsHandler and
// ExceptionHandler in amd_aql_queue.cpp); behind each, the HSA status that the
// application's callback gets. The plain memory violation (5) is not used:
// ROCr leaves that to its VM fault handler, which ends the process.
constexpr Queue::ErrorCode kBadDimensions{2, 16};           // INCOMPATIBLE_ARGUMENTS
constexpr Queue::ErrorCode kBadGroupMemory{4, 17};          // INVALID_ALLOCATION
constexpr Queue::ErrorCode kBadCode{8, 18};                 // INVALID_CODE_OBJECT
constexpr Queue::ErrorCode kBadPacket{32, 20};              // INVALID_PACKET_FORMAT
constexpr Queue::ErrorCode kBadGroupSize{64, 21};           // INVALID_ARGUMENT
constexpr Queue::ErrorCode kBadVendorPacket{256, 23};       // INVALID_PACKET_FORMAT
constexpr Queue::ErrorCode kBadAddress{0x20000000, 6};      // MEMORY_APERTURE_VIOLATION
constexpr Queue::ErrorCode kBadInstruction{0x40000000, 4};  // ILLEGAL_INSTRUCTION

constexpr uint32_t kMaxGroupBytes = 64 * 1024;
constexpr uint64_t kMaxGroupSize = 1024;

uint16_t load_header(const uint8_t* packet) {
  // Acquire: producers store the header last, with release.
  return __atomic_load_n(reinterpret_cast<const uint16_t*>(packet), __ATOMIC_ACQUIRE);
}

int64_t load_signal(uint64_t handle) {
  return __atomic_load_n(&reinterpret_cast<const Signal*>(handle)->value, __ATOMIC_ACQUIRE);
}

std::string hex(uint64_t v) {
  char text[32];
  snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(v));
  return text;
}

struct Dependencies {
  uint64_t signal[5];
  bool all;
  // A bit for each signal that was null or has been seen at 0: a barrier-AND
  // has each of them at 0 once, not all at the same time (the application may
  // use one again). Whoever looks, sets it.
  mutable std::atomic<uint32_t> met{0};
};

bool dependencies_met(const void* context) {
  const auto* d = static_cast<const Dependencies*>(context);
  bool any = false;
  uint32_t zero = 0, null = 0;
  for (uint32_t i = 0; i < 5; ++i) {
    if (d->signal[i] == 0) {
      null |= 1u << i;
    } else {
      any = true;
      if (load_signal(d->signal[i]) == 0) zero |= 1u << i;
    }
  }
  if (!d->all) return zero != 0 || !any;
  return (d->met.fetch_or(zero | null, std::memory_order_acq_rel) | zero | null) == 0x1f;
}

bool value_met(const void* context) {
  const auto* p = static_cast<const BarrierValuePacket*>(context);
  const int64_t v = load_signal(p->signal) & p->mask;
  switch (p->condition) {
    case 0:
      return v == p->value;
    case 1:
      return v != p->value;
    case 2:
      return v < p->value;
    default:
      return v >= p->value;
  }
}

bool header_valid(const void* packet) {
  return (load_header(static_cast<const uint8_t*>(packet)) & 0xff) != kPacketInvalid;
}

}  // namespace

AqlQueue::AqlQueue(Process& process, const QueueParams& params, const SlotRef& slot)
    : Queue(process, params, slot), read_(*params.read_index) {}

bool AqlQueue::pending() const {
  return __atomic_load_n(params().doorbell, __ATOMIC_ACQUIRE) !=
         seen_doorbell_.load(std::memory_order_relaxed);
}

void AqlQueue::drain() {
  uint64_t spin_until = 0;
  while (checkpoint()) {
    const uint64_t doorbell = __atomic_load_n(params().doorbell, __ATOMIC_ACQUIRE);
    seen_doorbell_.store(doorbell, std::memory_order_relaxed);
    const uint8_t* p = packet(read_);
    const uint16_t header = load_header(p);
    if ((header & 0xff) != kPacketInvalid) {
      if (!execute(read_, header)) return;
      spin_until = 0;
      continue;
    }
    if (static_cast<int64_t>(doorbell - read_) >= 0 && doorbell != ~0ull) {
      // Rung, but another producer has not finished the packet before it.
      if (!wait_until(header_valid, p, WaitKind::kDoorbell)) return;
      continue;
    }
    // Launch and wait in a loop: the next doorbell is microseconds away.
    const uint64_t now = now_ns();
    working(now);
    if (spin_until == 0) spin_until = now + kSpinNs;
    if (now > spin_until) return;
    cpu_relax();
  }
}

bool AqlQueue::execute(uint64_t index, uint16_t header) {
  // A copy: the application may not change it, but that is no reason to read
  // a field twice.
  alignas(64) uint8_t p[kPacketBytes];
  memcpy(p, packet(index), sizeof p);
  const uint64_t begin = process().ticks();
  uint64_t completion;
  memcpy(&completion, p + offsetof(DispatchPacket, completion), sizeof completion);
  if (!check_signal(completion, "completion signal")) return false;
  // The packet's acquire fence. Memory is coherent here, so its scope is moot.
  std::atomic_thread_fence(std::memory_order_acquire);
  bool alive;
  switch (header & 0xff) {
    case kPacketDispatch:
      alive = dispatch(*reinterpret_cast<const DispatchPacket*>(p), index);
      break;
    case kPacketBarrierAnd:
    case kPacketBarrierOr:
      alive =
          barrier(*reinterpret_cast<const BarrierPacket*>(p), (header & 0xff) == kPacketBarrierAnd);
      break;
    case kPacketVendor:
      if (p[2] == kVendorPm4) {
        alive = pm4(*reinterpret_cast<const Pm4Packet*>(p));
      } else if (p[2] == kVendorBarrierValue) {
        alive = barrier_value(*reinterpret_cast<const BarrierValuePacket*>(p));
      } else {
        alive = illegal(kBadVendorPacket, "unknown vendor packet format " + std::to_string(p[2]));
      }
      break;
    default:
      alive = illegal(kBadPacket, "packet type " + std::to_string(header & 0xff) +
                                      " is not for a gpu queue (header " + hex(header) + ")");
  }
  if (!alive) return false;
  // The slot is free before the completion is seen: who waits for it may reuse
  // both at once.
  __atomic_store_n(reinterpret_cast<uint16_t*>(packet(index)),
                   static_cast<uint16_t>(kPacketInvalid), __ATOMIC_RELEASE);
  read_ = index + 1;
  __atomic_store_n(params().read_index, read_, __ATOMIC_RELEASE);
  complete(completion, begin);
  return true;
}

void AqlQueue::complete(uint64_t handle, uint64_t begin_ticks) {
  if (handle == 0) return;
  auto* signal = reinterpret_cast<Signal*>(handle);
  const uint64_t mailbox = signal->mailbox;
  const uint32_t event = signal->event_id;
  // Atomic: two queues may share a completion signal.
  __atomic_store_n(&signal->start_ts, begin_ticks, __ATOMIC_RELAXED);
  __atomic_store_n(&signal->end_ts, process().ticks(), __ATOMIC_RELAXED);
  // Release: the packet's release fence. seq_cst: before completed() looks for
  // watchers. After this store the application may free the signal; only the
  // copies above are used.
  __atomic_fetch_sub(&signal->value, 1, __ATOMIC_SEQ_CST);
  process().poller().completed();
  if (mailbox == 0) return;
  if (accessible(mailbox, sizeof(uint64_t), true)) {
    __atomic_store_n(reinterpret_cast<uint64_t*>(mailbox), event, __ATOMIC_RELEASE);
  }
  process().raise_event(event);
}

bool AqlQueue::check_signal(uint64_t handle, const char* role) {
  if (handle == 0) return true;
  if (handle % 8 == 0 && accessible(handle, sizeof(Signal), true)) return true;
  return illegal(kBadAddress, std::string(role) + " " + hex(handle) + " is not mapped to the gpu",
                 isa::FaultKind::kMemory);
}

bool AqlQueue::barrier(const BarrierPacket& p, bool all) {
  Dependencies d;
  d.all = all;
  for (int i = 0; i < 5; ++i) {
    d.signal[i] = p.dependency[i];
    if (!check_signal(p.dependency[i], "barrier dependency")) return false;
  }
  return wait_until(dependencies_met, &d, WaitKind::kSignal);
}

bool AqlQueue::barrier_value(const BarrierValuePacket& p) {
  if (p.condition > 3) {
    return illegal(kBadVendorPacket,
                   "barrier-value condition " + std::to_string(p.condition) + " is not 0..3");
  }
  if (!check_signal(p.signal, "barrier-value signal")) return false;
  // A null signal is a satisfied dependency.
  return p.signal == 0 || wait_until(value_met, &p, WaitKind::kSignal);
}

bool AqlQueue::pm4(const Pm4Packet& p) {
  // ROCr sends one kind of indirect buffer in a compute queue unasked: the
  // instruction-cache invalidate after code was loaded (ACQUIRE_MEM). What
  // profilers send (SET_*_REG, COPY_DATA, ...) has no model here.
  constexpr uint32_t kIndirectBuffer = 0x3f, kNop = 0x10, kAcquireMem = 0x58;
  const auto opcode = [](uint32_t header) { return header >> 8 & 0xff; };
  if (p.jump[0] >> 30 != 3 || opcode(p.jump[0]) != kIndirectBuffer) {
    return illegal(kBadVendorPacket, "pm4 packet " + hex(p.jump[0]) + " is not an indirect buffer");
  }
  const uint64_t address = (static_cast<uint64_t>(p.jump[2] & 0xffff) << 32) | (p.jump[1] & ~3u);
  const uint32_t dwords = p.jump[3] & 0xfffff;
  if (address % 4 != 0 || !accessible(address, dwords * 4ull, false)) {
    return illegal(kBadAddress, "pm4 buffer " + hex(address) + " is not mapped to the gpu",
                   isa::FaultKind::kMemory);
  }
  const auto* ib = reinterpret_cast<const uint32_t*>(address);
  for (uint32_t i = 0; i < dwords;) {
    const uint32_t header = ib[i];
    if (header >> 30 != 3) return illegal(kBadVendorPacket, "pm4 command " + hex(header));
    if (opcode(header) == kAcquireMem) {
      isa::invalidate_code();
    } else if (opcode(header) != kNop) {
      return illegal(kBadVendorPacket, "pm4 opcode " + hex(opcode(header)) + " has no model here");
    }
    i += (header >> 16 & 0x3fff) + 2;
  }
  return true;
}

bool AqlQueue::dispatch(const DispatchPacket& p, uint64_t index) {
  const uint32_t dimensions = p.setup & 3;
  if (dimensions == 0) return illegal(kBadDimensions, "dispatch with 0 dimensions");
  if (p.workgroup_x == 0 || p.workgroup_y == 0 || p.workgroup_z == 0) {
    return illegal(kBadDimensions, "dispatch with an empty workgroup");
  }
  if (p.grid_x == 0 || p.grid_y == 0 || p.grid_z == 0) {
    return illegal(kBadDimensions, "dispatch with an empty grid");
  }
  const uint64_t size = static_cast<uint64_t>(p.workgroup_x) * p.workgroup_y * p.workgroup_z;
  if (size > kMaxGroupSize) {
    return illegal(kBadGroupSize, "workgroup of " + std::to_string(size) + " work-items, at most " +
                                      std::to_string(kMaxGroupSize));
  }
  if (p.group_bytes > kMaxGroupBytes) {
    return illegal(kBadGroupMemory, "group segment of " + std::to_string(p.group_bytes) +
                                        " bytes, at most " + std::to_string(kMaxGroupBytes));
  }
  // A kernel descriptor is 64 bytes, at a multiple of 64.
  if (p.kernel_object == 0 || p.kernel_object % 64 != 0 ||
      !accessible(p.kernel_object, 64, false)) {
    return illegal(kBadCode, "kernel object " + hex(p.kernel_object) + " is not a kernel");
  }
  isa::Fault fault;
  const void* amd_queue =
      reinterpret_cast<const uint8_t*>(params().write_index) - kAmdQueueWriteIndex;
  auto kernel =
      isa::Kernel::create(host(), &p, reinterpret_cast<uint64_t>(packet(index)), amd_queue, fault);
  if (!kernel) return illegal(kBadCode, fault.text);
  const uint64_t modelled_ns = process().modelled_ns(kernel->name());
  const bool traced = log_enabled(LogLevel::kTrace);
  const uint64_t begin = traced ? now_ns() : 0;
  Dispatch dispatch(*this, kernel, modelled_ns);
  switch (dispatch.run()) {
    case Dispatch::End::kDone:
      slot().slot->dispatches.fetch_add(1, std::memory_order_relaxed);
      if (traced) {
        log(LogLevel::kTrace, "queue %u packet %llu: kernel %s, %llu workgroups, %.3f ms",
            params().id, static_cast<unsigned long long>(index), kernel->name().c_str(),
            static_cast<unsigned long long>(kernel->workgroups()),
            static_cast<double>(now_ns() - begin) / 1e6);
      }
      return true;
    case Dispatch::End::kGone:
      return false;
    case Dispatch::End::kFault:
      break;
  }
  fault = dispatch.fault();
  if (!kernel->name().empty()) fault.text = "kernel " + kernel->name() + ": " + fault.text;
  fault.text = "packet " + std::to_string(index) + ": " + fault.text;
  fail(fault, fault.kind == isa::FaultKind::kIllegalInstruction ? kBadInstruction
              : fault.kind == isa::FaultKind::kMemory           ? kBadAddress
                                                                : kBadCode);
  return false;
}

bool AqlQueue::illegal(ErrorCode code, const std::string& what, isa::FaultKind kind) {
  isa::Fault fault;
  fault.kind = kind;
  fault.text = "packet " + std::to_string(read_) + ": " + what;
  fail(fault, code);
  return false;
}

uint32_t AqlQueue::store_error(ErrorCode code) {
  // KFD puts a mask of exception codes where the application's runtime said.
  if (params().error_reason != nullptr) {
    __atomic_fetch_or(params().error_reason, 1ull << (code.exception - 1), __ATOMIC_ACQ_REL);
  }
  const uint8_t* amd_queue =
      reinterpret_cast<const uint8_t*>(params().write_index) - kAmdQueueWriteIndex;
  uint64_t handle;
  memcpy(&handle, amd_queue + kAmdQueueInactiveSignal, sizeof handle);
  if (handle == 0 || !accessible(handle, sizeof(Signal), true)) return 0;
  auto* signal = reinterpret_cast<Signal*>(handle);
  const uint64_t mailbox = signal->mailbox;
  const uint32_t event = signal->event_id;
  __atomic_store_n(&signal->value, code.inactive, __ATOMIC_RELEASE);
  if (mailbox == 0) return 0;
  if (accessible(mailbox, sizeof(uint64_t), true)) {
    __atomic_store_n(reinterpret_cast<uint64_t*>(mailbox), event, __ATOMIC_RELEASE);
  }
  return event;
}

}  // namespace xsim::dev
