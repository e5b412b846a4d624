// SPDX-License-Identifier: Apache-2.0
//
// What xschedd tells the service manager (sd_notify(3)): one datagram each, to
// the socket that NOTIFY_SOCKET names. Silent where nobody asked, never blocking.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sched/fd.h"

namespace xsched {

class Notifier {
 public:
  // From the environment.
  Notifier();

  void ready();
  void reloading();
  void stopping();
  void alive();  // for the watchdog

  // How often alive() is to be said: half of what the manager waits. 0: not at all.
  uint64_t watchdog_period_ns() const { return watchdog_period_ns_; }

 private:
  void say(std::string_view text);

  Fd socket_;
  std::string address_;  // as bound: an abstract one begins with a zero byte
  uint64_t watchdog_period_ns_ = 0;
};

}  // namespace xsched
