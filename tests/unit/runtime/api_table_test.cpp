// SPDX-License-Identifier: Apache-2.0
//
// HSA's API table, of this ROCr and of others: a fake one, every entry of which
// is a function that must not be called unless the test says so.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <vector>

#include "runtime/hsa/api.h"

namespace xsched::test {
namespace {

// Where ROCr > 7.2 has hsa_amd_counted_queue_acquire and _release.
constexpr size_t kCountedAcquire = 624, kCountedRelease = 632, kNewAmdBytes = 688;

using Entry = void (*)();
void untouched() {
  FAIL() << "an entry that nobody should call";
}

struct FakeTable {
  std::vector<uint64_t> amd_words = std::vector<uint64_t>(kNewAmdBytes / 8 + 1);
  CoreApiTable core{};
  HsaApiTable table{};

  FakeTable(size_t core_bytes, size_t amd_bytes) {
    fill(&core, sizeof core);
    fill(amd_words.data(), amd_words.size() * 8);
    core.version.major_id = HSA_CORE_API_TABLE_MAJOR_VERSION;
    core.version.minor_id = static_cast<uint32_t>(core_bytes);
    amd().version.major_id = HSA_AMD_EXT_API_TABLE_MAJOR_VERSION;
    amd().version.minor_id = static_cast<uint32_t>(amd_bytes);
    table.core_ = &core;
    table.amd_ext_ = &amd();
  }
  ~FakeTable() { uninstall_api(); }

  static void fill(void* part, size_t bytes) {
    const Entry entry = untouched;
    for (size_t at = sizeof(ApiTableVersion); at + sizeof entry <= bytes; at += sizeof entry) {
      std::memcpy(static_cast<char*>(part) + at, &entry, sizeof entry);
    }
  }
  AmdExtTable& amd() { return *reinterpret_cast<AmdExtTable*>(amd_words.data()); }
  template <typename T = Entry>
  T amd_entry(size_t offset) {
    T entry;
    std::memcpy(&entry, reinterpret_cast<char*>(amd_words.data()) + offset, sizeof entry);
    return entry;
  }
};

template <typename F>
bool is_untouched(F entry) {
  return reinterpret_cast<Entry>(entry) == untouched;
}

hsa_queue_t g_counted{};
int g_passed_stores = 0;

using CountedAcquire = hsa_status_t (*)(hsa_agent_t, hsa_queue_type32_t, hsa_amd_queue_priority_t,
                                        void (*)(hsa_status_t, hsa_queue_t*, void*), void*,
                                        uint64_t, hsa_queue_t**);
hsa_status_t fake_acquire(hsa_agent_t agent, hsa_queue_type32_t, hsa_amd_queue_priority_t,
                          void (*)(hsa_status_t, hsa_queue_t*, void*), void*, uint64_t flags,
                          hsa_queue_t** queue) {
  EXPECT_EQ(agent.handle, 5u);
  EXPECT_EQ(flags, 6u);
  *queue = &g_counted;
  return HSA_STATUS_SUCCESS;
}

TEST(ApiTable, ANewerTableKeepsWhatWeDoNotKnow) {
  FakeTable fake(sizeof(CoreApiTable), kNewAmdBytes);
  ASSERT_TRUE(install_api(&fake.table));
  EXPECT_FALSE(is_untouched(fake.core.hsa_queue_create_fn));
  EXPECT_FALSE(is_untouched(fake.core.hsa_signal_store_screlease_fn));
  EXPECT_TRUE(is_untouched(fake.core.hsa_signal_create_fn));
  for (size_t at = sizeof(AmdExtTable); at < kNewAmdBytes; at += 8) {
    EXPECT_EQ(fake.amd_entry(at) == untouched, at != kCountedAcquire) << at;
  }
}

TEST(ApiTable, ACountedQueuePassesByWithItsDoorbell) {
  FakeTable fake(sizeof(CoreApiTable), kNewAmdBytes);
  const CountedAcquire acquire = fake_acquire;
  std::memcpy(reinterpret_cast<char*>(fake.amd_words.data()) + kCountedAcquire, &acquire,
              sizeof acquire);
  fake.core.hsa_signal_store_screlease_fn = [](hsa_signal_t, hsa_signal_value_t) {
    ++g_passed_stores;
  };
  ASSERT_TRUE(install_api(&fake.table));
  hsa_queue_t* queue = nullptr;
  const auto entered = fake.amd_entry<CountedAcquire>(kCountedAcquire);
  EXPECT_NE(entered, acquire);
  EXPECT_EQ(entered({5}, HSA_QUEUE_TYPE_MULTI, HSA_AMD_QUEUE_PRIORITY_NORMAL, nullptr, nullptr, 6,
                    &queue),
            HSA_STATUS_SUCCESS);
  EXPECT_EQ(queue, &g_counted);
  g_passed_stores = 0;
  fake.core.hsa_signal_store_screlease_fn(queue->doorbell_signal, 1);
  EXPECT_EQ(g_passed_stores, 1);
  EXPECT_EQ(fake.amd_entry(kCountedRelease), untouched);
}

// Bytes behind the end belong to somebody else.
TEST(ApiTable, AnOlderTableIsNotWrittenBeyondItsEnd) {
  const size_t amd_bytes = offsetof(AmdExtTable, hsa_amd_queue_cu_get_mask_fn);
  FakeTable fake(sizeof(CoreApiTable), amd_bytes);
  ASSERT_TRUE(install_api(&fake.table));
  EXPECT_FALSE(is_untouched(fake.amd().hsa_amd_queue_cu_set_mask_fn));
  for (size_t at = amd_bytes; at < kNewAmdBytes; at += 8) {
    EXPECT_EQ(fake.amd_entry(at), untouched) << at;
  }
  EXPECT_EQ(next_api().amd.hsa_amd_queue_get_info_fn, nullptr);
}

TEST(ApiTable, ATableWithoutQueueFunctionsIsRefused) {
  FakeTable fake(sizeof(ApiTableVersion), kNewAmdBytes);
  EXPECT_FALSE(install_api(&fake.table));
  EXPECT_TRUE(is_untouched(fake.core.hsa_queue_create_fn));
  EXPECT_FALSE(install_api(nullptr));
}

}  // namespace
}  // namespace xsched::test
