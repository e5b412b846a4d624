// SPDX-License-Identifier: Apache-2.0
//
// The core under several threads at once (what TSan is run for): no operation
// happens twice on one queue, and in the end nothing is suspended.
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "tests/unit/kmod/fixture.h"

namespace kmod_test {
namespace {

TEST(Threads, ManyFilesOnTheSameQueues) {
  Node node;
  xs_file* app = node.Open();
  std::vector<uint64_t> queues;
  for (uint32_t i = 0; i < 8; ++i) queues.push_back(node.Register(app, i, 1 + i % 2));
  node.mock->delay_us = 5;
  std::vector<xs_file*> files;
  for (int i = 0; i < 4; ++i) files.push_back(node.Open(XS_FILE_CONTROL));
  std::atomic<bool> stop{false};
  std::thread ticker([&] {
    while (!stop.load()) {
      __atomic_fetch_add(&node.time, kMs, __ATOMIC_RELAXED);
      xs_core_tick(node.core);
      std::this_thread::yield();
    }
  });
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(static_cast<unsigned>(t));
      for (int i = 0; i < 300; ++i) {
        std::vector<uint64_t> some;
        for (uint64_t q : queues)
          if (random() % 2) some.push_back(q);
        if (some.empty()) continue;
        if (random() % 2)
          node.Suspend(files[t], some, 1 + random() % 20);
        else
          node.Resume(files[t], some, XSCHED_ITEMS_PARTIAL);
      }
    });
  }
  // A queue comes and goes meanwhile.
  for (uint32_t i = 0; i < 50; ++i) {
    uint64_t q = node.Register(app, 100 + i);
    node.Suspend(app, {q});
    xsched_unregister_queue u{sizeof(u), 0, q};
    EXPECT_EQ(node.Call(app, XSCHED_IOC_UNREGISTER_QUEUE, &u), 0);
  }
  for (std::thread& thread : threads) thread.join();
  stop.store(true);
  ticker.join();
  for (xs_file* file : files) node.Close(file);
  EXPECT_EQ(xs_mock_suspended(node.mock), 0u);
  EXPECT_EQ(node.mock->violations, 0u);
}

}  // namespace
}  // namespace kmod_test
