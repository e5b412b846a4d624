// SPDX-License-Identifier: Apache-2.0
//
// Description: device memory shared between two processes by a hipIpc handle:
// the child, a new program, reads what the parent wrote and changes it.
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "check.h"

__global__ void add(int* values, int n, int amount) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) values[i] += amount;
}

constexpr int kCount = 2000;

static int child() {
  hipIpcMemHandle_t handle;
  CHECK(read(STDIN_FILENO, &handle, sizeof handle) == static_cast<ssize_t>(sizeof handle));
  int* values = nullptr;
  CHECK_HIP(hipIpcOpenMemHandle(reinterpret_cast<void**>(&values), handle,
                                hipIpcMemLazyEnablePeerAccess));
  add<<<(kCount + 255) / 256, 256>>>(values, kCount, 1000);
  CHECK_HIP(hipDeviceSynchronize());
  CHECK_HIP(hipIpcCloseMemHandle(values));
  return 0;
}

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "--child") return child();
  int pipe_ends[2];
  CHECK(pipe(pipe_ends) == 0);
  // Forked before HIP starts: the child execs at once, with the pipe as stdin.
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    dup2(pipe_ends[0], STDIN_FILENO);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    execl("/proc/self/exe", argv[0], "--child", nullptr);
    _exit(126);
  }
  close(pipe_ends[0]);
  std::vector<int> values(kCount);
  for (int i = 0; i < kCount; i++) values[i] = i;
  check::DeviceArray<int> shared(values);
  hipIpcMemHandle_t handle;
  CHECK_HIP(hipIpcGetMemHandle(&handle, shared.get()));
  CHECK(write(pipe_ends[1], &handle, sizeof handle) == static_cast<ssize_t>(sizeof handle));
  close(pipe_ends[1]);
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  const std::vector<int> result = shared.read();
  for (int i = 0; i < kCount; i++) CHECK(result[i] == i + 1000);
  std::printf("last %d\n", result[kCount - 1]);
  return check::pass();
}
