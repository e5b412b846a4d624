// SPDX-License-Identifier: Apache-2.0
//
// xschedd: command line, start and end.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "base/urgent_thread.h"
#include "common/usage.h"
#include "server.h"

namespace {

using xsched::log;
using xsched::LogLevel;

constexpr char kConfigFile[] = "/etc/xsched/xschedd.toml";

// Else the first file opened would get the log's lines.
void open_standard_descriptors() {
  int fd;
  while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd <= STDERR_FILENO) {
  }
  if (fd > STDERR_FILENO) close(fd);
}

// Three descriptors a client.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

struct Options {
  std::string socket = xsched::default_socket_path();
  std::string config;   // empty: kConfigFile, if there is one
  std::string metrics;  // empty: none
  std::string trace;    // empty: none
  std::string policy;   // empty: the configuration's
};

int serve(const Options& options) {
  std::string error;
  if (!options.policy.empty() && xsched::make_policy(options.policy, error) == nullptr) {
    log(LogLevel::kError, "%s", error.c_str());
    return 2;
  }
  xsched::ConfigLoader loader(options.config.empty() ? kConfigFile : options.config,
                              !options.config.empty());
  std::optional<xsched::Config> config = loader.load(error);
  if (!config) {
    log(LogLevel::kError, "%s", error.c_str());
    return 2;
  }
  xsched::Listener inherited = xsched::Listener::inherit(error);
  xsched::Listener listener = inherited || !error.empty()
                                  ? std::move(inherited)
                                  : xsched::Listener::open(options.socket, error);
  if (!listener) {
    log(LogLevel::kError, "%s", error.c_str());
    return 1;
  }
  const std::string path = listener.path();
  xsched::Server server(std::move(listener), loader, std::move(*config), options.policy);
  if (!server.prepare(error)) {
    log(LogLevel::kError, "%s", error.c_str());
    return 1;
  }
  if (!options.metrics.empty() && !server.metrics_on(options.metrics, error)) {
    log(LogLevel::kError, "%s", error.c_str());
    return 1;
  }
  if (!options.trace.empty()) {
    xsched::TraceFile trace = xsched::TraceFile::open(options.trace, error);
    if (!trace) {
      log(LogLevel::kError, "%s", error.c_str());
      return 1;
    }
    server.trace_to(std::move(trace));
  }
  log(LogLevel::kInfo, "listening on %s (%s)", path.c_str(), server.policy_name().c_str());
  server.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  open_standard_descriptors();
  CLI::App app{"xschedd: schedules the XQueues of all processes of this machine"};
  Options options;
  bool foreground = true;
  bool quiet = false;
  app.add_option("--socket", options.socket, "where clients connect")
      ->envname("XSCHED_SOCKET")
      ->capture_default_str();
  app.add_option("--config", options.config,
                 std::string("rules, policy (TOML; read again at SIGHUP); default: ") +
                     kConfigFile + ", if it is there");
  app.add_option("--policy", options.policy,
                 "who runs: " + xsched::policy_names() + "; goes before the configuration's");
  app.add_option("--metrics", options.metrics,
                 "[ADDR:]PORT to serve figures for Prometheus on; without ADDR 127.0.0.1");
  app.add_option("--trace", options.trace,
                 "a file for every decision, what it was made from and what it was (for tests)");
  app.add_flag("--foreground", foreground, "stay in the foreground (always the case)");
  app.add_flag("--quiet", quiet, "warnings and errors only");
  if (const auto end = xsched::parse_or_end(app, argc, argv)) return *end;
  xsched::set_log_level(quiet ? LogLevel::kWarn : LogLevel::kInfo);
  xsched::log_as_service();
  signal(SIGPIPE, SIG_IGN);  // who reads our log may leave
  raise_descriptor_limit();
  if (!xsched::make_thread_urgent(xsched::kAboveAgents)) {
    log(LogLevel::kInfo,
        "no real-time priority (%s): decisions are late on a busy host; "
        "run as root or raise RLIMIT_RTPRIO",
        strerror(errno));
  }
  try {
    return serve(options);
  } catch (const std::exception& e) {  // out of memory: leave, so that every process runs
    log(LogLevel::kError, "%s; leaving, every process runs", e.what());
    return 1;
  }
}
