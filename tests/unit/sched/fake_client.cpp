// SPDX-License-Identifier: Apache-2.0
//
// An application as the scheduler sees one: a slot table and an agent, driven
// line by line from stdin, one answer a line. A process of its own, so that
// tests can kill and stop it.
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <thread>

#include "fake_xqueues.h"
#include "runtime/base/log.h"
#include "runtime/xqueue/hints.h"

namespace {

using xsched::Agent;
using xsched::test::FakeXQueues;

constexpr int kPatienceMs = 30'000;

void answer(const char* text) {
  printf("%s\n", text);
  fflush(stdout);
}
void answer(bool ok) {
  answer(ok ? "ok" : "timeout");
}

// There is no event for a change of status: look again until the deadline.
bool wait_status(const Agent& agent, const char* prefix) {
  for (int i = 0; i < kPatienceMs; ++i) {
    if (agent.status().compare(0, strlen(prefix), prefix) == 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

// A child that lives on with everything it inherited, the socket included.
void leave_child_behind() {
  const pid_t child = fork();
  if (child == 0) {
    for (;;) pause();
  }
  char line[32];
  snprintf(line, sizeof line, "%d", static_cast<int>(child));
  answer(line);
}

bool handle(const char* line, FakeXQueues& x, Agent& agent) {
  char word[32] = {};
  char text[64] = {};
  int a = 0, b = 3;
  sscanf(line, "%31s", word);
  const bool numbers = sscanf(line, "%*s %d %d", &a, &b) >= 1;
  const uint32_t slot = static_cast<uint32_t>(a);
  if (!numbers) sscanf(line, "%*s %63s", text);
  if (strcmp(word, "add") == 0) {
    snprintf(text, sizeof text, "%u", x.add(a, static_cast<uint32_t>(b)));
    answer(text);
  } else if (strcmp(word, "remove") == 0) {
    x.remove(slot);
    answer(true);
  } else if (strcmp(word, "ready") == 0 || strcmp(word, "idle") == 0) {
    x.set_ready(slot, word[0] == 'r');
    answer(true);
  } else if (strcmp(word, "claim") == 0) {  // SLOT HANDLE KFD_QUEUE GPU
    unsigned long long name = 0;
    unsigned queue = 0, gpu = 0;
    sscanf(line, "%*s %*d %llu %u %u", &name, &queue, &gpu);
    xsched::IdentityLine& identity = x.slot(slot).identity;
    identity.kfd_queue_id.store(queue);
    identity.gpu_id.store(gpu);
    identity.module_handle.store(name);
    agent.slots_changed();
    answer(true);
  } else if (strcmp(word, "deadline") == 0) {  // SLOT MILLISECONDS
    xsched::write_hints(x.slot(slot), {.deadline_ns = int64_t{b} * 1'000'000});
    agent.slots_changed();
    answer(true);
  } else if (strcmp(word, "suspended") == 0 || strcmp(word, "running") == 0) {
    answer(x.wait(slot, word[0] == 's'));
  } else if (strcmp(word, "edges") == 0) {
    answer(x.wait_for([&] { return x.slot(slot).control.notify.load() != 0; }));
  } else if (strcmp(word, "open") == 0) {
    const xsched::ControlLine& control = x.slot(slot).control;
    answer(x.wait_for([&] {
      return control.run.load() == 1 && control.window.load() == 0 && control.guard.load() == 0;
    }));
  } else if (strcmp(word, "suspends") == 0) {
    answer(x.wait_for([&] { return x.suspends(slot) >= static_cast<uint64_t>(b); }));
  } else if (strcmp(word, "capped") == 0) {
    answer(x.wait_for(
        [&] { return x.slot(slot).control.level_cap.load() == static_cast<uint32_t>(b); }));
  } else if (strcmp(word, "look") == 0) {
    snprintf(text, sizeof text, "run %u window %u guard %u notify %u",
             x.slot(slot).control.run.load(), x.slot(slot).control.window.load(),
             x.slot(slot).control.guard.load(), x.slot(slot).control.notify.load());
    answer(text);
  } else if (strcmp(word, "status") == 0) {
    answer(wait_status(agent, text));
  } else if (strcmp(word, "patience") == 0) {
    x.set_patience(std::chrono::milliseconds(a));
    answer(true);
  } else if (strcmp(word, "follows") == 0) {
    answer(agent.follows_daemon() ? "xschedd" : "itself");
  } else if (strcmp(word, "fork") == 0) {
    leave_child_behind();
  } else if (strcmp(word, "release") == 0) {
    agent.release_all();
    answer(true);
  } else if (strcmp(word, "quit") == 0) {
    return false;
  } else {
    answer("unknown command");
  }
  return true;
}

}  // namespace

int main() {
  xsched::set_log_level(xsched::LogLevel::kDebug);
  FakeXQueues x;
  if (!x.error().empty()) {
    fprintf(stderr, "%s\n", x.error().c_str());
    return 1;
  }
  xsched::AgentConfig config;
  if (const char* socket = getenv("XSCHED_SOCKET"); socket != nullptr) config.socket = socket;
  Agent agent(x.table(), x.fd(), x, config);
  x.set_agent(&agent);
  if (!agent.start()) return 1;
  answer("hello");
  char line[128];
  while (fgets(line, sizeof line, stdin) != nullptr && handle(line, x, agent)) {
  }
  return 0;
}
