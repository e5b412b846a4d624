// SPDX-License-Identifier: Apache-2.0
//
// xschedd under load: client processes (slot tables and agents, no HSA) that
// become ready and idle at a given rate, and a checker that asks the policy
// again for each decision of the daemon's trace.
//
//   xschedd_load XSCHEDD [--clients 200] [--xqueues 5] [--gpus 8]
//                [--rate 100000] [--seconds 60] [--idle SECONDS] [--bars]
//
// The rate is that of events which the daemon is told of. Nobody asks the least
// urgent process of a GPU for its edges: the clients change so much more often.
//
// The latency is that from the moment a client takes the time of its edge until all
// words of the decision are stored. reported_p99_us is from that moment until the
// client goes on behind its report, for all edges: with 200 processes on a few
// processors many lose theirs meanwhile, some before the daemon can know, some
// because the daemon takes it.
//
// Prints one line of JSON. Exit status 1 if a decision was not the policy's
// answer, if a wake-up was lost (at rest, what is published must be the answer for
// what is in the tables), or with --bars if a figure misses its bar. With --idle
// the clients do nothing, and the daemon may not use a tick of CPU time.
#include <dirent.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "load_check.h"
#include "tests/unit/sched/fake_xqueues.h"

namespace {

using namespace xsched;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using test::FakeXQueues;

struct Options {
  uint32_t clients = 200;
  uint32_t xqueues = 5;
  uint32_t gpus = 8;
  uint64_t rate = 100'000;
  uint32_t seconds = 60;
  uint32_t idle = 0;
  bool bars = false;
};

// What parent and clients share.
struct Shared {
  enum Order : uint32_t { kRest, kWork };
  std::atomic<uint32_t> order{kRest};
  std::atomic<uint32_t> connected{0};
  std::atomic<uint32_t> resting{0};
  std::atomic<uint64_t> edges{0};
  // Edges by how many microseconds after their time the client went on.
  static constexpr size_t kSlowestUs = 10'000;
  std::atomic<uint32_t> reported[kSlowestUs + 1] = {};

  size_t reported_p99_us() const {
    uint64_t all = 0, sum = 0;
    for (const auto& n : reported) all += n.load();
    for (size_t us = 0; us < kSlowestUs; ++us) {
      if ((sum += reported[us].load()) * 100 >= all * 99) return us;
    }
    return kSlowestUs;
  }
};

// A client's processes become ready and idle all at once, as for a request. Phases
// are spread, so that not all processes want the machine at the same moment.
[[noreturn]] void work(const Options& options, uint32_t client, FakeXQueues& x, Shared& shared) {
  const uint64_t telling = options.clients > options.gpus ? options.clients - options.gpus : 1;
  const uint64_t period =
      uint64_t{1'000'000'000} * telling * options.xqueues / std::max<uint64_t>(options.rate, 1);
  bool ready = false, resting = false;
  uint64_t edges = 0;
  uint64_t next = now_ns() + period * client / options.clients;
  for (;;) {
    if (shared.order.load() == Shared::kRest) {
      if (!resting) shared.resting.fetch_add(1);
      resting = true;
      std::this_thread::sleep_for(milliseconds(2));
      next = now_ns() + period * client / options.clients;
      continue;
    }
    if (resting) shared.resting.fetch_sub(1);
    resting = false;
    const uint64_t now = now_ns();
    if (now < next) {
      std::this_thread::sleep_for(nanoseconds(next - now));
      continue;
    }
    next = std::max(next + period, now);  // one that is late does not catch up in a burst
    ready = !ready;
    for (uint32_t i = 0; i < options.xqueues; ++i) {
      edges += x.slot(i).control.notify.load(std::memory_order_relaxed) != 0;
      x.set_ready(i, ready);
      const uint64_t took = now_ns() - x.slot(i).state.edge_ns.load(std::memory_order_relaxed);
      shared.reported[std::min<uint64_t>(took / 1000, Shared::kSlowestUs)].fetch_add(
          1, std::memory_order_relaxed);
    }
    shared.edges.fetch_add(std::exchange(edges, 0));
  }
}

[[noreturn]] void be_client(const Options& options, uint32_t client, FakeXQueues& x, Shared& shared,
                            const std::string& socket) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  AgentConfig config;
  config.socket = socket;
  config.lease_ms = 10'000;  // a starved machine is not what is measured here
  auto* agent = new Agent(x.table(), x.fd(), x, config);
  x.set_agent(agent);
  for (uint32_t i = 0; i < options.xqueues; ++i) {
    // On each GPU every process has a priority of its own.
    x.add(static_cast<int32_t>(client / options.gpus), 1 + client % 3, 1 + client % options.gpus);
  }
  agent->start();
  while (agent->status().compare(0, 7, "xschedd") != 0)
    std::this_thread::sleep_for(milliseconds(2));
  shared.connected.fetch_add(1);
  work(options, client, x, shared);
}

uint64_t ticks_of(pid_t pid) {
  char path[64], text[1024] = {};
  snprintf(path, sizeof path, "/proc/%d/stat", static_cast<int>(pid));
  unsigned long long user = 0, system = 0;
  if (FILE* file = fopen(path, "r")) {
    const size_t n = fread(text, 1, sizeof text - 1, file);
    text[n] = '\0';
    fclose(file);
    if (const char* end = strrchr(text, ')'); end != nullptr) {
      sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system);
    }
  }
  return user + system;
}

double peak_mib(pid_t pid) {
  char path[64], line[256];
  snprintf(path, sizeof path, "/proc/%d/status", static_cast<int>(pid));
  double kib = 0;
  if (FILE* file = fopen(path, "r")) {
    while (fgets(line, sizeof line, file) != nullptr) sscanf(line, "VmHWM: %lf", &kib);
    fclose(file);
  }
  return kib / 1024;
}

template <typename Condition>
bool wait_for(Condition condition, int seconds) {
  for (int i = 0; i < seconds * 500; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return false;
}

bool parse(int argc, char** argv, Options& options) {
  for (int i = 2; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--bars") {
      options.bars = true;
      continue;
    }
    if (++i == argc) return false;
    const uint32_t value = static_cast<uint32_t>(strtoul(argv[i], nullptr, 10));
    if (name == "--clients")
      options.clients = value;
    else if (name == "--xqueues")
      options.xqueues = value;
    else if (name == "--gpus")
      options.gpus = value;
    else if (name == "--rate")
      options.rate = value;
    else if (name == "--seconds")
      options.seconds = value;
    else if (name == "--idle")
      options.idle = value;
    else
      return false;
    if (value == 0) return false;
  }
  return argc >= 2;
}

struct Children {
  pid_t daemon = 0;
  std::vector<pid_t> clients;
  // Before the daemon, whose end each would say a word about.
  void end_clients() {
    for (const pid_t pid : clients) kill(pid, SIGKILL);
    for (const pid_t pid : clients) waitpid(pid, nullptr, 0);
    clients.clear();
  }
  // Its exit status.
  int end_daemon(int signal) {
    int status = 0;
    kill(daemon, signal);
    waitpid(std::exchange(daemon, 0), &status, 0);
    return status;
  }
  ~Children() {
    end_clients();
    if (daemon != 0) end_daemon(SIGKILL);
  }
};

// True once what is published is the policy's answer for what is in the tables.
bool at_rest(std::vector<std::unique_ptr<FakeXQueues>>& tables, const Options& options) {
  std::vector<SlotTable*> all;
  for (auto& x : tables) all.push_back(&x->table());
  return wait_for([&] { return load::published_is_the_answer(all, options.xqueues); }, 10);
}

int run(const char* xschedd, const Options& options) {
  char folder[] = "/dev/shm/xsched-load-XXXXXX";
  if (mkdtemp(folder) == nullptr) return perror(folder), 1;
  const std::string socket = std::string(folder) + "/xschedd.sock";
  const std::string trace = std::string(folder) + "/trace";
  struct Remove {
    std::string folder;
    ~Remove() {
      for (const char* name : {"/xschedd.sock", "/xschedd.sock.lock", "/trace"}) {
        unlink((folder + name).c_str());
      }
      rmdir(folder.c_str());
    }
  } remove{folder};

  void* memory =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return perror("mmap"), 1;
  Shared& shared = *new (memory) Shared;
  std::vector<std::unique_ptr<FakeXQueues>> tables;
  for (uint32_t i = 0; i < options.clients; ++i) {
    tables.push_back(std::make_unique<FakeXQueues>());
    if (!tables.back()->error().empty())
      return fprintf(stderr, "%s\n", tables.back()->error().c_str()), 1;
  }
  Children children;
  const pid_t daemon = children.daemon = fork();
  if (daemon == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execl(xschedd, "xschedd", "--quiet", "--config", "/dev/null", "--socket", socket.c_str(),
          options.idle != 0 ? static_cast<char*>(nullptr) : "--trace", trace.c_str(),
          static_cast<char*>(nullptr));
    _exit(127);
  }
  for (uint32_t i = 0; i < options.clients; ++i) {
    const pid_t pid = fork();
    if (pid == 0) be_client(options, i, *tables[i], shared, socket);
    children.clients.push_back(pid);
  }
  if (!wait_for([&] { return shared.connected.load() == options.clients; }, 60)) {
    return fprintf(stderr, "%u of %u clients reached %s within 60 s\n", shared.connected.load(),
                   options.clients, xschedd),
           1;
  }
  bool right = at_rest(tables, options);
  if (options.idle != 0) {
    std::this_thread::sleep_for(std::chrono::seconds(1));  // the last of the connecting
    const uint64_t before = ticks_of(daemon);
    std::this_thread::sleep_for(std::chrono::seconds(options.idle));
    const uint64_t spent = ticks_of(daemon) - before;
    printf("{\"clients\":%u,\"idle_seconds\":%u,\"ticks\":%llu}\n", options.clients, options.idle,
           static_cast<unsigned long long>(spent));
    return right && spent == 0 ? 0 : 1;
  }

  // A rest every few seconds, to look for a lost wake-up.
  const uint32_t rounds = std::max(1u, options.seconds / 5);
  uint64_t worked_ns = 0, ticks = 0;
  for (uint32_t round = 0; round < rounds && right; ++round) {
    const uint64_t began = now_ns(), before = ticks_of(daemon);
    shared.order.store(Shared::kWork);
    std::this_thread::sleep_for(milliseconds(1000 * options.seconds / rounds));
    ticks += ticks_of(daemon) - before;
    worked_ns += now_ns() - began;
    shared.order.store(Shared::kRest);
    right = wait_for([&] { return shared.resting.load() == options.clients; }, 30) &&
            at_rest(tables, options);
    if (!right) fprintf(stderr, "after round %u of %u: a wake-up was lost\n", round + 1, rounds);
  }
  const double mib = peak_mib(daemon);
  children.end_clients();
  const int status = children.end_daemon(SIGTERM);
  right = right && WIFEXITED(status) && WEXITSTATUS(status) == 0;

  const load::Verdict verdict = load::check_trace(trace);
  if (!verdict.error.empty()) fprintf(stderr, "%s\n", verdict.error.c_str());
  const double seconds = static_cast<double>(std::max<uint64_t>(worked_ns, 1)) / 1e9;
  const double core =
      100.0 * static_cast<double>(ticks) / static_cast<double>(sysconf(_SC_CLK_TCK)) / seconds;
  const double rate = static_cast<double>(shared.edges.load()) / seconds;
  printf(
      "{\"clients\":%u,\"xqueues\":%u,\"seconds\":%.1f,\"edges_per_second\":%.0f,"
      "\"decisions\":%llu,\"wrong_decisions\":%llu,\"latencies\":%zu,\"p50_us\":%.1f,"
      "\"p99_us\":%.1f,\"max_us\":%.1f,\"reported_p99_us\":%zu,\"decide_us\":%.1f,\"core_percent\":"
      "%.1f,\"peak_mib\":%.1f}"
      "\n",
      options.clients, options.clients * options.xqueues, seconds, rate,
      static_cast<unsigned long long>(verdict.decisions),
      static_cast<unsigned long long>(verdict.wrong), verdict.latencies, verdict.p50_us,
      verdict.p99_us, verdict.max_us, shared.reported_p99_us(), verdict.decide_us, core, mib);
  right = right && verdict.error.empty() && verdict.wrong == 0 && verdict.decisions != 0;
  if (options.bars) {
    // 2 %: what sleeps that end late leave out.
    const bool met = rate >= 0.98 * static_cast<double>(options.rate) && verdict.p99_us <= 200 &&
                     core <= 50 && mib <= 30;
    if (!met)
      fprintf(stderr, "a bar is missed: rate, P99 <= 200 us, <= 50 %% of a core, <= 30 MiB\n");
    right = right && met;
  }
  return right ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    fprintf(stderr,
            "usage: xschedd_load XSCHEDD [--clients N] [--xqueues N] [--gpus N] [--rate N] "
            "[--seconds N] [--idle N] [--bars]\n");
    return 2;
  }
  return run(argv[1], options);
}
