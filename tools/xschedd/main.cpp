// SPDX-License-Identifier: Apache-2.0
//
// xschedd: command line, start and end.
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/log.h"
#include "base/urgent_thread.h"
#include "server.h"

namespace {

using xsched::log;
using xsched::LogLevel;

// systemd's readiness protocol: one datagram. Silent where nobody asked.
void notify_ready() {
  const char* path = getenv("NOTIFY_SOCKET");
  if (path == nullptr || *path == '\0') return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const size_t length = strlen(path);
  if (length >= sizeof address.sun_path) return;
  memcpy(address.sun_path, path, length);
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';  // abstract
  const xsched::Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const char text[] = "READY=1\nSTATUS=scheduling";
  if (sendto(socket.get(), text, sizeof text - 1, MSG_NOSIGNAL,
             reinterpret_cast<sockaddr*>(&address),
             static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length)) < 0) {
    log(LogLevel::kWarn, "systemd cannot be told that xschedd is ready (%s): %s", path,
        strerror(errno));
  }
}

// Three descriptors a client.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int serve(const std::string& socket, const std::string& policy_name) {
  std::string error;
  std::unique_ptr<xsched::Policy> policy = xsched::make_policy(policy_name, error);
  if (policy == nullptr) {
    log(LogLevel::kError, "%s", error.c_str());
    return 2;
  }
  const std::string name(policy->name());
  xsched::Listener listener = xsched::Listener::open(socket, error);
  if (!listener) {
    log(LogLevel::kError, "%s", error.c_str());
    return 1;
  }
  xsched::Server server(std::move(listener), std::move(policy));
  if (!server.prepare(error)) {
    log(LogLevel::kError, "%s", error.c_str());
    return 1;
  }
  log(LogLevel::kInfo, "listening on %s (%s)", socket.c_str(), name.c_str());
  notify_ready();
  server.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"xschedd: schedules the XQueues of all processes of this machine"};
  std::string socket = xsched::default_socket_path();
  std::string policy = "HPF";
  bool foreground = true;
  bool quiet = false;
  app.add_option("--socket", socket, "where clients connect")
      ->envname("XSCHED_SOCKET")
      ->capture_default_str();
  app.add_option("--policy", policy, "who runs")->capture_default_str();
  app.add_flag("--foreground", foreground, "stay in the foreground (always the case)");
  app.add_flag("--quiet", quiet, "warnings and errors only");
  CLI11_PARSE(app, argc, argv);
  xsched::set_log_level(quiet ? LogLevel::kWarn : LogLevel::kInfo);
  raise_descriptor_limit();
  if (!xsched::make_thread_urgent()) {
    log(LogLevel::kInfo, "no real-time priority (%s): decisions are late on a busy host; "
        "run as root or raise RLIMIT_RTPRIO", strerror(errno));
  }
  try {
    return serve(socket, policy);
  } catch (const std::exception& e) {  // out of memory: leave, so that every process runs
    log(LogLevel::kError, "%s; leaving, every process runs", e.what());
    return 1;
  }
}
