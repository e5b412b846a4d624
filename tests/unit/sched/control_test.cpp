// SPDX-License-Identifier: Apache-2.0
//
// xschedctl: looking, suspending, resuming, and who may.
#include <signal.h>

#include "processes.h"

namespace xsched::test {
namespace {

constexpr uid_t kNobody = 65534;

class ControlTest : public Scheduled {
 protected:
  void SetUp() override { daemon_ = start_daemon(); }
  std::unique_ptr<Client> client() {
    auto c = std::make_unique<Client>(environment_);
    c->ask("add 0 1");
    EXPECT_TRUE(c->ok("status xschedd"));
    // Known to the daemon once it was decided for: wait by being listed.
    return c;
  }
  std::unique_ptr<Process> daemon_;
};

TEST_F(ControlTest, NoDaemonIsOneLineAndAFailure) {
  daemon_->kill_and_wait();
  EXPECT_EQ(ctl({"info"}), 1);
  EXPECT_EQ(ctl({"list"}), 1);
  EXPECT_EQ(ctl({"suspend", "all"}), 1);
}

TEST_F(ControlTest, UsageErrors) {
  EXPECT_EQ(ctl({}), 2);
  EXPECT_EQ(ctl({"suspend", "x"}), 2);
  EXPECT_EQ(ctl({"suspend", "12:"}), 2);
  EXPECT_EQ(ctl({"suspend", "1", "--lease", "-5"}), 2);
  EXPECT_EQ(ctl({"suspend", "999999999"}), 3);
}

TEST_F(ControlTest, ListsWhatIsThere) {
  auto c = client();
  auto hold = start_ctl({"suspend", std::to_string(c->pid())});
  EXPECT_EQ(hold->line(), "suspended 1 XQueues");
  std::string output;
  ASSERT_EQ(ctl({"list", "--json"}, &output), 0);
  for (const char* part : {"\"pid\": ", "\"xq\": 1", "\"kfd_queue\": null", "\"engine\": \"gate\"",
                           "\"state\": \"suspended\"", "\"held\": true", "\"level_actual\": 1",
                           "\"comm\": \"sched_fake_clie\"", "\"window\": 4", "\"suspends\": 1"}) {
    EXPECT_NE(output.find(part), std::string::npos) << part << " in " << output;
  }
  EXPECT_EQ(ctl({"list"}, &output), 0);
  EXPECT_NE(output.find("sched_fake_clie"), std::string::npos) << output;
  EXPECT_EQ(ctl({"info"}, &output), 0);
  EXPECT_NE(output.find("1 processes, 1 XQueues, 1 suspended"), std::string::npos) << output;
}

TEST_F(ControlTest, HoldEndsWithItsTool) {
  auto c = client();
  for (int number : {SIGINT, SIGTERM, SIGKILL}) {
    auto hold = start_ctl({"suspend", c->target()});
    ASSERT_EQ(hold->line(), "suspended 1 XQueues");
    ASSERT_TRUE(c->ok("suspended 0"));
    hold->signal(number);
    ASSERT_EQ(hold->wait(), number == SIGKILL ? 128 + SIGKILL : 0);
    ASSERT_TRUE(c->ok("open 0")) << number;
    ASSERT_TRUE(c->ok("running 0")) << number;
  }
}

TEST_F(ControlTest, ResumeBySomebodyElse) {
  auto c = client();
  auto hold = start_ctl({"suspend", c->target()});
  ASSERT_EQ(hold->line(), "suspended 1 XQueues");
  std::string output;
  EXPECT_EQ(ctl({"resume", std::to_string(c->pid())}, &output), 0);
  EXPECT_EQ(output, "ended 1 holds\n");
  EXPECT_TRUE(c->ok("running 0"));
  EXPECT_EQ(hold->line(), "resumed by somebody else");
  EXPECT_EQ(hold->wait(), 0);
}

TEST_F(ControlTest, LeaseOutlivesTheToolAndEnds) {
  auto c = client();
  EXPECT_EQ(ctl({"suspend", "all", "--lease", "300"}), 0);
  EXPECT_TRUE(c->ok("running 0"));  // by itself
  EXPECT_EQ(ctl({"suspend", "all", "--lease", "3600000"}), 0);
  EXPECT_TRUE(c->ok("suspended 0"));
  c->ask("add 0");
  EXPECT_TRUE(c->ok("suspended 1"));  // those to come included
  EXPECT_EQ(ctl({"resume", "all"}), 0);
  EXPECT_TRUE(c->ok("running 0"));
  EXPECT_TRUE(c->ok("running 1"));
}

TEST_F(ControlTest, KilledDaemonEndsHolds) {
  auto c = client();
  auto hold = start_ctl({"suspend", c->target()});
  ASSERT_EQ(hold->line(), "suspended 1 XQueues");
  daemon_->kill_and_wait();
  EXPECT_TRUE(c->ok("running 0"));
  EXPECT_EQ(hold->wait(), 1);
}

TEST_F(ControlTest, OnlyRootAndTheOwnerMayTouch) {
  if (getuid() != 0) GTEST_SKIP() << "skipped: needs root to become another user";
  auto c = client();
  std::string output;
  EXPECT_EQ(ctl({"suspend", c->target()}, &output, kNobody), 1);
  EXPECT_EQ(ctl({"resume", c->target()}, &output, kNobody), 1);
  EXPECT_EQ(ctl({"suspend", "all", "--lease", "60000"}, &output, kNobody), 0);
  EXPECT_EQ(output, "suspended 0 XQueues\n");
  EXPECT_EQ(ctl({"list"}, &output, kNobody), 0);
  EXPECT_EQ(c->ask("look 0"), "run 1 window 0 guard 0 notify 0");
  Client other(environment_, kNobody);
  other.ask("add 0");
  EXPECT_TRUE(other.ok("suspended 0"));  // by its own user's hold on all
  EXPECT_EQ(ctl({"resume", "all"}, &output, kNobody), 0);
  EXPECT_TRUE(other.ok("running 0"));
}

TEST_F(ControlTest, ChaosEndsWithEverythingResumed) {
  auto one = client(), two = client();
  two->ask("add 0 2");
  auto chaos = start_ctl({"chaos", "--seconds", "0", "--seed", "3", "--period-ms", "1"});
  EXPECT_TRUE(one->ok("suspends 0 10"));
  EXPECT_TRUE(two->ok("suspends 0 10"));
  EXPECT_TRUE(two->ok("suspends 1 10"));
  chaos->signal(SIGINT);
  EXPECT_EQ(chaos->wait(), 0);
  EXPECT_TRUE(one->ok("running 0"));
  EXPECT_TRUE(two->ok("running 0"));
  EXPECT_TRUE(two->ok("running 1"));
  EXPECT_TRUE(one->ok("open 0"));  // once the daemon has seen the tool leave
  EXPECT_TRUE(two->ok("open 1"));
}

}  // namespace
}  // namespace xsched::test
