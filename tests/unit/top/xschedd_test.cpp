// SPDX-License-Identifier: Apache-2.0
//
// The source that asks xschedd, against a real one and fake clients.
#include <signal.h>

#include "tests/unit/sched/processes.h"
#include "tools/xsched-top/source.h"

namespace xsched::top::test {
namespace {

using xsched::test::Client;
using xsched::test::Scheduled;

class XscheddSourceTest : public Scheduled {
 protected:
  void SetUp() override {
    daemon_ = start_daemon();
    source_ = make_xschedd_source(socket());
  }
  std::unique_ptr<Client> client(int priority = 0) {
    auto c = std::make_unique<Client>(environment_);
    c->ask("add " + std::to_string(priority) + " 1");
    EXPECT_TRUE(c->ok("status xschedd"));
    return c;
  }
  Snapshot look() {
    Snapshot s;
    source_->read(s);
    return s;
  }
  // Polls until a row of that process satisfies it.
  template <typename Condition>
  bool becomes(const Client& c, Condition condition) {
    for (int i = 0; i < 2000; ++i) {
      for (const Queue& q : look().queues) {
        if (q.pid == c.pid() && condition(q)) return true;
      }
      usleep(5000);
    }
    return false;
  }
  static Action action(Action::Kind kind, const Client& c, int32_t change = 0) {
    Action a;
    a.kind = kind;
    a.targets.push_back({c.pid(), 1u, std::nullopt});
    a.change = change;
    return a;
  }

  std::unique_ptr<xsched::test::Process> daemon_;
  std::unique_ptr<Source> source_;
};

TEST_F(XscheddSourceTest, ListsXQueuesAndPolicy) {
  auto c = client(5);
  ASSERT_TRUE(becomes(*c, [](const Queue& q) { return q.priority == 5; }));
  const Snapshot s = look();
  EXPECT_EQ(s.policy, "HPF");
  EXPECT_TRUE(s.sources.at(0).ok);
  const Queue& q = s.queues.at(0);
  EXPECT_EQ(q.xq, 1u);
  EXPECT_EQ(q.engine, "gate");
  EXPECT_FALSE(q.queue_id) << "a fake client has no hardware queue";
  EXPECT_FALSE(q.last_suspend_ns) << "it was never suspended";
  EXPECT_FALSE(q.streams);
  EXPECT_FALSE(q.busy_ns);
}

TEST_F(XscheddSourceTest, SuspendHoldsUntilResume) {
  auto c = client();
  const Answer held = source_->act(action(Action::Kind::kSuspend, *c));
  EXPECT_TRUE(held.ok) << held.text;
  EXPECT_TRUE(c->ok("suspended 0"));
  EXPECT_TRUE(becomes(*c, [](const Queue& q) {
    return q.state == State::kSuspended && q.held.value_or(false) && q.suspended_ns.value_or(0) > 0;
  }));
  EXPECT_TRUE(source_->act(action(Action::Kind::kResume, *c)).ok);
  EXPECT_TRUE(c->ok("running 0"));
}

TEST_F(XscheddSourceTest, SuspendEndsWithTheSource) {
  auto c = client();
  ASSERT_TRUE(source_->act(action(Action::Kind::kSuspend, *c)).ok);
  ASSERT_TRUE(c->ok("suspended 0"));
  source_.reset();
  EXPECT_TRUE(c->ok("running 0"));
}

TEST_F(XscheddSourceTest, SuspendedTimeStandsStillWhileItRuns) {
  auto c = client();
  ASSERT_TRUE(source_->act(action(Action::Kind::kSuspend, *c)).ok);
  ASSERT_TRUE(becomes(*c, [](const Queue& q) { return q.suspended_ns.value_or(0) > 0; }));
  ASSERT_TRUE(source_->act(action(Action::Kind::kResume, *c)).ok);
  ASSERT_TRUE(becomes(*c, [](const Queue& q) { return q.state == State::kIdle; }));
  const auto before = look().queues.at(0).suspended_ns;
  EXPECT_GT(before.value_or(0), 0u);
  EXPECT_EQ(look().queues.at(0).suspended_ns, before);
}

TEST_F(XscheddSourceTest, PriorityStepsAddUp) {
  auto c = client(5);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(source_->act(action(Action::Kind::kPriority, *c, 1)).ok);
  EXPECT_TRUE(becomes(*c, [](const Queue& q) { return q.priority == 8; }));
  source_->act(action(Action::Kind::kPriority, *c, -1));
  EXPECT_TRUE(becomes(*c, [](const Queue& q) { return q.priority == 7; }));
}

TEST_F(XscheddSourceTest, PriorityStaysInItsRange) {
  auto c = client(5);
  EXPECT_TRUE(source_->act(action(Action::Kind::kPriority, *c, 2'000'000'000)).ok);
  EXPECT_TRUE(becomes(*c, [](const Queue& q) { return q.priority == 255; }));
  EXPECT_TRUE(source_->act(action(Action::Kind::kPriority, *c, -2'000'000'000)).ok);
  EXPECT_TRUE(becomes(*c, [](const Queue& q) { return q.priority == -255; }));
}

TEST_F(XscheddSourceTest, ANewPriorityIsScheduledBy) {
  auto low = client(0);
  auto high = client(1);
  // high is busy: low is suspended, until it is the more urgent one.
  ASSERT_TRUE(high->ok("ready 0"));
  ASSERT_TRUE(low->ok("suspended 0"));
  EXPECT_TRUE(source_->act(action(Action::Kind::kPriority, *low, 2)).ok);
  EXPECT_TRUE(low->ok("running 0"));
}

TEST_F(XscheddSourceTest, AnUnknownPolicyIsRefusedWithTheValidOnes) {
  Action a;
  a.kind = Action::Kind::kPolicy;
  a.policy = "nonsense";
  const Answer answer = source_->act(a);
  EXPECT_FALSE(answer.ok);
  EXPECT_NE(answer.text.find("valid are HPF"), std::string::npos) << answer.text;
  a.policy = "hpf";
  EXPECT_TRUE(source_->act(a).ok);
  EXPECT_EQ(look().policy, "HPF");
}

TEST_F(XscheddSourceTest, AProcessThatIsGoneIsSaid) {
  auto c = client();
  const Action a = action(Action::Kind::kSuspend, *c);
  c.reset();
  Answer answer;
  for (int i = 0; i < 2000 && (answer = source_->act(a)).ok; ++i) usleep(5000);
  EXPECT_EQ(answer.text, "no such process is scheduled here");
}

TEST_F(XscheddSourceTest, AKilledDaemonIsMissedAndFoundAgain) {
  auto c = client();
  EXPECT_TRUE(look().sources.at(0).ok);
  daemon_->kill_and_wait();
  EXPECT_FALSE(look().sources.at(0).ok);
  daemon_ = start_daemon();
  bool back = false;
  for (int i = 0; i < 4000 && !back; ++i) {
    back = look().sources.at(0).ok;
    if (!back) usleep(5000);
  }
  EXPECT_TRUE(back);
}

TEST_F(XscheddSourceTest, AHungDaemonDoesNotHoldTheScreenUp) {
  EXPECT_TRUE(look().sources.at(0).ok);
  daemon_->signal(SIGSTOP);
  // The first look waits for its patience; those after it do not wait at all.
  const Snapshot s = look();
  EXPECT_FALSE(s.sources.at(0).ok);
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(look().sources.at(0).ok);
  daemon_->signal(SIGCONT);
}

}  // namespace
}  // namespace xsched::top::test
