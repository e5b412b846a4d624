// SPDX-License-Identifier: Apache-2.0
//
// See trace.h. The writer looks at the rings every 20 ms while there is
// something in them, and less often else; a producer wakes it when its ring
// fills.
#include "trace.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "../base/clock.h"
#include "../base/log.h"

namespace xsched {
namespace {

constexpr uint32_t kCallEvents = 8192;  // a thread, 192 KiB
constexpr size_t kMostThreads = 256;
constexpr int64_t kRoundNs = 20'000'000;
constexpr int64_t kIdleRoundNs = 200'000'000;
constexpr int64_t kExitWaitNs = 5'000'000'000;
constexpr size_t kChunk = 256 * 1024;

enum CallKind : uint32_t { kSpan = 0, kMoment = 1 };

void futex_wait(std::atomic<uint32_t>& word, uint32_t seen, int64_t ns) noexcept {
  const timespec limit{ns / 1'000'000'000, ns % 1'000'000'000};
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, seen, &limit, nullptr, 0);
}

std::string with_pid(std::string path) {
  for (size_t at; (at = path.find("%p")) != std::string::npos;) {
    path.replace(at, 2, std::to_string(getpid()));
  }
  return path;
}

}  // namespace

std::atomic<Trace*> Trace::g_trace{nullptr};

// The calls of one thread.
struct Trace::ThreadRing {
  TraceRing ring{kCallEvents};
  int tid = 0;
  char name[16] = {};
  std::atomic<bool> gone{false};  // the thread has ended
  bool named = false;             // the writer's own
};

// Where a thread keeps its ring.
struct Trace::ThreadSlot {
  std::shared_ptr<ThreadRing> ring;
  bool refused = false;
  ~ThreadSlot() {
    // Release: its last events come before.
    if (ring != nullptr) ring->gone.store(true, std::memory_order_release);
  }
};

Trace::Trace(int fd, std::string path, bool regular)
    : fd_(fd), path_(std::move(path)), regular_(regular), json_(getpid()) {}

// -1 with errno. A file that another living process writes its trace to is
// left alone: this one's gets the process id behind its name.
int Trace::open_file(std::string& path, bool& regular) noexcept {
  // Not blocking: a pipe that nobody reads is an error.
  constexpr int kFlags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  int fd = open(path.c_str(), kFlags, 0644);
  if (fd < 0) return -1;
  struct stat info {};
  regular = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  if (regular && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    close(fd);
    path += "." + std::to_string(getpid());
    fd = open(path.c_str(), kFlags, 0644);
    if (fd < 0) return -1;
  }
  if (regular && ftruncate(fd, 0) != 0) {
    const int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  fcntl(fd, F_SETFL, O_WRONLY);
  return fd;
}

void Trace::start(const std::string& wanted) noexcept {
  static std::mutex starting;
  static bool started = false;
  // Its thread and producers may be anywhere at exit. Kept, or a leak checker
  // would report it.
  [[gnu::used]] static Trace* leaked = nullptr;
  const std::lock_guard<std::mutex> lock(starting);
  if (started || wanted.empty()) return;
  started = true;
  try {
    std::string path = with_pid(wanted);
    bool regular = false;
    const int fd = open_file(path, regular);
    if (fd < 0) {
      log(LogLevel::kWarn, "XSCHED_TRACE: %s cannot be opened (%s); no trace is written",
          path.c_str(), strerror(errno));
      return;
    }
    Trace* const trace = leaked = new Trace(fd, path, regular);
    trace->json_.process_name(program_invocation_short_name);
    // Before its thread, which takes it away again if nothing can be written.
    g_trace.store(trace, std::memory_order_release);
    if (!trace->start_thread()) {
      g_trace.store(nullptr, std::memory_order_relaxed);
      return;
    }
    pthread_atfork(nullptr, nullptr, [] {
      if (Trace* inherited = g_trace.exchange(nullptr, std::memory_order_relaxed)) {
        close(inherited->fd_);
      }
    });
    atexit([] { stop(); });
    log(LogLevel::kInfo, "trace: %s", path.c_str());
  } catch (const std::exception& error) {
    log(LogLevel::kWarn, "XSCHED_TRACE: %s; no trace is written", error.what());
  }
}

bool Trace::start_thread() noexcept {
  // Signals are the application's business: none is delivered to this thread.
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  pthread_t thread;
  const int error = pthread_create(
      &thread, nullptr,
      [](void* self) -> void* {
        static_cast<Trace*>(self)->run();
        return nullptr;
      },
      this);
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  if (error != 0) {
    log(LogLevel::kWarn, "XSCHED_TRACE: no thread for it (%s); no trace is written",
        strerror(error));
    return false;
  }
  pthread_detach(thread);
  return true;
}

void Trace::stop() noexcept {
  Trace* trace = g_trace.exchange(nullptr, std::memory_order_acq_rel);
  if (trace == nullptr) return;
  trace->stop_wanted_.store(true, std::memory_order_seq_cst);
  trace->wake();
  const uint64_t patience = now_ns() + kExitWaitNs;
  while (trace->ended_.load(std::memory_order_acquire) == 0) {
    if (now_ns() >= patience) {
      log(LogLevel::kWarn, "trace: %s takes too long; its end is missing", trace->path_.c_str());
      return;
    }
    futex_wait(trace->ended_, 0, kRoundNs);
  }
}

std::shared_ptr<TraceTrack> Trace::add_track(uint32_t id,
                                             std::function<TraceTrack::Depth()> depth) {
  auto track = std::make_shared<TraceTrack>(id, "xqueue " + std::to_string(id), std::move(depth),
                                            [this] { wake(); });
  const std::lock_guard<std::mutex> lock(mutex_);
  tracks_.push_back(track);
  return track;
}

void Trace::set_scheduler(std::function<std::string()> name) {
  const std::lock_guard<std::mutex> lock(mutex_);
  scheduler_ = std::move(name);
}

void Trace::set_call_names(std::vector<std::string> names) {
  const std::lock_guard<std::mutex> lock(mutex_);
  names_ = std::move(names);
}

Trace::ThreadRing* Trace::make_ring() noexcept {
  thread_local ThreadSlot slot;
  if (slot.ring != nullptr || slot.refused) return slot.ring.get();
  const int saved = errno;
  try {
    auto ring = std::make_shared<ThreadRing>();
    ring->tid = static_cast<int>(syscall(SYS_gettid));
    pthread_getname_np(pthread_self(), ring->name, sizeof ring->name);
    const std::lock_guard<std::mutex> lock(mutex_);
    if (rings_.size() < kMostThreads) {
      rings_.push_back(ring);
      slot.ring = std::move(ring);
    }
  } catch (const std::exception&) {
  }
  slot.refused = slot.ring == nullptr;
  errno = saved;
  return slot.ring.get();
}

void Trace::call(uint32_t number, uint64_t begin_ns, uint64_t end_ns) noexcept {
  ThreadRing* ring = make_ring();
  if (ring == nullptr) {
    lost_threads_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const bool span = end_ns != 0;
  if (ring->ring.push({begin_ns, span ? end_ns - std::min(begin_ns, end_ns) : 0,
                       span ? kSpan : kMoment, number}) &&
      ring->ring.wake_due()) {
    wake();
  }
}

void Trace::wake() noexcept {
  // Sequentially consistent with nap(): either it sees the wake before it
  // sleeps, or we see that it sleeps.
  wakes_.fetch_add(1, std::memory_order_seq_cst);
  if (!asleep_.load(std::memory_order_seq_cst)) return;
  const int saved = errno;
  syscall(SYS_futex, &wakes_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  errno = saved;
}

void Trace::nap(int64_t ns) noexcept {
  const uint32_t seen = wakes_.load(std::memory_order_seq_cst);
  asleep_.store(true, std::memory_order_seq_cst);
  if (!stop_wanted_.load(std::memory_order_seq_cst) &&
      wakes_.load(std::memory_order_seq_cst) == seen) {
    futex_wait(wakes_, seen, ns);
  }
  asleep_.store(false, std::memory_order_seq_cst);
}

void Trace::run() noexcept {
  pthread_setname_np(pthread_self(), "xsched-trace");
  int64_t pause = kRoundNs;
  bool fine = write_text("[");
  try {
    while (fine && !stop_wanted_.load(std::memory_order_seq_cst)) {
      const uint64_t before = written_;
      fine = write_round(false);
      pause = written_ != before ? kRoundNs : std::min(pause * 2, kIdleRoundNs);
      if (fine) nap(pause);
    }
    fine = fine && write_round(true) && write_text("\n]\n");
  } catch (const std::exception& error) {
    fine = false;
    log(LogLevel::kWarn, "trace: %s; tracing ends, the program goes on", error.what());
  }
  // Producers that still hold it fill their rings, and no more.
  Trace* expected = this;
  g_trace.compare_exchange_strong(expected, nullptr);
  ended_.store(1, std::memory_order_release);
  syscall(SYS_futex, &ended_, FUTEX_WAKE_PRIVATE, INT32_MAX, nullptr, nullptr, 0);
}

void Trace::write_calls(ThreadRing& ring, uint64_t now) {
  if (!ring.named) {
    ring.named = true;
    json_.track_name(ring.tid, ring.name, ring.tid);
  }
  if (const uint64_t lost = ring.ring.take_lost(); lost != 0) {
    json_.instant(ring.tid, "events lost", "trace", now, json_number("events", lost));
  }
  ring.ring.drain([&](const TraceEvent& event) {
    std::string unknown;
    if (event.detail >= names_.size() || names_[event.detail].empty()) {
      unknown = "hip call " + std::to_string(event.detail);
    }
    const std::string& name = unknown.empty() ? names_[event.detail] : unknown;
    if (event.kind == kSpan) {
      json_.slice(ring.tid, name, "hip", event.at, event.at + event.value);
    } else {
      json_.instant(ring.tid, name, "hip", event.at);
    }
  });
}

// False if the file cannot be written any more. Holds the mutex only to look
// at the lists: a producer's first event must not wait for the disk.
bool Trace::write_round(bool last) {
  std::vector<std::shared_ptr<TraceTrack>> tracks;
  std::vector<std::shared_ptr<ThreadRing>> rings;
  std::function<std::string()> scheduler;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    tracks = tracks_;
    rings = rings_;
    scheduler = scheduler_;
  }
  // Whoever decided what is written now may be gone by now, at exit.
  if (scheduler) {
    if (std::string name = scheduler(); !name.starts_with("none")) decides_ = std::move(name);
  }
  const uint64_t now = now_ns();
  std::vector<TraceTrack*> ended;
  for (const auto& track : tracks) {
    if (last) track->end();
    if (!track->write(json_, now, decides_)) ended.push_back(track.get());
    if (!flush(false)) return false;
  }
  std::vector<ThreadRing*> gone;
  for (const auto& ring : rings) {
    // Before its events: none comes after.
    const bool was_gone = ring->gone.load(std::memory_order_acquire);
    write_calls(*ring, now);
    if (was_gone) gone.push_back(ring.get());
    if (!flush(false)) return false;
  }
  if (const uint64_t lost = lost_threads_.exchange(0, std::memory_order_relaxed); lost != 0) {
    json_.instant(getpid(), "events lost", "trace", now, json_number("events", lost));
  }
  if (!ended.empty() || !gone.empty()) {
    const auto in = [](const auto& list, const void* one) {
      return std::find(list.begin(), list.end(), one) != list.end();
    };
    const std::lock_guard<std::mutex> lock(mutex_);
    std::erase_if(tracks_, [&](const auto& track) { return in(ended, track.get()); });
    std::erase_if(rings_, [&](const auto& ring) { return in(gone, ring.get()); });
  }
  return flush(true);
}

bool Trace::flush(bool all) noexcept {
  if (json_.size() < (all ? 1 : kChunk)) return true;
  return write_text(json_.take());
}

bool Trace::write_text(const std::string& text) noexcept {
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = write(fd_, text.data() + done, text.size() - done);
    if (n > 0) {
      done += static_cast<size_t>(n);
    } else if (n == 0 || errno != EINTR) {
      const int error = n == 0 ? ENOSPC : errno;
      // Half an event would make the file unreadable.
      if (regular_ && done != 0 && ftruncate(fd_, static_cast<off_t>(written_)) != 0) {
        log(LogLevel::kDebug, "trace: the last event stays cut off (%s)", strerror(errno));
      }
      log(LogLevel::kWarn,
          "trace: %s cannot be written after %lu bytes (%s); tracing ends, the program goes on",
          path_.c_str(), written_, strerror(error));
      return false;
    }
  }
  written_ += text.size();
  return true;
}

}  // namespace xsched
