// SPDX-License-Identifier: Apache-2.0
//
// Figures for Prometheus: GET /metrics over HTTP, one answer a connection. A
// thread of its own speaks to the network; the loop only copies numbers for it,
// at most ten times a second however many ask. Written out here because a
// metrics library would bring an HTTP server and its threads into a daemon that
// needs twenty lines of text.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "sched/fd.h"

namespace xsched {

struct Figures {
  uint64_t processes = 0, xqueues = 0, ready = 0, suspended = 0, held = 0;
  uint64_t decisions = 0, edges = 0, suspends = 0;
  uint64_t reloads = 0, reloads_refused = 0, peers_refused = 0;
  uint64_t uptime_ns = 0;
  bool module = false;
  std::string policy;
};

// In Prometheus' text format, version 0.0.4.
std::string to_text(const Figures& figures);

class Metrics {
 public:
  Metrics() = default;
  ~Metrics() { stop(); }

  // Listens on "ADDR:PORT", "[ADDR]:PORT" or "PORT" (then on 127.0.0.1). False and
  // `error` if that cannot be.
  bool listen(const std::string& where, std::string& error);
  // `wanted` is written when somebody asks; answer() is then due.
  bool start(int wanted);
  // From the loop.
  void answer(const Figures& figures);
  void stop();

 private:
  void run();
  void serve(int client);
  bool refresh(std::string& text);

  Fd socket_, stop_;
  int wanted_ = -1;
  std::thread thread_;
  std::mutex mutex_;  // guards the following
  std::condition_variable answered_;
  std::string text_;
  uint64_t text_ns_ = 0;  // how old it is
};

}  // namespace xsched
