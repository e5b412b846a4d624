// SPDX-License-Identifier: Apache-2.0
//
// The module's place in the simulated node: one process a node that hosts the
// module's core (kmod/core) and gives it what the kernel would: open files,
// callers, a clock, a timer. kmod/file.c is its sibling.
//
// Threads: all wait for the same epoll set; whoever gets something handles it,
// after seeing to it that another one waits. So a call that sleeps in an
// engine holds up nobody, and a short one is answered by the thread that
// received it.
//
// Lock order: flush_mutex_; the core's; dirty_mutex_, Tasks.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "engine.h"
#include "kmod/core/core.h"
#include "kmod/core/mock.h"
#include "tasks.h"
#include "wire.h"

namespace xsim::kmod {

class Service {
 public:
  // Takes the listening socket.
  Service(std::string node, int listener);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  // False (and one line) if something is not to be had.
  bool start(std::string& error);
  // Works until the last file has been closed for a while, then ends the
  // process.
  [[noreturn]] void work();

 private:
  struct File {
    int fd = -1;
    uid_t uid = 0;
    xs_file* file = nullptr;  // after kOpen
    // The connection, each call under way, and who waits for room to send.
    std::atomic<uint32_t> refs{1};
    bool dirty = false;           // under dirty_mutex_
    std::vector<uint8_t> unsent;  // under flush_mutex_
    int room = -1;                // under flush_mutex_: a descriptor that waits for EPOLLOUT
  };
  struct Received {
    Request request;
    pid_t pid;
    std::vector<uint8_t> body;
  };
  enum class Got { kRequest, kNothing, kEnd };

  xs_platform platform();
  void loop();
  void spawn();
  void watch(int fd, void* what, uint32_t events, bool add);
  void accept_one();
  void ready(File& file);
  void has_room(File& file);
  Got receive(File& file, Received& out);
  void handle(File& file, const Received& received);
  void open(File& file, const Request& request);
  void call(File& file, const Received& received);
  void reply(const Request& request, long result, const void* structure, uint32_t bytes,
             const void* extra, uint32_t extra_bytes);
  void unref(File& file);
  void close(File& file);

  void wake(File& file);
  // Sends events that there are. When it returns, what happened before the
  // call can be read.
  void flush();
  void flush_one(File& file);
  void wait_for_room(File& file);
  void tick();
  void maybe_end();

  const std::string node_;
  const int listener_;
  int epoll_ = -1;
  int timer_ = -1;   // the core's tick
  int linger_ = -1;  // the end
  std::atomic<uint32_t> idle_{0};
  std::atomic<uint32_t> threads_{0};
  std::mutex accepting_;
  uint32_t files_ = 0;  // under accepting_
  std::mutex flush_mutex_;
  std::mutex dirty_mutex_;
  std::vector<File*> dirty_;
  Tasks tasks_;
  UpdateEngine engine_;
  xs_mock* mock_ = nullptr;
  xs_core* core_ = nullptr;
};

}  // namespace xsim::kmod
