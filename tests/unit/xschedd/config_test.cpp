// SPDX-License-Identifier: Apache-2.0
//
// The configuration: what it says, and that a wrong one is refused whole, with
// line and reason.
#include "tools/xschedd/config.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>

namespace xsched {
namespace {

std::optional<uint32_t> users(const std::string& name) {
  if (name == "alice") return 1001;
  return std::nullopt;
}

Config good(std::string_view text) {
  std::string error;
  std::optional<Config> config = parse_config(text, "f.toml", error, users);
  EXPECT_TRUE(config) << error;
  return config.value_or(Config{});
}

std::string wrong(std::string_view text) {
  std::string error;
  EXPECT_FALSE(parse_config(text, "f.toml", error, users)) << text;
  EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  return error;
}

// A hard match: what is wrong, where, and what would be right.
void expect_wrong(std::string_view text, std::string_view message) {
  EXPECT_EQ(wrong(text), "f.toml:" + std::string(message));
}

TEST(Config, EmptyIsTheDefaults) {
  const Config c = good("");
  EXPECT_EQ(c.policy, "HPF");
  EXPECT_EQ(c.timeslice_ns, 0u);
  EXPECT_EQ(c.concurrency, 1u);
  EXPECT_EQ(c.settings_for({}), ProcessSettings{});
}

TEST(Config, SaysWhatAProcessGets) {
  const Config c = good(R"(
policy = "cfs"
timeslice_us = 2000
concurrency = 2
[default]
level = 2
[[rule]]
user = "alice"
cgroup = "/system.slice/*"
command = "*python*serve*"
priority = -10
share = 60
level = 3
latency_budget_us = 2000
)");
  EXPECT_EQ(c.policy, "CFS");
  EXPECT_EQ(c.timeslice_ns, 2'000'000u);
  EXPECT_EQ(c.concurrency, 2u);
  EXPECT_EQ(c.settings_for({1001, "/system.slice/a.service", "/usr/bin/python3 serve.py"}),
            (ProcessSettings{-10, 60, 3, 2'000'000}));
}

TEST(Config, EveryConditionOfARuleMustHold) {
  const Config c = good("[[rule]]\nuser = 7\ncgroup = \"/a\"\ncommand = \"b\"\npriority = 1");
  EXPECT_EQ(c.settings_for({7, "/a", "b"}).priority, 1);
  EXPECT_FALSE(c.settings_for({8, "/a", "b"}).priority);
  EXPECT_FALSE(c.settings_for({7, "/b", "b"}).priority);
  EXPECT_FALSE(c.settings_for({7, "/a", "c"}).priority);
}

TEST(Config, FirstRuleThatMatchesCounts) {
  const Config c =
      good("[[rule]]\nuser = 7\npriority = 1\n[[rule]]\ncommand = \"*\"\npriority = 2\nshare = 3");
  EXPECT_EQ(c.settings_for({7, "", ""}), (ProcessSettings{1, {}, {}, {}}));
  EXPECT_EQ(c.settings_for({8, "", ""}), (ProcessSettings{2, 3, {}, {}}));
}

TEST(Config, DefaultsFillWhatTheRuleLeavesOut) {
  const Config c = good("[default]\npriority = -1\nshare = 10\n[[rule]]\nuser = 7\nshare = 50");
  EXPECT_EQ(c.settings_for({7, "", ""}), (ProcessSettings{-1, 50, {}, {}}));
  EXPECT_EQ(c.settings_for({8, "", ""}), (ProcessSettings{-1, 10, {}, {}}));
}

TEST(Config, LimitsAreValid) {
  good(
      "timeslice_us = 100\nconcurrency = 1024\n[default]\npriority = -255\nshare = 0\nlevel = 1\n"
      "latency_budget_us = 10000000");
  good(
      "timeslice_us = 10000000\n[default]\npriority = 255\nshare = 100\nlevel = 3\n"
      "latency_budget_us = 1");
}

TEST(Config, OutOfRangeNamesValueRangeAndLine) {
  expect_wrong("[default]\npriority = 256", "2: priority is 256: valid are -255..255");
  expect_wrong("[default]\nshare = 101", "2: share is 101: valid are 0..100");
  expect_wrong("[default]\nlevel = 0", "2: level is 0: valid are 1..3");
  expect_wrong("[default]\n\nlatency_budget_us = 0",
               "3: latency_budget_us is 0: valid are 1..10000000");
  expect_wrong("timeslice_us = 99", "1: timeslice_us is 99: valid are 100..10000000");
  expect_wrong("concurrency = 0", "1: concurrency is 0: valid are 1..1024");
  expect_wrong("[[rule]]\nuser = -1\nlevel = 1", "2: user is -1: valid are 0..4294967294");
}

TEST(Config, WrongTypesAreNamed) {
  expect_wrong("[default]\npriority = \"high\"",
               "2: priority is not an integer: valid are -255..255");
  expect_wrong("[default]\npriority = 1.5", "2: priority is not an integer: valid are -255..255");
  expect_wrong("policy = 3", "1: policy is not a string: write it in quotes");
  expect_wrong("default = 3", "1: default is not a table: write [default]");
  expect_wrong("[rule]\nuser = 1", "1: rule is not an array of tables: write [[rule]]");
  expect_wrong("rule = [1, 2]", "1: rule is not an array of tables: write [[rule]]");
}

TEST(Config, UnknownKeysAreRefusedWithTheValidOnes) {
  expect_wrong("\npolice = \"HPF\"",
               "2: 'police' is not known in the file: valid are policy, timeslice_us, concurrency, "
               "default, rule");
  expect_wrong("[default]\nuser = 1",
               "2: 'user' is not known in [default]: valid are priority, share, level, "
               "latency_budget_us");
  EXPECT_NE(wrong("[[rule]]\nuser = 1\nprio = 1").find("f.toml:3: 'prio' is not known in [[rule]]"),
            std::string::npos);
}

TEST(Config, UnknownPolicyNamesTheValidOnes) {
  const std::string error = wrong("policy = \"FIFO\"");
  EXPECT_NE(error.find("f.toml:1: policy 'FIFO' is not known"), std::string::npos) << error;
  EXPECT_NE(error.find("MLFQ"), std::string::npos) << error;
}

TEST(Config, UnknownUserIsRefused) {
  expect_wrong("[[rule]]\nuser = \"bob\"\npriority = 1",
               "2: user 'bob' is not known on this machine");
}

TEST(Config, RuleWithoutConditionOrEffectIsRefused) {
  expect_wrong("[[rule]]\nuser = 1\nlevel = 1\n[[rule]]\npriority = 1",
               "4: [[rule]] matches everything: give user, cgroup or command, or use [default]");
  expect_wrong("[[rule]]\nuser = 1",
               "1: [[rule]] sets nothing: give priority, share, level or latency_budget_us");
  expect_wrong("[[rule]]\ncommand = \"\"\nlevel = 1",
               "2: command is empty: leave it out to match everything");
}

TEST(Config, BrokenTomlIsRefusedWithItsLine) {
  EXPECT_EQ(wrong("policy = \"HPF\"\n[default\n").rfind("f.toml:2: not TOML: ", 0), 0u);
  EXPECT_EQ(wrong("\n[ # ]").rfind("f.toml:2: not TOML: ", 0), 0u);
  EXPECT_EQ(wrong("share = 1\nshare = 2").rfind("f.toml:2: not TOML: ", 0), 0u);
}

TEST(Config, BytesThatTheParserMustNotSeeAreRefused) {
  using namespace std::string_view_literals;
  const std::string not_ascii =
      " is not ASCII: in strings write \\uXXXX, comments on lines of their own";
  expect_wrong("\n[\0rule]"sv, "2: control character 0x00");
  expect_wrong("a\rb", "1: control character 0x0d");
  expect_wrong("# \x7f", "1: control character 0x7f");
  expect_wrong("\n\xcc\xaa = 1", "2: byte 0xcc" + not_ascii);
  expect_wrong("a = \"\xc3\xa9\"", "1: byte 0xc3" + not_ascii);
  expect_wrong("a = 1 # \xc3\xa9", "1: byte 0xc3" + not_ascii);
  expect_wrong("a = \"\"\"\n#\xc3\xa9\"\"\"",
               "1: strings over several lines are not taken: write it in one");
}

TEST(Config, OtherLettersAreTakenInCommentsAndAsEscapes) {
  const Config c =
      good("# \xc3\xa9 \xff\r\n[[rule]]\r\n\t # \xe2\x82\xac\ncommand = \"\\u00e9\"\nlevel = 2");
  EXPECT_EQ(c.settings_for({0, "", "\xc3\xa9"}).level, 2u);
}

TEST(Config, MessagesCarryNoEscapeSequences) {
  EXPECT_EQ(wrong("\"\\u001b[2J\\nx\" = 1").find('\x1b'), std::string::npos);
  EXPECT_EQ(wrong("policy = \"\\u001b[2J\"").find('\x1b'), std::string::npos);
}

TEST(Config, TooLargeIsRefused) {
  EXPECT_NE(wrong(std::string((1 << 20) + 1, '#')).find("at most 1048576"), std::string::npos);
}

TEST(Config, ReadsAFileAndSaysIfItCannot) {
  char path[] = "/tmp/xsched-config-XXXXXX";
  const int fd = mkstemp(path);
  ASSERT_GE(fd, 0);
  close(fd);
  std::ofstream(path) << "policy = \"LAX\"\n";
  std::string error;
  const std::optional<Config> config = load_config(path, error);
  unlink(path);
  ASSERT_TRUE(config) << error;
  EXPECT_EQ(config->policy, "LAX");
  EXPECT_FALSE(load_config(path, error));
  EXPECT_NE(error.find("No such file"), std::string::npos) << error;
  EXPECT_FALSE(load_config("/tmp", error));
  EXPECT_NE(error.find("cannot be read"), std::string::npos) << error;
}

TEST(LoadConfig, TheExampleIsRightAndHasEveryKey) {
  std::string error;
  const std::optional<Config> config = load_config(EXAMPLE, error);
  ASSERT_TRUE(config) << error;
  std::ifstream file(EXAMPLE);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  for (const char* key : {"policy", "timeslice_us", "concurrency", "user", "cgroup", "command",
                          "priority", "share", "level", "latency_budget_us"}) {
    EXPECT_NE(text.find("\n" + std::string(key) + " = "), std::string::npos) << key;
  }
}

TEST(SystemUser, KnowsRoot) {
  EXPECT_EQ(system_user("root"), 0u);
  EXPECT_EQ(system_user("no such user"), std::nullopt);
}

TEST(Matches, StarAndQuestionMark) {
  EXPECT_TRUE(matches("", ""));
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("a*c", "abbbc"));
  EXPECT_TRUE(matches("a*b*c", "a/b/x/b/c"));
  EXPECT_TRUE(matches("?b", "ab"));
  EXPECT_FALSE(matches("?", ""));
  EXPECT_FALSE(matches("a", "ab"));
  EXPECT_FALSE(matches("a*c", "abbbd"));
  EXPECT_FALSE(matches("", "a"));
}

// One that tries every star again would not end in our lifetime.
TEST(Matches, ManyStarsOnALongCommand) {
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "*a";
  EXPECT_FALSE(matches(pattern + "b", std::string(100'000, 'a')));
}

}  // namespace
}  // namespace xsched
