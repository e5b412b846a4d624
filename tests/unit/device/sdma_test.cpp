// SPDX-License-Identifier: Apache-2.0
//
// SDMA packets, as dwords in a ring.
#include "fixture.h"

namespace xsim::test {
namespace {

class Sdma : public ::testing::Test {
 protected:
  static constexpr uint64_t kRing = 4096;
  Sdma() : d(test_config()) {
    ring = static_cast<uint8_t*>(aligned_alloc(64, kRing));
    memset(ring, 0, kRing);
    params.id = 1;
    params.type = QueueType::kSdma;
    params.ring = ring;
    params.ring_bytes = kRing;
    params.read_index = &read;
    params.write_index = &write;
    params.doorbell = &doorbell;
    EXPECT_EQ(d.device->create_queue(params), 0);
  }
  ~Sdma() override {
    d.device->destroy_queue(1);
    free(ring);
  }
  void put(std::vector<uint32_t> dwords) {
    for (uint32_t v : dwords) {
      memcpy(ring + (write & (kRing - 1)), &v, 4);
      write += 4;
    }
    __atomic_store_n(&doorbell, write, __ATOMIC_RELEASE);
  }
  uint64_t done() const { return __atomic_load_n(&read, __ATOMIC_ACQUIRE); }
  bool finish() {
    return eventually([&] { return done() == write || d.error_count() != 0; }) &&
           d.error_count() == 0;
  }
  static uint32_t low(const void* p) {
    return static_cast<uint32_t>(reinterpret_cast<uint64_t>(p));
  }
  static uint32_t high(const void* p) {
    return static_cast<uint32_t>(reinterpret_cast<uint64_t>(p) >> 32);
  }
  TestDevice d;
  uint8_t* ring;
  QueueParams params;
  uint64_t read = 0, write = 0, doorbell = 0;
};

TEST_F(Sdma, CopiesLarge) {
  std::vector<uint8_t> from(5'000'001), to(5'000'001);
  for (size_t i = 0; i < from.size(); ++i) from[i] = static_cast<uint8_t>(i * 7 + i / 256);
  put({1, 5'000'000, 0, low(from.data()), high(from.data()), low(to.data()), high(to.data())});
  ASSERT_TRUE(finish());
  EXPECT_EQ(from, to);
}

TEST_F(Sdma, CopiesASubWindow) {
  // 4-byte elements; source 16 x 8 x 3, destination 20 x 9 x 4; a box of
  // 5 x 3 x 2 from (2, 1, 1) to (3, 4, 2).
  std::vector<uint32_t> from(16 * 8 * 3), to(20 * 9 * 4, 0), expected(20 * 9 * 4, 0);
  for (size_t i = 0; i < from.size(); ++i) from[i] = static_cast<uint32_t>(i + 1);
  for (int z = 0; z < 2; ++z) {
    for (int y = 0; y < 3; ++y) {
      for (int x = 0; x < 5; ++x) {
        expected[((z + 2) * 9 + y + 4) * 20 + x + 3] = from[((z + 1) * 8 + y + 1) * 16 + x + 2];
      }
    }
  }
  put({1 | 4 << 8 | 2u << 29, low(from.data()), high(from.data()), 2 | 1 << 16, 1 | 15 << 13,
       16 * 8 - 1, low(to.data()), high(to.data()), 3 | 4 << 16, 2 | 19 << 13, 20 * 9 - 1,
       4 | 2 << 16, 1});
  ASSERT_TRUE(finish());
  EXPECT_EQ(to, expected);
}

TEST_F(Sdma, Fills) {
  std::vector<uint32_t> words(1000, 1);
  put({11 | 2u << 30, low(words.data() + 1), high(words.data() + 1), 0xabcd1234, (997 - 1) * 4});
  ASSERT_TRUE(finish());
  EXPECT_EQ(words[0], 1u);
  for (int i = 1; i <= 997; ++i) ASSERT_EQ(words[i], 0xabcd1234u) << i;
  EXPECT_EQ(words[998], 1u);
  put({11, low(words.data()), high(words.data()), 0x55, 4});
  ASSERT_TRUE(finish());
  EXPECT_EQ(words[0], 0x55555555u);
  EXPECT_EQ(words[1], 0xabcd1255u);
}

TEST_F(Sdma, FenceAtomicTimestampWriteTrapNop) {
  alignas(8) uint32_t fence = 0;
  alignas(8) uint64_t counter = 10, time = 0;
  uint32_t data[3] = {};
  put({5, low(&fence), high(&fence), 42});
  put({10 | 47u << 25, low(&counter), high(&counter), 0xffffffff, 0xffffffff, 0, 0, 0});
  put({13 | 2 << 8, low(&time), high(&time)});
  put({2, low(data), high(data), 2, 7, 8, 9});
  put({3 << 16, 0xdead, 0xdead, 0xdead});  // nop with a body
  put({17 | 1 << 8, 0, 0, 0, 0});          // cache control
  put({8, 0, 0x80000000, 0, 0, 0});        // HDP flush
  put({6, 33});
  ASSERT_TRUE(finish());
  EXPECT_EQ(fence, 42u);
  EXPECT_EQ(counter, 9u);
  EXPECT_NE(time, 0u);
  EXPECT_EQ(data[0] + data[1] + data[2], 24u);
  EXPECT_TRUE(d.raised(33));
}

TEST_F(Sdma, PollWaits) {
  struct Row {
    uint32_t function, reference, before, after;
  };
  const Row rows[] = {{1, 5, 5, 4}, {2, 5, 6, 5}, {3, 5, 4, 5},
                      {4, 5, 5, 6}, {5, 5, 4, 5}, {6, 5, 5, 6}};
  for (const Row& r : rows) {
    alignas(8) uint32_t value = r.before | 0xf0, fence = 0;
    put({8 | r.function << 28 | 1u << 31, low(&value), high(&value), r.reference, 0x0f, 0xfff0004});
    put({5, low(&fence), high(&fence), 1});
    ASSERT_TRUE(eventually([&] { return d.view(1).has_work; }));
    EXPECT_EQ(__atomic_load_n(&fence, __ATOMIC_ACQUIRE), 0u) << "function " << r.function;
    __atomic_store_n(&value, r.after | 0xa0, __ATOMIC_RELEASE);
    ASSERT_TRUE(finish()) << "function " << r.function;
    EXPECT_EQ(fence, 1u);
    ASSERT_TRUE(eventually([&] { return !d.view(1).has_work; }));
  }
}

TEST_F(Sdma, PacketsWrapInTheRing) {
  alignas(8) uint64_t counter = 0;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(eventually([&] { return write - done() < kRing - 64; }));
    put({10 | 47u << 25, low(&counter), high(&counter), 1, 0, 0, 0, 0});
    put({0});
  }
  ASSERT_TRUE(finish());
  EXPECT_EQ(counter, 1000u);
}

TEST_F(Sdma, UnmapsBetweenPackets) {
  alignas(8) uint32_t gate = 0, fence = 0;
  put({8 | 3u << 28 | 1u << 31, low(&gate), high(&gate), 1, ~0u, 0xfff0004});
  put({5, low(&fence), high(&fence), 1});
  ASSERT_TRUE(eventually([&] { return d.view(1).has_work; }));
  const uint64_t base = reinterpret_cast<uint64_t>(ring);
  ASSERT_EQ(d.device->update_queue(1, 0, 7, base, kRing), 0);
  EXPECT_FALSE(d.view(1).mapped);
  __atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
  ASSERT_EQ(d.device->update_queue(1, 0, 7, base, kRing), 0);
  EXPECT_EQ(__atomic_load_n(&fence, __ATOMIC_ACQUIRE), 0u);
  ASSERT_EQ(d.device->update_queue(1, 100, 7, base, kRing), 0);
  EXPECT_TRUE(finish());
}

TEST_F(Sdma, IllegalPacketsAreQueueErrors) {
  struct Row {
    std::vector<uint32_t> dwords;
    const char* text;
  };
  alignas(8) uint64_t ok = 0;
  const Row rows[] = {
      {{99}, "opcode 99.0"},
      {{1 | 7 << 8, 0, 0, 0, 0, 0, 0}, "opcode 1.7"},
      {{1, 7, 0, 0x100, 0, low(&ok), high(&ok)}, "copy source at 0x100"},
      {{1, 7, 0, low(&ok), high(&ok), 0x200, 0}, "copy destination at 0x200"},
      {{1, 0x3fffffff, 0, low(&ok), high(&ok), 0xfffff000, 0x7fff}, "mapped"},
      {{5, 0x300, 0, 1}, "fence at 0x300"},
      {{5, low(&ok) + 1, high(&ok), 1}, "aligned"},
      {{8 | 3u << 28 | 1u << 31, 0x400, 0, 1, 1, 1}, "poll at 0x400"},
      {{10 | 12u << 25, low(&ok), high(&ok), 1, 0, 0, 0, 0}, "atomic 12"},
      {{11 | 2u << 30, 0x500, 0, 0, 4}, "fill at 0x500"},
      {{13 | 2 << 8, 0x600, 0}, "timestamp at 0x600"},
      {{2, 0x700, 0, 0, 1}, "write at 0x700"},
      {{1 | 4 << 8 | 2u << 29, 0x800, 0, 0, 0, 0, low(&ok), high(&ok), 0, 0, 0, 0, 0},
       "sub-window source at 0x800"},
  };
  for (const Row& r : rows) {
    const uint64_t before = write;
    put(r.dwords);
    ASSERT_TRUE(eventually([&] { return d.error_count() == 1; })) << r.text;
    EXPECT_NE(d.errors[0].fault.text.find(r.text), std::string::npos) << d.errors[0].fault.text;
    EXPECT_EQ(done(), before);
    d.device->destroy_queue(1);
    d.errors.clear();
    read = write = doorbell = 0;
    ASSERT_EQ(d.device->create_queue(params), 0);
  }
}

}  // namespace
}  // namespace xsim::test
