// SPDX-License-Identifier: Apache-2.0
//
// See gate.h. Everything below move() runs in the owner of requests_.
#include "gate.h"

#include <emmintrin.h>
#include <time.h>

#include <algorithm>

#include "../base/clock.h"

namespace xsched {
namespace {

// Room that is kept for packets of our own (guard barriers, ticks).
constexpr uint64_t kReserve = 8;

// A signal's handle is the address of its amd_signal_t (amd_hsa_signal.h).
constexpr uint64_t kSignalValueOffset = 8;

int64_t signal_value(uint64_t handle) noexcept {
  return load_acquire(*reinterpret_cast<const int64_t*>(handle + kSignalValueOffset));
}

// True if a barrier-value packet's condition does not hold. One that we do not
// know counts as fulfilled: the packet processor refuses it.
bool value_is_awaited(const uint64_t* body) noexcept {
  enum : uint32_t { kEqual = 0, kNotEqual = 1, kLess = 2, kGreaterOrEqual = 3 };
  const uint64_t handle = body[0];
  if (handle == 0) return false;
  const auto mask = static_cast<int64_t>(body[2]);
  const auto wanted = static_cast<int64_t>(body[1]);
  const int64_t value = signal_value(handle) & mask;
  switch (static_cast<uint32_t>(body[3])) {
    case kEqual:
      return value != wanted;
    case kNotEqual:
      return value == wanted;
    case kLess:
      return value >= wanted;
    case kGreaterOrEqual:
      return value < wanted;
    default:
      return false;
  }
}

// The owner may have lost its processor, to us of all threads: the agent that
// waits here may have real-time priority, so yielding is not enough, it must
// sleep.
void pause_briefly(uint32_t& spins) noexcept {
  if (++spins % 128 != 0) {
    _mm_pause();
  } else {
    const timespec nap{0, 20'000};
    nanosleep(&nap, nullptr);
  }
}

}  // namespace

Gate::Gate(const HardwareRing& hardware, const ProxyRing& proxy, Slot& slot, Listener listener)
    : hardware_(hardware), proxy_(proxy), slot_(slot), listener_(listener) {
  head_ = load_acquire(*proxy_.read_index);
  write_ = hardware_.reserve != nullptr ? 0 : load_acquire(*hardware_.write_index);
  read_ = read_hardware();
  if (hardware_.reserve != nullptr) write_ = read_;
  rung_ = last_packet_ = write_;
  slot_.state.inside.store(kInsideUnknown, std::memory_order_relaxed);
}

uint64_t Gate::read_hardware() noexcept {
  read_ = hardware_.load_read_index != nullptr ? hardware_.load_read_index(hardware_.context)
                                               : load_acquire(*hardware_.read_index);
  return read_;
}

uint64_t Gate::in_flight() const noexcept {
  if (hardware_.reserve != nullptr) return 0;  // a tool's ring hides it
  const uint64_t read = load_acquire(*hardware_.read_index);
  const uint64_t write = load_acquire(*hardware_.write_index);
  return write > read ? write - read : 0;
}

uint64_t Gate::at_gate() const noexcept {
  const uint64_t read = load_acquire(*proxy_.read_index);
  const uint64_t write = submitted();
  return write > read ? write - read : 0;
}

void Gate::pump_and_settle() noexcept {
  if (requests_.fetch_add(1, std::memory_order_acq_rel) == 0) {
    run_as_owner();
    return;
  }
  // One move may be under way that began before our note; every later one has
  // seen it. Counted after the note was left, so the next end is enough, and a
  // gate that is knocked at all the time cannot keep us.
  const uint64_t ended = moves_.load(std::memory_order_acquire);
  uint32_t spins = 0;
  while (requests_.load(std::memory_order_acquire) != 0 &&
         moves_.load(std::memory_order_acquire) == ended) {
    pause_briefly(spins);
  }
}

// How many packets may stand in the hardware ring.
uint64_t Gate::most_inside() const noexcept {
  return hardware_.packets > kReserve ? hardware_.packets - kReserve : hardware_.packets / 2;
}

// May another packet that is work enter at `write`, under this window?
// Barriers occupy nothing and are not counted: a program that asks a stream
// again and again whether it is ready makes clr send a barrier each time, and
// would fill the ring with them faster than a narrow window lets them out.
bool Gate::window_has_room(uint64_t window, uint64_t write) noexcept {
  if (window > work_.size()) return write - read_ < window;
  while (works_done_ != works_ && work_[works_done_ % work_.size()] < read_) ++works_done_;
  // What entered before there was a window counts whole.
  const uint64_t before = unbounded_end_ > read_ ? unbounded_end_ - read_ : 0;
  return before + (works_ - works_done_) < window;
}

// After a move under a window, and the first one without.
[[gnu::noinline]] void Gate::note_inside(uint64_t window, bool full) noexcept {
  const uint64_t mark = work_mark_.load(std::memory_order_relaxed);
  if (window != window_noted_ || full != ((mark & 1) != 0)) {
    // Release: a count of the new window is not taken for one of the old.
    work_mark_.store(((mark | 1) + 1) | (full ? 1 : 0), std::memory_order_release);
    window_noted_ = window;
  }
  if (window == 0) {
    slot_.state.inside.store(kInsideUnknown, std::memory_order_relaxed);
    return;
  }
  const uint64_t read = read_hardware();
  uint64_t inside = write_ - read;
  uint64_t retired = read;
  if (window <= work_.size()) {
    while (works_done_ != works_ && work_[works_done_ % work_.size()] < read) ++works_done_;
    inside = (unbounded_end_ > read ? unbounded_end_ - read : 0) + (works_ - works_done_);
    retired = works_done_;
  }
  work_retired_.store(retired, std::memory_order_release);
  slot_.state.inside.store(static_cast<uint32_t>(inside), std::memory_order_relaxed);
}

// A barrier of ours. The barrier bit makes it wait for all that went before,
// so that a closed guard lets the running kernel finish and starts nothing,
// and a completed tick means that everything before it is complete.
// Not inlined: its packet on the stack would align the hot path's frame.
[[gnu::noinline]] void Gate::put_barrier(uint64_t dependency, uint64_t completion) noexcept {
  Packet barrier{};
  barrier.header = kPacketBarrierAnd | kHeaderBarrierBit;
  barrier.body[0] = dependency;
  barrier.body[6] = completion;
  const bool tool = hardware_.reserve != nullptr;
  const uint64_t index = tool ? hardware_.reserve(hardware_.context) : write_;
  Packet& to = hardware_.base[index & (hardware_.packets - 1)];
  copy_body(to, barrier);
  publish(to, barrier.header);
  write_ = index + 1;
  if (tool) hardware_.doorbell(hardware_.context, index);
}

inline void Gate::publish(Packet& to, uint32_t header) const noexcept {
  // Write-combining memory does not keep the order of its stores: the body
  // must have left before the header can.
  if (hardware_.device_memory) [[unlikely]]
    _mm_sfence();
  // Release: who sees the header valid sees the body.
  store_release(to.header, header);
}

inline void Gate::flush_doorbell() noexcept {
  if (hardware_.reserve != nullptr || rung_ == write_) return;
  rung_ = write_;
  store_release(*hardware_.write_index, write_);
  hardware_.doorbell(hardware_.context, write_ - 1);
}

[[gnu::noinline]] void Gate::note_ready() noexcept {
  // Sequentially consistent, as in settle_idle(). Only after idle, not for
  // each packet.
  slot_.state.ready.store(1, std::memory_order_seq_cst);
  if (listener_.ready != nullptr) listener_.ready(listener_.context, true);
  if (slot_.control.notify.load(std::memory_order_seq_cst) & kNotifyReady) {
    slot_.state.edge_ns.store(now_ns(), std::memory_order_relaxed);
    listener_.edge(listener_.context);
  }
}

inline uint64_t Gate::window() const noexcept {
  if (has(kFree)) return 0;
  const uint32_t scheduler = slot_.control.window.load(std::memory_order_relaxed);
  const uint32_t own = own_window_.load(std::memory_order_relaxed);
  return scheduler == 0 || own == 0 ? scheduler | own : std::min(scheduler, own);
}

inline uint32_t Gate::guard() const noexcept {
  if (signals_.guard_handle == 0) return 0;
  const uint32_t scheduler = slot_.control.guard.load(std::memory_order_relaxed);
  const uint32_t own = own_guard_.load(std::memory_order_relaxed);
  return scheduler == 0 || own == 0 ? scheduler | own : std::min(scheduler, own);
}

// A packet costs its copy and some 60 instructions; most of them are loads and
// stores, so the loop keeps what only the owner writes in registers (the
// accesses that others see are the compiler's barriers) and whatever is rare
// is a function of its own.
inline void Gate::move() noexcept {
  const ControlLine& control = slot_.control;
  const uint64_t mask = proxy_.packets - 1;
  const uint64_t most = most_inside();
  const uint64_t window = this->window();
  const bool counted = window != 0 && window <= work_.size();
  const uint32_t guard = this->guard();
  const bool tool = hardware_.reserve != nullptr;
  const uint64_t first = head_;
  uint64_t head = first;
  uint32_t wants = kWantsNothing;
  bool barrier_entered = false;
  bool window_full = false;
  // Ours is the only writer, but ROCr may put a packet of its own into a queue
  // that it made (ExecutePM4): take over its index.
  if (!tool && rung_ != load_relaxed(*hardware_.write_index)) [[unlikely]] {
    write_ = rung_ = load_acquire(*hardware_.write_index);
  }
  uint64_t write = write_;

  for (;; ++head) {
    Packet& from = proxy_.base[head & mask];
    // Acquire pairs with the producer's release of the header.
    const uint32_t header = load_acquire(from.header);
    if (packet_type(header) == kPacketInvalid) break;
    if (slot_.state.ready.load(std::memory_order_relaxed) == 0) [[unlikely]]
      note_ready();
    if (!may_run()) [[unlikely]]
      break;
    if (write - read_ >= most) [[unlikely]] {
      if (write - read_hardware() >= most) {
        wants = kWantsPoll;
        break;
      }
    }
    if ((window | guard) != 0 && is_work(header)) [[unlikely]] {
      if (window != 0 && !window_has_room(window, write)) {
        read_hardware();
        if (!window_has_room(window, write)) {
          wants = kWantsPoll;
          window_full = true;
          break;
        }
      }
      // Before it, not behind: a closed guard also stops a kernel that a
      // barrier kept waiting when the guard was closed, and what the
      // application put behind a kernel to learn of its end is not held up.
      if (guard != 0 && ++since_guard_ >= guard) {
        since_guard_ = 0;
        write_ = write;
        put_barrier(signals_.guard_handle, 0);
        write = write_;
      }
    }
    const uint64_t index = tool ? hardware_.reserve(hardware_.context) : write;
    if (counted && is_work(header)) [[unlikely]]
      work_[works_++ % work_.size()] = index;
    Packet& to = hardware_.base[index & (hardware_.packets - 1)];
    const uint64_t dependencies = copy_body(to, from);
    publish(to, header);
    write = index + 1;
    if (tool) [[unlikely]]
      hardware_.doorbell(hardware_.context, index);
    if (dependencies != 0 && is_waiter(header)) [[unlikely]] {
      // Release: who sees the end finds the barriers below it in the ring.
      barriers_end_.store(write, std::memory_order_release);
      barrier_entered = true;
    }
    // Release: the slot is free for its next packet only after the copy.
    store_release(from.header, static_cast<uint32_t>(kPacketInvalid));
  }
  if (!counted) {
    unbounded_end_ = write;
    works_done_ = works_;
  }

  if (head != first) {
    head_ = head;
    write_ = last_packet_ = write;
    flush_doorbell();
    // Release: who sees that packets entered finds them in the hardware ring.
    store_release(*proxy_.read_index, head);
    slot_.state.moved.store(head, std::memory_order_relaxed);
    if (listener_.moved != nullptr) [[unlikely]]
      listener_.moved(listener_.context, head - first);
    slot_.state.retired.store(head - std::min(head, write - read_), std::memory_order_relaxed);
  }
  slot_.state.submitted.store(load_relaxed(*proxy_.write_index), std::memory_order_relaxed);
  if ((window | window_noted_) != 0) [[unlikely]]
    note_inside(window, window_full);

  if (const uint32_t notify = control.notify.load(std::memory_order_relaxed);
      (notify & kNotifyIdle) != 0 || tick_out_) [[unlikely]] {
    wants |= settle_idle(notify);
  }
  if (listener_.watch != nullptr && listener_.watch->load(std::memory_order_relaxed) != 0 &&
      barriers_end_.load(std::memory_order_relaxed) > read_hardware()) [[unlikely]] {
    wants |= kWantsWatch;
  } else {
    barrier_entered = false;
  }
  // Each barrier anew: the dispatcher may have looked before this one entered.
  if (wants != wants_.load(std::memory_order_relaxed) || barrier_entered) [[unlikely]] {
    wants_.store(wants, std::memory_order_release);
    if (wants != kWantsNothing) listener_.attend(listener_.context);
  }
}

void Gate::run_as_owner() noexcept {
  uint32_t seen = 1;
  do {
    seen = requests_.load(std::memory_order_acquire);
    move();
    // Release: who sees the move ended sees all that it did.
    moves_.store(moves_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    // Somebody knocked while we moved: what they wrote may have come after our
    // look, so look again.
  } while (!requests_.compare_exchange_strong(seen, 0, std::memory_order_acq_rel));
}

// Of the packet at `index`: 0 if it is no waiter, may go on, or has gone.
size_t Gate::awaited(uint64_t index, Dependencies& handles) const noexcept {
  const Packet& slot = hardware_.base[index & (hardware_.packets - 1)];
  const uint32_t header = load_acquire(slot.header);
  if (!is_waiter(header)) return 0;
  uint64_t body[kBarrierDependencies];
  // Acquire: the read index below is looked at after these.
  for (int d = 0; d < kBarrierDependencies; ++d) body[d] = load_acquire(slot.body[d]);
  // The slot gets its next packet only after the read index has passed it:
  // what was read is this packet's, and its signals' handles are handles.
  if (load_acquire(*hardware_.read_index) > index) return 0;
  if (is_barrier_value(header)) {
    handles[0] = body[0];
    return value_is_awaited(body) ? 1 : 0;
  }
  size_t count = 0;
  for (const uint64_t handle : body) {
    // Our own guard is no other's work.
    if (handle == 0 || handle == signals_.guard_handle) continue;
    if (signal_value(handle) != 0) handles[count++] = handle;
  }
  return count;
}

bool Gate::waits_for_others() const noexcept {
  if (hardware_.reserve != nullptr) return false;
  const uint64_t end = barriers_end_.load(std::memory_order_acquire);
  Dependencies handles;
  for (uint64_t i = load_acquire(*hardware_.read_index); i < end; ++i) {
    if (awaited(i, handles) != 0) return true;
  }
  return false;
}

size_t Gate::stalled_on(Dependencies& handles) const noexcept {
  if (hardware_.reserve != nullptr) return 0;
  const uint64_t end = barriers_end_.load(std::memory_order_acquire);
  uint64_t next = load_acquire(*hardware_.read_index);
  // The read index may lag behind: what was processed is marked invalid.
  while (next < end &&
         packet_type(load_acquire(hardware_.base[next & (hardware_.packets - 1)].header)) ==
             kPacketInvalid) {
    ++next;
  }
  return next < end ? awaited(next, handles) : 0;
}

// False if the ring has no room for it (a foreign writer filled it).
bool Gate::send_tick() noexcept {
  if (write_ - read_ >= hardware_.packets && write_ - read_hardware() >= hardware_.packets) {
    return false;
  }
  std::atomic_ref<int64_t>(*signals_.tick_value).store(1, std::memory_order_release);
  tick_index_ = write_;
  tick_out_ = true;
  put_barrier(0, signals_.tick_handle);
  last_packet_ = tick_index_;
  flush_doorbell();
  return true;
}

// Follows the work of a queue whose idleness somebody waits for: one tick at a
// time is out; when it completes and nothing came after it, the queue is idle.
// Returns what the dispatcher should do.
[[gnu::noinline]] uint32_t Gate::settle_idle(uint32_t notify) noexcept {
  if (tick_out_) {
    std::atomic_ref<int64_t> value(*signals_.tick_value);
    if (value.load(std::memory_order_acquire) > 0) return kWantsTick;
    tick_out_ = false;
    read_hardware();
  }
  if (slot_.state.ready.load(std::memory_order_relaxed) == 0) return kWantsNothing;
  const bool empty =
      packet_type(load_acquire(proxy_.base[head_ & (proxy_.packets - 1)].header)) == kPacketInvalid;
  // Packets at the gate: it is not idle, and their move looks again.
  if (!empty) return kWantsNothing;
  if (last_packet_ > tick_index_) {
    // Packets since the last tick: send another behind them.
    if ((notify & kNotifyIdle) == 0) return kWantsNothing;
    if (signals_.tick_handle != 0) return send_tick() ? kWantsTick : kWantsPoll;
    // No signal could be had. The read index is the next best: nothing is left
    // to start. Without any, an urgent queue would look busy for ever.
    if (read_hardware() < write_) return kWantsPoll;
  }
  slot_.state.retired.store(head_, std::memory_order_relaxed);
  // Sequentially consistent with the scheduler's store of notify and look at
  // ready: either it sees 0, or the look below sees that it wants to be told.
  slot_.state.ready.store(0, std::memory_order_seq_cst);
  if (listener_.ready != nullptr) listener_.ready(listener_.context, false);
  if (slot_.control.notify.load(std::memory_order_seq_cst) & kNotifyIdle) {
    slot_.state.edge_ns.store(now_ns(), std::memory_order_relaxed);
    listener_.edge(listener_.context);
  }
  return kWantsNothing;
}

void Gate::set_signals(const GateSignals& signals) noexcept {
  signals_ = signals;
}

void Gate::close_guard(bool closed) noexcept {
  if (signals_.guard_value == nullptr) return;
  // The packet processor polls this word.
  std::atomic_ref<int64_t>(*signals_.guard_value).store(closed ? 1 : 0, std::memory_order_release);
}

uint64_t Gate::drop_all() noexcept {
  hold(true);
  pump_and_settle();
  return at_gate();
}

}  // namespace xsched
