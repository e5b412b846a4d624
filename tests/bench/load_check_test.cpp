// SPDX-License-Identifier: Apache-2.0
//
// A checker that never fails proves nothing: here it is shown right decisions and
// the same with one word of them wrong.
#include "load_check.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <memory>

#include "runtime/policy/policy.h"
#include "runtime/sched/decision_trace.h"

namespace xsched::load {
namespace {

// Two XQueues of one GPU; the second and more urgent one becomes ready.
class LoadCheckTest : public testing::Test {
 protected:
  LoadCheckTest() {
    std::string error;
    policy_ = make_policy("HPF", error);
    for (int i = 0; i < 2; ++i) {
      inputs_[i].gpu_id = 1;
      inputs_[i].priority = i;
      inputs_[i].level = 2;
      inputs_[i].window = 4;
    }
    decide(0);
    inputs_[1].ready = true;
    decide(1000);
  }

  void decide(uint64_t edge_ns) {
    PolicyDecision answers[2];
    policy_->decide(inputs_, answers);
    for (uint32_t i = 0; i < 2; ++i) {
      TraceRecord in{}, out{};
      in.kind = TraceRecord::kInput;
      in.xqueue = out.xqueue = i + 1;
      in.gpu_id = inputs_[i].gpu_id;
      in.priority = inputs_[i].priority;
      in.level = static_cast<uint8_t>(inputs_[i].level);
      in.window = inputs_[i].window;
      in.ready = inputs_[i].ready;
      in.ns = inputs_[i].ready ? edge_ns : 0;
      out.kind = TraceRecord::kOutput;
      out.run = answers[i].run;
      out.window = answers[i].window;
      out.guard = static_cast<uint8_t>(answers[i].guard);
      out.notify = static_cast<uint8_t>(answers[i].notify);
      records_.push_back(in);
      records_.push_back(out);
    }
    TraceRecord end{};
    end.kind = TraceRecord::kDecision;
    end.ns = edge_ns + 20'000;
    records_.push_back(end);
    end.kind = TraceRecord::kPublished;
    end.ns = edge_ns + 30'000;
    records_.push_back(end);
  }

  Verdict check() {
    const std::string file = testing::TempDir() + "load_check." + std::to_string(getpid());
    FILE* out = fopen(file.c_str(), "w");
    fwrite(records_.data(), sizeof(TraceRecord), records_.size(), out);
    fclose(out);
    const Verdict verdict = check_trace(file);
    unlink(file.c_str());
    return verdict;
  }

  // The last record of this kind and XQueue.
  TraceRecord& last(TraceRecord::Kind kind, uint32_t xqueue) {
    size_t i = records_.size() - 1;
    while (records_[i].kind != kind || records_[i].xqueue != xqueue) --i;
    return records_[i];
  }

  std::unique_ptr<Policy> policy_;
  PolicyInput inputs_[2];
  std::vector<TraceRecord> records_;
};

TEST_F(LoadCheckTest, RightDecisionsAreRightAndTimed) {
  const Verdict verdict = check();
  EXPECT_EQ(verdict.error, "");
  EXPECT_EQ(verdict.wrong, 0u);
  EXPECT_EQ(verdict.decisions, 2u);
  EXPECT_EQ(verdict.latencies, 1u);
  EXPECT_DOUBLE_EQ(verdict.p99_us, 30.0);
  EXPECT_DOUBLE_EQ(verdict.decide_us, 10.0);
}

TEST_F(LoadCheckTest, AnyWrongWordIsAWrongDecision) {
  const std::function<void(TraceRecord&)> wrongs[] = {
      [](TraceRecord& r) { r.run ^= 1; }, [](TraceRecord& r) { r.notify ^= 1; },
      [](TraceRecord& r) { r.guard ^= 1; }, [](TraceRecord& r) { ++r.window; }};
  for (const auto& wrong : wrongs) {
    const auto right = records_;
    wrong(last(TraceRecord::kOutput, 1));
    EXPECT_EQ(check().wrong, 1u);
    records_ = right;
  }
}

// Though no word of it would be other than 0.
TEST_F(LoadCheckTest, AnXQueueThatGotNoDecisionIsWrong) {
  records_.clear();
  inputs_[0].level = 3;
  decide(1000);
  ASSERT_EQ(check().wrong, 0u);
  ASSERT_EQ(records_[1].run | records_[1].window | records_[1].guard | records_[1].notify, 0u);
  records_.erase(records_.begin() + 1);
  EXPECT_EQ(check().wrong, 1u);
}

class AtRestTest : public testing::Test {
 protected:
  AtRestTest() {
    for (uint32_t i = 0; i < 2; ++i) {
      Slot& slot = table_->slot[i];
      slot.identity.gpu_id.store(1);
      slot.identity.priority.store(static_cast<int32_t>(i));
      slot.identity.level_actual.store(3);
      slot.control.run.store(i);  // the second is ready, the first is not to run
      slot.control.notify.store(i == 0 ? 0 : kNotifyReady | kNotifyIdle);
      slot.state.suspended.store(i == 0);
    }
    table_->slot[1].state.ready.store(1);
  }
  bool right() { return published_is_the_answer({table_.get()}, 2); }

  std::unique_ptr<SlotTable> table_ = std::make_unique<SlotTable>();
};

TEST_F(AtRestTest, WhatFitsTheReadyWordsIsRight) {
  EXPECT_TRUE(right());
}

TEST_F(AtRestTest, AQueueThatStaysSuspendedIsWrong) {
  table_->slot[1].state.ready.store(0);  // nobody is in its way any more
  EXPECT_FALSE(right());
}

TEST_F(AtRestTest, AnyOtherWordIsWrong) {
  ControlLine& control = table_->slot[0].control;
  for (auto* word : {&control.run, &control.window, &control.guard, &control.notify}) {
    ASSERT_EQ(word->exchange(1), 0u);
    EXPECT_FALSE(right());
    word->store(0);
    EXPECT_TRUE(right());
  }
}

TEST_F(AtRestTest, ALostWakeUpIsWrong) {
  table_->slot[0].state.suspended.store(0);  // its word is stored; its agent slept on
  EXPECT_FALSE(right());
}

}  // namespace
}  // namespace xsched::load
