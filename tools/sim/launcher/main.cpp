// SPDX-License-Identifier: Apache-2.0
//
// xsched-sim: starts a program on a simulated GPU node. The options become
// XSCHED_SIM_* variables, which the preloaded library reads (base/options.h);
// this file only maps one to the other.

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>

#include "../../common/usage.h"
#include "launcher.h"

namespace xsim::launcher {

void complain(const std::string& message) {
  std::cerr << "xsched-sim: " << message << '\n';
}

namespace {

struct Mapped {
  const char* option;
  const char* variable;
  const char* help;
  std::string value;
};

int run(int argc, char** argv) {
  CLI::App app{"Runs a program on a simulated GPU node: the real ROCm userland, no GPU."};
  app.usage(
      "xsched-sim [OPTIONS] -- PROGRAM [ARGUMENTS]\n"
      "       xsched-sim --info | --list [--json] | --remove [--node NAME]");

  std::vector<Mapped> mapped = {
      {"--gpu", "XSCHED_SIM_GPU", "gfx942 (MI308X) or gfx90a (MI210); gfx942 if not given", ""},
      {"--gpus", "XSCHED_SIM_GPUS", "how many, 1 to 8; 1", ""},
      {"--cus", "XSCHED_SIM_CUS", "compute units of each, 1 to 304; 80", ""},
      {"--node", "XSCHED_SIM_NODE", "programs that name the same node share its GPUs; default", ""},
      {"--vram-mb", "XSCHED_SIM_VRAM_MB", "memory of each GPU in MiB; 16384", ""},
      {"--preempt-us", "XSCHED_SIM_PREEMPT_US", "modelled time to save a busy queue's waves; 50",
       ""},
      {"--restore-us", "XSCHED_SIM_RESTORE_US", "modelled time to restore them; 50", ""},
      {"--module", "XSCHED_SIM_MODULE",
       "/dev/xsched: on, owner (no control of others), denied (EACCES), off (ENOENT); on", ""},
      {"--log", "XSCHED_SIM_LOG", "0 errors, 1 queues, 2 calls, 3 files and events; 0", ""},
  };
  for (Mapped& one : mapped) app.add_option(one.option, one.value, one.help);
  std::vector<std::string> kernel_times;
  app.add_option("--kernel-us", kernel_times,
                 "NAME=US: kernels of that name (or prefix*) last that long; may be repeated")
      ->allow_extra_args(false);
  bool no_module = false;
  app.add_flag("--no-module", no_module, "without /dev/xsched, as --module off");
  bool info = false;
  bool list = false;
  bool json = false;
  bool remove_it = false;
  app.add_flag("--info", info, "say what is simulated and what is only modelled");
  app.add_flag("--list", list, "show the node's hardware queues");
  app.add_flag("--json", json, "... as JSON");
  app.add_flag("--remove", remove_it, "remove what a node left in shared memory");
  std::vector<std::string> program;
  app.add_option("program", program, "the program and its arguments, after --");

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    complain(xsched::as_our_text(error.what()) +
             " (xsched-sim --help lists the options; the program stands after --)");
    return kUsage;
  }

  for (const Mapped& one : mapped) {
    if (app.count(one.option) != 0) setenv(one.variable, one.value.c_str(), 1);
  }
  if (no_module) setenv("XSCHED_SIM_MODULE", "off", 1);
  if (!kernel_times.empty()) {
    std::string joined;
    for (const std::string& time : kernel_times) joined += (joined.empty() ? "" : ",") + time;
    setenv("XSCHED_SIM_KERNEL_US", joined.c_str(), 1);
  }
  Options options;
  std::string error;
  if (!options_from_environment(options, error)) {
    // The message names the variable; the user may have given the option.
    for (const Mapped& one : mapped) {
      const std::string variable = one.variable;
      if (app.count(one.option) != 0 && error.rfind(variable + " ", 0) == 0) {
        error.replace(0, variable.size(), one.option);
      }
    }
    const std::string times = "XSCHED_SIM_KERNEL_US";
    if (!kernel_times.empty() && error.rfind(times, 0) == 0) {
      error.replace(0, times.size(), "--kernel-us");
    }
    complain(error);
    return kUsage;
  }

  if (info) {
    print_info(options);
    return 0;
  }
  if (list) return print_queues(options.node.name, json);
  if (remove_it) return remove(options.node.name);
  if (program.empty()) {
    complain("no program given: xsched-sim [OPTIONS] -- PROGRAM [ARGUMENTS]");
    return kUsage;
  }
  return launch(program);
}

}  // namespace
}  // namespace xsim::launcher

int main(int argc, char** argv) {
  return xsim::launcher::run(argc, argv);
}
