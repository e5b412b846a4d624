// SPDX-License-Identifier: Apache-2.0
//
// Illegal packets, instructions and addresses: a queue error, nothing worse.
#include "fixture.h"

namespace xsim::test {
namespace {

struct Row {
  const char* what;
  int64_t inactive;
  uint32_t exception;
  const char* text;
  std::function<void(TestQueue&, FakeKernel&, TestSignal&)> submit;
};

class Errors : public ::testing::TestWithParam<Row> {};

dev::DispatchPacket with(FakeKernel& k, const std::function<void(dev::DispatchPacket&)>& change) {
  dev::DispatchPacket p = TestQueue::packet(k, 4, nullptr);
  change(p);
  return p;
}

TEST_P(Errors, StopTheQueueAndTellTheApplication) {
  const Row& row = GetParam();
  TestDevice d(test_config());
  // A page that no kernel may touch.
  d.space.unmap(4096);
  d.space.map(1 << 20, (1ull << 47) - (1 << 20), true);
  TestQueue q(d, 1);
  uint64_t reason = 0, mailbox = 0;
  TestQueue informed(d, 2);
  ASSERT_EQ(d.device->destroy_queue(2), 0);
  informed.params.error_reason = &reason;
  informed.params.error_event = 6;
  ASSERT_EQ(d.device->create_queue(informed.params), 0);
  q.inactive.mailbox = reinterpret_cast<uint64_t>(&mailbox);
  q.inactive.event_id = 5;
  FakeKernel k, good;
  TestSignal done, after;
  row.submit(q, k, done);
  ASSERT_TRUE(eventually([&] { return d.raised(5); }));
  EXPECT_EQ(q.inactive.load(), row.inactive);
  EXPECT_EQ(mailbox, 5u);
  ASSERT_EQ(d.error_count(), 1u);
  EXPECT_EQ(d.errors[0].queue, 1u);
  EXPECT_NE(d.errors[0].fault.text.find(row.text), std::string::npos) << d.errors[0].fault.text;
  EXPECT_EQ(d.errors[0].fault.text.find('\n'), std::string::npos);
  EXPECT_EQ(done.load(), 1);
  EXPECT_EQ(q.view().cu_units, 0u);
  EXPECT_FALSE(q.view().mapped);
  EXPECT_EQ(q.read(), 0u);
  // ROCr unmaps the queue in its handler.
  EXPECT_EQ(q.update(0), 0);
  EXPECT_EQ(q.update(100), 0);
  // The process goes on.
  informed.launch(good, 3, &after);
  EXPECT_TRUE(eventually([&] { return after.load() == 0; }));
  row.submit(informed, k, done);
  EXPECT_TRUE(eventually([&] { return d.raised(6); }));
  EXPECT_EQ(reason, 1ull << (row.exception - 1));
}

constexpr int64_t kIllegal = 0x40000000, kAperture = 0x20000000;

INSTANTIATE_TEST_SUITE_P(
    Packets, Errors,
    ::testing::Values(Row{"dimensions", 2, 16, "0 dimensions",
                          [](TestQueue& q, FakeKernel& k, TestSignal&) {
                            q.put(with(k, [](auto& p) { p.setup = 0; }), dev::kPacketDispatch);
                          }},
                      Row{"grid", 2, 16, "empty grid",
                          [](TestQueue& q, FakeKernel& k, TestSignal&) {
                            q.put(with(k, [](auto& p) { p.grid_y = 0; }), dev::kPacketDispatch);
                          }},
                      Row{"workgroup", 2, 16, "empty workgroup",
                          [](TestQueue& q, FakeKernel& k, TestSignal&) {
                            q.put(with(k, [](auto& p) { p.workgroup_z = 0; }),
                                  dev::kPacketDispatch);
                          }},
                      Row{"size", 64, 21, "workgroup of 1040",
                          [](TestQueue& q, FakeKernel& k, TestSignal&) {
                            q.put(with(k, [](auto& p) { p.workgroup_x = 65, p.workgroup_y = 16; }),
                                  dev::kPacketDispatch);
                          }},
                      Row{"lds", 4, 17, "65537",
                          [](TestQueue& q, FakeKernel& k, TestSignal&) {
                            q.put(with(k, [](auto& p) { p.group_bytes = 65537; }),
                                  dev::kPacketDispatch);
                          }},
                      Row{"null_code", 8, 18, "kernel object 0x0",
                          [](TestQueue& q, FakeKernel& k, TestSignal&) {
                            q.put(with(k, [](auto& p) { p.kernel_object = 0; }),
                                  dev::kPacketDispatch);
                          }},
                      Row{"misaligned_code", 8, 18, "kernel object",
                          [](TestQueue& q, FakeKernel& k, TestSignal&) {
                            q.put(with(k, [](auto& p) { p.kernel_object += 8; }),
                                  dev::kPacketDispatch);
                          }},
                      Row{"unmapped_code", 8, 18, "kernel object 0x2000",
                          [](TestQueue& q, FakeKernel& k, TestSignal&) {
                            q.put(with(k, [](auto& p) { p.kernel_object = 0x2000; }),
                                  dev::kPacketDispatch);
                          }},
                      Row{"refused", 8, 18, "a descriptor nobody can read",
                          [](TestQueue& q, FakeKernel& k, TestSignal&) {
                            k.name = "refused";
                            q.launch(k, 1);
                          }},
                      Row{"agent", 32, 20, "packet type 4",
                          [](TestQueue& q, FakeKernel& k, TestSignal&) {
                            q.put(with(k, [](auto&) {}), dev::kPacketAgentDispatch);
                          }},
                      Row{"unknown", 32, 20, "packet type 200",
                          [](TestQueue& q, FakeKernel& k, TestSignal&) {
                            q.put(with(k, [](auto&) {}), 200);
                          }},
                      Row{"vendor", 256, 23, "vendor packet format 9",
                          [](TestQueue& q, FakeKernel&, TestSignal&) {
                            dev::BarrierValuePacket p{};
                            p.format = 9;
                            q.put(p, dev::kPacketVendor);
                          }},
                      Row{"condition", 256, 23, "condition 4",
                          [](TestQueue& q, FakeKernel&, TestSignal&) {
                            dev::BarrierValuePacket p{};
                            p.format = dev::kVendorBarrierValue;
                            p.condition = 4;
                            q.put(p, dev::kPacketVendor);
                          }},
                      Row{"pm4", 256, 23, "not an indirect buffer",
                          [](TestQueue& q, FakeKernel&, TestSignal&) {
                            dev::Pm4Packet p{};
                            p.format = dev::kVendorPm4;
                            p.jump[0] = 0xc0001000;
                            q.put(p, dev::kPacketVendor);
                          }},
                      Row{"pm4_opcode", 256, 23, "pm4 opcode 0x76",
                          [](TestQueue& q, FakeKernel&, TestSignal&) {
                            alignas(8) static uint32_t ib[3] = {0xc0017600, 0, 0};
                            dev::Pm4Packet p{};
                            p.format = dev::kVendorPm4;
                            p.jump[0] = 3u << 30 | 2u << 16 | 0x3fu << 8;
                            p.jump[1] = static_cast<uint32_t>(reinterpret_cast<uint64_t>(ib));
                            p.jump[2] = static_cast<uint32_t>(reinterpret_cast<uint64_t>(ib) >> 32);
                            p.jump[3] = 3;
                            q.put(p, dev::kPacketVendor);
                          }},
                      Row{"pm4_address", kAperture, 6, "pm4 buffer 0x3000",
                          [](TestQueue& q, FakeKernel&, TestSignal&) {
                            dev::Pm4Packet p{};
                            p.format = dev::kVendorPm4;
                            p.jump[0] = 3u << 30 | 2u << 16 | 0x3fu << 8;
                            p.jump[1] = 0x3000;
                            p.jump[3] = 3;
                            q.put(p, dev::kPacketVendor);
                          }},
                      Row{"completion", kAperture, 6, "completion signal 0x1000",
                          [](TestQueue& q, FakeKernel& k, TestSignal&) {
                            q.put(with(k, [](auto& p) { p.completion = 0x1000; }),
                                  dev::kPacketDispatch);
                          }},
                      Row{"dependency", kAperture, 6, "barrier dependency 0x1008",
                          [](TestQueue& q, FakeKernel&, TestSignal&) {
                            dev::BarrierPacket p{};
                            p.dependency[4] = 0x1008;
                            q.put(p, dev::kPacketBarrierOr);
                          }},
                      Row{"illegal_instruction", kIllegal, 4, "kernel fake: v_bogus",
                          [](TestQueue& q, FakeKernel& k, TestSignal& done) {
                            k.fault.kind = isa::FaultKind::kIllegalInstruction;
                            k.fault.text = "v_bogus";
                            k.body = [](uint64_t index, uint32_t,
                                        const std::atomic<uint32_t>& stop) {
                              if (index == 5) return isa::Outcome::kFault;
                              return stop != 0 ? isa::Outcome::kPreempted : isa::Outcome::kYield;
                            };
                            q.launch(k, 40, &done);
                          }},
                      Row{"memory", kAperture, 6, "bad address",
                          [](TestQueue& q, FakeKernel& k, TestSignal& done) {
                            k.fault.kind = isa::FaultKind::kMemory;
                            k.fault.text = "bad address";
                            k.body = [](uint64_t, uint32_t, const std::atomic<uint32_t>&) {
                              return isa::Outcome::kFault;
                            };
                            q.launch(k, 1, &done);
                          }}),
    [](const auto& info) { return std::string(info.param.what); });

}  // namespace
}  // namespace xsim::test
