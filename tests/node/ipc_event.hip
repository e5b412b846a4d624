// SPDX-License-Identifier: Apache-2.0
//
// Description: events shared between two processes by hipIpc handles: each
// opens, records, waits for and queries what the other made, around kernels on
// shared memory. HIP 6.4.3 keeps the record of such an event in the process
// that makes it (the words of /dev/shm/hip_* never change), so nobody here
// relies on another's record: the hosts take turns.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "steps.h"

constexpr unsigned kRounds = 4;

struct Handles {
  hipIpcMemHandle_t memory;
  hipIpcEventHandle_t ours[kRounds], theirs[kRounds];
};

template <class T>
static void send(int fd, const T& value) {
  CHECK(write(fd, &value, sizeof value) == static_cast<ssize_t>(sizeof value));
}

template <class T>
static T receive(int fd) {
  T value;
  CHECK(read(fd, &value, sizeof value) == static_cast<ssize_t>(sizeof value));
  return value;
}

static int child() {
  const auto handles = receive<Handles>(STDIN_FILENO);
  unsigned* values = nullptr;
  CHECK_HIP(hipIpcOpenMemHandle(reinterpret_cast<void**>(&values), handles.memory,
                                hipIpcMemLazyEnablePeerAccess));
  hipEvent_t parents[kRounds] = {}, mine[kRounds] = {};
  for (unsigned round = 0; round < kRounds; round++) {
    CHECK_HIP(hipIpcOpenEventHandle(&parents[round], handles.ours[round]));
    CHECK_HIP(hipIpcOpenEventHandle(&mine[round], handles.theirs[round]));
  }
  const check::Stream stream;
  for (unsigned round = 0; round < kRounds; round++) {
    CHECK(receive<unsigned>(STDIN_FILENO) == round);
    CHECK_HIP(hipStreamWaitEvent(stream.get(), parents[round], 0));
    check::launch_step(values, 2 * round + 1, stream.get());
    CHECK_HIP(hipEventRecord(mine[round], stream.get()));
    stream.wait();
    send(STDOUT_FILENO, round);
  }
  for (unsigned round = 0; round < kRounds; round++) {
    CHECK(hipEventQuery(parents[round]) == hipSuccess);
    CHECK_HIP(hipEventSynchronize(mine[round]));
    CHECK_HIP(hipEventDestroy(parents[round]));
    CHECK_HIP(hipEventDestroy(mine[round]));
  }
  CHECK_HIP(hipIpcCloseMemHandle(values));
  return 0;
}

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "--child") return child();
  int to_child[2], from_child[2];
  CHECK(pipe(to_child) == 0 && pipe(from_child) == 0);
  // Forked before HIP starts: the child execs at once.
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    dup2(to_child[0], STDIN_FILENO);
    dup2(from_child[1], STDOUT_FILENO);
    for (const int fd : {to_child[0], to_child[1], from_child[0], from_child[1]}) close(fd);
    execl("/proc/self/exe", argv[0], "--child", nullptr);
    _exit(126);
  }
  close(to_child[0]);
  close(from_child[1]);

  check::Expected expected(1);
  check::DeviceArray<unsigned> values(expected.values());
  std::vector<std::unique_ptr<check::Event>> ours, theirs;
  Handles handles{};
  CHECK_HIP(hipIpcGetMemHandle(&handles.memory, values.get()));
  for (unsigned round = 0; round < kRounds; round++) {
    for (auto* const all : {&ours, &theirs})
      all->push_back(std::make_unique<check::Event>(hipEventInterprocess | hipEventDisableTiming));
    CHECK_HIP(hipIpcGetEventHandle(&handles.ours[round], ours[round]->get()));
    CHECK_HIP(hipIpcGetEventHandle(&handles.theirs[round], theirs[round]->get()));
  }
  const check::Event local;
  hipIpcEventHandle_t refused{};
  check::report("handle of an event without hipEventInterprocess",
                hipIpcGetEventHandle(&refused, local.get()));
  hipEvent_t same = nullptr;
  check::report("handle opened by its own process", hipIpcOpenEventHandle(&same, handles.ours[0]));
  send(to_child[1], handles);

  const check::Stream stream;
  for (unsigned round = 0; round < kRounds; round++) {
    check::launch_step(values.get(), 2 * round, stream.get());
    CHECK_HIP(hipEventRecord(ours[round]->get(), stream.get()));
    stream.wait();
    send(to_child[1], round);
    CHECK(receive<unsigned>(from_child[0]) == round);
    CHECK_HIP(hipStreamWaitEvent(stream.get(), theirs[round]->get(), 0));
  }
  stream.wait();
  for (unsigned term = 0; term < 2 * kRounds; term++) expected.step(term);
  CHECK(values.read() == expected.values());
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  // HIP 6.4.3 leaves the file that a handle names.
  for (const auto* const all : {handles.ours, handles.theirs})
    for (unsigned round = 0; round < kRounds; round++)
      (void)shm_unlink(reinterpret_cast<const char*>(&all[round]));
  std::printf("last %u\n", expected.last());
  return check::pass();
}
