// SPDX-License-Identifier: Apache-2.0
//
// Slot tables in, ControlLines out: what is published, when, and that hostile
// tables harm nobody.
#include "runtime/sched/arbiter.h"

#include <random>

#include "two_processes.h"

namespace xsched {
namespace {

using test::FakeXQueues;

class ArbiterTest : public test::TwoProcesses {
 protected:
  ArbiterTest() : TwoProcesses("HPF") {}
};

TEST_F(ArbiterTest, DecidesAcrossTables) {
  const uint32_t low = a_.add(0), high = b_.add(10);
  cycle();
  EXPECT_TRUE(runs(a_, low));
  EXPECT_EQ(b_.slot(high).control.notify.load(), kNotifyReady | kNotifyIdle);
  ready(b_, high);
  cycle();
  EXPECT_FALSE(runs(a_, low));
  EXPECT_EQ(view_.suspended(), 1u);
  idle(b_, high);
  cycle();
  cycle();
  EXPECT_TRUE(runs(a_, low));
  EXPECT_EQ(view_.suspended(), 0u);
}

TEST_F(ArbiterTest, TermsGoBeforeTheProcessAndBehindTheOperator) {
  const uint32_t one = a_.add(0), two = b_.add(10);
  ready(a_, one);
  ready(b_, two);
  ProcessTerms terms;
  terms.priority = 20;
  view_.set_terms(terms);
  cycle();
  EXPECT_TRUE(runs(a_, one));
  EXPECT_FALSE(runs(b_, two));
  view_.entries()[one].priority_set = 5;
  cycle();
  EXPECT_FALSE(runs(a_, one));
  view_.entries()[one].priority_set.reset();
  view_.set_terms({});
  cycle();
  EXPECT_FALSE(runs(a_, one)) << "without terms the process's own word counts";
}

TEST_F(ArbiterTest, ALevelCapIsPublishedAndPreparedFor) {
  const uint32_t low = a_.add(0, 3), high = b_.add(10);
  ready(b_, high);
  ProcessTerms terms;
  terms.level_cap = 1;
  view_.set_terms(terms);
  cycle();
  EXPECT_EQ(a_.slot(low).control.level_cap.load(), 1u);
  EXPECT_EQ(a_.slot(low).control.window.load(), 4u);
  const uint64_t sequence = a_.slot(low).control.sequence.load();
  cycle();
  EXPECT_EQ(a_.slot(low).control.sequence.load(), sequence) << "once";
  view_.set_terms({});
  cycle();
  EXPECT_EQ(a_.slot(low).control.level_cap.load(), 0u);
  EXPECT_EQ(a_.slot(low).control.window.load(), 0u);
}

// What is left out keeps the answer that it would get. The other arbiter keeps
// nothing: it is given the tables anew each time.
TEST_F(ArbiterTest, DecidingForTouchedGpusOnlyGivesTheSameAnswers) {
  TableView view(a_.table()), other(b_.table());
  Arbiter whole(made("HPF"));
  whole.add(view);
  whole.add(other);
  arbiter_.decide(now_);
  std::mt19937 random(5);
  for (FakeXQueues* x : {&a_, &b_}) {
    for (int i = 0; i < 12; ++i) {
      x->add(static_cast<int32_t>(random() % 4), 1 + random() % 3, random() % 4);
      x->slot(static_cast<uint32_t>(i)).state.inside.store(random() % 20);
    }
    SignalLines& signals = x->table().signals;
    signals.known[0].store(7);
    signals.awaited[0].store(7);
    signals.end.store(1);
    signals.changes.store(1);
  }
  for (int step = 0; step < 5000; ++step) {
    FakeXQueues& x = random() % 2 == 0 ? a_ : b_;
    Slot& slot = x.slot(random() % 12);
    switch (random() % 12) {
      case 0:
        slot.identity.state.store(random() % 2);
        break;
      case 1:
        slot.identity.id.store(random());
        break;
      case 2:
        slot.identity.gpu_id.store(random() % 4);
        break;
      case 3:
        slot.identity.priority.store(static_cast<int32_t>(random() % 4));
        break;
      case 4:
        x.table().latency_budget_us.store(500 * (random() % 3));
        break;
      case 5:
        slot.counters.work_ns.store(50'000 * (random() % 4));
        break;
      case 6:
        slot.state.stalled.store(random() % 2);
        x.table().signals.awaiting.store(random() % 2);
        break;
      case 7:
        slot.state.held.store(random() % 2);
        break;
      default:
        slot.state.ready.store(random() % 2);
    }
    now_ += random() % 2 == 0 ? 10 * kLingerNs : kLingerNs / 16;
    const auto what =
        random() % 8 == 0 ? TableView::Publish::kNoSuspends : TableView::Publish::kAll;
    for (TableView* v : {&view_, &other_, &view, &other}) v->scan(now_);
    arbiter_.decide(now_, Arbiter::Scope::kTouched);
    for (TableView* v : {&view, &other}) {
      whole.remove(*v);
      whole.add(*v);
    }
    whole.decide(now_);
    for (const auto& [some, all] : {std::pair{&view_, &view}, std::pair{&other_, &other}}) {
      for (TableView* v : {some, all}) {
        if (v->changed()) v->publish(what);
      }
      for (size_t i = 0; i < all->entries().size(); ++i) {
        if (!all->entries()[i].used) continue;
        ASSERT_EQ(some->entries()[i].now, all->entries()[i].now)
            << "step " << step << " slot " << i;
      }
    }
    ASSERT_EQ(arbiter_.decide_again_ns() == 0, whole.decide_again_ns() == 0) << step;
  }
}

TEST_F(ArbiterTest, MoreGpusThanAreToldApartAreStillDecidedEachByItself) {
  constexpr uint32_t kGpus = 80;
  scope_ = Arbiter::Scope::kTouched;
  for (uint32_t gpu = 0; gpu < kGpus; ++gpu) {
    a_.add(0, 3, 1000 - gpu);
    b_.add(10, 3, 1000 - gpu);
  }
  cycle();
  for (uint32_t i = 0; i < kGpus; ++i) {
    ready(b_, i);
    cycle();
    EXPECT_FALSE(runs(a_, i)) << i;
    EXPECT_EQ(view_.suspended(), i + 1);
  }
}

// A launching thread that loses its CPU for a moment ends no request.
TEST_F(ArbiterTest, IdleCountsAsReadyForAMoment) {
  const uint32_t low = a_.add(0, 2), high = b_.add(10);
  ready(b_, high);
  cycle();
  const uint64_t sequence = a_.slot(low).control.sequence.load();
  idle(b_, high);
  cycle();
  EXPECT_FALSE(runs(a_, low));
  EXPECT_EQ(arbiter_.decide_again_ns(), now_ + kLingerNs);
  cycle(kLingerNs - 1);
  EXPECT_FALSE(runs(a_, low));
  ready(b_, high);
  cycle(1);
  EXPECT_FALSE(runs(a_, low));
  EXPECT_EQ(a_.slot(low).control.sequence.load(), sequence);  // nobody noticed
  EXPECT_EQ(arbiter_.decide_again_ns(), 0u);
  idle(b_, high);
  cycle();
  cycle(kLingerNs);
  EXPECT_TRUE(runs(a_, low));
  EXPECT_EQ(arbiter_.decide_again_ns(), 0u);
}

// What can be taken off the GPU again at once waits next to nothing.
TEST_F(ArbiterTest, LingersLessBeforeLevelThree) {
  const uint32_t low = a_.add(0, 3), high = b_.add(10);
  ready(b_, high);
  cycle();
  idle(b_, high);
  cycle();
  EXPECT_EQ(arbiter_.decide_again_ns(), now_ + kLingerLevel3Ns);
  cycle(kLingerLevel3Ns);
  EXPECT_TRUE(runs(a_, low));
}

TEST_F(ArbiterTest, TheDestroyedDoNotLinger) {
  const uint32_t low = a_.add(0, 2), high = b_.add(10);
  ready(b_, high);
  cycle();
  b_.slot(high).identity.state.store(IdentityLine::kFree);
  cycle();
  EXPECT_TRUE(runs(a_, low));
}

TEST_F(ArbiterTest, SilentWhileNothingChanges) {
  const uint32_t low = a_.add(0);
  b_.add(10);
  cycle();
  const uint64_t before = a_.slot(low).control.sequence.load();
  EXPECT_FALSE(view_.scan(now_));
  arbiter_.decide(now_);
  EXPECT_FALSE(view_.changed());
  EXPECT_EQ(a_.slot(low).control.sequence.load(), before);
}

TEST_F(ArbiterTest, NewOccupantOfASlotIsDecidedAfresh) {
  const uint32_t high = b_.add(10), low = a_.add(0);
  ready(b_, high);
  cycle();
  ASSERT_FALSE(runs(a_, low));
  const uint64_t before = a_.slot(low).control.sequence.load();
  a_.slot(low).identity.state.store(IdentityLine::kFree);
  ASSERT_EQ(a_.add(0), low);  // the same slot, run = 1 again
  cycle();
  EXPECT_FALSE(runs(a_, low));
  EXPECT_GT(a_.slot(low).control.sequence.load(), before);
}

TEST_F(ArbiterTest, FreedSlotIsNoLongerCountedAsSuspended) {
  const uint32_t high = b_.add(10), low = a_.add(0);
  ready(b_, high);
  cycle();
  ASSERT_EQ(view_.suspended(), 1u);
  a_.slot(low).identity.state.store(IdentityLine::kFree);
  cycle();
  EXPECT_EQ(view_.suspended(), 0u);
}

TEST_F(ArbiterTest, ForgetPublishesAgain) {
  const uint32_t low = a_.add(0);
  cycle();
  a_.slot(low).control.run.store(0);  // as a daemon that died half-way
  view_.forget();
  cycle();
  EXPECT_TRUE(runs(a_, low));
}

TEST_F(ArbiterTest, SuspendsCanBeLeftOut) {
  const uint32_t high = b_.add(10), low = a_.add(0, 1);
  cycle();
  ready(b_, high);
  view_.scan(now_);
  other_.scan(now_);
  arbiter_.decide(now_);
  ASSERT_TRUE(view_.suspends());
  view_.publish(TableView::Publish::kNoSuspends);
  EXPECT_TRUE(runs(a_, low));
  arbiter_.decide(now_);
  EXPECT_TRUE(view_.suspends());  // still due
}

TEST_F(ArbiterTest, HeldAndContended) {
  const uint32_t one = a_.add(0, 1), two = a_.add(0, 2);
  cycle();
  EXPECT_EQ(a_.slot(one).control.window.load(), 0u);
  for (XQueueEntry& entry : view_.entries()) entry.held = entry.contended = true;
  arbiter_.decide(now_);
  view_.publish();
  EXPECT_FALSE(runs(a_, one));
  EXPECT_EQ(a_.slot(one).control.window.load(), 4u);
  EXPECT_EQ(a_.slot(two).control.guard.load(), 1u);
}

TEST_F(ArbiterTest, NobodyIsSuspendedForAnXQueueThatIsHeld) {
  const uint32_t low = a_.add(0), high = b_.add(10);
  ready(a_, low);
  ready(b_, high);
  cycle();
  EXPECT_FALSE(runs(a_, low));
  // By its own process ...
  b_.slot(high).state.held.store(1);
  cycle();
  EXPECT_TRUE(runs(a_, low));
  b_.slot(high).state.held.store(0);
  cycle();
  EXPECT_FALSE(runs(a_, low));
  // ... or by an operator.
  for (XQueueEntry& entry : other_.entries()) entry.held = true;
  cycle();
  EXPECT_TRUE(runs(a_, low));
  EXPECT_FALSE(runs(b_, high));
}

TEST_F(ArbiterTest, HostileValuesAreClamped) {
  const uint32_t high = b_.add(10);
  const uint32_t low = a_.add(0, 1, 1, ~0u);
  b_.slot(high).identity.level_actual.store(99);
  b_.slot(high).state.ready.store(0xdeadbeef);
  a_.table().high_water.store(~0u);
  cycle();
  EXPECT_EQ(view_.entries().size(), kMaxSlots);
  EXPECT_LE(a_.slot(low).control.window.load(), 1u << 20);
  EXPECT_FALSE(runs(a_, low));
  a_.table().high_water.store(0);  // slots do not vanish from control
  idle(b_, high);
  cycle();
  cycle();
  EXPECT_TRUE(runs(a_, low));
}

TEST_F(ArbiterTest, RemovedTableNoLongerCompetes) {
  const uint32_t high = b_.add(10), low = a_.add(0);
  ready(b_, high);
  cycle();
  ASSERT_FALSE(runs(a_, low));
  arbiter_.remove(other_);
  arbiter_.decide(now_);
  view_.publish();
  EXPECT_TRUE(runs(a_, low));
}

}  // namespace
}  // namespace xsched
