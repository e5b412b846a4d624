// SPDX-License-Identifier: Apache-2.0
//
// xschedctl: command line.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "commands.h"
#include "common/connection.h"
#include "sched/protocol.h"

int main(int argc, char** argv) {
  using namespace xsched;
  CLI::App app{"xschedctl: looks at and controls xschedd"};
  std::string socket = default_socket_path();
  app.add_option("--socket", socket, "where xschedd listens")
      ->envname("XSCHED_SOCKET")
      ->capture_default_str();
  app.require_subcommand(1);

  bool json = false;
  CLI::App* info = app.add_subcommand("info", "the daemon, its policy, the engines in use");
  info->add_flag("--json", json, "for programs");
  CLI::App* list = app.add_subcommand("list", "every XQueue");
  list->add_flag("--json", json, "for programs");

  std::vector<std::string> targets;
  uint32_t lease_ms = 0;
  CLI::App* suspend = app.add_subcommand("suspend", "suspends until ended, or for --lease");
  suspend->add_option("TARGET", targets, "PID, PID:XQ or all")->required();
  suspend->add_option("--lease", lease_ms, "milliseconds; returns at once")
      ->check(CLI::Range(1u, 86'400'000u));
  CLI::App* resume = app.add_subcommand("resume", "ends suspends, whoever made them");
  resume->add_option("TARGET", targets, "PID, PID:XQ or all")->required();

  ctl::ChaosOptions chaos_options;
  CLI::App* chaos = app.add_subcommand("chaos", "suspends and resumes at random (for tests)");
  chaos->group("");  // hidden
  chaos->add_option("--seconds", chaos_options.seconds, "0: until a signal");
  chaos->add_option("--seed", chaos_options.seed);
  chaos->add_option("--pid", chaos_options.pid, "only this process");
  chaos->add_option("--period-ms", chaos_options.period_ms, "mean pause")
      ->check(CLI::Range(0u, 60'000u));

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? ctl::kDone : ctl::kUsage;
  }
  try {
    if (*info) return ctl::info(socket, json);
    if (*list) return ctl::list(socket, json);
    if (*suspend) return ctl::suspend(socket, targets, lease_ms);
    if (*resume) return ctl::resume(socket, targets);
    return ctl::chaos(socket, chaos_options);
  } catch (const ctl::Failure& failure) {
    fprintf(stderr, "xschedctl: %s\n", failure.what());
    return failure.code;
  } catch (const std::exception& e) {
    fprintf(stderr, "xschedctl: %s\n", e.what());
    return ctl::kFailed;
  }
}
