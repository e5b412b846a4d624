// SPDX-License-Identifier: Apache-2.0
//
// The daemon's loop, its peers and its decisions. Operators' requests are in
// control.cpp.
#include "server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "base/clock.h"
#include "base/log.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77  // newer than the headers of Debian 12
#endif

namespace xsched {
namespace {

constexpr size_t kMaxConnections = 4096;
constexpr int kEventsATurn = 256;
constexpr uint64_t kSlowestBeatNs = 200'000'000;
constexpr uint64_t kFastestBeatNs = 5'000'000;
constexpr uint32_t kBeatsALease = 5;  // the agent looks four times a lease
constexpr uint32_t kComplaintsAMinute = 60;
constexpr uint64_t kShortestPauseNs = 25'000;
constexpr uint64_t kLongestPauseNs = 60'000;
constexpr uint64_t kLongTurnNs = 35'000;

// The pidfd of the peer. SO_PEERPIDFD (Linux 6.5) cannot hit a recycled pid;
// before it, the window between connect and accept is accepted.
Fd open_process(int socket, pid_t pid) {
  int fd = -1;
  socklen_t size = sizeof fd;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &fd, &size) == 0) return Fd(fd);
  return Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}

void read_comm(pid_t pid, char (&comm)[16]) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/comm", static_cast<int>(pid));
  const Fd file(open(path, O_RDONLY | O_CLOEXEC));
  const ssize_t n = file ? read(file.get(), comm, sizeof comm - 1) : -1;
  comm[std::max<ssize_t>(n, 0)] = '\0';
  comm[strcspn(comm, "\n")] = '\0';
  // It ends up on terminals.
  for (char& c : comm) {
    if (c != '\0' && (c < ' ' || c > '~')) c = '?';
  }
}

// The caller has checked the name.
std::unique_ptr<Policy> policy_named(const std::string& name) {
  std::string error;
  return make_policy(name, error);
}

}  // namespace

Server::Server(Listener listener, ConfigLoader& loader, Config config, const std::string& policy)
    : listener_(std::move(listener)),
      arbiter_(policy_named(policy.empty() ? config.policy : policy)),
      started_ns_(now_ns()),
      loader_(loader),
      config_(std::move(config)),
      policy_fixed_(!policy.empty()) {
  arbiter_.set_parameters(config_.timeslice_ns, config_.concurrency);
}

Server::~Server() = default;

bool Server::watch(int fd, Source& source, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &source;
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

bool Server::prepare(std::string& error) {
  prctl(PR_SET_TIMERSLACK, 1000);  // else pauses last 50 us longer without real-time priority
  sigset_t set;
  sigemptyset(&set);
  for (int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
  signals_.reset(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  timer_.reset(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  spare_.reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
  module_event_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  config_event_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (epoll_ && signals_ && timer_ && watch(listener_.fd(), on_listener_, EPOLLIN) &&
      watch(signals_.get(), on_signals_, EPOLLIN) && watch(timer_.get(), on_timer_, EPOLLIN) &&
      watch(module_event_.get(), on_module_, EPOLLIN) &&
      watch(config_event_.get(), on_config_, EPOLLIN)) {
    open_module();
    return true;
  }
  error = std::string("the event loop cannot be set up: ") + strerror(errno);
  return false;
}

void Server::run() {
  notifier_.ready();
  std::array<epoll_event, kEventsATurn> events;
  while (!stop_) {
    const uint64_t next = next_time_ns();
    // Behind a pause something mostly is there: then the timer is not touched.
    int n = epoll_wait(epoll_.get(), events.data(), events.size(), 0);
    if (n == 0 && (next == 0 || now_ns() < next)) {
      arm_timer(next);
      n = epoll_wait(epoll_.get(), events.data(), events.size(), -1);
    }
    const uint64_t began = now_ns();
    bool busy = false;  // with more than the time, which nobody sends
    for (int i = 0; i < n; ++i) {
      const Source& source = *static_cast<Source*>(events[static_cast<size_t>(i)].data.ptr);
      busy |= source.kind != Source::Kind::kTimer;
      switch (source.kind) {
        case Source::Kind::kListener:
          accept_all();
          break;
        case Source::Kind::kSignals:
          on_signals();
          break;
        case Source::Kind::kTimer: {
          uint64_t count;
          armed_ns_ = 0;
          [[maybe_unused]] ssize_t got = read(timer_.get(), &count, sizeof count);
          break;
        }
        case Source::Kind::kSocket:
          on_socket(*source.connection, events[static_cast<size_t>(i)].events);
          break;
        case Source::Kind::kEdge:
          // Edge-triggered and never read: a client that shares the eventfd
          // could make a read block.
          ++edges_;
          source.connection->dirty = look_ = true;
          break;
        case Source::Kind::kModule:
          on_module();
          break;
        case Source::Kind::kMetrics:
          on_metrics();
          break;
        case Source::Kind::kConfig:
          on_config();
          break;
        case Source::Kind::kProcess:
          drop(*source.connection, nullptr);
          break;
      }
    }
    if (next != 0 && next <= began) on_time(began);
    if (decide_ || holds_changed_ || look_ || due_) {
      busy = true;
      decide_and_publish();
    }
    if (any_gone_) remove_gone();
    if (busy && !stop_) pause_after(began);
  }
  notifier_.stopping();
  metrics_.stop();
  // Nobody stays suspended: the clients do the rest when their sockets close.
  listener_.close();
  for (auto& c : connections_) drop(*c, nullptr);
  remove_gone();
  module_.stop();
}

// Edges that come meanwhile cost one decision together: whatever a peer sends, no
// more than two turns follow each other without a pause. A lone edge that comes
// later notices nothing. A long turn is a wait by itself: the next one follows at
// once, and the pause behind it is for both.
void Server::pause_after(uint64_t began_ns) {
  const uint64_t turn = now_ns() - began_ns;
  const bool first = busy_ns_ == 0;
  busy_ns_ += turn;
  if (first && turn > kLongTurnNs) return;
  const timespec pause{0,
                       static_cast<long>(std::clamp(busy_ns_, kShortestPauseNs, kLongestPauseNs))};
  busy_ns_ = 0;
  clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, nullptr);
}

void Server::on_signals() {
  signalfd_siginfo info;
  while (read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGHUP) {
      reload();
      continue;
    }
    log(LogLevel::kInfo, "%s: leaving, every process runs",
        strsignal(static_cast<int>(info.ssi_signo)));
    stop_ = true;
  }
}

// ---- peers ----

void Server::accept_all() {
  for (;;) {
    Fd socket(accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if ((errno == EMFILE || errno == ENFILE) && spare_) {
        // Take the peer off the queue and refuse it, or epoll would spin.
        spare_.reset();
        socket.reset(accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
        socket.reset();
        spare_.reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
        log(LogLevel::kError, "out of file descriptors: a peer was refused; raise LimitNOFILE");
        continue;
      }
      return;
    }
    auto c = std::make_unique<Connection>(next_serial_++);
    c->socket = std::move(socket);
    socklen_t size = sizeof c->peer;
    if (connections_.size() >= kMaxConnections ||
        getsockopt(c->socket.get(), SOL_SOCKET, SO_PEERCRED, &c->peer, &size) != 0) {
      complain(*c, "refused: too many connections");
      continue;
    }
    if (!watch(c->socket.get(), c->on_socket, EPOLLIN | EPOLLRDHUP)) continue;
    connections_.push_back(std::move(c));
  }
}

void Server::on_socket(Connection& c, uint32_t events) {
  if (c.gone) return;
  if ((events & EPOLLOUT) != 0 && c.lagging) {
    c.lagging = false;
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP;
    event.data.ptr = &c.on_socket;
    epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, c.socket.get(), &event);
    announce(c);
    decide_ = true;  // what could not be suspended then
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP)) == 0) return;
  // One message a turn, so that a chatty peer does not hold the others up.
  Received received = receive_bytes(c.socket.get(), buffer_);
  if (received.result == IoResult::kAgain) return;
  if (received.result == IoResult::kClosed) return drop(c, nullptr);
  error_.clear();
  const Request request = parse_request(std::span(buffer_).first(received.size), error_);
  if (!on_request(c, request, received)) drop(c, error_.c_str());
}

bool Server::on_request(Connection& c, const Request& request, Received& received) {
  if (const auto* hello = std::get_if<HelloMessage>(&request)) return on_hello(c, *hello, received);
  if (received.fd || received.extra_fds) {
    error_ = "a descriptor with a message that takes none";
    return false;
  }
  if (std::holds_alternative<std::monostate>(request)) return false;
  if (std::holds_alternative<StartMessage>(request)) return on_start(c);
  if (std::holds_alternative<ResyncMessage>(request)) return on_resync(c);
  // The rest is for tools.
  if (c.role == Connection::Role::kProcess) {
    error_ = "a control request from a scheduled process";
    return false;
  }
  c.role = Connection::Role::kControl;
  if (const auto* list = std::get_if<ListRequest>(&request)) return on_list(c, *list);
  if (const auto* processes = std::get_if<ProcessRequest>(&request)) {
    return on_processes(c, *processes);
  }
  if (const auto* hold = std::get_if<HoldRequest>(&request)) return on_hold(c, *hold);
  if (const auto* resume = std::get_if<ResumeRequest>(&request)) return on_resume(c, *resume);
  if (const auto* set = std::get_if<SetRequest>(&request)) return on_set(c, *set);
  return on_info(c);
}

bool Server::on_hello(Connection& c, const HelloMessage& hello, Received& received) {
  if (c.role != Connection::Role::kNew) {
    error_ = "a second hello";
    return false;
  }
  WelcomeMessage welcome = make_message<WelcomeMessage>(MessageType::kWelcome);
  welcome.pid = static_cast<int32_t>(getpid());
  set_text(welcome.policy, std::string(arbiter_.policy().name()).c_str());
  if (!received.fd || received.extra_fds) {
    error_ = "a hello needs exactly one descriptor, the slot table's";
  } else if (hello.slot_abi != kSlotAbi) {
    error_ = "slot table version " + std::to_string(hello.slot_abi) + ", the daemon has " +
             std::to_string(kSlotAbi) + ": use one version of xsched";
  } else {
    c.memory = SlotMemory::map(received.fd.get(), error_);
  }
  if (c.memory) {
    c.process = open_process(c.socket.get(), c.peer.pid);
    c.edge.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    // Without a pidfd (the peer is in no pid namespace of ours, or an old
    // kernel) the socket alone has to tell.
    if (!c.edge || !watch(c.edge.get(), c.on_edge, EPOLLIN | EPOLLET) ||
        (c.process && !watch(c.process.get(), c.on_process, EPOLLIN))) {
      error_ = std::string("the daemon cannot watch it: ") + strerror(errno);
    }
  }
  if (!error_.empty()) {
    welcome.status = static_cast<uint32_t>(Status::kRefused);
    set_text(welcome.text, error_.c_str());
    send_message(c.socket.get(), welcome);
    return false;
  }
  c.role = Connection::Role::kProcess;
  c.lease_ms = std::max(hello.lease_ms, 1u);
  read_comm(c.peer.pid, c.comm);
  c.view = std::make_unique<TableView>(*c.memory.table());
  apply_rules(c);
  if (send_message(c.socket.get(), welcome, c.edge.get()) == IoResult::kOk) return true;
  error_ = "it does not take its welcome";
  return false;
}

bool Server::on_start(Connection& c) {
  if (c.role != Connection::Role::kProcess || c.started) {
    error_ = "a start out of turn";
    return false;
  }
  open_module();  // it may have come since
  c.started = c.dirty = decide_ = true;
  arbiter_.add(*c.view);
  cpu_look_ns_ = 0;
  log(LogLevel::kInfo, "pid %d (%s, uid %u) is scheduled here", static_cast<int>(c.peer.pid),
      c.comm, c.peer.uid);
  return true;
}

bool Server::on_resync(Connection& c) {
  if (!c.started) {
    error_ = "a resync out of turn";
    return false;
  }
  log(LogLevel::kWarn, "pid %d (%s) found this daemon silent for its lease of %u ms and comes back",
      static_cast<int>(c.peer.pid), c.comm, c.lease_ms);
  c.view->forget();
  c.dirty = decide_ = true;
  return true;
}

void Server::drop(Connection& c, const char* why) {
  if (c.gone) return;
  if (why != nullptr) complain(c, why);
  c.gone = any_gone_ = true;
  if (c.role == Connection::Role::kControl) end_holds_of(c);
  if (!c.started) return;
  arbiter_.remove(*c.view);
  c.started = false;
  decide_ = true;  // the others may run now
  if (why == nullptr && !stop_) {
    log(LogLevel::kInfo, "pid %d (%s) left", static_cast<int>(c.peer.pid), c.comm);
  }
}

// At the end of a turn: no event of it points to them any more.
void Server::remove_gone() {
  any_gone_ = false;
  const auto is_gone = [](const std::unique_ptr<Connection>& c) { return c->gone; };
  for (auto& c : connections_) {
    if (!c->gone) continue;
    // The memory first: a process that sees the hang-up owns its table.
    c->view.reset();
    c->memory = SlotMemory();
    // Descriptors that a forked child shares stay in the epoll set unless removed.
    for (const Fd* fd : {&c->socket, &c->edge, &c->process}) {
      if (*fd) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd->get(), nullptr);
    }
  }
  connections_.erase(std::remove_if(connections_.begin(), connections_.end(), is_gone),
                     connections_.end());
  if (decide_) decide_and_publish();
}

// ---- decisions ----

void Server::decide_and_publish() {
  if (decide_) look_at_cpu_priorities(now_ns());
  const bool asked = decide_ || holds_changed_;
  const bool due = due_;
  decide_ = look_ = due_ = false;
  const uint64_t now = now_ns();
  bool table_changed = false;
  for (auto& c : connections_) {
    if (!c->dirty || !c->started || c->gone) continue;
    c->dirty = false;
    table_changed |= c->view->scan(now);
  }
  // An edge whose change an earlier turn has seen.
  if (!asked && !due && !table_changed) return;
  if (holds_changed_ || (table_changed && !holds_.empty())) mark_held();
  holds_changed_ = false;
  if (asked || module_.running()) mark_carried();
  arbiter_.decide(now,
                  asked || module_.running() ? Arbiter::Scope::kAll : Arbiter::Scope::kTouched);
  ++decisions_;
  for (auto& c : connections_) {
    c->published = c->started && !c->gone && c->view->changed();
    if (c->published) publish(*c);
  }
  // With every gate closed, and before the clients wake up: they only keep
  // the books of what the module does meanwhile.
  if (trace_) {
    TraceRecord published{};
    published.kind = TraceRecord::kPublished;
    published.ns = now_ns();
    trace_.put(published);
  }
  want_suspended();
  for (auto& c : connections_) {
    if (c->published) announce(*c);
  }
}

void Server::publish(Connection& c) {
  TableView& view = *c.view;
  // The lease must be armed before the first store that suspends: announce,
  // then store, then announce again so that the agent applies it.
  if (view.suspends() && !c.announced && !c.lagging) {
    ApplyMessage apply = make_message<ApplyMessage>(MessageType::kApply);
    apply.suspended = 1;
    if (send_message(c.socket.get(), apply) == IoResult::kOk) c.announced = true;
  }
  const bool may_suspend = c.announced;
  if (may_suspend) c.memory.table()->heartbeat.fetch_add(1, std::memory_order_release);
  view.publish(may_suspend ? TableView::Publish::kAll : TableView::Publish::kNoSuspends);
  view.account(now_ns());
}

void Server::announce(Connection& c) {
  if (c.lagging) return;
  ApplyMessage apply = make_message<ApplyMessage>(MessageType::kApply);
  apply.suspended = c.view->suspended() > 0 ? 1 : 0;
  switch (send_message(c.socket.get(), apply)) {
    case IoResult::kOk:
      c.announced = apply.suspended != 0;
      return;
    case IoResult::kClosed:
      return;  // the hang-up is on its way
    case IoResult::kAgain:
      break;
  }
  c.lagging = true;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP | EPOLLOUT;
  event.data.ptr = &c.on_socket;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, c.socket.get(), &event);
}

// The timer beats while something is suspended, ends leases of holds, and looks
// again at an XQueue that has just become idle; otherwise it is off.
uint64_t Server::next_time_ns() {
  uint64_t period = 0;
  for (const auto& c : connections_) {
    if (!c->started || c->view->suspended() == 0) continue;
    const uint64_t wanted = uint64_t{c->lease_ms} * 1'000'000 / kBeatsALease;
    period = period == 0 ? wanted : std::min(period, wanted);
  }
  const uint64_t now = now_ns();
  uint64_t next = 0;
  if (!wanted_.empty()) period = std::min(period, module_.renew_period_ns());
  if (period != 0) {
    period = std::clamp(period, kFastestBeatNs, kSlowestBeatNs);
    if (next_beat_ns_ == 0 || next_beat_ns_ > now + period) next_beat_ns_ = now + period;
    next = next_beat_ns_;
  } else {
    next_beat_ns_ = 0;
  }
  for (const Hold& hold : holds_) {
    if (hold.until_ns != 0 && (next == 0 || hold.until_ns < next)) next = hold.until_ns;
  }
  if (const uint64_t period = notifier_.watchdog_period_ns(); period != 0) {
    if (next_alive_ns_ == 0) next_alive_ns_ = now + period;
    if (next == 0 || next_alive_ns_ < next) next = next_alive_ns_;
  }
  if (const uint64_t again = arbiter_.decide_again_ns();
      again != 0 && (next == 0 || again < next)) {
    next = again;
  }
  if (arbiter_.policy().by_cpu_priority() && !connections_.empty() &&
      (next == 0 || cpu_look_ns_ < next)) {
    next = std::max(cpu_look_ns_, now);
  }
  return next;
}

// A timer that is set too early is left alone: it fires once in vain, which is
// cheaper than a system call at every change of mind.
void Server::arm_timer(uint64_t next) {
  if (next == 0 || (armed_ns_ != 0 && armed_ns_ <= next)) return;
  armed_ns_ = next;
  itimerspec spec{};
  spec.it_value.tv_sec = static_cast<time_t>(next / 1'000'000'000);
  spec.it_value.tv_nsec = static_cast<long>(next % 1'000'000'000);
  timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
}

void Server::on_time(uint64_t now) {
  if (next_beat_ns_ != 0 && next_beat_ns_ <= now) {
    next_beat_ns_ = 0;
    for (auto& c : connections_) {
      if (c->started && c->view->suspended() > 0) {
        c->memory.table()->heartbeat.fetch_add(1, std::memory_order_release);
      }
    }
  }
  if (next_alive_ns_ != 0 && next_alive_ns_ <= now) {
    next_alive_ns_ = 0;
    notifier_.alive();
  }
  // From this loop and not by itself: if it hangs, the leases have to end.
  if (!wanted_.empty() && renew_at_ns_ <= now) {
    renew_at_ns_ = now + module_.renew_period_ns();
    module_.renew();
  }
  expire_holds(now);
  look_at_cpu_priorities(now);
  const uint64_t again = arbiter_.decide_again_ns();
  if (again != 0 && again <= now) due_ = true;
}

void Server::complain(const Connection& c, const char* what) {
  ++peers_refused_;
  const uint64_t now = now_ns();
  if (now - complaints_from_ns_ > 60'000'000'000u) {
    complaints_from_ns_ = now;
    complaints_ = 0;
  }
  if (++complaints_ > kComplaintsAMinute) return;
  log(LogLevel::kWarn, "pid %d (uid %u) is disconnected: %s%s", static_cast<int>(c.peer.pid),
      c.peer.uid, what,
      complaints_ == kComplaintsAMinute ? " (no more such lines this minute)" : "");
}

}  // namespace xsched
