// SPDX-License-Identifier: Apache-2.0
//
// How long a decision takes: from the edge of an urgent XQueue to the
// suspended word of another process's, and to its agent having been told.
// The XQueues are fake (no HSA), the daemon, the socket and the memory real.
//
//   sched_latency XSCHEDD [--bystanders N] [--xqueues M] [--samples S]
//
// Bystanders are idle clients with M XQueues each. Prints sample.h's JSON:
//   decision_store    edge -> ControlLine::run is 0 (what a level-1 gate sees)
//   decision_applied  edge -> the other agent calls apply()
//   local_applied     the same by the local scheduler, one process
#include <signal.h>
#include <sys/wait.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "base/clock.h"
#include "sample.h"
#include "sched/agent.h"
#include "sched/slot_memory.h"

namespace {

using namespace xsched;

class Client final : public XQueueSet {
 public:
  Client(const std::string& socket, uint32_t xqueues, int32_t priority)
      : memory_(SlotMemory::create(error_)),
        agent_(*memory_.table(), memory_.fd(), *this, config(socket)) {
    for (uint32_t i = 0; i < xqueues; ++i) add(i, priority);
    agent_.start();
  }
  void add(uint32_t i, int32_t priority) {
    Slot& s = slot(i);
    s.control.run.store(1);
    s.identity.id.store(i + 1);
    s.identity.gpu_id.store(1);
    s.identity.priority.store(priority);
    s.identity.level_actual.store(3);
    s.identity.level_wanted.store(3);
    memory_.table()->high_water.store(i + 1);
    s.identity.state.store(IdentityLine::kUsed);
    agent_.slots_changed();
  }
  Slot& slot(uint32_t i) { return memory_.table()->slot[i]; }
  void set_ready(uint32_t i, bool ready) {
    slot(i).state.ready.store(ready ? 1 : 0);
    agent_.edge(i);
  }
  void apply(uint32_t i) override {
    const uint32_t run = slot(i).control.run.load();
    if (i != 0 || run == applied_run_.load()) return;
    applied_ns_.store(now_ns());
    applied_run_.store(run);
    applied_run_.notify_all();
  }
  void wait_applied(uint32_t run) {
    while (applied_run_.load() != run) applied_run_.wait(1 - run);
  }
  uint64_t applied_ns() const { return applied_ns_.load(); }
  bool connected() const { return agent_.status().compare(0, 7, "xschedd") == 0; }

 private:
  static AgentConfig config(const std::string& socket) {
    AgentConfig c;
    c.socket = socket;
    c.global = !socket.empty();
    return c;
  }
  std::string error_;
  SlotMemory memory_;
  std::atomic<uint32_t> applied_run_{1};
  std::atomic<uint64_t> applied_ns_{0};
  Agent agent_;
};

// Lets every thread fall asleep, as between two requests of a real program.
void breathe() {
  std::this_thread::sleep_for(std::chrono::microseconds(500));
}

std::vector<double> measure(Client& high, uint32_t high_slot, Client& low, int samples, bool spin) {
  std::vector<double> result;
  for (int i = 0; i < samples + 20; ++i) {
    breathe();
    const uint64_t start = now_ns();
    high.set_ready(high_slot, true);
    uint64_t end = 0;
    if (spin) {
      while (low.slot(0).control.run.load(std::memory_order_acquire) != 0) {
      }
      end = now_ns();
    }
    low.wait_applied(0);
    if (!spin) end = low.applied_ns();
    if (i >= 20) result.push_back(static_cast<double>(end - start));
    high.set_ready(high_slot, false);
    low.wait_applied(1);
  }
  return result;
}

int number(int argc, char** argv, const char* name, int fallback) {
  for (int i = 2; i + 1 < argc; ++i) {
    if (strcmp(argv[i], name) == 0) return atoi(argv[i + 1]);
  }
  return fallback;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: sched_latency XSCHEDD [--bystanders N] [--xqueues M] [--samples S]\n");
    return 2;
  }
  const int samples = number(argc, argv, "--samples", 1000);
  const uint32_t xqueues = static_cast<uint32_t>(number(argc, argv, "--xqueues", 5));
  {
    Client both("", 1, 0);
    both.add(1, 10);
    bench::report("local_applied", 1, measure(both, 1, both, samples, false));
  }
  char folder[] = "/tmp/xsched-bench-XXXXXX";
  if (mkdtemp(folder) == nullptr) return 1;
  const std::string socket = std::string(folder) + "/xschedd.sock";
  const pid_t daemon = fork();
  if (daemon == 0) {
    execl(argv[1], "xschedd", "--quiet", "--socket", socket.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  {
    std::vector<std::unique_ptr<Client>> bystanders;
    for (int i = 0; i < number(argc, argv, "--bystanders", 0); ++i) {
      bystanders.push_back(std::make_unique<Client>(socket, xqueues, 20));
    }
    Client low(socket, 1, 0), high(socket, 1, 10);
    bool connected = false;
    for (int i = 0; i < 10'000 && !connected; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      connected = low.connected() && high.connected();
      for (const auto& b : bystanders) connected = connected && b->connected();
    }
    if (!connected) {
      fprintf(stderr, "sched_latency: no connection to %s after 10 s\n", argv[1]);
    } else {
      bench::report("decision_applied", 1, measure(high, 0, low, samples, false));
      bench::report("decision_store", 1, measure(high, 0, low, samples, true));
    }
  }
  kill(daemon, SIGTERM);
  int status = 0;
  waitpid(daemon, &status, 0);
  unlink((socket + ".lock").c_str());
  rmdir(folder);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
}
