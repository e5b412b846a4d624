// SPDX-License-Identifier: Apache-2.0
//
// xschedctl run: what the program finds in its environment.
#include <fstream>
#include <set>
#include <sstream>

#include "sched/processes.h"

namespace xsched::test {
namespace {

class RunTest : public Scheduled {
 protected:
  // An empty file: the loader warns of it and goes on, as no library that was
  // built with a sanitizer would in a program that was not.
  void SetUp() override {
    shim_ = folder_ + "/libshimhip.so";
    std::ofstream(shim_).flush();
  }
  int run(std::vector<std::string> arguments, std::string* output = nullptr,
          Process::Environment environment = {}) {
    arguments.insert(arguments.begin(), {XSCHEDCTL, "run", "--shim", shim_});
    Process process(arguments, std::move(environment), true);
    const std::string text = process.all_output();
    if (output != nullptr) *output = text;
    return process.wait();
  }
  // NAME=value lines of XSCHED_* and LD_PRELOAD that the program sees.
  std::set<std::string> seen(std::vector<std::string> arguments,
                             Process::Environment environment = {}) {
    arguments.insert(arguments.end(), {"--", "env"});
    std::string output;
    EXPECT_EQ(run(arguments, &output, std::move(environment)), 0);
    std::set<std::string> found;
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);) {
      const bool build = line.compare(0, 10, "XSCHED_TOP") == 0 ||
                         line.compare(0, 14, "XSCHED_IN_ROOT") == 0 ||
                         line.compare(0, 12, "XSCHED_BUILD") == 0;
      if (!build && (line.compare(0, 7, "XSCHED_") == 0 || line.compare(0, 10, "LD_PRELOAD") == 0))
        found.insert(line);
    }
    return found;
  }
  std::string shim_;
};

using Lines = std::set<std::string>;

TEST_F(RunTest, WithoutOptionsOnlyThePreloadIsSet) {
  EXPECT_EQ(seen({}), Lines{"LD_PRELOAD=" + shim_});
}

TEST_F(RunTest, EachOptionIsItsVariable) {
  const Lines expected{"LD_PRELOAD=" + shim_, "XSCHED_PRIORITY=-7",  "XSCHED_LEVEL=2",
                       "XSCHED_WINDOW=9",     "XSCHED_ENGINE=kfd",   "XSCHED_SCHEDULER=local",
                       "XSCHED_POLICY=CFS",   "XSCHED_LEASE_MS=500", "XSCHED_LOG=debug"};
  EXPECT_EQ(
      seen({"--priority", "-7", "--level", "2", "--window", "9", "--engine", "kfd", "--scheduler",
            "local", "--policy", "CFS", "--lease-ms", "500", "--log", "debug"}),
      expected);
}

TEST_F(RunTest, WhatTheEnvironmentHasStaysUnlessAnOptionSaysElse) {
  EXPECT_EQ(seen({"--level", "1"}, {{"XSCHED_LEVEL", "3"}, {"XSCHED_PRIORITY", "4"}}),
            (Lines{"LD_PRELOAD=" + shim_, "XSCHED_LEVEL=1", "XSCHED_PRIORITY=4"}));
}

TEST_F(RunTest, OtherPreloadsComeBehindTheShim) {
  const std::string other = folder_ + "/other.so";
  std::ofstream(other).flush();
  EXPECT_EQ(seen({}, {{"LD_PRELOAD", other}}), Lines{"LD_PRELOAD=" + shim_ + ":" + other});
}

TEST_F(RunTest, AShimThatIsPreloadedAlreadyIsKept) {
  EXPECT_EQ(seen({}, {{"LD_PRELOAD", "/elsewhere/libshimhip.so"}}),
            Lines{"LD_PRELOAD=/elsewhere/libshimhip.so"});
}

TEST_F(RunTest, TheProgramKeepsItsOwnWords) {
  std::string output;
  EXPECT_EQ(run({"--", "printf", "%s,", "--priority", "3", "--"}, &output), 0);
  EXPECT_EQ(output, "--priority,3,--,");
  EXPECT_EQ(run({"--priority", "1", "printf", "%s,", "-x", "--level"}, &output), 0);
  EXPECT_EQ(output, "-x,--level,");
}

TEST_F(RunTest, ItsStatusIsTheProgramsOrThatOfEnv) {
  EXPECT_EQ(run({"--", "sh", "-c", "exit 42"}), 42);
  EXPECT_EQ(run({"--", "/no/such/program"}), 127);
  EXPECT_EQ(run({"--", folder_}), 126);
}

TEST_F(RunTest, BadOptionsStartNothing) {
  EXPECT_EQ(run({}), 2);
  EXPECT_EQ(run({"--priority", "256", "--", "true"}), 2);
  EXPECT_EQ(run({"--level", "4", "--", "true"}), 2);
  EXPECT_EQ(run({"--engine", "none", "--", "true"}), 2);
  EXPECT_EQ(run({"--priorty", "1", "--", "true"}), 2);
}

TEST_F(RunTest, AShimThatTheLoaderCouldNotTakeIsRefused) {
  shim_ = folder_ + "/nothing.so";
  EXPECT_EQ(run({"--", "true"}), 1);
  shim_ = folder_ + "/a b.so";
  std::ofstream(shim_).flush();
  EXPECT_EQ(run({"--", "true"}), 1);
}

}  // namespace
}  // namespace xsched::test
