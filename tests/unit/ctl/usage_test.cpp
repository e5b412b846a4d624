// SPDX-License-Identifier: Apache-2.0
//
// A wrong command line ends in one line that names what is wrong and what is
// valid, and in exit status 2.
#include "sched/processes.h"

namespace xsched::test {
namespace {

struct Wrong {
  std::vector<std::string> command;
  std::string said;
};

class Usage : public ::testing::TestWithParam<Wrong> {};

TEST_P(Usage, IsOneLine) {
  std::vector<std::string> command = {"/bin/sh", "-c", "exec \"$@\" 2>&1", "sh"};
  command.insert(command.end(), GetParam().command.begin(), GetParam().command.end());
  Process process(command, {}, true);
  EXPECT_EQ(process.all_output(), GetParam().said + "\n");
  EXPECT_EQ(process.wait(), 2);
}

const std::string kCommands =
    "valid are info, list, run, set, policy, suspend, resume, doctor; see xschedctl --help";

INSTANTIATE_TEST_SUITE_P(
    CommandLines, Usage,
    ::testing::Values(
        Wrong{{XSCHEDCTL}, "xschedctl: no command: " + kCommands},
        Wrong{{XSCHEDCTL, "nonsense"}, "xschedctl: no command 'nonsense': " + kCommands},
        Wrong{{XSCHEDCTL, "--socket"},
              "xschedctl: --socket: 1 required TEXT missing; see xschedctl --help"},
        Wrong{{XSCHEDCTL, "list", "extra"},
              "xschedctl: the following argument was not expected: extra; see xschedctl list "
              "--help"},
        Wrong{{XSCHEDCTL, "suspend"},
              "xschedctl: TARGET is required; see xschedctl suspend --help"},
        Wrong{{XSCHEDCTL, "suspend", "1", "--lease", "abc"},
              "xschedctl: --lease: value abc not in range [1 - 86400000]; see xschedctl suspend "
              "--help"},
        Wrong{{XSCHEDCTL, "run", "--engine", "foo", "--", "true"},
              "xschedctl: --engine: foo not in {auto,kmod,kfd,gate}; see xschedctl run --help"},
        Wrong{{XSCHEDD, "--nonsense"},
              "xschedd: the following argument was not expected: --nonsense; see xschedd --help"},
        Wrong{{XSCHEDD, "--socket"},
              "xschedd: --socket: 1 required TEXT missing; see xschedd --help"}));

}  // namespace
}  // namespace xsched::test
