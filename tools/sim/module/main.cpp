// SPDX-License-Identifier: Apache-2.0
//
// xsched-sim-module: the service behind a simulated node's /dev/xsched. The
// preloaded library starts it (start.cpp); it has no use for people.

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <new>

#include "../base/options.h"
#include "service.h"

namespace {

// What the program that started us had open, ignored or blocked is not ours.
void leave_parent(int listener) {
  syscall(SYS_close_range, 3, listener - 1, 0);
  syscall(SYS_close_range, listener + 1, ~0u, 0);
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  const char* log = std::getenv("XSCHED_SIM_MODULE_LOG");
  const int file = log && *log ? open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
  dup2(nothing, 0);
  dup2(nothing, 1);
  dup2(file >= 0 ? file : nothing, 2);
  for (int number = 1; number < 32; ++number) signal(number, SIG_DFL);
  // The terminal's signals are for the program; SIGTERM ends us.
  for (int number : {SIGHUP, SIGINT, SIGPIPE, SIGQUIT}) signal(number, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  fcntl(listener, F_SETFL, O_NONBLOCK);
  fcntl(listener, F_SETFD, FD_CLOEXEC);
  if (chdir("/") != 0) std::perror("xsched-sim-module: /");
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  // The default slack of 50 us would be added to leases.
  prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
}

}  // namespace

int main(int argc, char** argv) {
  const int listener = argc == 3 ? std::atoi(argv[1]) : -1;
  if (listener < 3 || !xsim::valid_node_name(argv[2])) {
    std::fputs(
        "xsched-sim-module: started by libxsched-sim.so when a program opens /dev/xsched;"
        " see xsched-sim --info\n",
        stderr);
    return 2;
  }
  leave_parent(listener);
  std::string error;
  // Never freed: threads use it until the end.
  auto* service = new (std::nothrow) xsim::kmod::Service(argv[2], listener);
  if (!service || !service->start(error)) {
    std::fprintf(stderr, "xsched-sim-module: %s\n", error.c_str());
    return 1;
  }
  service->work();
}
