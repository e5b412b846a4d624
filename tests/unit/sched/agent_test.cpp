// SPDX-License-Identifier: Apache-2.0
//
// The agent without a daemon: local scheduling, exit, fork.
#include "runtime/sched/agent.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

#include "fake_xqueues.h"

namespace xsched {
namespace {

using test::FakeXQueues;

class AgentTest : public ::testing::Test {
 protected:
  AgentTest() : agent_(x_.table(), x_.fd(), x_, local()) { x_.set_agent(&agent_); }
  static AgentConfig local() {
    AgentConfig config;
    config.global = false;
    return config;
  }
  // An edge that was not asked for is not reported: wait until it is.
  bool wait_notify(uint32_t i, uint32_t notify) {
    return x_.wait_for([&, i, notify] { return x_.slot(i).control.notify.load() == notify; });
  }
  FakeXQueues x_;
  Agent agent_;
};

TEST_F(AgentTest, NothingBeforeStart) {
  x_.add(0);
  agent_.edge(0);
  agent_.slots_changed();
  EXPECT_EQ(agent_.status().substr(0, 4), "none");
}

TEST_F(AgentTest, ALeaseThatIsTooShortIsNotTakenInSilence) {
  setenv("XSCHED_LEASE_MS", "39", 1);
  ::testing::internal::CaptureStderr();
  const Agent agent(x_.table(), x_.fd(), x_, local());
  const std::string said = ::testing::internal::GetCapturedStderr();
  unsetenv("XSCHED_LEASE_MS");
  EXPECT_NE(said.find("XSCHED_LEASE_MS is '39': valid are 40..3600000; using 1000"),
            std::string::npos)
      << said;
}

TEST_F(AgentTest, SchedulesLocally) {
  ASSERT_TRUE(agent_.start());
  ASSERT_TRUE(agent_.start());
  const uint32_t low = x_.add(0), high = x_.add(10);
  ASSERT_TRUE(wait_notify(high, kNotifyReady | kNotifyIdle));
  for (int round = 0; round < 100; ++round) {
    x_.set_ready(high, true);
    ASSERT_TRUE(x_.wait(low, true)) << round;
    x_.set_ready(high, false);
    ASSERT_TRUE(x_.wait(low, false)) << round;
  }
  EXPECT_EQ(agent_.status().substr(0, 5), "local");
}

TEST_F(AgentTest, ParametersCountAtOnce) {
  AgentConfig config = local();
  config.policy = "KEDF";
  Agent agent(x_.table(), x_.fd(), x_, config);
  x_.set_agent(&agent);
  const uint32_t one = x_.add(10), two = x_.add(0);
  x_.set_ready(one, true);
  x_.set_ready(two, true);
  ASSERT_TRUE(agent.start());
  ASSERT_TRUE(x_.wait(two, true));
  agent.set_parameters({.concurrency = 2});
  EXPECT_TRUE(x_.wait(two, false));
  EXPECT_FALSE(agent.follows_daemon());
}

TEST_F(AgentTest, ReadyBeforeAnybodyAsked) {
  const uint32_t high = x_.add(10);
  x_.set_ready(high, true);  // no edge: nobody asked
  ASSERT_TRUE(agent_.start());
  const uint32_t low = x_.add(0);
  EXPECT_TRUE(x_.wait(low, true));
}

TEST_F(AgentTest, DestroyedUrgentFreesTheOthers) {
  ASSERT_TRUE(agent_.start());
  const uint32_t high = x_.add(10), low = x_.add(0);
  x_.set_ready(high, true);
  agent_.slots_changed();
  ASSERT_TRUE(x_.wait(low, true));
  x_.remove(high);
  EXPECT_TRUE(x_.wait(low, false));
}

TEST_F(AgentTest, ReleaseOpensAllForGood) {
  ASSERT_TRUE(agent_.start());
  const uint32_t high = x_.add(10), low = x_.add(0);
  x_.set_ready(high, true);
  agent_.slots_changed();
  ASSERT_TRUE(x_.wait(low, true));
  agent_.release_all();
  EXPECT_EQ(x_.slot(low).control.run.load(), 1u);
  EXPECT_EQ(x_.slot(low).state.suspended.load(), 0u);
  // No obedience to what another mapping of the memory says.
  std::string error;
  const SlotMemory other = SlotMemory::map(x_.fd(), error);
  ASSERT_TRUE(other) << error;
  other.table()->slot[low].control.run.store(0);
  EXPECT_EQ(x_.slot(low).control.run.load(), 1u);
  agent_.release_all();  // harmless
  agent_.slots_changed();
}

TEST_F(AgentTest, ReleaseWithoutStart) {
  const uint32_t low = x_.add(0);
  x_.slot(low).control.run.store(0);
  agent_.release_all();
  EXPECT_EQ(x_.slot(low).control.run.load(), 1u);
}

// The agent takes an edge just when it is asked to release: the one's wake-up must
// not swallow the other's, or the process never exits.
TEST(AgentRelease, ComesThroughWhileEdgesCome) {
  for (int round = 0; round < 500; ++round) {
    FakeXQueues x;
    AgentConfig config;
    config.global = false;
    Agent agent(x.table(), x.fd(), x, config);
    x.set_agent(&agent);
    ASSERT_TRUE(agent.start());
    std::atomic<bool> stop{false};
    std::thread edges([&] {
      while (!stop) agent.slots_changed();
    });
    // None comes behind it to wake the agent once more.
    auto released = std::async(std::launch::async, [&] {
      stop = true;
      agent.release_all();
    });
    edges.join();
    const bool came = released.wait_for(std::chrono::seconds(20)) == std::future_status::ready;
    if (!came) agent.slots_changed();
    ASSERT_TRUE(came) << round;
  }
}

TEST_F(AgentTest, ForkedChildDisturbsNobody) {
  ASSERT_TRUE(agent_.start());
  const uint32_t low = x_.add(0), high = x_.add(10);
  ASSERT_TRUE(wait_notify(high, kNotifyReady | kNotifyIdle));
  const pid_t child = fork();
  if (child == 0) {
    agent_.forget_after_fork();
    x_.slot(low).control.run.store(0);
    x_.slot(high).state.ready.store(1);
    agent_.edge(high);
    agent_.slots_changed();
    agent_.release_all();
    _exit(agent_.start() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(x_.slot(low).control.run.load(), 1u);
  EXPECT_EQ(x_.slot(high).state.ready.load(), 0u);
  x_.set_ready(high, true);
  EXPECT_TRUE(x_.wait(low, true));
}

}  // namespace
}  // namespace xsched
