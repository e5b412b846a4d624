// SPDX-License-Identifier: Apache-2.0
//
// base/options.h: names, defaults, and messages that say what is wrong.

#include "tools/sim/base/options.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace xsim {
namespace {

using Environment = std::map<std::string, std::string>;

bool parse(const Environment& environment, Options& out, std::string& error) {
  return parse_options(
      [&](const char* name) -> const char* {
        const auto found = environment.find(name);
        return found == environment.end() ? nullptr : found->second.c_str();
      },
      out, error);
}

TEST(Options, DefaultsWithoutAnyVariable) {
  Options options;
  std::string error;
  ASSERT_TRUE(parse({}, options, error)) << error;
  EXPECT_EQ(options.node.name, "default");
  EXPECT_EQ(options.node.target, isa::Target::gfx942);
  EXPECT_EQ(options.node.gpus, 1u);
  EXPECT_EQ(options.node.cus, 80u);
  EXPECT_EQ(options.node.vram_bytes, 16ull << 30);
  EXPECT_TRUE(options.node.kernel_times.empty());
  EXPECT_EQ(options.log, 0);
}

TEST(Options, EveryVariableIsRead) {
  Options options;
  std::string error;
  ASSERT_TRUE(parse({{"XSCHED_SIM_NODE", "a-b_9"},
                     {"XSCHED_SIM_GPU", "gfx90a"},
                     {"XSCHED_SIM_GPUS", "8"},
                     {"XSCHED_SIM_CUS", "304"},
                     {"XSCHED_SIM_PREEMPT_US", "0"},
                     {"XSCHED_SIM_RESTORE_US", "17"},
                     {"XSCHED_SIM_VRAM_MB", "64"},
                     {"XSCHED_SIM_LOG", "3"},
                     {"XSCHED_SIM_MODULE", "owner"},
                     {"XSCHED_SIM_KERNEL_US", "_Z4spinPi=200,fill*=1"}},
                    options, error))
      << error;
  EXPECT_EQ(options.node.name, "a-b_9");
  EXPECT_EQ(options.node.target, isa::Target::gfx90a);
  EXPECT_EQ(options.node.gpus, 8u);
  EXPECT_EQ(options.node.cus, 304u);
  EXPECT_EQ(options.node.preempt_us, 0u);
  EXPECT_EQ(options.node.restore_us, 17u);
  EXPECT_EQ(options.node.vram_bytes, 64ull << 20);
  EXPECT_EQ(options.log, 3);
  EXPECT_EQ(options.module, ModuleAccess::kOwner);
  ASSERT_EQ(options.node.kernel_times.size(), 2u);
  EXPECT_EQ(options.node.kernel_times[0].name, "_Z4spinPi");
  EXPECT_EQ(options.node.kernel_times[0].us, 200u);
  EXPECT_EQ(options.node.kernel_times[1].name, "fill*");
  EXPECT_EQ(options.node.kernel_times[1].us, 1u);
}

TEST(Options, AnEmptyVariableIsTheDefault) {
  Options options;
  std::string error;
  ASSERT_TRUE(parse({{"XSCHED_SIM_CUS", ""}, {"XSCHED_SIM_NODE", ""}}, options, error)) << error;
  EXPECT_EQ(options.node.cus, 80u);
  EXPECT_EQ(options.node.name, "default");
}

struct BadValue {
  const char* variable;
  const char* value;
};

class BadOptions : public testing::TestWithParam<BadValue> {};

TEST_P(BadOptions, AreNamedInOneLine) {
  Options options;
  std::string error;
  ASSERT_FALSE(parse({{GetParam().variable, GetParam().value}}, options, error));
  EXPECT_NE(error.find(GetParam().variable), std::string::npos) << error;
  EXPECT_NE(error.find("valid"), std::string::npos) << error;
  EXPECT_EQ(error.find('\n'), std::string::npos) << error;
}

INSTANTIATE_TEST_SUITE_P(
    All, BadOptions,
    testing::Values(BadValue{"XSCHED_SIM_NODE", "a/b"}, BadValue{"XSCHED_SIM_NODE", "../x"},
                    BadValue{"XSCHED_SIM_NODE", "123456789012345678901234567890123"},
                    BadValue{"XSCHED_SIM_GPU", "gfx1100"}, BadValue{"XSCHED_SIM_GPU", "942"},
                    BadValue{"XSCHED_SIM_GPUS", "0"}, BadValue{"XSCHED_SIM_GPUS", "9"},
                    BadValue{"XSCHED_SIM_GPUS", "-1"}, BadValue{"XSCHED_SIM_CUS", "305"},
                    BadValue{"XSCHED_SIM_CUS", "many"}, BadValue{"XSCHED_SIM_CUS", "8 "},
                    BadValue{"XSCHED_SIM_CUS", "99999999999999999999999"},
                    BadValue{"XSCHED_SIM_PREEMPT_US", "1e3"},
                    BadValue{"XSCHED_SIM_RESTORE_US", "0x10"}, BadValue{"XSCHED_SIM_VRAM_MB", "1"},
                    BadValue{"XSCHED_SIM_LOG", "4"}, BadValue{"XSCHED_SIM_KERNEL_US", "spin"},
                    BadValue{"XSCHED_SIM_KERNEL_US", "=5"},
                    BadValue{"XSCHED_SIM_KERNEL_US", "a=1,,b=2"},
                    BadValue{"XSCHED_SIM_KERNEL_US", "a=ten"}));

TEST(Options, TheMessageQuotesTheValue) {
  Options options;
  std::string error;
  ASSERT_FALSE(parse({{"XSCHED_SIM_CUS", "many"}}, options, error));
  EXPECT_NE(error.find("'many'"), std::string::npos) << error;
  EXPECT_NE(error.find("304"), std::string::npos) << error;
}

}  // namespace
}  // namespace xsim
