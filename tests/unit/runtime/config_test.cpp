// SPDX-License-Identifier: Apache-2.0
//
// The environment as a table: our names, upstream's aliases, bad values.
#include "runtime/base/config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

namespace xsched::test {
namespace {

using Environment = std::map<std::string, std::string>;
Environment g_environment;

Config parse(const Environment& environment) {
  g_environment = environment;
  g_environment.emplace("XSCHED_LOG", "off");  // bad values are expected here
  return parse_config([](const char* name) -> const char* {
    const auto found = g_environment.find(name);
    return found == g_environment.end() ? nullptr : found->second.c_str();
  });
}

TEST(Config, Defaults) {
  const Config c = parse({});
  EXPECT_TRUE(c.enabled);
  EXPECT_EQ(c.priority, 0);
  EXPECT_EQ(c.level, 3u);
  EXPECT_EQ(c.engine, EngineChoice::kAuto);
  EXPECT_EQ(c.window, 4u);
  EXPECT_EQ(c.stream_priority, -1);
  EXPECT_TRUE(c.global);
  EXPECT_EQ(c.policy, "HPF");
  EXPECT_EQ(c.socket, "") << "the agent knows the default";
}

TEST(Config, Priority) {
  const std::map<std::string, int32_t> table = {
      {"7", 7},   {"-255", -255}, {"255", 255}, {"+3", 3}, {"", 0},
      {"256", 0}, {"-256", 0},    {"high", 0},  {"3x", 0}, {"99999999999999999999", 0}};
  for (const auto& [text, value] : table) {
    EXPECT_EQ(parse({{"XSCHED_PRIORITY", text}}).priority, value) << "'" << text << "'";
    EXPECT_EQ(parse({{"XSCHED_AUTO_XQUEUE_PRIORITY", text}}).priority, value) << "'" << text << "'";
  }
}

TEST(Config, Level) {
  const std::map<std::string, uint32_t> table = {{"1", 1}, {"2", 2},   {"3", 3}, {"0", 3},
                                                 {"4", 3}, {"two", 3}, {"-1", 3}};
  for (const auto& [text, value] : table) {
    EXPECT_EQ(parse({{"XSCHED_LEVEL", text}}).level, value) << "'" << text << "'";
    EXPECT_EQ(parse({{"XSCHED_AUTO_XQUEUE_LEVEL", text}}).level, value) << "'" << text << "'";
  }
}

TEST(Config, Window) {
  const std::map<std::string, uint32_t> table = {{"1", 1}, {"16", 16},   {"65536", 65536},
                                                 {"0", 4}, {"65537", 4}, {"1.5", 4}};
  for (const auto& [text, value] : table) {
    EXPECT_EQ(parse({{"XSCHED_WINDOW", text}}).window, value) << "'" << text << "'";
    EXPECT_EQ(parse({{"XSCHED_AUTO_XQUEUE_THRESHOLD", text}}).window, value) << "'" << text << "'";
  }
}

TEST(Config, LatencyBudget) {
  EXPECT_EQ(parse({}).latency_budget_us, 0u) << "none";
  const std::map<std::string, uint32_t> table = {
      {"1", 1}, {"10000000", 10'000'000}, {"10000001", 0}, {"0", 0}, {"-1", 0}, {"2ms", 0}};
  for (const auto& [text, value] : table) {
    EXPECT_EQ(parse({{"XSCHED_LATENCY_BUDGET_US", text}}).latency_budget_us, value) << text;
  }
}

TEST(Config, StreamPriority) {
  const std::map<std::string, int32_t> table = {{"0", 0},    {"1", 1},   {"255", 255},
                                                {"256", -1}, {"-1", -1}, {"much", -1}};
  for (const auto& [text, value] : table) {
    EXPECT_EQ(parse({{"XSCHED_STREAM_PRIORITY", text}}).stream_priority, value)
        << "'" << text << "'";
  }
}

TEST(Config, ABadValueIsOneLineThatNamesWhatIsValidAndWhatIsUsed) {
  const std::map<std::string, std::string> table = {
      {"XSCHED_WINDOW", "XSCHED_WINDOW is 'x': valid are 1..65536; using 4\n"},
      {"XSCHED_STREAM_PRIORITY",
       "XSCHED_STREAM_PRIORITY is 'x': valid are 0..255; using the default\n"},
      {"XSCHED_ENGINE",
       "XSCHED_ENGINE is 'x': valid are auto, kmod, kfd, gate; using the default\n"},
  };
  for (const auto& [name, said] : table) {
    ::testing::internal::CaptureStderr();
    parse({{name, "x"}, {"XSCHED_LOG", "error"}});
    const std::string text = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(text.substr(std::min(text.size(), text.find(name))), said);
  }
}

TEST(Config, HipQueuesAreWhatHipWillMake) {
  const std::map<std::string, uint32_t> table = {{"8", 8}, {"0", 4}, {"x", 4}, {"", 4}};
  for (const auto& [text, value] : table) {
    EXPECT_EQ(parse({{"GPU_MAX_HW_QUEUES", text}}).hip_queues, value) << "'" << text << "'";
  }
  EXPECT_EQ(parse({}).hip_queues, 4u);
}

TEST(Config, HintsOfUpstreamsNames) {
  ::testing::internal::CaptureStderr();
  const Config none = parse({{"XSCHED_AUTO_XQUEUE_UTILIZATION", ""}, {"XSCHED_LOG", "error"}});
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "") << "empty is not set";
  struct Row {
    const char* name;
    std::optional<long> Config::*member;
    std::map<std::string, std::optional<long>> values;
  };
  const std::optional<long> no;
  const Row table[] = {
      {"XSCHED_AUTO_XQUEUE_UTILIZATION",
       &Config::utilization,
       {{"0", 0}, {"100", 100}, {"101", no}, {"-1", no}, {"all", no}}},
      {"XSCHED_AUTO_XQUEUE_DEADLINE",
       &Config::deadline_us,
       {{"1", 1}, {"9223372036854775", 9223372036854775}, {"9223372036854776", no}, {"0", no}}},
      {"XSCHED_AUTO_XQUEUE_LAXITY", &Config::laxity_us, {{"1", 1}, {"0", no}, {"2ms", no}}},
      {"XSCHED_AUTO_XQUEUE_TIMESLICE",
       &Config::timeslice_us,
       {{"100", 100}, {"10000000", 10000000}, {"99", no}, {"10000001", no}}},
      {"XSCHED_AUTO_XQUEUE_KDEADLINE", &Config::concurrency, {{"1", 1}, {"7", 7}, {"0", no}}},
  };
  for (const Row& row : table) {
    EXPECT_EQ(none.*row.member, no) << row.name;
    for (const auto& [text, value] : row.values) {
      EXPECT_EQ(parse({{row.name, text}}).*row.member, value) << row.name << " '" << text << "'";
    }
  }
}

TEST(Config, Engine) {
  const std::map<std::string, EngineChoice> table = {
      {"auto", EngineChoice::kAuto}, {"kfd", EngineChoice::kKfd},   {"KFD", EngineChoice::kKfd},
      {"gate", EngineChoice::kGate}, {"kmod", EngineChoice::kKmod}, {"cwsr", EngineChoice::kAuto}};
  for (const auto& [text, value] : table) {
    EXPECT_EQ(parse({{"XSCHED_ENGINE", text}}).engine, value) << "'" << text << "'";
  }
}

TEST(Config, Switches) {
  for (const char* off : {"off", "0", "false", "no", "OFF"}) {
    EXPECT_FALSE(parse({{"XSCHED_AUTO_XQUEUE", off}}).enabled) << off;
  }
  for (const char* on : {"on", "1", "true", "yes", "maybe"}) {
    EXPECT_TRUE(parse({{"XSCHED_AUTO_XQUEUE", on}}).enabled) << on;
  }
  EXPECT_FALSE(parse({{"XSCHED_SCHEDULER", "local"}}).global);
  EXPECT_TRUE(parse({{"XSCHED_SCHEDULER", "global"}}).global);
  EXPECT_TRUE(parse({{"XSCHED_SCHEDULER", "none"}}).global);
}

TEST(Config, OurNameWins) {
  const Config c = parse({{"XSCHED_PRIORITY", "1"},
                          {"XSCHED_AUTO_XQUEUE_PRIORITY", "2"},
                          {"XSCHED_LEVEL", ""},
                          {"XSCHED_AUTO_XQUEUE_LEVEL", "2"}});
  EXPECT_EQ(c.priority, 1);
  EXPECT_EQ(c.level, 2u) << "an empty value is no value";
}

TEST(Config, Log) {
  EXPECT_EQ(parse({{"XSCHED_LOG", "debug"}}).log, LogLevel::kDebug);
  EXPECT_EQ(parse({{"XSCHED_LOG", "off"}}).log, LogLevel::kOff);
  set_log_level(LogLevel::kWarn);
}

TEST(Config, BadValuesAreNamed) {
  testing::internal::CaptureStderr();
  parse({{"XSCHED_LOG", "error"}, {"XSCHED_LEVEL", "5"}});
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find("XSCHED_LEVEL is '5'"), std::string::npos) << text;
  EXPECT_NE(text.find("1..3"), std::string::npos) << text;
  testing::internal::CaptureStderr();
  parse({{"XSCHED_LOG", "error"}, {"XSCHED_AUTO_XQUEUE_LEVEL", "5"}});
  EXPECT_NE(testing::internal::GetCapturedStderr().find("XSCHED_AUTO_XQUEUE_LEVEL"),
            std::string::npos);
  set_log_level(LogLevel::kWarn);
}

}  // namespace
}  // namespace xsched::test
