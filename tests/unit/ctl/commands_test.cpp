// SPDX-License-Identifier: Apache-2.0
//
// set, policy, doctor and --json against a real xschedd.
#include <nlohmann/json.hpp>

#include "sched/processes.h"

namespace xsched::test {
namespace {

using nlohmann::json;

constexpr uid_t kNobody = 65534;

class CommandsTest : public Scheduled {
 protected:
  void SetUp() override { daemon_ = start_daemon(); }
  std::unique_ptr<Client> client(int xqueues = 1) {
    auto c = std::make_unique<Client>(environment_);
    for (int i = 0; i < xqueues; ++i) c->ask("add 0 1");
    EXPECT_TRUE(c->ok("status xschedd"));
    return c;
  }
  json ask(std::vector<std::string> arguments) {
    std::string output;
    arguments.push_back("--json");
    EXPECT_EQ(ctl(arguments, &output), 0);
    return json::parse(output, nullptr, false);
  }
  // By XQueue, in the listing's order.
  std::vector<int> priorities() {
    std::vector<int> found;
    const json listing = ask({"list"});
    for (const json& row : listing["xqueues"]) found.push_back(row["priority"]);
    return found;
  }
  std::unique_ptr<Process> daemon_;
};

TEST_F(CommandsTest, SetChangesPriorities) {
  auto c = client(2);
  std::string output;
  EXPECT_EQ(ctl({"set", c->target(1), "--priority", "-5"}, &output), 0);
  EXPECT_EQ(output, "priority -5 for 1 XQueues\n");
  EXPECT_EQ(priorities(), (std::vector<int>{-5, 0}));
  EXPECT_EQ(ask({"set", std::to_string(c->pid()), "--by", "7"}), (json{{"xqueues", 2}}));
  EXPECT_EQ(priorities(), (std::vector<int>{2, 7}));
  EXPECT_EQ(ctl({"set", "all", "--priority", "255"}), 0);
  EXPECT_EQ(priorities(), (std::vector<int>{255, 255}));
}

TEST_F(CommandsTest, SetRefusesWhatItCannotDo) {
  auto c = client();
  EXPECT_EQ(ctl({"set", "all"}), 2);
  EXPECT_EQ(ctl({"set", "--priority", "1"}), 2);
  EXPECT_EQ(ctl({"set", "all", "--priority", "1", "--by", "1"}), 2);
  EXPECT_EQ(ctl({"set", "all", "--priority", "256"}), 2);
  EXPECT_EQ(ctl({"set", "999999999", "--priority", "1"}), 3);
  EXPECT_EQ(ctl({"set", std::to_string(c->pid()) + ":77", "--priority", "1"}), 3);
  EXPECT_EQ(priorities(), std::vector<int>{0});
}

TEST_F(CommandsTest, ActiveProcessesGoFirstUnderAwf) {
  EXPECT_EQ(ctl({"policy", "AWF"}), 0);
  auto front = client(), back = client();
  std::string output;
  EXPECT_EQ(ctl({"set", std::to_string(front->pid()), "--active", "on"}, &output), 0);
  EXPECT_EQ(output, "active on for the processes of 1 XQueues\n");
  ASSERT_TRUE(front->ok("edges 0") && front->ok("ready 0"));
  EXPECT_TRUE(back->ok("suspended 0"));
  EXPECT_EQ(ctl({"set", std::to_string(front->pid()), "--active", "off"}), 0);
  EXPECT_TRUE(back->ok("running 0"));
}

TEST_F(CommandsTest, AShareIsSetForAProcessNotForOneXQueue) {
  auto c = client(2);
  std::string output;
  EXPECT_EQ(ctl({"set", c->target(1), "--share", "30"}), 1);
  EXPECT_EQ(ctl({"set", c->target(1), "--active", "on"}), 1);
  EXPECT_EQ(ctl({"set", "all", "--share", "101"}), 2);
  EXPECT_EQ(ctl({"set", "all", "--active", "maybe"}), 2);
  EXPECT_EQ(ctl({"set", "all", "--share", "30"}, &output), 0);
  EXPECT_EQ(output, "share 30 % for the processes of 2 XQueues\n");
}

// SPUP: a share of none is none, and only shares decide.
TEST_F(CommandsTest, AnOperatorsShareCountsAtOnce) {
  EXPECT_EQ(ctl({"policy", "SPUP"}), 0);
  auto c = client();
  ASSERT_TRUE(c->ok("ready 0"));
  EXPECT_EQ(ctl({"set", std::to_string(c->pid()), "--share", "0"}), 0);
  EXPECT_TRUE(c->ok("suspended 0"));
  EXPECT_EQ(ctl({"set", std::to_string(c->pid()), "--share", "100"}), 0);
  EXPECT_TRUE(c->ok("running 0"));
}

TEST_F(CommandsTest, OnlyTheOwnerAndRootSet) {
  if (getuid() != 0) GTEST_SKIP() << "skipped: needs root to become another user";
  auto c = client();
  EXPECT_EQ(ctl({"set", c->target(), "--priority", "9"}, nullptr, kNobody), 1);
  EXPECT_EQ(ctl({"set", "all", "--share", "1"}, nullptr, kNobody), 1);
  EXPECT_EQ(ctl({"set", std::to_string(c->pid()), "--active", "on"}, nullptr, kNobody), 1);
  std::string output;
  EXPECT_EQ(ctl({"set", "all", "--active", "on"}, &output, kNobody), 0);
  EXPECT_EQ(output, "active on for the processes of 0 XQueues\n") << "all of his own";
  EXPECT_EQ(ctl({"policy", "CFS"}, nullptr, kNobody), 1);
  EXPECT_EQ(priorities(), std::vector<int>{0});
}

TEST_F(CommandsTest, PolicyIsToldAndChanged) {
  std::string output;
  EXPECT_EQ(ctl({"policy"}, &output), 0);
  EXPECT_EQ(output.substr(0, 14), "HPF\nvalid are ");
  const json before = ask({"policy"});
  EXPECT_EQ(before["policy"], "HPF");
  EXPECT_EQ(before["valid"].size(), 11u);
  EXPECT_EQ(before["valid"][0], "HPF");
  EXPECT_EQ(ctl({"policy", "CFS"}, &output), 0);
  EXPECT_EQ(output, "CFS\n");
  EXPECT_EQ(ask({"info"})["policy"], "CFS");
  EXPECT_EQ(ctl({"policy", "NOSUCH"}), 1);
  EXPECT_EQ(ask({"info"})["policy"], "CFS");
}

TEST_F(CommandsTest, HoldsSpeakJsonLineByLine) {
  auto c = client();
  auto hold = start_ctl({"suspend", c->target(), "--json"});
  EXPECT_EQ(json::parse(hold->line(), nullptr, false),
            (json{{"event", "suspended"}, {"xqueues", 1}}));
  EXPECT_EQ(ask({"resume", "all"}), (json{{"event", "resumed"}, {"holds", 1}}));
  EXPECT_EQ(json::parse(hold->line(), nullptr, false), (json{{"event", "resumed_by_other"}}));
  EXPECT_EQ(hold->wait(), 0);
}

TEST_F(CommandsTest, DoctorFindsTheDaemon) {
  const json report = ask({"doctor", "--root", folder_});
  EXPECT_EQ(report["problems"], 0) << report.dump(2);
  bool found = false;
  for (const json& row : report["findings"]) {
    if (row["check"] != "xschedd") continue;
    found = true;
    EXPECT_EQ(row["grade"], "ok") << row;
    EXPECT_TRUE(row["do"].is_null()) << row;
  }
  EXPECT_TRUE(found) << report.dump(2);
}

TEST_F(CommandsTest, DoctorFailsOverASocketWithoutADaemon) {
  daemon_->kill_and_wait();
  std::string output;
  EXPECT_EQ(ctl({"doctor", "--root", folder_}, &output), 1);
  EXPECT_NE(output.find("problem  xschedd"), std::string::npos) << output;
  EXPECT_NE(output.find("systemctl restart xschedd"), std::string::npos) << output;
  EXPECT_NE(output.find("1 problems"), std::string::npos) << output;
}

TEST_F(CommandsTest, DoctorAnswersForAnotherUser) {
  std::string output;
  EXPECT_EQ(ctl({"doctor", "--user", "nobody", "--json"}, &output), 0);
  EXPECT_EQ(json::parse(output, nullptr, false)["user"], "nobody");
  EXPECT_EQ(ctl({"doctor", "--user", "no such user"}), 2);
}

}  // namespace
}  // namespace xsched::test
