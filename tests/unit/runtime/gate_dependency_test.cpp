// SPDX-License-Identifier: Apache-2.0
//
// Dependencies: the gate knows whether its hardware ring waits for others,
// reports each such barrier while somebody watches, and a boost lets packets
// pass that the scheduler stops, but not a hold.
#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "runtime/gate/gate.h"

namespace xsched {
namespace {

struct FakeSignal {  // as amd_signal_t begins: kind, value
  int64_t kind = 1;
  int64_t value = 1;
};

struct Waiter {
  std::vector<Packet> proxy{64}, hardware{64};
  uint64_t proxy_write = 0, proxy_read = 0, write = 0, read = 0;
  Slot slot{};
  std::atomic<uint32_t> watch{1};
  int attended = 0;
  Gate gate;

  Waiter() : gate(ring(), source(), slot, listener()) { slot.control.run = 1; }

  HardwareRing ring() {
    HardwareRing r;
    for (Packet& packet : hardware) packet.header = kPacketInvalid;
    r.base = hardware.data();
    r.packets = hardware.size();
    r.write_index = &write;
    r.read_index = &read;
    r.doorbell = [](void*, uint64_t) {};
    return r;
  }
  ProxyRing source() {
    for (Packet& packet : proxy) packet.header = kPacketInvalid;
    return {proxy.data(), proxy.size(), &proxy_write, &proxy_read};
  }
  Gate::Listener listener() {
    Gate::Listener l;
    l.edge = [](void*) {};
    l.attend = [](void* self) { ++static_cast<Waiter*>(self)->attended; };
    l.context = this;
    l.watch = &watch;
    return l;
  }
  void submit(uint32_t type, const FakeSignal* dependency = nullptr) {
    Packet& packet = proxy[proxy_write++ % proxy.size()];
    packet.body[0] = reinterpret_cast<uint64_t>(dependency);
    packet.header = type;
    gate.pump();
  }
};

TEST(GateDependency, WaitsUntilTheSignalHappens) {
  Waiter w;
  FakeSignal signal;
  w.submit(kPacketKernel, &signal);  // a kernel's first word is no dependency
  EXPECT_FALSE(w.gate.waits_for_others());
  w.submit(kPacketBarrierAnd);
  EXPECT_FALSE(w.gate.waits_for_others());
  w.submit(kPacketBarrierAnd, &signal);
  EXPECT_TRUE(w.gate.waits_for_others());
  signal.value = 0;
  EXPECT_FALSE(w.gate.waits_for_others());
}

// Of the next packet alone: what stands behind work does not stall it yet.
TEST(GateDependency, IsStalledOnTheSignalsOfItsNextPacket) {
  Waiter w;
  FakeSignal done{1, 0}, first, second;
  Gate::Dependencies handles;
  w.submit(kPacketKernel);
  w.submit(kPacketBarrierAnd, &first);
  w.submit(kPacketBarrierAnd, &second);
  EXPECT_EQ(w.gate.stalled_on(handles), 0u);
  store_release(w.hardware[0].header, static_cast<uint32_t>(kPacketInvalid));
  ASSERT_EQ(w.gate.stalled_on(handles), 1u) << "processed, though the read index lags";
  EXPECT_EQ(handles[0], reinterpret_cast<uint64_t>(&first));
  store_release(w.read, uint64_t{1});
  EXPECT_EQ(w.gate.stalled_on(handles), 1u);
  first.value = 0;
  EXPECT_EQ(w.gate.stalled_on(handles), 0u);
  store_release(w.read, uint64_t{2});
  ASSERT_EQ(w.gate.stalled_on(handles), 1u);
  EXPECT_EQ(handles[0], reinterpret_cast<uint64_t>(&second));
  w.submit(kPacketBarrierAnd, &done);
  store_release(w.read, uint64_t{3});
  EXPECT_EQ(w.gate.stalled_on(handles), 0u);
}

TEST(GateDependency, OurOwnGuardIsNobodysWork) {
  Waiter w;
  FakeSignal guard;
  Gate::Dependencies handles;
  GateSignals signals;
  signals.guard_handle = reinterpret_cast<uint64_t>(&guard);
  signals.guard_value = &guard.value;
  w.gate.set_signals(signals);
  w.slot.control.guard = 1;
  w.submit(kPacketKernel);
  w.submit(kPacketBarrierAnd, &guard);  // more than the gate itself would watch
  ASSERT_EQ(w.write, 3u) << "a guard, the kernel, the barrier";
  EXPECT_FALSE(w.gate.waits_for_others());
  EXPECT_EQ(w.gate.stalled_on(handles), 0u);
}

// hipStreamWaitValue, and ROCr's own waits for a value.
TEST(GateDependency, ABarrierValuePacketWaitsForItsCondition) {
  constexpr uint32_t kBarrierValue = kPacketVendor | 2u << 16;
  struct Row {
    uint64_t condition;
    int64_t fulfilled, awaited;
  };
  for (const Row& row : {Row{0, 5, 4}, Row{1, 4, 5}, Row{2, 4, 5}, Row{3, 5, 4}}) {
    Waiter w;
    FakeSignal signal;
    signal.value = row.awaited | 0x100;  // outside the mask
    Packet& packet = w.proxy[0];
    packet.body[1] = 5;
    packet.body[2] = 0xff;
    packet.body[3] = row.condition;
    w.submit(kBarrierValue, &signal);
    EXPECT_EQ(w.gate.wants(), Gate::kWantsWatch);
    EXPECT_TRUE(w.gate.waits_for_others()) << row.condition;
    signal.value = row.fulfilled | 0x100;
    EXPECT_FALSE(w.gate.waits_for_others()) << row.condition;
  }
  Waiter w;
  w.proxy[0].body[1] = 5;
  w.submit(kBarrierValue, nullptr);
  EXPECT_FALSE(w.gate.waits_for_others()) << "it may carry no signal";
  w.submit(kPacketVendor | 1u << 16, nullptr);
  EXPECT_FALSE(w.gate.waits_for_others()) << "pm4 waits for no signal";
}

TEST(GateDependency, RetiredBarriersAreNotLookedAt) {
  Waiter w;
  FakeSignal signal;
  w.submit(kPacketBarrierOr, &signal);
  EXPECT_TRUE(w.gate.waits_for_others());
  w.read = w.write;
  EXPECT_FALSE(w.gate.waits_for_others());
}

TEST(GateDependency, EachBarrierIsReportedWhileWatched) {
  Waiter w;
  FakeSignal first, second;
  w.submit(kPacketBarrierAnd, &first);
  EXPECT_EQ(w.attended, 1);
  EXPECT_EQ(w.gate.wants(), Gate::kWantsWatch);
  w.submit(kPacketBarrierAnd, &second);
  EXPECT_EQ(w.attended, 2) << "the dispatcher may have looked before this one entered";
  w.submit(kPacketKernel);
  EXPECT_EQ(w.attended, 2);
  w.read = w.write;
  w.gate.pump();
  EXPECT_EQ(w.gate.wants(), Gate::kWantsNothing);
}

TEST(GateDependency, NobodyWatchesNobodyIsTold) {
  Waiter w;
  w.watch = 0;
  FakeSignal signal;
  w.submit(kPacketBarrierAnd, &signal);
  EXPECT_EQ(w.attended, 0);
  EXPECT_TRUE(w.gate.waits_for_others());
}

TEST(GateDependency, BoostPassesASuspendButNotAHold) {
  Waiter w;
  w.slot.control.run = 0;
  w.submit(kPacketKernel);
  EXPECT_EQ(w.write, 0u);
  w.gate.boost(true);
  w.gate.hold(true);
  w.gate.pump();
  EXPECT_EQ(w.write, 0u);
  w.gate.hold(false);
  w.gate.pump();
  EXPECT_EQ(w.write, 1u);
  w.gate.boost(false);
  w.submit(kPacketKernel);
  EXPECT_EQ(w.write, 1u);
}

}  // namespace
}  // namespace xsched
