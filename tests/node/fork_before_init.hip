// SPDX-License-Identifier: Apache-2.0
//
// Description: fork before the first HIP call: parent and child each start HIP
// and compute.
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

__global__ void square(int* values) {
  values[threadIdx.x] = threadIdx.x * threadIdx.x;
}

static void compute() {
  check::DeviceArray<int> values(64);
  square<<<1, 64>>>(values.get());
  CHECK_HIP(hipGetLastError());
  const std::vector<int> result = values.read();
  for (int i = 0; i < 64; i++) CHECK(result[i] == i * i);
}

int main() {
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    compute();
    return 0;  // through exit(): HIP's own teardown runs in the child too
  }
  compute();
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  return check::pass();
}
