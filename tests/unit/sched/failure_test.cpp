// SPDX-License-Identifier: Apache-2.0
//
// Death and hang of either side: work goes on.
#include <signal.h>

#include <cstdlib>
#include <random>

#include "processes.h"

namespace xsched::test {
namespace {

class FailureTest : public Scheduled {
 protected:
  // A low client that a ready urgent one keeps suspended.
  void compete(Client& low, Client& high) {
    low.ask("add 0");
    high.ask("add 10");
    ASSERT_TRUE(high.ok("ready 0"));
    ASSERT_TRUE(low.ok("suspended 0"));
  }
};

TEST_F(FailureTest, KilledDaemonLeavesAllRunningAndIsFollowedAgain) {
  auto daemon = start_daemon();
  Client low(environment_), high(environment_);
  compete(low, high);
  for (int round = 0; round < 5; ++round) {
    daemon->kill_and_wait();
    ASSERT_TRUE(low.ok("running 0")) << round;
    ASSERT_TRUE(low.ok("status local"));
    daemon = start_daemon();  // over the stale socket
    ASSERT_TRUE(low.ok("suspended 0")) << round;
    ASSERT_TRUE(low.ok("status xschedd"));
  }
}

TEST_F(FailureTest, LocalSchedulingGoesOnAfterTheDaemon) {
  auto daemon = start_daemon();
  Client both(environment_);
  both.ask("add 0");
  both.ask("add 10");
  ASSERT_TRUE(both.ok("ready 1"));
  ASSERT_TRUE(both.ok("suspended 0"));
  daemon->kill_and_wait();
  ASSERT_TRUE(both.ok("status local"));
  ASSERT_TRUE(both.ok("suspended 0"));  // by its own urgent XQueue
  ASSERT_TRUE(both.ok("idle 1"));
  EXPECT_TRUE(both.ok("running 0"));
}

TEST_F(FailureTest, KilledUrgentClientFreesTheOther) {
  auto daemon = start_daemon();
  Client low(environment_);
  auto high = std::make_unique<Client>(environment_);
  compete(low, *high);
  high->process().kill_and_wait();
  EXPECT_TRUE(low.ok("running 0"));
}

TEST_F(FailureTest, KilledClientIsNoticedThoughAChildKeepsItsSocket) {
  auto daemon = start_daemon();
  Client low(environment_);
  auto high = std::make_unique<Client>(environment_);
  compete(low, *high);
  const int child = std::atoi(high->ask("fork").c_str());
  ASSERT_GT(child, 0);
  high->process().kill_and_wait();
  EXPECT_TRUE(low.ok("running 0"));
  kill(child, SIGKILL);
}

TEST_F(FailureTest, KilledSuspendedClientLeavesTheDaemonAtWork) {
  auto daemon = start_daemon();
  auto low = std::make_unique<Client>(environment_);
  Client high(environment_);
  compete(*low, high);
  low->process().kill_and_wait();
  Client next(environment_);
  next.ask("add 0");
  EXPECT_TRUE(next.ok("suspended 0"));
  EXPECT_TRUE(high.ok("idle 0"));
  EXPECT_TRUE(next.ok("running 0"));
}

TEST_F(FailureTest, StoppedDaemonLosesItsLeaseAndRegainsObedience) {
  auto daemon = start_daemon();
  environment_["XSCHED_LEASE_MS"] = "200";
  Client low(environment_), high(environment_);
  compete(low, high);
  for (int round = 0; round < 3; ++round) {
    daemon->signal(SIGSTOP);
    ASSERT_TRUE(low.ok("running 0")) << round;
    ASSERT_TRUE(low.ok("status local"));
    daemon->signal(SIGCONT);
    ASSERT_TRUE(low.ok("suspended 0")) << round;
    ASSERT_TRUE(low.ok("status xschedd"));
  }
  daemon->signal(SIGSTOP);
  ASSERT_TRUE(low.ok("running 0"));
  daemon->kill_and_wait();
  EXPECT_TRUE(low.ok("status local"));
  EXPECT_EQ(low.ask("look 0"), "run 1 window 0 guard 0 notify 0");
}

TEST_F(FailureTest, StoppedClientHoldsNobodyUp) {
  auto daemon = start_daemon();
  Client low(environment_), stopped(environment_), high(environment_);
  stopped.ask("add 0");
  compete(low, high);
  ASSERT_TRUE(stopped.ok("suspended 0"));
  stopped.process().signal(SIGSTOP);
  // More decisions than its socket can take: it lags, the others do not.
  for (int round = 0; round < 1000; ++round) {
    ASSERT_TRUE(high.ok("idle 0"));
    ASSERT_TRUE(low.ok("running 0")) << round;
    ASSERT_TRUE(high.ok("ready 0"));
    ASSERT_TRUE(low.ok("suspended 0")) << round;
  }
  stopped.process().signal(SIGCONT);
  EXPECT_TRUE(stopped.ok("suspended 0"));
  ASSERT_TRUE(high.ok("idle 0"));
  EXPECT_TRUE(stopped.ok("running 0"));
}

// Each in turn at random moments; whoever is left must run, and follow the
// next daemon.
TEST_F(FailureTest, RandomKills) {
  std::mt19937 random(11);
  auto daemon = start_daemon();
  auto low = std::make_unique<Client>(environment_);
  auto high = std::make_unique<Client>(environment_);
  low->ask("add 0");
  high->ask("add 10");
  for (int round = 0; round < 50; ++round) {
    // Edges are under way while somebody dies: their answers are read after.
    const unsigned edges = random() % 20;
    for (unsigned i = 0; i < edges; ++i) high->process().send(i % 2 == 0 ? "ready 0" : "idle 0");
    const unsigned victim = random() % 3;
    if (victim == 0) {
      daemon->kill_and_wait();
    } else if (victim == 1) {
      low->process().kill_and_wait();
    } else {
      high->process().kill_and_wait();
    }
    if (victim != 2) {
      for (unsigned i = 0; i < edges; ++i) ASSERT_EQ(high->process().line(), "ok");
      ASSERT_TRUE(high->ok("idle 0"));
    }
    if (victim != 1) {
      ASSERT_TRUE(low->ok("running 0")) << "round " << round << " victim " << victim;
    }
    if (victim == 0) daemon = start_daemon();
    if (victim == 1) {
      low = std::make_unique<Client>(environment_);
      low->ask("add 0");
    }
    if (victim == 2) {
      high = std::make_unique<Client>(environment_);
      high->ask("add 10");
    }
    ASSERT_TRUE(low->ok("status xschedd"));
    ASSERT_TRUE(high->ok("status xschedd"));
    ASSERT_TRUE(high->ok("ready 0"));
    ASSERT_TRUE(low->ok("suspended 0")) << "round " << round << " victim " << victim;
    ASSERT_TRUE(high->ok("idle 0"));
    ASSERT_TRUE(low->ok("running 0"));
  }
}

}  // namespace
}  // namespace xsched::test
