// SPDX-License-Identifier: Apache-2.0
//
// Description: does one risky thing while the driver (run_hazards) holds its
// queues suspended. Prints `ready`, then waits for a line before it acts.
//
// usage: hazard full | exit | fork | destroy | work
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>

#include "check.h"

__device__ unsigned value = 1;

// Without arguments: else HIP's room for them would be full before the ring.
__global__ void step() {
  value = value * 5 + 1;
}

static unsigned after(unsigned steps) {
  unsigned expected = 1;
  for (unsigned i = 0; i < steps; i++) expected = expected * 5 + 1;
  return expected;
}

static void wait_for_line() {
  for (int c = std::getchar(); c != EOF && c != '\n'; c = std::getchar()) {
  }
}

static void say(const char* word) {
  std::printf("%s\n", word);
  std::fflush(stdout);
}

static void launch(hipStream_t stream, unsigned steps) {
  for (unsigned i = 0; i < steps; i++) step<<<1, 1, 0, stream>>>();
  CHECK_HIP(hipGetLastError());
}

static void expect_success(pid_t pid) {
  int status = 0;
  CHECK(pid > 0);
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  hipStream_t stream;
  CHECK_HIP(hipStreamCreateWithFlags(&stream, hipStreamNonBlocking));
  launch(stream, 1);
  CHECK_HIP(hipStreamSynchronize(stream));
  say("ready");
  wait_for_line();

  unsigned steps = 10;
  if (mode == "exit") {
    launch(stream, steps);
    say("result ok");
    return 0;  // with the packets still at the gate
  }
  if (mode == "full") {
    steps = 20000;  // more than the ring holds: blocks until somebody resumes us
    launch(stream, steps);
    say("launched");
  } else if (mode == "fork") {
    launch(stream, steps);
    const pid_t quiet = fork();
    if (quiet == 0) _exit(0);
    expect_success(quiet);
    const pid_t executes = fork();
    if (executes == 0) {
      execl("/bin/true", "true", nullptr);
      _exit(126);
    }
    expect_success(executes);
    say("forked");
  } else if (mode == "destroy") {
    launch(stream, steps);
    say("launched");
    CHECK_HIP(hipStreamDestroy(stream));
    stream = nullptr;
  } else if (mode == "work") {
    launch(stream, steps);
    say("launched");
  } else {
    std::fprintf(stderr, "usage: hazard full | exit | fork | destroy | work\n");
    return 2;
  }
  CHECK_HIP(hipDeviceSynchronize());
  // Nothing in HIP waits for a stream that is destroyed already: look again.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  unsigned result = 0;
  do {
    CHECK_HIP(hipMemcpyFromSymbol(&result, HIP_SYMBOL(value), sizeof result));
  } while (result != after(steps + 1) && mode == "destroy" &&
           std::chrono::steady_clock::now() < deadline);
  CHECK(result == after(steps + 1));
  say("result ok");
  return 0;
}
