// SPDX-License-Identifier: Apache-2.0
//
// XSCHED_TRACE=FILE: what the XQueues of this process do and which HIP calls
// it makes, as a trace that ui.perfetto.dev opens.
//
// Producers write into bounded rings and never wait; a thread of its own
// writes the file (not the agent: that has real-time priority, and a slow disk
// must not keep a suspend waiting). A file that cannot be written is one
// warning, and the program goes on without a trace.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "json_lines.h"
#include "ring.h"
#include "track.h"

namespace xsched {

class Trace {
 public:
  // Null unless a trace is being written.
  static Trace* get() noexcept { return g_trace.load(std::memory_order_acquire); }
  // Opens the file and starts the thread, at the first call in a process; the
  // trace ends with the process. A forked child of a traced process has none.
  static void start(const std::string& path) noexcept;
  // Writes what there is and closes the array. Called at exit.
  static void stop() noexcept;

  // For an XQueue. The caller keeps it and calls its end().
  std::shared_ptr<TraceTrack> add_track(uint32_t id, std::function<TraceTrack::Depth()> depth);
  // Who schedules now, in words. Called by the writer's thread.
  void set_scheduler(std::function<std::string()> name);

  // A HIP call of this thread. `number` is an index into the names. Without an
  // end (end_ns = 0) it is shown as a moment.
  void call(uint32_t number, uint64_t begin_ns, uint64_t end_ns) noexcept;
  // Once, before the first call().
  void set_call_names(std::vector<std::string> names);

 private:
  struct ThreadRing;
  struct ThreadSlot;

  Trace(int fd, std::string path, bool regular);
  static int open_file(std::string& path, bool& regular) noexcept;
  bool start_thread() noexcept;
  void run() noexcept;
  void wake() noexcept;
  void nap(int64_t ns) noexcept;
  bool write_round(bool last);
  void write_calls(ThreadRing& ring, uint64_t now);
  bool flush(bool all) noexcept;
  bool write_text(const std::string& text) noexcept;
  ThreadRing* make_ring() noexcept;

  static std::atomic<Trace*> g_trace;

  const int fd_;
  const std::string path_;
  const bool regular_;
  uint64_t written_ = 0;               // bytes of the file that are whole events
  JsonLines json_;                     // this and the next: the writer's own
  std::string decides_ = "scheduler";  // who schedules, last seen

  std::mutex mutex_;  // guards the following four
  std::vector<std::shared_ptr<TraceTrack>> tracks_;
  std::vector<std::shared_ptr<ThreadRing>> rings_;
  std::function<std::string()> scheduler_;
  std::vector<std::string> names_;

  std::atomic<uint64_t> lost_threads_{0};  // calls of threads that got no ring
  std::atomic<uint32_t> wakes_{0};
  std::atomic<bool> asleep_{false};
  std::atomic<bool> stop_wanted_{false};
  std::atomic<uint32_t> ended_{0};
};

}  // namespace xsched
