// SPDX-License-Identifier: Apache-2.0
//
// xschedd's configuration at work: who gets what, and reading it again.
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "processes.h"
#include "tools/common/connection.h"

namespace xsched::test {
namespace {

constexpr uid_t kNobody = 65534;

class RulesTest : public Scheduled {
 protected:
  std::string file() const { return folder_ + "/xschedd.toml"; }
  void write(const std::string& text) { std::ofstream(file()) << text; }
  std::unique_ptr<Process> start(const std::string& text) {
    write(text);
    return start_daemon({"--config", file()});
  }
  // True if the daemon has read it and took it, or refused it.
  bool reload(Process& daemon, const std::string& text) {
    write(text);
    daemon.signal(SIGHUP);
    return told().substr(0, 11) == "RELOADING=1" && told().substr(0, 7) == "READY=1";
  }
  std::string listed() {
    std::string text;
    EXPECT_EQ(ctl({"list", "--json"}, &text), 0);
    return text;
  }
  std::string policy() {
    std::string text;
    EXPECT_EQ(ctl({"info", "--json"}, &text), 0);
    const std::string key = "\"policy\": \"";
    const size_t at = text.find(key) + key.size();
    return text.substr(at, text.find('"', at) - at);
  }
};

TEST_F(RulesTest, ARuleGoesBeforeWhatTheProcessAsked) {
  auto daemon = start("[[rule]]\ncommand = \"*fake_client*\"\npriority = 7\n");
  Client one(environment_);
  one.ask("add 100");
  ASSERT_TRUE(one.ok("status xschedd"));
  EXPECT_NE(listed().find("\"priority\": 7"), std::string::npos) << listed();
}

TEST_F(RulesTest, WhatAnOperatorSetGoesBeforeTheRuleAndOutlivesAReload) {
  const std::string rule = "[[rule]]\ncommand = \"*fake_client*\"\npriority = 7\n";
  auto daemon = start(rule);
  Client one(environment_);
  one.ask("add 0");
  ASSERT_TRUE(one.ok("status xschedd"));
  ASSERT_EQ(ctl::Connection(socket()).change_priority(one.pid(), kAllXQueues, 3), 1u);
  ASSERT_TRUE(reload(*daemon, rule + "level = 2\n"));
  EXPECT_NE(listed().find("\"priority\": 10"), std::string::npos) << listed();
}

// SPUP: a share of none is none, and only shares decide.
TEST_F(RulesTest, AnOperatorsShareGoesBeforeTheRuleAndOutlivesAReload) {
  const std::string rule = "policy = \"SPUP\"\n[default]\nshare = 100\n";
  auto daemon = start(rule);
  Client one(environment_);
  one.ask("add 0");
  ASSERT_TRUE(one.ok("status xschedd") && one.ok("ready 0"));
  ASSERT_EQ(ctl::Connection(socket()).set_share(one.pid(), kAllXQueues, 0), 1u);
  EXPECT_TRUE(one.ok("suspended 0"));
  ASSERT_TRUE(reload(*daemon, rule + "level = 2\n"));
  EXPECT_TRUE(one.ok("capped 0 2")) << "the new rule is in force";
  EXPECT_EQ(one.ask("look 0").substr(0, 5), "run 0");
}

TEST_F(RulesTest, AHintReachesTheDaemonAndARuleGoesBeforeIt) {
  auto daemon = start("policy = \"KEDF\"\n");
  Client near(environment_), far(environment_);
  near.ask("add 0");
  far.ask("add 0");
  ASSERT_TRUE(near.ok("deadline 0 100000"));
  ASSERT_TRUE(far.ok("deadline 0 10000000"));
  ASSERT_TRUE(far.ok("edges 0") && near.ok("edges 0"));
  EXPECT_NE(listed().find("\"deadline_us\": 100000000,"), std::string::npos) << listed();
  // One after the other: edges of one turn would make both ready at one time.
  ASSERT_TRUE(far.ok("ready 0") && near.ok("suspended 0"));
  ASSERT_TRUE(near.ok("ready 0"));
  EXPECT_TRUE(far.ok("suspended 0"));
  EXPECT_TRUE(near.ok("running 0"));
  // The same for all: the first that was ready.
  ASSERT_TRUE(reload(*daemon, "policy = \"KEDF\"\n[default]\nlatency_budget_us = 1000\n"));
  EXPECT_TRUE(near.ok("suspended 0"));
  EXPECT_TRUE(far.ok("running 0"));
}

// Whose the timeslice and k are (XHintTimeslice).
TEST_F(RulesTest, AProcessKnowsWhetherItsSchedulerIsItsOwn) {
  auto daemon = start("");
  Client one(environment_);
  ASSERT_TRUE(one.ok("status xschedd"));
  EXPECT_EQ(one.ask("follows"), "xschedd");
  daemon->kill_and_wait();
  ASSERT_TRUE(one.ok("status local"));
  EXPECT_EQ(one.ask("follows"), "itself");
}

TEST_F(RulesTest, NiceOnTheCpuIsPriorityUnderChpf) {
  auto daemon = start("policy = \"CHPF\"\n");
  Client one(environment_), two(environment_);
  one.ask("add 10");  // does not count
  two.ask("add 0");
  const auto renice = [](const Client& client, int nice) {
    return setpriority(PRIO_PROCESS, static_cast<id_t>(client.pid()), nice) == 0;
  };
  if (!renice(one, 0) || !renice(two, 0)) {
    GTEST_SKIP() << "skipped: was started with a nice value that only root could lower";
  }
  ASSERT_TRUE(one.ok("status xschedd") && two.ok("status xschedd"));
  ASSERT_TRUE(one.ok("ready 0") && two.ok("ready 0"));
  ASSERT_TRUE(renice(one, 5));
  EXPECT_TRUE(one.ok("suspended 0")) << "a renice is noticed though nothing else happens";
  ASSERT_TRUE(renice(two, 10));
  EXPECT_TRUE(two.ok("suspended 0"));
  EXPECT_TRUE(one.ok("running 0"));
}

TEST_F(RulesTest, AUsersProcessesGetTheirRule) {
  if (getuid() != 0) GTEST_SKIP() << "skipped: needs root to become another user";
  auto daemon = start("[[rule]]\nuser = 65534\npriority = 20\n");
  Client root(environment_), nobody(environment_, kNobody);
  root.ask("add 10");
  nobody.ask("add 0");
  ASSERT_TRUE(nobody.ok("edges 0"));
  ASSERT_TRUE(nobody.ok("ready 0"));
  EXPECT_TRUE(root.ok("suspended 0"));
}

TEST_F(RulesTest, ACgroupsProcessesGetTheirRule) {
  std::string own, line;
  std::ifstream file_("/proc/self/cgroup");
  while (std::getline(file_, line)) {
    if (line.substr(0, 3) == "0::") own = line.substr(3);
  }
  if (own.empty()) GTEST_SKIP() << "skipped: no unified cgroup hierarchy";
  auto daemon = start("[[rule]]\ncgroup = \"" + own + "\"\npriority = 33\n");
  Client one(environment_);
  one.ask("add 0");
  ASSERT_TRUE(one.ok("status xschedd"));
  EXPECT_NE(listed().find("\"priority\": 33"), std::string::npos) << listed();
}

TEST_F(RulesTest, ALevelIsCapped) {
  auto daemon = start("[default]\nlevel = 1\n");
  Client one(environment_);
  one.ask("add 0 3");
  EXPECT_TRUE(one.ok("capped 0 1"));
}

TEST_F(RulesTest, AReloadReachesThoseThatAreHere) {
  auto daemon = start("");
  Client low(environment_), high(environment_);
  low.ask("add 0");
  high.ask("add 10");
  ASSERT_TRUE(high.ok("ready 0"));
  ASSERT_TRUE(low.ok("ready 0"));
  ASSERT_TRUE(low.ok("suspended 0"));
  ASSERT_TRUE(reload(*daemon, "[default]\npriority = 3\n"));
  EXPECT_TRUE(low.ok("running 0")) << "all are equal now";
  ASSERT_TRUE(reload(*daemon, ""));
  EXPECT_TRUE(low.ok("suspended 0"));
}

TEST_F(RulesTest, AWrongFileIsRefusedWholeAndTheOldOneStays) {
  auto daemon = start("[default]\npriority = 3\n");
  Client one(environment_);
  one.ask("add 0");
  ASSERT_TRUE(one.ok("status xschedd"));
  ASSERT_TRUE(reload(*daemon, "policy = \"CFS\"\n[default]\npriority = 1000\n"));
  EXPECT_NE(listed().find("\"priority\": 3"), std::string::npos) << listed();
  EXPECT_EQ(policy(), "HPF");
}

TEST_F(RulesTest, AWrongFileAtTheStartIsAUsageError) {
  write("priority = 3\n");
  Process daemon({XSCHEDD, "--socket", socket(), "--config", file()}, {}, false);
  EXPECT_EQ(daemon.wait(), 2);
  Process missing({XSCHEDD, "--socket", socket(), "--config", folder_ + "/none"}, {}, false);
  EXPECT_EQ(missing.wait(), 2);
}

TEST_F(RulesTest, ThePolicyOfXschedctlStaysUntilTheFileNamesAnother) {
  auto daemon = start("policy = \"UP\"\n");
  ASSERT_EQ(policy(), "UP");
  ctl::Connection(socket()).set_policy("MLFQ");
  ASSERT_TRUE(reload(*daemon, "policy = \"UP\"\ntimeslice_us = 1000\n"));
  EXPECT_EQ(policy(), "MLFQ");
  ASSERT_TRUE(reload(*daemon, "policy = \"CFS\"\n"));
  EXPECT_EQ(policy(), "CFS");
}

TEST_F(RulesTest, ThePolicyOfTheCommandLineGoesBeforeTheFiles) {
  write("policy = \"UP\"\n");
  auto daemon = start_daemon({"--config", file(), "--policy", "LAX"});
  EXPECT_EQ(policy(), "LAX");
  ASSERT_TRUE(reload(*daemon, "policy = \"CFS\"\n"));
  EXPECT_EQ(policy(), "LAX");
}

TEST_F(RulesTest, ADeadlineIsTheLatencyBudget) {
  auto daemon = start(
      "policy = \"KEDF\"\n[[rule]]\nuser = 65534\nlatency_budget_us = 1000\n"
      "[default]\nlatency_budget_us = 5000000\n");
  if (getuid() != 0) GTEST_SKIP() << "skipped: needs root to become another user";
  Client late(environment_), soon(environment_, kNobody);
  late.ask("add 0");
  soon.ask("add 0");
  ASSERT_TRUE(late.ok("ready 0"));
  ASSERT_TRUE(soon.ok("ready 0"));
  EXPECT_TRUE(late.ok("suspended 0"));
}

}  // namespace
}  // namespace xsched::test
