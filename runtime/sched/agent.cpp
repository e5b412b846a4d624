// SPDX-License-Identifier: Apache-2.0
//
// See agent.h. One thread, one ppoll(2), no timeout unless something of this
// process is suspended by a daemon or an urgent XQueue has just become idle.
//
// Who writes the ControlLines is the mode: kLocal and kHung: this thread;
// kGlobal: the daemon. protocol.h says how it changes hands.
#include "agent.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <vector>

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/urgent_thread.h"
#include "arbiter.h"
#include "daemon_link.h"
#include "lease.h"
#include "slot_memory.h"
#include "socket_watch.h"

namespace xsched {
namespace {

bool is_set(const char* name) {
  const char* value = getenv(name);
  return value != nullptr && *value != '\0';
}

// Somebody who asked for priorities between processes wants to know that
// nobody applies them; others are not told by default.
LogLevel missing_daemon_level() {
  const char* scheduler = getenv("XSCHED_SCHEDULER");
  const bool asked = (scheduler != nullptr && strcmp(scheduler, "global") == 0) ||
                     is_set("XSCHED_PRIORITY") || is_set("XSCHED_AUTO_XQUEUE_PRIORITY");
  return asked ? LogLevel::kWarn : LogLevel::kInfo;
}

AgentConfig complete(AgentConfig config) {
  if (config.socket.empty()) config.socket = default_socket_path();
  if (config.lease_ms == 0) {
    config.lease_ms = kDefaultLeaseMs;
    if (const char* text = getenv("XSCHED_LEASE_MS"); text != nullptr && *text != '\0') {
      char* end = nullptr;
      const long value = strtol(text, &end, 10);
      if (*end == '\0' && value >= kMinLeaseMs && value <= 3'600'000) {
        config.lease_ms = static_cast<uint32_t>(value);
      } else {
        log(LogLevel::kError, "XSCHED_LEASE_MS is '%s': valid are %u..3600000; using %u", text,
            kMinLeaseMs, kDefaultLeaseMs);
      }
    }
  }
  config.lease_ms = std::max(config.lease_ms, kMinLeaseMs);
  return config;
}

std::unique_ptr<Policy> policy_or_hpf(const std::string& name) {
  std::string error;
  std::unique_ptr<Policy> policy = make_policy(name, error);
  if (policy == nullptr) {
    log(LogLevel::kError, "%s; using HPF", error.c_str());
    policy = make_policy("HPF", error);
  }
  return policy;
}

void signal_eventfd(int fd) noexcept {
  if (fd < 0) return;
  const int saved_errno = errno;
  const uint64_t one = 1;
  // EAGAIN means that the counter is full, so the reader is already due.
  [[maybe_unused]] ssize_t n = write(fd, &one, sizeof one);
  errno = saved_errno;
}

}  // namespace

struct Agent::Impl {
  Impl(SlotTable& table_in, int table_fd_in, XQueueSet& set_in, AgentConfig config_in)
      : table(table_in),
        table_fd(table_fd_in),
        set(set_in),
        config(complete(std::move(config_in))),
        parameters(config.parameters),
        link(config.socket),
        watch(config.socket),
        lease(config.lease_ms),
        view(table),
        arbiter(policy_or_hpf(config.policy)),
        seen(kMaxSlots) {
    arbiter.add(view);
  }

  enum class Mode { kLocal, kGlobal, kHung };

  // The thread.
  void run();
  void on_link();
  void on_lease(uint64_t now);
  void try_connect(uint64_t now);
  void lost(const std::string& why);
  void take_over();
  void hand_over();
  void schedule_locally();
  bool apply_changed();
  void release();
  int64_t timeout_ns(uint64_t now) const;
  void route_edges_to(int fd) { dup3(fd, edge_fd.load(std::memory_order_relaxed), O_CLOEXEC); }
  void set_status(std::string text) {
    const std::lock_guard<std::mutex> lock(mutex);
    status = std::move(text);
  }

  PolicyParameters wanted_parameters() {
    const std::lock_guard<std::mutex> lock(mutex);
    return parameters;
  }

  // Last seen of a slot by apply_changed().
  struct Seen {
    uint64_t sequence = 0;
    uint32_t id = 0;
    uint32_t notify = 0;
  };

  SlotTable& table;
  const int table_fd;
  XQueueSet& set;
  const AgentConfig config;

  // edge() writes to edge_fd, whose number never changes: dup3 turns it
  // atomically into another name of wake_fd or of the daemon's eventfd, so no
  // caller can hit a number that was closed and reused.
  std::atomic<int> wake_fd{-1};
  std::atomic<int> edge_fd{-1};
  std::atomic<bool> release_wanted{false};
  std::atomic<bool> stop_wanted{false};
  std::atomic<bool> forgotten{false};

  std::mutex mutex;  // guards the next five; never held while calling out
  std::condition_variable done;
  bool started = false;
  bool released = false;
  std::string status = "none (not started)";
  PolicyParameters parameters;
  pthread_t thread{};

  // The thread's own.
  DaemonLink link;
  SocketWatch watch;
  Lease lease;
  TableView view;
  Arbiter arbiter;
  std::vector<Seen> seen;
  std::atomic<Mode> mode{Mode::kLocal};  // only this thread changes it
  bool said_parameters = false;
  bool said_missing = false;
  uint64_t decide_again_ns = 0;  // by this thread's own arbiter; 0: not without an edge
  uint64_t upkeep_ns = 0;        // when to call XQueueSet::upkeep() again
};

// Nanoseconds until there is something to do without an event; -1: never.
int64_t Agent::Impl::timeout_ns(uint64_t now) const {
  uint64_t next = lease.armed() ? lease.next_look_ns() : 0;
  for (const uint64_t other : {decide_again_ns, upkeep_ns}) {
    if (other != 0 && (next == 0 || other < next)) next = other;
  }
  int64_t wait = -1;
  if (next != 0) wait = next <= now ? 0 : static_cast<int64_t>(next - now);
  if (link.connected() || !config.global) return wait;
  const int64_t look = int64_t{watch.timeout_ms(now)} * 1'000'000;
  return wait < 0 || (look >= 0 && look < wait) ? look : wait;
}

void Agent::Impl::run() {
  if (!make_thread_urgent()) {
    log(LogLevel::kDebug, "the agent has no real-time priority (%s)", strerror(errno));
  }
  take_over();
  if (config.global) {
    try_connect(now_ns());
  } else {
    set_status("local (" + std::string(arbiter.policy().name()) + "; XSCHED_SCHEDULER=local)");
  }
  while (!stop_wanted.load(std::memory_order_acquire)) {
    upkeep_ns = set.upkeep(now_ns());
    pollfd fds[2] = {{wake_fd.load(std::memory_order_relaxed), POLLIN, 0},
                     {link.connected() ? link.fd() : watch.fd(), POLLIN, 0}};
    const int64_t wait = timeout_ns(now_ns());
    const timespec limit{wait / 1'000'000'000, wait % 1'000'000'000};
    ppoll(fds, 2, wait < 0 ? nullptr : &limit, nullptr);
    // Before the look at what was asked for: a wake-up that comes after the look must
    // still be there at the next ppoll.
    uint64_t count;
    const bool woken = fds[0].revents != 0 && read(fds[0].fd, &count, sizeof count) == sizeof count;
    if (release_wanted.load(std::memory_order_acquire)) {
      release();
      return;
    }
    if (woken) {
      if (mode == Mode::kGlobal) {
        signal_eventfd(link.edge_fd());
      } else {
        schedule_locally();
      }
    } else if (decide_again_ns != 0 && now_ns() >= decide_again_ns) {
      schedule_locally();
    }
    if (link.connected()) {
      if (fds[1].revents != 0) on_link();
      if (lease.armed()) on_lease(now_ns());
    } else if (config.global) {
      const uint64_t now = now_ns();
      if (watch.triggered(now)) try_connect(now);
    }
  }
}

void Agent::Impl::on_link() {
  bool look = false;
  std::string text;
  for (;;) {
    switch (link.receive(text)) {
      case DaemonLink::Event::kNothing:
        if (look && apply_changed()) signal_eventfd(link.edge_fd());
        return;
      case DaemonLink::Event::kApply:
        look = true;
        if (mode == Mode::kHung) hand_over();  // it lives after all
        if (!link.connected()) return lost("the connection was closed");
        if (link.suspended()) {
          lease.arm(now_ns(), table.heartbeat.load(std::memory_order_relaxed));
        } else {
          lease.disarm();
        }
        break;
      case DaemonLink::Event::kWelcome:
        hand_over();
        if (!link.connected()) return lost("the connection was closed");
        break;
      case DaemonLink::Event::kRefused:
      case DaemonLink::Event::kLost:
        return lost(text);
    }
  }
}

void Agent::Impl::on_lease(uint64_t now) {
  switch (lease.look(now, table.heartbeat.load(std::memory_order_relaxed))) {
    case Lease::Look::kEarly:
      return;
    case Lease::Look::kAlive:
      if (mode == Mode::kHung) hand_over();
      if (!link.connected()) lost("the connection was closed");
      return;
    case Lease::Look::kStale:
      if (mode == Mode::kGlobal) return;
      break;
    case Lease::Look::kExpired:
      break;
  }
  if (mode == Mode::kGlobal) {
    log(LogLevel::kWarn,
        "xschedd (pid %d) has been silent for %u ms; scheduling locally until it answers",
        link.welcome().pid, config.lease_ms);
    set_status("local (" + std::string(arbiter.policy().name()) + "; xschedd at " + config.socket +
               " does not answer)");
    mode = Mode::kHung;
    route_edges_to(wake_fd.load(std::memory_order_relaxed));
  }
  // Again at every look: the daemon may have been stopped just before a store
  // that it makes when it continues.
  view.forget();
  schedule_locally();
}

void Agent::Impl::try_connect(uint64_t now) {
  watch.arm();
  std::string error;
  const DaemonLink::Connect result = link.connect(table_fd, config.lease_ms, error);
  if (result == DaemonLink::Connect::kConnected) {
    watch.disarm();
    return;
  }
  if (result == DaemonLink::Connect::kBusy || watch.fd() < 0) watch.retry_later(now);
  if (said_missing) return;
  said_missing = true;
  const std::string policy(arbiter.policy().name());
  log(missing_daemon_level(), "no xschedd at %s (%s); scheduling locally (%s)",
      config.socket.c_str(), error.c_str(), policy.c_str());
  set_status("local (" + policy + "; no xschedd at " + config.socket + ": " + error + ")");
}

void Agent::Impl::lost(const std::string& why) {
  link.close();
  const std::string policy(arbiter.policy().name());
  if (mode != Mode::kLocal) {
    log(LogLevel::kWarn, "xschedd is gone; scheduling locally");
    mode = Mode::kLocal;
    take_over();
  } else if (!said_missing) {
    log(missing_daemon_level(), "xschedd at %s refused: %s; scheduling locally (%s)",
        config.socket.c_str(), why.c_str(), policy.c_str());
  }
  said_missing = true;
  set_status("local (" + policy + "; xschedd at " + config.socket + " is gone: " + why + ")");
  // A new daemon shows as an event. Once by the clock, too, for one that was
  // quicker than the watch; pauses, so that being refused is not a busy loop.
  watch.arm();
  watch.retry_later(now_ns());
}

// This process writes its ControlLines from here on.
void Agent::Impl::take_over() {
  route_edges_to(wake_fd.load(std::memory_order_relaxed));
  lease.disarm();
  // Whatever the daemon stored last may be half a decision: say all again.
  view.forget();
  schedule_locally();
}

// The daemon writes from here on.
void Agent::Impl::hand_over() {
  // Edges first: an edge before this point is covered by the scan that the
  // daemon does for the message below.
  route_edges_to(link.edge_fd());
  const bool ok = mode == Mode::kHung ? link.send_resync() : link.send_start();
  if (!ok) {
    link.close();  // the caller sees it
    return;
  }
  mode = Mode::kGlobal;
  decide_again_ns = 0;
  said_missing = true;  // from now on its absence is a loss, which has its own line
  set_status("xschedd (pid " + std::to_string(link.welcome().pid) + ", " + link.welcome().policy +
             ", " + config.socket + ")");
  log(LogLevel::kInfo, "scheduled by xschedd (pid %d, %s)", link.welcome().pid,
      link.welcome().policy);
  if (said_parameters || wanted_parameters() == PolicyParameters{}) return;
  said_parameters = true;
  log(LogLevel::kWarn,
      "this program's timeslice and k do not count: xschedd's timeslice_us and concurrency do");
}

void Agent::Impl::schedule_locally() {
  // apply() may find a readiness that nobody was told of yet; a few rounds
  // settle it, and anything later comes as an edge.
  const PolicyParameters wanted = wanted_parameters();
  arbiter.set_parameters(wanted.timeslice_ns, wanted.concurrency);
  for (int round = 0; round < 8; ++round) {
    const uint64_t now = now_ns();
    view.scan(now);
    arbiter.decide(now);
    decide_again_ns = arbiter.decide_again_ns();
    if (view.changed()) view.publish();
    if (!apply_changed()) return;
  }
}

// Carries out what changed. True if an XQueue was asked for edges anew: its
// readiness was inexact before and has to be looked at once more.
bool Agent::Impl::apply_changed() {
  bool look_again = false;
  const size_t end = std::min(table.high_water.load(std::memory_order_acquire), kMaxSlots);
  for (size_t i = 0; i < end; ++i) {
    const ControlLine& control = table.slot[i].control;
    Seen& last = seen[i];
    const uint64_t sequence = control.sequence.load(std::memory_order_acquire);
    if (sequence == last.sequence) continue;
    const uint32_t notify = control.notify.load(std::memory_order_relaxed);
    const uint32_t id = table.slot[i].identity.id.load(std::memory_order_relaxed);
    set.apply(static_cast<uint32_t>(i));
    if (notify != 0 && (notify != last.notify || id != last.id)) look_again = true;
    last = {sequence, id, notify};
  }
  return look_again;
}

void Agent::Impl::release() {
  // If this is refused (no memory), closing the link has the same effect a
  // little later: the daemon unmaps.
  SlotMemory::make_private(table, table_fd);
  const size_t end = std::min(table.high_water.load(std::memory_order_acquire), kMaxSlots);
  for (size_t i = 0; i < end; ++i) {
    ControlLine& control = table.slot[i].control;
    control.window.store(0, std::memory_order_relaxed);
    control.guard.store(0, std::memory_order_relaxed);
    control.notify.store(0, std::memory_order_relaxed);
    control.level_cap.store(0, std::memory_order_relaxed);
    control.run.store(1, std::memory_order_release);
    control.sequence.fetch_add(1, std::memory_order_release);
    set.apply(static_cast<uint32_t>(i));
  }
  link.close();
  watch.disarm();
  const std::lock_guard<std::mutex> lock(mutex);
  status = "none (released)";
  released = true;
  done.notify_all();
}

Agent::Agent(SlotTable& table, int table_fd, XQueueSet& set, AgentConfig config)
    : impl_(std::make_unique<Impl>(table, table_fd, set, std::move(config))) {}

Agent::~Agent() {
  Impl& self = *impl_;
  if (self.forgotten.load(std::memory_order_relaxed)) {
    // The thread was another process's; its members cannot be taken apart.
    static_cast<void>(impl_.release());
    return;
  }
  if (self.started) {
    self.stop_wanted.store(true, std::memory_order_release);
    signal_eventfd(self.wake_fd.load(std::memory_order_relaxed));
    pthread_join(self.thread, nullptr);
  }
  for (std::atomic<int>* fd : {&self.edge_fd, &self.wake_fd}) {
    if (const int number = fd->exchange(-1); number >= 0) close(number);
  }
}

bool Agent::start() {
  Impl& self = *impl_;
  if (self.forgotten.load(std::memory_order_relaxed)) return false;
  const std::lock_guard<std::mutex> lock(self.mutex);
  if (self.started) return true;
  if (self.wake_fd.load(std::memory_order_relaxed) < 0) {
    const int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    const int edge = wake < 0 ? -1 : fcntl(wake, F_DUPFD_CLOEXEC, 3);
    if (edge < 0) {
      log(LogLevel::kError, "no descriptor for the scheduler (%s); everything runs",
          strerror(errno));
      if (wake >= 0) close(wake);
      return false;
    }
    self.wake_fd.store(wake, std::memory_order_relaxed);
    self.edge_fd.store(edge, std::memory_order_relaxed);
  }
  // The application's signals are not for this thread.
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  const int error = pthread_create(
      &self.thread, nullptr,
      [](void* arg) -> void* {
        static_cast<Impl*>(arg)->run();
        return nullptr;
      },
      &self);
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  if (error != 0) {
    log(LogLevel::kError, "no thread for the scheduler (%s); everything runs", strerror(error));
    return false;
  }
  pthread_setname_np(self.thread, "xsched-agent");
  self.status = "local (starting)";
  self.started = true;
  return true;
}

void Agent::slots_changed() {
  signal_eventfd(impl_->wake_fd.load(std::memory_order_relaxed));
}

void Agent::set_parameters(const PolicyParameters& parameters) {
  {
    const std::lock_guard<std::mutex> lock(impl_->mutex);
    impl_->parameters = parameters;
  }
  slots_changed();
}

bool Agent::follows_daemon() const noexcept {
  return impl_->mode.load(std::memory_order_relaxed) == Impl::Mode::kGlobal;
}

void Agent::edge(uint32_t) noexcept {
  signal_eventfd(impl_->edge_fd.load(std::memory_order_relaxed));
}

void Agent::forget_after_fork() noexcept {
  Impl& self = *impl_;
  self.forgotten.store(true, std::memory_order_relaxed);
  const int fds[] = {self.wake_fd.exchange(-1), self.edge_fd.exchange(-1), self.link.fd(),
                     self.link.edge_fd(), self.watch.fd()};
  for (int fd : fds) {
    if (fd >= 0) close(fd);
  }
  SlotMemory::make_private(self.table, self.table_fd);
}

void Agent::release_all() noexcept {
  Impl& self = *impl_;
  if (self.forgotten.load(std::memory_order_relaxed)) return;
  std::unique_lock<std::mutex> lock(self.mutex);
  if (self.released) return;
  if (!self.started || pthread_equal(self.thread, pthread_self()) != 0) {
    lock.unlock();
    self.release();
    return;
  }
  self.release_wanted.store(true, std::memory_order_release);
  signal_eventfd(self.wake_fd.load(std::memory_order_relaxed));
  self.done.wait(lock, [&self] { return self.released; });
}

std::string Agent::status() const {
  const std::lock_guard<std::mutex> lock(impl_->mutex);
  return impl_->status;
}

}  // namespace xsched
