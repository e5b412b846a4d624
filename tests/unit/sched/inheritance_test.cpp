// SPDX-License-Identifier: Apache-2.0
//
// Inheritance across processes: who knows a signal that an urgent XQueue waits
// for is as urgent while it waits, and nobody else is.
#include <gtest/gtest.h>

#include <array>
#include <map>

#include "fake_xqueues.h"
#include "runtime/sched/arbiter.h"

namespace xsched {
namespace {

using test::FakeXQueues;

constexpr uint64_t kKey = 0x1234, kOtherKey = 0x5678;

struct Process {
  FakeXQueues x;
  TableView view{x.table()};

  uint32_t add_ready(int32_t priority, uint32_t level = 3, uint32_t gpu = 1) {
    const uint32_t i = x.add(priority, level, gpu);
    x.slot(i).state.ready.store(1);
    return i;
  }
  void know(uint64_t key) {
    SignalLines& lines = x.table().signals;
    const uint32_t entry = lines.end.fetch_add(1);
    lines.known[entry].store(key);
    lines.changes.fetch_add(1);
  }
  void forget_all() {
    SignalLines& lines = x.table().signals;
    for (uint32_t i = 0; i < lines.end.load(); ++i) lines.known[i].store(0);
    lines.changes.fetch_add(1);
  }
  void wait(uint32_t i, uint64_t key) {
    x.slot(i).state.stalled.store(1);
    x.table().signals.awaited[0].store(key);
    x.table().signals.awaiting.store(1);
  }
  void go_on(uint32_t i) {
    x.slot(i).state.stalled.store(0);
    x.table().signals.awaited[0].store(0);
    x.table().signals.awaiting.store(0);
  }
  bool runs(uint32_t i = 0) { return x.slot(i).control.run.load() != 0; }
};

struct LastInputs final : DecisionTrace {
  std::map<uint32_t, int32_t> priority;
  void put(const TraceRecord& r) override {
    if (r.kind == TraceRecord::kInput) priority[r.xqueue] = r.priority;
  }
};

class InheritanceTest : public ::testing::Test {
 protected:
  InheritanceTest() : arbiter_(make_policy("HPF", error_)) {
    for (Process& process : all_) arbiter_.add(process.view);
    cycle();  // the first decision is about all
  }
  void cycle(Arbiter::Scope scope = Arbiter::Scope::kTouched) {
    now_ += 10 * kLingerNs;
    for (Process& process : all_) process.view.scan(now_);
    arbiter_.decide(now_, scope);
    for (Process& process : all_) {
      if (process.view.changed()) process.view.publish();
    }
  }
  // An urgent one that waits for `kKey`, which a less urgent one knows, too.
  void urgent_waits_for_low(uint32_t level = 3) {
    urgent_.know(kKey);
    low_.know(kKey);
    urgent_.add_ready(10, level);
    low_.add_ready(0, level);
    urgent_.wait(0, kKey);
  }

  std::string error_;
  Arbiter arbiter_;
  std::array<Process, 4> all_;
  Process &urgent_ = all_[0], &middle_ = all_[1], &low_ = all_[2], &other_ = all_[3];
  uint64_t now_ = 1;
};

TEST_F(InheritanceTest, WhoMayCompleteTheSignalRunsWhileItIsAwaited) {
  urgent_waits_for_low();
  urgent_.go_on(0);
  cycle();
  EXPECT_FALSE(low_.runs()) << "nobody waits yet";
  urgent_.wait(0, kKey);
  cycle();
  EXPECT_TRUE(low_.runs());
  EXPECT_TRUE(urgent_.runs());
  urgent_.go_on(0);
  cycle();
  EXPECT_FALSE(low_.runs());
}

TEST_F(InheritanceTest, NobodyInTheMiddleIsInTheWay) {
  urgent_waits_for_low();
  middle_.add_ready(5);
  cycle();
  EXPECT_TRUE(low_.runs());
  EXPECT_FALSE(middle_.runs());
  urgent_.go_on(0);
  urgent_.x.slot(0).state.ready.store(0);
  cycle();
  cycle();  // the urgent one no longer lingers
  EXPECT_FALSE(low_.runs());
  EXPECT_TRUE(middle_.runs());
}

TEST_F(InheritanceTest, AStrangerInheritsNothing) {
  urgent_waits_for_low();
  other_.know(kOtherKey);
  other_.add_ready(0);
  cycle();
  EXPECT_TRUE(low_.runs());
  EXPECT_FALSE(other_.runs());
}

TEST_F(InheritanceTest, WhoClosedTheSignalInheritsNoMore) {
  urgent_waits_for_low();
  cycle();
  EXPECT_TRUE(low_.runs());
  low_.forget_all();
  cycle();
  EXPECT_FALSE(low_.runs());
}

TEST_F(InheritanceTest, AProcessThatLeavesTakesItsPriorityWithIt) {
  urgent_waits_for_low();
  middle_.add_ready(5);
  cycle();
  EXPECT_TRUE(low_.runs());
  arbiter_.remove(urgent_.view);
  cycle();
  EXPECT_FALSE(low_.runs());
}

TEST_F(InheritanceTest, OneMoreUrgentThanTheWaiterStillGoesFirst) {
  urgent_waits_for_low();
  low_.add_ready(20);
  other_.add_ready(20);
  cycle();
  EXPECT_FALSE(low_.runs());
  EXPECT_FALSE(urgent_.runs());
  EXPECT_TRUE(other_.runs());
  EXPECT_TRUE(low_.runs(1)) << "nobody loses by what is given";
}

TEST_F(InheritanceTest, OnlyAnXQueueThatWaitsGives) {
  urgent_waits_for_low();
  urgent_.add_ready(20, 3, 2);
  middle_.add_ready(15);
  cycle();
  EXPECT_FALSE(low_.runs());
  EXPECT_TRUE(middle_.runs());
  urgent_.x.slot(1).state.stalled.store(1);
  EXPECT_TRUE(urgent_.view.scan(now_)) << "a reason to decide";
  cycle();
  EXPECT_TRUE(low_.runs());
  EXPECT_FALSE(middle_.runs());
}

TEST_F(InheritanceTest, AnOperatorsHoldIsStronger) {
  urgent_waits_for_low();
  cycle();
  low_.view.entries()[0].held = true;
  cycle(Arbiter::Scope::kAll);
  EXPECT_FALSE(low_.runs());
}

TEST_F(InheritanceTest, AWaiterThatIsHeldGivesNothing) {
  urgent_waits_for_low();
  middle_.add_ready(5);
  urgent_.x.slot(0).state.held.store(1);
  cycle();
  EXPECT_FALSE(low_.runs());
  EXPECT_TRUE(middle_.runs());
  urgent_.x.slot(0).state.held.store(0);
  cycle();
  EXPECT_TRUE(low_.runs());
  urgent_.view.entries()[0].held = true;
  cycle(Arbiter::Scope::kAll);
  EXPECT_FALSE(low_.runs()) << "by an operator";
}

// Its word of waiting is worth no more than its work.
TEST_F(InheritanceTest, AWaiterWithoutWorkGivesNothing) {
  urgent_waits_for_low();
  middle_.add_ready(5);
  cycle();
  EXPECT_TRUE(low_.runs());
  urgent_.x.slot(0).state.ready.store(0);
  cycle();
  cycle();  // it no longer lingers
  EXPECT_FALSE(low_.runs());
  EXPECT_TRUE(middle_.runs());
}

TEST_F(InheritanceTest, OfSeveralWaitersTheMostUrgentCounts) {
  urgent_waits_for_low();
  for (Process* process : {&other_, &low_}) process->know(kOtherKey);
  other_.wait(other_.add_ready(3), kOtherKey);
  middle_.add_ready(5);
  cycle();
  EXPECT_TRUE(low_.runs());
  EXPECT_FALSE(middle_.runs());
}

TEST_F(InheritanceTest, TheOperatorsPriorityOfTheWaiterCounts) {
  urgent_waits_for_low();
  middle_.add_ready(5);
  cycle();
  urgent_.view.entries()[0].priority_set = 3;
  cycle();
  EXPECT_FALSE(low_.runs());
  EXPECT_TRUE(middle_.runs());
}

TEST_F(InheritanceTest, WhoWaitsForOneThatWaitsGivesToBoth) {
  // The last that came waits for an earlier one: one look at all is not enough.
  Process &first = all_[3], &second = all_[2], &third = all_[0];
  for (Process* process : {&first, &second}) process->know(kKey);
  for (Process* process : {&second, &third}) process->know(kOtherKey);
  first.wait(first.add_ready(10), kKey);
  second.wait(second.add_ready(0), kOtherKey);
  third.add_ready(-5);
  middle_.add_ready(5);
  cycle();
  EXPECT_TRUE(second.runs());
  EXPECT_TRUE(third.runs());
  EXPECT_FALSE(middle_.runs());
}

TEST_F(InheritanceTest, InsideAProcessTheMostUrgentThatWaitsCounts) {
  // The XQueue at 0 waits for the signal; the one at 10 waits for that XQueue.
  urgent_.know(kKey);
  low_.know(kKey);
  urgent_.add_ready(0);
  urgent_.add_ready(10);
  urgent_.wait(0, kKey);
  urgent_.wait(1, kKey);
  low_.add_ready(0);
  middle_.add_ready(5);
  cycle();
  EXPECT_TRUE(low_.runs());
  EXPECT_FALSE(middle_.runs());
  EXPECT_FALSE(urgent_.runs(0)) << "its own process sees to that one";
}

TEST_F(InheritanceTest, OnAnotherGpuToo) {
  urgent_.know(kKey);
  low_.know(kKey);
  urgent_.add_ready(10, 3, 1);
  low_.add_ready(0, 3, 2);
  middle_.add_ready(5, 3, 2);
  cycle();
  EXPECT_FALSE(low_.runs());
  urgent_.wait(0, kKey);
  cycle();
  EXPECT_TRUE(low_.runs());
  EXPECT_FALSE(middle_.runs());
  urgent_.go_on(0);
  cycle();
  EXPECT_FALSE(low_.runs());
}

// It costs the process a look at its queues from time to time.
TEST_F(InheritanceTest, WaitsAreAskedForOnlyWhereSignalsAreAndPrioritiesDiffer) {
  urgent_.add_ready(10, 3, 1);
  low_.add_ready(10, 3, 2);
  urgent_.know(kKey);
  cycle();
  const auto asked = [](Process& process) {
    return (process.x.slot(0).control.notify.load() & kNotifyWaits) != 0;
  };
  EXPECT_FALSE(asked(urgent_));
  low_.x.slot(0).identity.priority.store(0);
  cycle();
  EXPECT_TRUE(asked(urgent_)) << "also on a gpu of its own";
  EXPECT_FALSE(asked(low_));
  urgent_.forget_all();
  cycle();
  EXPECT_FALSE(asked(urgent_));
}

// Else the urgent one would find the hardware queue full of what entered meanwhile.
TEST_F(InheritanceTest, AWindowAndGuardsStay) {
  urgent_waits_for_low(1);
  low_.add_ready(0, 2);
  cycle();
  EXPECT_TRUE(low_.runs());
  EXPECT_EQ(low_.x.slot(0).control.window.load(), 4u);
  EXPECT_EQ(low_.x.slot(1).control.guard.load(), 1u);
}

TEST_F(InheritanceTest, ThePolicyIsAskedWithTheInheritedPriority) {
  LastInputs trace;
  arbiter_.set_trace(&trace);
  urgent_waits_for_low();
  cycle();
  EXPECT_EQ(trace.priority, (std::map<uint32_t, int32_t>{{1, 10}, {2, 10}}));
  urgent_.go_on(0);
  cycle();
  EXPECT_EQ(trace.priority, (std::map<uint32_t, int32_t>{{1, 10}, {2, 0}}));
}

TEST_F(InheritanceTest, HostileSignalLinesHarmNobody) {
  urgent_waits_for_low();
  SignalLines& lines = other_.x.table().signals;
  other_.add_ready(0);
  lines.end.store(UINT32_MAX);
  lines.awaiting.store(UINT32_MAX);
  for (auto& key : lines.known) key.store(~uint64_t{0});
  for (auto& key : lines.awaited) key.store(~uint64_t{0});
  lines.changes.fetch_add(1);
  cycle();
  EXPECT_TRUE(low_.runs());
  EXPECT_FALSE(other_.runs());
}

// One more urgent process waits for another in a ring: it ends.
TEST_F(InheritanceTest, ARingOfWaitersEnds) {
  for (Process& process : all_) {
    process.know(kKey);
    process.wait(process.add_ready(static_cast<int32_t>(&process - all_.data())), kKey);
  }
  cycle();
  for (Process& process : all_) EXPECT_TRUE(process.runs());
}

}  // namespace
}  // namespace xsched
