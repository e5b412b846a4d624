// SPDX-License-Identifier: Apache-2.0
//
// The thread that makes xschedd's calls to the module, against a device that
// counts them.
#include "tools/xschedd/module_worker.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <map>
#include <mutex>
#include <set>

namespace xsched::test {
namespace {

class ModuleWorkerTest : public ::testing::Test {
 protected:
  ModuleWorkerTest() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    worker_.start(ModuleFile(call, this), event_.get());
  }
  ~ModuleWorkerTest() override { worker_.stop(); }

  // The next report; only a broken worker does not come with one.
  ModuleReport next_report() {
    ModuleReport report;
    pollfd fd{event_.get(), POLLIN, 0};
    EXPECT_EQ(poll(&fd, 1, 60'000), 1);
    uint64_t count;
    EXPECT_EQ(read(event_.get(), &count, sizeof count), static_cast<ssize_t>(sizeof count));
    worker_.report(report);
    return report;
  }
  // Until the worker has got as far as this; reports come on the way.
  ModuleReport report_of(uint64_t version) {
    ModuleReport report = next_report();
    while (report.version < version) report = next_report();
    return report;
  }
  int calls(unsigned long request) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return calls_[request];
  }
  std::set<uint64_t> held() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return held_;
  }

  static int call(void* context, unsigned long request, void* argument) {
    return static_cast<ModuleWorkerTest*>(context)->answer(request, argument);
  }
  int answer(unsigned long request, void* argument) {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++calls_[request];
    if (request == XSCHED_IOC_SUSPEND) {
      auto& arg = *static_cast<xsched_suspend*>(argument);
      if (limited_ > 0) {
        --limited_;
        arg.retry_us = 1000;
        return EAGAIN;
      }
      if (refuse_all_ != 0) return refuse_all_;
      auto* items = reinterpret_cast<xsched_item*>(arg.items);
      for (uint32_t i = 0; i < arg.count; ++i) {
        items[i].status = items[i].handle == bad_ ? -EIO : 0;
        if (items[i].status == 0) held_.insert(items[i].handle);
      }
    } else if (request == XSCHED_IOC_RESUME) {
      auto& arg = *static_cast<xsched_resume*>(argument);
      auto* items = reinterpret_cast<xsched_item*>(arg.items);
      for (uint32_t i = 0; i < arg.count; ++i) held_.erase(items[i].handle);
    } else if (request == XSCHED_IOC_RENEW) {
      static_cast<xsched_renew*>(argument)->renewed =
          static_cast<uint32_t>(expired_ ? 0 : held_.size());
      if (expired_) held_.clear();
      expired_ = false;
    } else if (request == XSCHED_IOC_LIST_QUEUES) {
      auto& arg = *static_cast<xsched_list_queues*>(argument);
      auto& row = *reinterpret_cast<xsched_queue_info*>(arg.entries);
      row.handle = arg.cursor + 1;
      row.pid = 42;
      row.gpu_id = 1;
      row.queue_id = 9;
    }
    return 0;
  }

  std::mutex mutex_;
  std::map<unsigned long, int> calls_;
  std::set<uint64_t> held_;
  int limited_ = 0;
  int refuse_all_ = 0;
  uint64_t bad_ = 0;
  bool expired_ = false;
  Fd event_;
  ModuleWorker worker_;
};

TEST_F(ModuleWorkerTest, AllVictimsOfADecisionGoInOneCall) {
  ModuleReport report = report_of(worker_.want({1, 2, 3, 4, 5}));
  EXPECT_EQ(report.held.size(), 5u);
  EXPECT_EQ(calls(XSCHED_IOC_SUSPEND), 1);
  report = report_of(worker_.want({5}));
  EXPECT_EQ(held(), (std::set<uint64_t>{5}));
  EXPECT_EQ(calls(XSCHED_IOC_RESUME), 1);
  EXPECT_EQ(calls(XSCHED_IOC_SUSPEND), 1) << "what is held is not suspended again";
}

TEST_F(ModuleWorkerTest, TheSameSetCostsNothing) {
  const uint64_t version = worker_.want({1});
  report_of(version);
  EXPECT_EQ(worker_.want({1}), version);
  EXPECT_EQ(calls(XSCHED_IOC_SUSPEND), 1);
}

TEST_F(ModuleWorkerTest, ARateLimitIsWaitedFor) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    limited_ = 2;
  }
  // The waiting may be over before the first report is looked at.
  ModuleReport report = report_of(worker_.want({1}));
  while (report.held.empty()) report = next_report();
  EXPECT_EQ(calls(XSCHED_IOC_SUSPEND), 3) << "not reported before it holds";
  EXPECT_EQ(report.broken, 0);
  EXPECT_EQ(report.refused, 2u);
}

TEST_F(ModuleWorkerTest, OneQueueThatFailsIsReportedAndNotTriedAgain) {
  bad_ = 2;
  ModuleReport report = report_of(worker_.want({1, 2}));
  ASSERT_EQ(report.failed.size(), 1u);
  EXPECT_EQ(report.failed[0].handle, 2u);
  EXPECT_EQ(report.failed[0].error, EIO);
  EXPECT_EQ(report.held, (std::vector<uint64_t>{1}));
  report_of(worker_.want({1, 2, 3}));
  EXPECT_EQ(held(), (std::set<uint64_t>{1, 3}));
}

TEST_F(ModuleWorkerTest, AModuleThatRefusesToWorkIsReported) {
  refuse_all_ = ENODEV;
  EXPECT_EQ(report_of(worker_.want({1})).broken, ENODEV);
}

TEST_F(ModuleWorkerTest, LeasesAreRenewedWhenToldAndOnlyThen) {
  report_of(worker_.want({1}));
  report_of(worker_.want({1, 2}));
  EXPECT_EQ(calls(XSCHED_IOC_RENEW), 0);
  worker_.renew();
  report_of(worker_.want({1, 2, 3}));
  EXPECT_EQ(calls(XSCHED_IOC_RENEW), 1);
}

TEST_F(ModuleWorkerTest, ALeaseThatEndedIsTakenAgain) {
  report_of(worker_.want({1, 2}));
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    expired_ = true;
  }
  worker_.renew();
  report_of(worker_.want({1, 2, 3}));
  EXPECT_EQ(held(), (std::set<uint64_t>{1, 2, 3}));
}

TEST_F(ModuleWorkerTest, AClaimIsTrueOnlyIfTheModuleSaysSo) {
  const ModuleClaim honest{7, 42, 1, 9}, foreign{8, 43, 1, 9}, elsewhere{9, 42, 2, 9};
  for (const ModuleClaim& claim : {honest, foreign, elsewhere}) {
    worker_.check(claim);
    const ModuleReport report = next_report();
    ASSERT_EQ(report.checked.size(), 1u);
    EXPECT_EQ(report.checked[0].true_claim, claim.handle == 7) << claim.handle;
  }
}

}  // namespace
}  // namespace xsched::test
