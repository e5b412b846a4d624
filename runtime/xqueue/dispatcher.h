// SPDX-License-Identifier: Apache-2.0
//
// The dispatcher: the one thread of a process that looks after gates which
// cannot wait for their application's next doorbell: packets that wait for
// room under a window, and ticks that tell when a queue went idle. Asleep on
// a futex while there is neither.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "../gate/gate.h"

namespace xsched {

class Dispatcher {
 public:
  // `round` pumps every gate that wants it and returns what they want, or-ed,
  // and kProgress if packets moved; it fills `ticks` (at most `most`) with the
  // KFD event ids of ticks that are out.
  static constexpr uint32_t kProgress = 1u << 31;
  using Round = std::function<uint32_t(uint32_t* ticks, uint32_t most, uint32_t& count)>;
  // An event of our own that ends a wait for ticks; 0 until known.
  Dispatcher(Round round, std::function<uint32_t()> wake_event);

  bool start();
  // There is something to look after. Any thread; no system call unless the
  // dispatcher sleeps.
  void kick() noexcept;
  // The thread ends; returns when it will not call `round` any more.
  void stop() noexcept;

 private:
  void run();

  Round round_;
  std::function<uint32_t()> wake_event_;
  std::atomic<uint32_t> kicks_{0};
  enum : uint32_t { kAwake, kOnFutex, kOnEvents };
  std::atomic<uint32_t> sleeping_{kAwake};
  bool started_ = false;
  std::atomic<bool> stop_wanted_{false};
  std::atomic<bool> stopped_{false};
};

}  // namespace xsched
