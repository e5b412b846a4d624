// SPDX-License-Identifier: Apache-2.0
//
// See service.h: the life of the service and of its files; events. What a call
// is made of is in calls.cpp.

#include "service.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <thread>

#include "../device/clock.h"

namespace xsim::kmod {

namespace {

constexpr uint32_t kMaxThreads = 256;
// How long it stays without a file, so that a program that opens and closes in
// a loop does not start it every time; and at first, until its founder comes.
constexpr uint64_t kLingerNs = 100'000'000;
constexpr uint64_t kFirstLingerNs = 5'000'000'000ull;
// As kmod/file.c.
constexpr auto kCloseAgain = std::chrono::milliseconds(10);

void set_timer(int fd, uint64_t ns, int flags) {
  itimerspec t{};
  t.it_value = dev::to_timespec(ns);
  timerfd_settime(fd, flags, &t, nullptr);
}

// A scheduler that waits behind a compiler for a processor is none. Where this
// is not permitted the thread competes like any other.
void make_thread_urgent() {
  sched_param parameters{};
  parameters.sched_priority = sched_get_priority_min(SCHED_RR);
  sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &parameters);
}

}  // namespace

Service::Service(std::string node, int listener)
    : node_(std::move(node)), listener_(listener), engine_(node_) {}

// The core's callbacks about files and tasks have no context: there is one
// service in the process.
static Service* g_service;
static Tasks* g_tasks;

xs_platform Service::platform() {
  xs_platform p{};
  p.now = [](void*) -> u64 { return dev::now_ns(); };
  p.arm = [](void* ctx, u64 when) {
    // 0 would stop the timer.
    set_timer(static_cast<Service*>(ctx)->timer_, when != 0 ? when : 1, TFD_TIMER_ABSTIME);
  };
  p.wake = [](void* cookie) { g_service->wake(*static_cast<File*>(cookie)); };
  p.task_ref = [](const xs_task* task) { g_tasks->ref(Task::of(task)); };
  p.task_unref = [](const xs_task* task) { g_tasks->unref(Task::of(task)); };
  p.task_alive = [](const xs_task* task) { return Tasks::alive(Task::of(task)); };
  p.task_number = [](const xs_task* task) { return static_cast<u32>(Task::of(task)->pid); };
  return p;
}

bool Service::start(std::string& error) {
  g_service = this;
  g_tasks = &tasks_;
  static const xs_platform platform_here = platform();
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  linger_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  // The module's defaults (kmod/main.c).
  xs_limits limits{};
  limits.lease_default_ms = XS_LEASE_DEFAULT_MS;
  limits.lease_max_ms = XS_LEASE_MAX_MS;
  limits.max_queues = XS_MAX_QUEUES;
  limits.rate = XS_RATE;
  limits.burst = XS_BURST;
  core_ = xs_core_new(&platform_here, this, &limits);
  mock_ = xs_mock_new();
  if (epoll_ < 0 || timer_ < 0 || linger_ < 0 || !core_ || !mock_) {
    error = std::string("cannot start: ") + std::strerror(errno);
    return false;
  }
  mock_->is_dead = [](const xs_task* task) { return !Tasks::alive(Task::of(task)); };
  xs_core_set_driver(core_, "simulated (xsched-sim)");
  engine_.offer(core_);
  xs_core_set_engine(core_, XSCHED_ENGINE_QUIESCE, nullptr, nullptr, -EOPNOTSUPP,
                     "quiesce: the simulated node has no such call");
  xs_core_set_engine(core_, XSCHED_ENGINE_SUSPEND_QUEUES, nullptr, nullptr, -EOPNOTSUPP,
                     "suspend_queues: the simulated node has no such call");
  xs_core_set_engine(core_, XSCHED_ENGINE_MOCK, &xs_mock_ops, mock_, 0, "");
  watch(timer_, &timer_, EPOLLIN, true);
  watch(linger_, &linger_, EPOLLIN, true);
  watch(listener_, &accepting_, EPOLLIN, true);
  set_timer(linger_, kFirstLingerNs, 0);
  return true;
}

// One event, then silence until it is watched again: one thread at a time has
// a descriptor's attention.
void Service::watch(int fd, void* what, uint32_t events, bool add) {
  epoll_event e{};
  e.events = events | EPOLLONESHOT;
  e.data.ptr = what;
  epoll_ctl(epoll_, add ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &e);
}

void Service::spawn() {
  try {
    threads_.fetch_add(1);
    std::thread([this] { loop(); }).detach();
  } catch (const std::exception&) {
    threads_.fetch_sub(1);  // the others go on, one call after the other
  }
}

void Service::work() {
  threads_.store(1);
  loop();
  std::_Exit(1);
}

void Service::loop() {
  make_thread_urgent();
  for (;;) {
    epoll_event e{};
    idle_.fetch_add(1);
    const int n = epoll_wait(epoll_, &e, 1, -1);
    if (idle_.fetch_sub(1) == 1 && threads_.load() < kMaxThreads) spawn();
    if (n != 1) continue;
    if (e.data.ptr == &timer_) {
      tick();
    } else if (e.data.ptr == &linger_) {
      maybe_end();
    } else if (e.data.ptr == &accepting_) {
      accept_one();
    } else {
      // A file's second descriptor has the lowest bit set.
      const auto what = reinterpret_cast<uintptr_t>(e.data.ptr);
      File& file = *reinterpret_cast<File*>(what & ~uintptr_t{1});
      if ((what & 1) != 0) {
        has_room(file);
      } else {
        ready(file);
      }
    }
  }
}

void Service::tick() {
  uint64_t count;
  [[maybe_unused]] const ssize_t n = read(timer_, &count, sizeof count);
  xs_core_tick(core_);
  flush();
  watch(timer_, &timer_, EPOLLIN, false);
}

// --- files -------------------------------------------------------------------

void Service::accept_one() {
  std::lock_guard lock(accepting_);
  const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd >= 0) {
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
    ucred peer{};
    socklen_t size = sizeof peer;
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
    auto* file = new File;
    file->fd = fd;
    file->uid = peer.uid;
    ++files_;
    set_timer(linger_, 0, 0);
    watch(fd, file, EPOLLIN, true);
  }
  watch(listener_, &accepting_, EPOLLIN, false);
}

void Service::maybe_end() {
  uint64_t count;
  [[maybe_unused]] const ssize_t n = read(linger_, &count, sizeof count);
  std::lock_guard lock(accepting_);
  // Who connected just now gets a reset and asks again (client.cpp).
  if (files_ == 0) std::_Exit(0);
  watch(linger_, &linger_, EPOLLIN, false);
}

void Service::ready(File& file) {
  Received received;
  const Got got = receive(file, received);
  if (got == Got::kEnd) {
    epoll_ctl(epoll_, EPOLL_CTL_DEL, file.fd, nullptr);
    unref(file);
    return;
  }
  if (got == Got::kRequest) file.refs.fetch_add(1);
  watch(file.fd, &file, EPOLLIN, false);  // from here on another thread may close it
  if (got == Got::kRequest) {
    handle(file, received);
    unref(file);
  }
}

void Service::unref(File& file) {
  if (file.refs.fetch_sub(1) == 1) close(file);
}

// The last descriptor is closed and no call is under way, as for release() in
// the kernel. This thread may take long over it; others serve.
void Service::close(File& file) {
  if (file.file) {
    xs_file_retire(file.file);
    flush();
    while (!xs_file_close(file.file, false)) {
      flush();
      std::this_thread::sleep_for(kCloseAgain);
    }
    flush();
  }
  {
    // It gets no events since it was retired; some may still be noted.
    std::lock_guard flushing(flush_mutex_);
    std::lock_guard lock(dirty_mutex_);
    std::erase(dirty_, &file);
  }
  ::close(file.fd);
  delete &file;
  std::lock_guard lock(accepting_);
  if (--files_ == 0) set_timer(linger_, kLingerNs, 0);
}

// --- events ------------------------------------------------------------------

// With the core's lock held.
void Service::wake(File& file) {
  std::lock_guard lock(dirty_mutex_);
  if (file.dirty) return;
  file.dirty = true;
  dirty_.push_back(&file);
}

void Service::flush() {
  // Held throughout: who finds nothing noted may rely on its being sent.
  std::lock_guard flushing(flush_mutex_);
  std::vector<File*> noted;
  {
    std::lock_guard lock(dirty_mutex_);
    noted.swap(dirty_);
    for (File* file : noted) file->dirty = false;
  }
  for (File* file : noted) flush_one(*file);
}

void Service::flush_one(File& file) {
  for (;;) {
    if (file.unsent.empty()) {
      xsched_event events[64];
      const u32 n = xs_file_take_events(file.file, events, 64);
      if (n == 0) return;
      const auto* bytes = reinterpret_cast<const uint8_t*>(events);
      file.unsent.assign(bytes, bytes + n * sizeof events[0]);
    }
    const ssize_t n =
        send(file.fd, file.unsent.data(), file.unsent.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      wait_for_room(file);
      return;
    }
    if (n < 0) return;  // closed
    file.unsent.erase(file.unsent.begin(), file.unsent.begin() + n);
  }
}

// The program does not read. A descriptor of its own, with a reference, so that
// requests and room are told apart.
void Service::wait_for_room(File& file) {
  if (file.room >= 0) return;
  uint32_t refs = file.refs.load();
  do {
    if (refs == 0) return;  // being closed
  } while (!file.refs.compare_exchange_weak(refs, refs + 1));
  file.room = fcntl(file.fd, F_DUPFD_CLOEXEC, 0);
  if (file.room < 0) {
    // The next event tries again.
    file.refs.fetch_sub(1);
    return;
  }
  watch(file.room, reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(&file) | 1), EPOLLOUT, true);
}

void Service::has_room(File& file) {
  {
    std::lock_guard flushing(flush_mutex_);
    // close() alone would leave it there: the file has another descriptor.
    epoll_ctl(epoll_, EPOLL_CTL_DEL, file.room, nullptr);
    ::close(file.room);
    file.room = -1;
  }
  wake(file);
  flush();
  unref(file);
}

}  // namespace xsim::kmod
