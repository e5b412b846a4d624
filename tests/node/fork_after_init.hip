// SPDX-License-Identifier: Apache-2.0
//
// Description: fork after the first kernel, as Python's multiprocessing and
// subprocess do: a child that uses no HIP exits cleanly, one that execs a HIP
// program works, and the parent's queues go on undisturbed.
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "check.h"

__global__ void step(unsigned* value) {
  *value = *value * 3 + 1;
}

static void compute(check::Stream& stream, int steps) {
  check::DeviceArray<unsigned> value(std::vector<unsigned>{1});
  unsigned expected = 1;
  for (int i = 0; i < steps; i++) {
    step<<<1, 1, 0, stream.get()>>>(value.get());
    expected = expected * 3 + 1;
  }
  stream.wait();
  CHECK(value.read()[0] == expected);
}

static void expect_success(pid_t pid) {
  int status = 0;
  CHECK(pid >= 0);
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int argc, char** argv) {
  check::Stream stream;
  compute(stream, 10);
  if (argc > 1 && std::string(argv[1]) == "--child") return 0;

  const pid_t quiet = fork();
  if (quiet == 0) _exit(0);
  const pid_t executes = fork();
  if (executes == 0) {
    execl("/proc/self/exe", argv[0], "--child", nullptr);
    _exit(126);
  }
  compute(stream, 500);
  expect_success(quiet);
  expect_success(executes);
  compute(stream, 10);
  return check::pass();
}
