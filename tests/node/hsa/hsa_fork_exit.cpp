// SPDX-License-Identifier: Apache-2.0
//
// Description: a process with a suspended queue forks; the child exits, the
// parent goes on; then it exits itself, suspended, with packets at the gate.
#include <sys/wait.h>
#include <unistd.h>

#include <initializer_list>

#include "raw_hsa.h"

int main() {
  raw::require(hsa_init() == HSA_STATUS_SUCCESS, "hsa_init");
  const raw::Xsched xsched;
  hsa_queue_t* queue = raw::make_queue(64);
  for (const bool quick : {true, false}) {
    const hsa_signal_t done = raw::make_signal(1);
    raw::require(xsched.suspend(XSCHED_ALL) == 0, "suspend");
    raw::put_barrier(queue, done);
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
      if (xsched.present() && xsched.resume(XSCHED_ALL) == 0) _exit(3);  // it has no queues
      if (quick) _exit(0);
      std::exit(0);
    }
    int status = 0;
    raw::require(child > 0 && waitpid(child, &status, 0) == child, "fork");
    raw::require(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ends well");
    if (xsched.present()) {
      raw::require(hsa_signal_load_scacquire(done) == 1, "the child released nothing");
    }
    raw::require(xsched.resume(XSCHED_ALL) == 0, "resume");
    raw::require(raw::reaches_zero(done), "the parent goes on");
  }
  raw::require(xsched.suspend(XSCHED_ALL) == 0, "suspend");
  raw::put_barrier(queue, raw::make_signal(1));
  std::printf("PASS\n");
  return 0;
}
