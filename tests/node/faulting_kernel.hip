// SPDX-License-Identifier: Apache-2.0
//
// Description: a kernel that touches memory it has not, and one that traps,
// end as they do natively, in code or signal; the next process is not harmed.
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "check.h"

__global__ void touch(int* where) {
  where[threadIdx.x] = 1;
}

__global__ void trap() {
  __builtin_trap();
}

static int child(const std::string& what) {
  check::DeviceArray<int> good(64);
  touch<<<1, 64>>>(good.get());
  CHECK_HIP(hipDeviceSynchronize());
  if (what == "touch") {
    touch<<<1, 64>>>(reinterpret_cast<int*>(0x10000));
  } else {
    trap<<<1, 64>>>();
  }
  // Its code, if the process still lives then.
  std::printf("%s: %s\n", what.c_str(), hipGetErrorName(hipDeviceSynchronize()));
  std::fflush(stdout);
  return 3;
}

int main(int argc, char** argv) {
  if (argc > 1) return child(argv[1]);
  for (const char* what : {"touch", "trap"}) {
    // Before HIP starts here: the child is a program of its own.
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
      execl("/proc/self/exe", argv[0], what, nullptr);
      _exit(126);
    }
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid);
    if (WIFSIGNALED(status)) std::printf("%s: signal %d\n", what, WTERMSIG(status));
    if (WIFEXITED(status)) std::printf("%s: exit %d\n", what, WEXITSTATUS(status));
    std::fflush(stdout);
    CHECK(!(WIFEXITED(status) && WEXITSTATUS(status) == 126));
  }
  check::DeviceArray<int> good(64);
  touch<<<1, 64>>>(good.get());
  CHECK_HIP(hipDeviceSynchronize());
  CHECK(good.read()[63] == 1);
  return check::pass();
}
