// SPDX-License-Identifier: Apache-2.0
//
// xschedd at its work: decisions across processes, coming and going.
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "processes.h"

namespace xsched::test {
namespace {

class DaemonTest : public Scheduled {};

TEST_F(DaemonTest, UrgentProcessSuspendsAndFreesTheOther) {
  auto daemon = start_daemon();
  Client low(environment_), high(environment_);
  ASSERT_EQ(low.ask("add 0"), "0");
  ASSERT_EQ(high.ask("add 10"), "0");
  ASSERT_TRUE(low.ok("status xschedd"));
  ASSERT_TRUE(high.ok("edges 0"));
  for (int round = 0; round < 50; ++round) {
    ASSERT_TRUE(high.ok("ready 0"));
    ASSERT_TRUE(low.ok("suspended 0")) << round;
    ASSERT_TRUE(high.ok("idle 0"));
    ASSERT_TRUE(low.ok("running 0")) << round;
  }
}

TEST_F(DaemonTest, PreparesEachLevelForASuspend) {
  auto daemon = start_daemon();
  Client low(environment_), high(environment_);
  low.ask("add 0 1");
  low.ask("add 0 2");
  low.ask("add 0 3");
  high.ask("add 10");
  ASSERT_TRUE(high.ok("ready 0"));
  for (const char* slot : {"0", "1", "2"}) ASSERT_TRUE(low.ok(std::string("suspended ") + slot));
  EXPECT_EQ(low.ask("look 0"), "run 0 window 4 guard 0 notify 0");
  EXPECT_EQ(low.ask("look 1"), "run 0 window 0 guard 1 notify 0");
  EXPECT_EQ(low.ask("look 2"), "run 0 window 0 guard 0 notify 0");
  ASSERT_TRUE(high.ok("edges 0"));  // may be published after the suspends
  EXPECT_EQ(high.ask("look 0"), "run 1 window 0 guard 0 notify 3");
}

TEST_F(DaemonTest, ReadinessFromBeforeTheCompetitionCounts) {
  auto daemon = start_daemon();
  Client high(environment_);
  high.ask("add 10");
  ASSERT_TRUE(high.ok("status xschedd"));
  ASSERT_TRUE(high.ok("ready 0"));  // nobody asked for the edge
  Client low(environment_);
  low.ask("add 0");
  EXPECT_TRUE(low.ok("suspended 0"));
}

TEST_F(DaemonTest, LeavingFreesTheOther) {
  auto daemon = start_daemon();
  Client low(environment_), high(environment_);
  low.ask("add 0");
  high.ask("add 10");
  ASSERT_TRUE(high.ok("ready 0"));
  ASSERT_TRUE(low.ok("suspended 0"));
  ASSERT_TRUE(high.ok("remove 0"));
  ASSERT_TRUE(low.ok("running 0"));
  high.ask("add 10");
  ASSERT_TRUE(high.ok("ready 0"));
  ASSERT_TRUE(low.ok("suspended 0"));
  high.process().send("quit");
  EXPECT_EQ(high.process().wait(), 0);
  EXPECT_TRUE(low.ok("running 0"));
}

TEST_F(DaemonTest, ReleaseLeavesTheScheduler) {
  auto daemon = start_daemon();
  Client low(environment_), high(environment_);
  low.ask("add 0");
  high.ask("add 10");
  ASSERT_TRUE(high.ok("ready 0"));
  ASSERT_TRUE(low.ok("suspended 0"));
  ASSERT_TRUE(low.ok("release"));
  EXPECT_EQ(low.ask("look 0"), "run 1 window 0 guard 0 notify 0");
  EXPECT_TRUE(low.ok("running 0"));
}

TEST_F(DaemonTest, DaemonThatComesLaterIsFound) {
  Client low(environment_), high(environment_);
  low.ask("add 0");
  high.ask("add 10");
  ASSERT_TRUE(low.ok("status local"));
  ASSERT_TRUE(high.ok("ready 0"));
  EXPECT_EQ(low.ask("look 0"), "run 1 window 0 guard 0 notify 0");  // another process: not seen
  auto daemon = start_daemon();
  EXPECT_TRUE(low.ok("status xschedd"));
  EXPECT_TRUE(low.ok("suspended 0"));
}

TEST_F(DaemonTest, XQueuesOfOneProcessCompeteToo) {
  auto daemon = start_daemon();
  environment_["XSCHED_LEASE_MS"] = "nonsense";  // one error line, the default
  Client both(environment_);
  both.ask("add 0");
  both.ask("add 10");
  ASSERT_TRUE(both.ok("ready 1"));
  EXPECT_TRUE(both.ok("suspended 0"));
}

TEST_F(DaemonTest, SecondDaemonIsRefusedAndNamesTheFirst) {
  auto daemon = start_daemon();
  Process second({XSCHEDD, "--socket", socket()}, {}, false);
  EXPECT_EQ(second.wait(), 1);
  std::string output;
  EXPECT_EQ(ctl({"info", "--json"}, &output), 0);
  EXPECT_NE(output.find("\"pid\": " + std::to_string(daemon->pid())), std::string::npos) << output;
}

TEST_F(DaemonTest, WhatIsNoSocketIsNotReplacedByOne) {
  const std::string file = folder_ + "/file";
  std::ofstream(file) << "precious";
  for (const std::string& path : {file, folder_, std::string()}) {
    Process daemon({XSCHEDD, "--socket", path, "--config", "/dev/null"}, {}, false);
    EXPECT_EQ(daemon.wait(), 1) << path;
    EXPECT_FALSE(std::filesystem::exists(path + ".lock")) << path;
  }
  std::string text;
  std::ifstream(file) >> text;
  EXPECT_EQ(text, "precious");
}

TEST_F(DaemonTest, BadPolicyIsAUsageError) {
  Process daemon({XSCHEDD, "--socket", socket(), "--policy", "LIFO"}, {}, false);
  EXPECT_EQ(daemon.wait(), 2);
}

TEST_F(DaemonTest, TermLeavesEveryProcessRunning) {
  auto daemon = start_daemon();
  Client low(environment_), high(environment_);
  low.ask("add 0");
  high.ask("add 10");
  ASSERT_TRUE(high.ok("ready 0"));
  ASSERT_TRUE(low.ok("suspended 0"));
  daemon->signal(SIGTERM);
  EXPECT_EQ(daemon->wait(), 0);
  EXPECT_TRUE(low.ok("running 0"));
  EXPECT_TRUE(low.ok("status local"));
  EXPECT_NE(access(socket().c_str(), F_OK), 0);
}

}  // namespace
}  // namespace xsched::test
