// SPDX-License-Identifier: Apache-2.0
//
// xschedctl: command line.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstring>

#include "commands.h"
#include "common/connection.h"
#include "common/usage.h"
#include "sched/protocol.h"

namespace xsched::ctl {
namespace {

// What follows a lone "--" belongs to the program that run starts: cut off
// before the parser sees it.
std::vector<std::string> cut_command(int& argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (strcmp(argv[i], "--") != 0) continue;
    std::vector<std::string> command(argv + i + 1, argv + argc);
    argc = i;
    return command;
  }
  return {};
}

int command_line(int argc, char** argv) {
  CLI::App app{"xschedctl: looks at and controls xschedd, starts programs under the shim"};
  std::string socket = default_socket_path();
  CLI::Option* socket_option = app.add_option("--socket", socket, "where xschedd listens")
                                   ->envname("XSCHED_SOCKET")
                                   ->capture_default_str();
  app.require_subcommand(1);

  bool json = false;
  const auto add = [&](const char* name, const char* what) {
    CLI::App* command = app.add_subcommand(name, what);
    command->add_flag("--json", json, "for programs");
    command->fallthrough();  // --socket behind the command, too
    return command;
  };
  CLI::App* info_command = add("info", "the daemon, its policy, the engines in use");
  CLI::App* list_command = add("list", "every XQueue");

  RunOptions run_options;
  CLI::App* run_command =
      app.add_subcommand("run", "starts a program under the shim: run [options] -- PROGRAM ...");
  run_command->prefix_command();
  std::map<std::string, std::string> settings;
  const auto setting = [&](const char* option, const char* variable, const char* what) {
    return run_command->add_option(option, settings[variable], what);
  };
  setting("--priority", "PRIORITY", "-255..255, higher is more urgent")
      ->check(CLI::Range(-255, 255));
  setting("--level", "LEVEL", "highest level to use, 1..3")->check(CLI::Range(1, 3));
  setting("--window", "WINDOW", "level 1: packets in flight under competition")
      ->check(CLI::Range(1, 65536));
  setting("--stream-queues", "STREAM_QUEUES", "hardware queues for the streams of one HIP priority")
      ->check(CLI::Range(0, 256));
  setting("--stream-priority", "STREAM_PRIORITY", "what one step of HIP's stream priority is worth")
      ->check(CLI::Range(0, 255));
  setting("--engine", "ENGINE", "auto, kmod, kfd or gate")
      ->check(CLI::IsMember({"auto", "kmod", "kfd", "gate"}));
  setting("--scheduler", "SCHEDULER", "auto, global or local")
      ->check(CLI::IsMember({"auto", "global", "local"}));
  setting("--policy", "POLICY", "of the local scheduler");
  setting("--lease-ms", "LEASE_MS", "how long a silent xschedd is believed")
      ->check(CLI::Range(40, 3'600'000));
  setting("--log", "LOG", "off, error, warn, info or debug")
      ->check(CLI::IsMember({"off", "error", "warn", "info", "debug"}));
  run_command->add_option("--shim", run_options.shim, "another libshimhip.so");

  std::vector<std::string> targets;
  const auto add_targets = [&](CLI::App* command) {
    command->add_option("TARGET", targets, "PID, PID:XQ or all")->required();
  };
  Change change;
  CLI::App* set_command = add("set", "changes the priority of XQueues, or what a process gets");
  add_targets(set_command);
  CLI::Option_group* how = set_command->add_option_group("change");
  how->add_option("--priority", change.to, "to this, -255..255")->check(CLI::Range(-255, 255));
  how->add_option("--by", change.by, "by so much")->check(CLI::Range(-510, 510));
  how->add_option("--share", change.share, "UP, PUP, SPUP: percent of the GPU for the process")
      ->check(CLI::Range(0, 100));
  how->add_option("--active", change.active, "AWF: somebody waits for the process; on or off")
      ->check(CLI::IsMember({"on", "off"}));
  how->require_option(1);
  std::optional<std::string> policy_name;
  CLI::App* policy_command = add("policy", "tells or changes who runs");
  policy_command->add_option("NAME", policy_name, "the new policy");

  uint32_t lease_ms = 0;
  CLI::App* suspend_command = add("suspend", "suspends until ended, or for --lease");
  add_targets(suspend_command);
  suspend_command->add_option("--lease", lease_ms, "milliseconds; returns at once")
      ->check(CLI::Range(1u, 86'400'000u));
  CLI::App* resume_command = add("resume", "ends suspends, whoever made them");
  add_targets(resume_command);

  DoctorOptions doctor_options;
  CLI::App* doctor_command =
      add("doctor", "checks module, permissions, ROCm, kernel and daemon; says what to do");
  doctor_command->add_option("--user", doctor_options.user, "whose permissions");
  doctor_command->add_option("--root", doctor_options.root, "another /, for tests")->group("");

  ChaosOptions chaos_options;
  CLI::App* chaos_command =
      app.add_subcommand("chaos", "suspends and resumes at random (for tests)");
  chaos_command->group("");  // hidden
  chaos_command->add_option("--seconds", chaos_options.seconds, "0: until a signal");
  chaos_command->add_option("--seed", chaos_options.seed);
  chaos_command->add_option("--pid", chaos_options.pid, "only this process");
  chaos_command->add_option("--period-ms", chaos_options.period_ms, "mean pause")
      ->check(CLI::Range(0u, 60'000u));
  chaos_command->add_flag("--watch", chaos_options.watch, "a line for each XQueue seen suspended");

  run_options.command = cut_command(argc, argv);
  if (const auto end = parse_or_end(app, argc, argv)) return *end;
  if (*info_command) return info(socket, json);
  if (*list_command) return list(socket, json);
  if (*set_command) return set(socket, targets, change, json);
  if (*policy_command) return policy(socket, policy_name, json);
  if (*suspend_command) return suspend(socket, targets, lease_ms, json);
  if (*resume_command) return resume(socket, targets, json);
  if (*chaos_command) return chaos(socket, chaos_options);
  if (*doctor_command) {
    doctor_options.socket = socket;
    doctor_options.json = json;
    return doctor(doctor_options);
  }
  // Without "--" the first word that is no option starts the command.
  std::vector<std::string> words = run_command->remaining();
  if (!words.empty() && words[0][0] == '-') {
    throw Failure(kUsage, "run has no option '" + words[0] + "': see xschedctl run --help");
  }
  words.insert(words.end(), run_options.command.begin(), run_options.command.end());
  if (words.empty()) throw Failure(kUsage, "no program to run: xschedctl run [options] -- PROGRAM");
  run_options.command = std::move(words);
  for (const auto& [name, value] : settings) {
    if (!value.empty()) run_options.settings.emplace_back(name, value);
  }
  if (socket_option->count() != 0) run_options.settings.emplace_back("SOCKET", socket);
  return run(run_options);
}

}  // namespace
}  // namespace xsched::ctl

int main(int argc, char** argv) {
  using namespace xsched::ctl;
  try {
    return command_line(argc, argv);
  } catch (const Failure& failure) {
    fprintf(stderr, "xschedctl: %s\n", failure.what());
    return failure.code;
  } catch (const std::exception& e) {
    fprintf(stderr, "xschedctl: %s\n", e.what());
    return kFailed;
  }
}
