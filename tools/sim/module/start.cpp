// SPDX-License-Identifier: Apache-2.0
//
// See start.h. Who finds nobody listening makes the listening socket itself and
// hands it to the service: binding is atomic, so there is one service, and
// nobody has to wait until it is ready.
//
// The service must not be seen by the program that happens to start it: not by
// its wait(), SIGCHLD handlers, process group, atfork handlers or memory. So it
// is a grandchild made by clone() without a signal, which shares the memory
// until it is another program.

#include "start.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include <cerrno>
#include <climits>
#include <cstdlib>

#include "wire.h"

namespace xsim::kmod {

namespace {

constexpr const char* kProgram = "xsched-sim-module";
constexpr size_t kStackBytes = 64 * 1024;

// Beside the library (or the program, in tests) that this code is in.
std::string find_program() {
  Dl_info info;
  if (dladdr(reinterpret_cast<const void*>(&connect_to_service), &info) == 0) return "";
  char path[PATH_MAX];
  if (!info.dli_fname || !realpath(info.dli_fname, path)) return "";
  std::string folder = path;
  folder.resize(folder.rfind('/'));
  for (const char* way : {"/../bin/", "/../../bin/", "/", "/../"}) {
    const std::string candidate = folder + way + kProgram;
    if (faccessat(AT_FDCWD, candidate.c_str(), X_OK, 0) == 0) return candidate;
  }
  return "";
}

struct Start {
  const char* program;
  char* const* arguments;
  char* const* environment;
  int listener;
  char* stack;  // of the grandchild
  int error;
};

// Both of these run in the parent's memory: system calls only.
int become_service(void* argument) {
  auto* s = static_cast<Start*>(argument);
  setsid();
  fcntl(s->listener, F_SETFD, 0);  // the table of descriptors is our own
  execve(s->program, s->arguments, s->environment);
  s->error = errno;
  _exit(1);
}

int start_grandchild(void* argument) {
  auto* s = static_cast<Start*>(argument);
  if (clone(become_service, s->stack + kStackBytes, CLONE_VM | CLONE_VFORK, s) < 0) {
    s->error = errno;
  }
  _exit(0);
}

// 0 or errno.
int start_service(const std::string& node, int listener, std::string& error) {
  const std::string program = find_program();
  if (program.empty()) {
    error = std::string("cannot find ") + kProgram + " beside libxsched-sim.so";
    return ENODEV;
  }
  const std::string number = std::to_string(listener);
  std::string log = "XSCHED_SIM_MODULE_LOG=";
  if (const char* file = std::getenv("XSCHED_SIM_MODULE_LOG")) log += file;
  const char* arguments[] = {program.c_str(), number.c_str(), node.c_str(), nullptr};
  const char* environment[] = {log.c_str(), nullptr};
  void* stacks = mmap(nullptr, 2 * kStackBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stacks == MAP_FAILED) return ENOMEM;
  Start start{program.c_str(),
              const_cast<char* const*>(arguments),
              const_cast<char* const*>(environment),
              listener,
              static_cast<char*>(stacks) + kStackBytes,
              0};
  // No handler of the program may run in a child that shares its memory. The
  // service puts its own mask right.
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  const int child = clone(start_grandchild, static_cast<char*>(stacks) + kStackBytes,
                          CLONE_VM | CLONE_VFORK, &start);
  if (child < 0) {
    start.error = errno;
  } else {
    // Without an exit signal it is invisible to every other wait().
    while (waitpid(child, nullptr, __WCLONE) < 0 && errno == EINTR) {
    }
  }
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  munmap(stacks, 2 * kStackBytes);
  if (start.error != 0) {
    error = "cannot start " + program + ": " + strerror(start.error);
    return ENODEV;
  }
  return 0;
}

// 0; EADDRINUSE: somebody else does it; another errno.
int make_service(const std::string& node, const Address& address, std::string& error) {
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) return errno;
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  int code = 0;
  if (bind(listener, address.get(), address.size) != 0 || listen(listener, 1024) != 0) {
    code = errno;
  } else {
    code = start_service(node, listener, error);
  }
  close(listener);
  return code;
}

}  // namespace

int connect_to_service(const std::string& node, int& fd, std::string& error) {
  const Address address = abstract_address(service_name(node).c_str());
  for (int attempt = 0; attempt < 2000; ++attempt) {
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    int result;
    do {
      result = connect(fd, address.get(), address.size);
    } while (result != 0 && errno == EINTR);
    if (result == 0 || errno == EISCONN) {
      // Abstract addresses have no owner: look who answers.
      ucred peer{};
      socklen_t size = sizeof peer;
      if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == getuid()) {
        return 0;
      }
      error = "another user listens at the address of this node's service";
      close(fd);
      fd = -1;
      return EACCES;
    }
    const int code = errno;
    close(fd);
    fd = -1;
    if (code != ECONNREFUSED) return code;
    const int made = make_service(node, address, error);
    if (made == EADDRINUSE) {
      // Between another's bind() and listen(), or its service ends just now.
      const timespec pause{0, 1'000'000};
      nanosleep(&pause, nullptr);
    } else if (made != 0) {
      return made;
    }
  }
  error = "the address of this node's service is taken and nobody answers";
  return ENODEV;
}

}  // namespace xsim::kmod
