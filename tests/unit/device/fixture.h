// SPDX-License-Identifier: Apache-2.0
//
// A node of its own for each test, and queues in plain memory as ROCr would
// make them.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "fake_isa.h"
#include "tools/sim/base/address_space.h"
#include "tools/sim/device/aql_packets.h"
#include "tools/sim/device/device.h"
#include "tools/sim/device/shared_node.h"

namespace xsim::test {

// Polls for a condition. The limit only bounds a failing test.
inline bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 40000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
  return condition();
}

inline NodeConfig test_config() {
  static std::atomic<int> number{0};
  NodeConfig c;
  c.name = "unit-" + std::to_string(getpid()) + "-" + std::to_string(number++);
  c.cus = 4;
  c.preempt_us = 20;
  c.restore_us = 20;
  return c;
}

struct alignas(64) TestSignal : dev::Signal {
  explicit TestSignal(int64_t v = 1) : dev::Signal{} { value = v; }
  int64_t load() const { return __atomic_load_n(&value, __ATOMIC_ACQUIRE); }
  void store(int64_t v) { __atomic_store_n(&value, v, __ATOMIC_RELEASE); }
  uint64_t handle() { return reinterpret_cast<uint64_t>(static_cast<dev::Signal*>(this)); }
};

// One process's view of a node; several in one test stand for several
// processes (each registers on its own).
class TestDevice {
 public:
  explicit TestDevice(const NodeConfig& c) : config(c) {
    space.map(4096, (1ull << 47) - 4096, true);
    host.memory = &space;
    NodeCallbacks callbacks;
    callbacks.context = this;
    callbacks.raise_event = [](void* self, uint32_t id) {
      auto* t = static_cast<TestDevice*>(self);
      std::lock_guard<std::mutex> lock(t->mutex);
      t->events.push_back(id);
    };
    callbacks.queue_error = [](void* self, uint32_t, uint32_t id, const isa::Fault& f) {
      auto* t = static_cast<TestDevice*>(self);
      std::lock_guard<std::mutex> lock(t->mutex);
      t->errors.push_back({id, f});
    };
    device = Device::open(config, host, callbacks, error);
    // A device is never freed; kept in sight of the leak checker.
    static auto& devices = *new std::vector<Device*>;
    devices.push_back(device);
  }
  ~TestDevice() { unlink(dev::node_path(config.name).c_str()); }

  struct Error {
    uint32_t queue;
    isa::Fault fault;
  };
  size_t error_count() {
    std::lock_guard<std::mutex> lock(mutex);
    return errors.size();
  }
  bool raised(uint32_t event) {
    std::lock_guard<std::mutex> lock(mutex);
    for (uint32_t e : events) {
      if (e == event) return true;
    }
    return false;
  }
  QueueView view(uint32_t id) {
    for (const QueueView& v : list_queues(config.name)) {
      if (v.queue_id == id) return v;
    }
    return {};
  }

  NodeConfig config;
  AddressSpace space;
  isa::Host host;
  std::string error;
  Device* device = nullptr;  // leaked, as the node does
  std::mutex mutex;
  std::vector<Error> errors;
  std::vector<uint32_t> events;
};

// An AQL queue.
class TestQueue {
 public:
  TestQueue(TestDevice& d, uint32_t id, uint32_t priority = 7, uint32_t percent = 100,
            uint64_t packets = 256)
      : owner(d), ring(packets * 64, 0) {
    storage = static_cast<uint8_t*>(aligned_alloc(64, packets * 64));
    memset(storage, 0, packets * 64);
    for (uint64_t i = 0; i < packets; ++i) storage[i * 64] = dev::kPacketInvalid;
    amd_queue = static_cast<uint8_t*>(aligned_alloc(64, dev::kAmdQueueBytes));
    memset(amd_queue, 0, dev::kAmdQueueBytes);
    const uint64_t h = inactive.handle();
    memcpy(amd_queue + dev::kAmdQueueInactiveSignal, &h, 8);
    params.id = id;
    params.ring = storage;
    params.ring_bytes = packets * 64;
    params.read_index = reinterpret_cast<uint64_t*>(amd_queue + 128);
    params.write_index = reinterpret_cast<uint64_t*>(amd_queue + dev::kAmdQueueWriteIndex);
    params.doorbell = &doorbell;
    params.percent = percent;
    params.priority = priority;
    created = d.device->create_queue(params);
  }
  ~TestQueue() {
    if (created == 0) owner.device->destroy_queue(params.id);
    free(storage);
    free(amd_queue);
  }

  uint64_t read() const { return __atomic_load_n(params.read_index, __ATOMIC_ACQUIRE); }
  template <typename Packet>
  uint64_t put(Packet p, uint16_t type, bool ring_it = true) {
    const uint64_t index = write++;
    uint8_t* slot = storage + index * 64 % params.ring_bytes;
    memcpy(slot + 2, reinterpret_cast<uint8_t*>(&p) + 2, 62);
    __atomic_store_n(reinterpret_cast<uint16_t*>(slot), type, __ATOMIC_RELEASE);
    __atomic_store_n(params.write_index, write, __ATOMIC_RELEASE);
    if (ring_it) bell(index);
    return index;
  }
  void bell(uint64_t index) { __atomic_store_n(&doorbell, index, __ATOMIC_RELEASE); }
  static dev::DispatchPacket packet(FakeKernel& k, uint32_t groups, TestSignal* done) {
    dev::DispatchPacket p{};
    p.setup = 1;
    p.workgroup_x = 64;
    p.workgroup_y = p.workgroup_z = 1;
    p.grid_x = groups * 64;
    p.grid_y = p.grid_z = 1;
    p.kernel_object = reinterpret_cast<uint64_t>(&k);
    p.completion = done != nullptr ? done->handle() : 0;
    return p;
  }
  uint64_t launch(FakeKernel& k, uint32_t groups, TestSignal* done = nullptr) {
    return put(packet(k, groups, done), dev::kPacketDispatch);
  }
  int update(uint32_t percent) {
    return owner.device->update_queue(params.id, percent, params.priority,
                                      reinterpret_cast<uint64_t>(storage), params.ring_bytes);
  }
  QueueView view() { return owner.view(params.id); }

  TestDevice& owner;
  std::vector<uint8_t> ring;
  uint8_t* storage;
  uint8_t* amd_queue;
  uint64_t doorbell = ~0ull;
  uint64_t write = 0;
  TestSignal inactive{0};
  QueueParams params;
  int created;
};

}  // namespace xsim::test
