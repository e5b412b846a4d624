// SPDX-License-Identifier: Apache-2.0
//
// Description: in the steady state a packet costs no allocation and no lock:
// allocations and pthread_mutex_lock calls of this thread are counted over
// 10,000 packets with an open window; system calls are counted by seccomp,
// which turns any but the few of waiting into SIGSYS.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstddef>
#include <thread>

#include "raw_hsa.h"

namespace {

thread_local bool t_counting = false;
thread_local unsigned long t_allocations = 0, t_locks = 0;
volatile sig_atomic_t g_system_calls = 0;
volatile sig_atomic_t g_last_call = -1;

void on_system_call(int, siginfo_t* info, void*) {
  g_system_calls = g_system_calls + 1;
  g_last_call = info->si_syscall;
}

// From here on every system call of this thread is trapped and refused, save
// what the test itself needs to report: write, exit and the signal's return.
bool trap_system_calls() {
  struct sigaction action = {};
  action.sa_sigaction = on_system_call;
  action.sa_flags = SA_SIGINFO;
  if (sigaction(SIGSYS, &action, nullptr) != 0) return false;
  const sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 4, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{sizeof filter / sizeof filter[0], const_cast<sock_filter*>(filter)};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

}  // namespace

extern "C" {
void* __libc_malloc(size_t size);
// glibc's own names; the executable's definitions come first for every library.
__attribute__((visibility("default"))) void* malloc(size_t size) {
  if (t_counting) ++t_allocations;
  return __libc_malloc(size);
}
__attribute__((visibility("default"))) int pthread_mutex_lock(pthread_mutex_t* mutex) {
  using Lock = int (*)(pthread_mutex_t*);
  static const auto next = reinterpret_cast<Lock>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
  if (t_counting) ++t_locks;
  return next(mutex);
}
}

int main() {
  constexpr int kPackets = 10'000;
  raw::require(hsa_init() == HSA_STATUS_SUCCESS, "hsa_init");
  hsa_queue_t* queue = raw::make_queue(16384);
  const hsa_signal_t warm = raw::make_signal(1000);
  for (int i = 0; i < 1000; ++i) raw::put_barrier(queue, warm);
  raw::require(raw::reaches_zero(warm), "warm-up");
  const hsa_signal_t left = raw::make_signal(kPackets);
  bool trapped = false;
  int calls = 0;
  std::atomic<bool> finished{false};
  unsigned long allocations = 0, locks = 0;
  // A thread of its own: a seccomp filter cannot be taken off again.
  std::thread producer([&] {
    // The thread's first allocation maps its arena: done before the trap, so
    // that a later one is counted and does not crash.
    void* volatile first = std::malloc(64);
    std::free(first);
    trapped = trap_system_calls();
    t_counting = true;
    for (int i = 0; i < kPackets; ++i) raw::put_barrier(queue, left);
    t_counting = false;
    allocations = t_allocations;
    locks = t_locks;
    calls = g_system_calls;
    finished.store(true);
    // Not by returning: the end of a pthread makes calls that are trapped now.
    for (;;) syscall(SYS_exit, 0);
  });
  raw::require(raw::reaches_zero(left), "every packet completes");
  while (!finished.load()) std::this_thread::yield();
  if (!trapped) std::fprintf(stderr, "seccomp is not available: system calls are not counted\n");
  if (calls != 0) std::fprintf(stderr, "%d system calls, the last is %d\n", calls, int(g_last_call));
  raw::require(calls == 0, "no system call per packet");
  raw::require(allocations == 0, "no allocation per packet");
  raw::require(locks == 0, "no lock per packet");
  std::printf("PASS %d packets: 0 allocations, 0 locks, 0 system calls\n", kPackets);
  std::fflush(stdout);
  std::_Exit(0);  // the producer cannot be joined
}
