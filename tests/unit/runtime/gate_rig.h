// SPDX-License-Identifier: Apache-2.0
//
// A gate on plain memory, with stand-ins for the application (submit()) and
// the command processor (Processor): no HSA, no GPU.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/gate/gate.h"

namespace xsched::test {

// Until `condition` holds. Only a hang is a failure, so the limit is generous.
inline bool eventually(const std::function<bool()>& condition) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > limit) return false;
    std::this_thread::yield();
  }
  return true;
}

// Signals are plain words here; a handle is the word's address.
inline uint64_t handle_of(int64_t& value) { return reinterpret_cast<uint64_t>(&value); }
inline std::atomic_ref<int64_t> value_of(uint64_t handle) {
  return std::atomic_ref<int64_t>(*reinterpret_cast<int64_t*>(handle));
}

struct Options {
  uint64_t proxy_packets = 64;
  uint64_t hardware_packets = 64;
  bool guards = true;
  bool ticks = true;
  bool device_memory = false;
  bool trace = false;       // counts what a trace would be told
  bool tool_queue = false;  // packets go through reserve(), as into a tool's queue
};

struct Rig {
  explicit Rig(const Options& options = {}) : proxy(options.proxy_packets), hardware(options.hardware_packets) {
    for (Packet& packet : proxy) packet.header = kPacketInvalid;
    for (Packet& packet : hardware) packet.header = kPacketInvalid;
    slot.control.run = 1;
    HardwareRing to;
    to.base = hardware.data();
    to.packets = hardware.size();
    to.device_memory = options.device_memory;
    to.context = this;
    to.doorbell = [](void* context, uint64_t index) {
      auto* rig = static_cast<Rig*>(context);
      rig->doorbells.fetch_add(1);
      rig->last_doorbell.store(index);
    };
    if (options.tool_queue) {
      to.reserve = [](void* context) {
        return std::atomic_ref<uint64_t>(static_cast<Rig*>(context)->hardware_write).fetch_add(1);
      };
      to.load_read_index = [](void* context) {
        return load_acquire(static_cast<Rig*>(context)->hardware_read);
      };
    } else {
      to.write_index = &hardware_write;
      to.read_index = &hardware_read;
    }
    ProxyRing from;
    from.base = proxy.data();
    from.packets = proxy.size();
    from.write_index = &proxy_write;
    from.read_index = &proxy_read;
    Gate::Listener listener;
    listener.context = this;
    listener.edge = [](void* context) { static_cast<Rig*>(context)->on_edge(); };
    listener.attend = [](void* context) { static_cast<Rig*>(context)->attended.fetch_add(1); };
    if (options.trace) {
      listener.moved = [](void* context, uint64_t packets) {
        static_cast<Rig*>(context)->traced.fetch_add(packets);
      };
      listener.ready = [](void* context, bool on) {
        auto* rig = static_cast<Rig*>(context);
        (on ? rig->traced_ready : rig->traced_idle).fetch_add(1);
      };
    }
    gate = std::make_unique<Gate>(to, from, slot, listener);
    GateSignals signals;
    if (options.guards) signals.guard_handle = handle_of(guard), signals.guard_value = &guard;
    if (options.ticks) signals.tick_handle = handle_of(tick), signals.tick_value = &tick;
    gate->set_signals(signals);
  }

  void on_edge() {
    // The hook first: a test that waits for the count goes on to its next burst,
    // which the hook must not see.
    if (edge_hook) edge_hook();
    (slot.state.ready.load() != 0 ? ready_edges : idle_edges).fetch_add(1);
  }

  // --- the application ---
  uint64_t reserve(uint64_t count = 1) {
    return std::atomic_ref<uint64_t>(proxy_write).fetch_add(count);
  }
  bool has_room(uint64_t index) const { return index - load_acquire(proxy_read) < proxy.size(); }
  void publish(uint64_t index, uint64_t producer, uint64_t number) {
    Packet& packet = proxy[index & (proxy.size() - 1)];
    store_relaxed(packet.word1, static_cast<uint32_t>(number));
    store_relaxed(packet.body[0], producer);
    store_relaxed(packet.body[1], number);
    store_relaxed(packet.body[6], uint64_t{0});
    store_release(packet.header, static_cast<uint32_t>(kPacketKernel));
  }
  // Reserve, wait for room, publish, ring: what an HSA client does.
  void submit(uint64_t producer, uint64_t number) {
    const uint64_t index = reserve();
    while (!has_room(index)) std::this_thread::yield();
    publish(index, producer, number);
    gate->pump();
  }

  // A barrier of the application's, on `dependency` (null: on nothing).
  void submit_barrier(int64_t* dependency = nullptr) {
    const uint64_t index = reserve();
    Packet& packet = proxy[index & (proxy.size() - 1)];
    for (uint64_t& word : packet.body) store_relaxed(word, uint64_t{0});
    if (dependency != nullptr) store_relaxed(packet.body[0], handle_of(*dependency));
    store_release(packet.header, kPacketBarrierAnd | kHeaderBarrierBit);
    gate->pump();
  }

  std::vector<Packet> proxy, hardware;
  uint64_t proxy_write = 0, proxy_read = 0;
  uint64_t hardware_write = 0, hardware_read = 0;
  int64_t guard = 0, tick = 0;
  Slot slot{};
  std::atomic<uint64_t> doorbells{0}, last_doorbell{0}, attended{0};
  std::atomic<uint64_t> ready_edges{0}, idle_edges{0};
  std::atomic<uint64_t> traced{0}, traced_ready{0}, traced_idle{0};
  std::function<void()> edge_hook;
  std::unique_ptr<Gate> gate;
};

// Executes the hardware ring in order, one packet a step(). Steps belong to
// one thread; executed() may be asked by any.
class Processor {
 public:
  explicit Processor(Rig& rig) : rig_(rig) {}

  struct Executed {
    uint64_t producer, number;
  };

  // One packet. False if there is none, or if a barrier waits.
  bool step() {
    const uint64_t read = rig_.hardware_read;
    Packet& packet = rig_.hardware[read & (rig_.hardware.size() - 1)];
    const uint32_t header = load_acquire(packet.header);
    if (packet_type(header) == kPacketInvalid) return false;
    if (inspect) inspect();
    if (is_barrier(header)) {
      for (int i = 0; i < kBarrierDependencies; ++i) {
        const uint64_t dependency = load_relaxed(packet.body[i]);
        if (dependency != 0 && value_of(dependency).load(std::memory_order_acquire) != 0) return false;
      }
      barriers.fetch_add(1);
    } else {
      log.push_back({load_relaxed(packet.body[0]), load_relaxed(packet.body[1])});
      executed_.fetch_add(1);
    }
    const uint64_t completion = load_relaxed(packet.body[6]);
    store_release(packet.header, static_cast<uint32_t>(kPacketInvalid));
    store_release(rig_.hardware_read, read + 1);
    if (completion != 0) value_of(completion).fetch_sub(1, std::memory_order_acq_rel);
    return true;
  }

  uint64_t executed() const { return executed_.load(); }

  std::vector<Executed> log;           // kernels, in order; the stepping thread's
  std::function<void()> inspect;       // before each packet
  std::atomic<uint64_t> barriers{0};   // guards and ticks

 private:
  Rig& rig_;
  std::atomic<uint64_t> executed_{0};
};

// A thread that calls `body` again and again until it is destroyed; when a
// call returns false it lets others run.
class Loop {
 public:
  explicit Loop(std::function<bool()> body)
      : thread_([this, body = std::move(body)] {
          while (!stop_.load(std::memory_order_relaxed)) {
            if (!body()) std::this_thread::yield();
          }
        }) {}
  ~Loop() { stop(); }
  void stop() {
    stop_.store(true);
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// What the dispatcher thread does for one gate.
inline bool attend(Rig& rig) {
  if (rig.gate->wants() == Gate::kWantsNothing) return false;
  rig.gate->pump();
  return false;
}

}  // namespace xsched::test
