// SPDX-License-Identifier: Apache-2.0
//
// A tool's connection to the daemon: one request, one reply. A daemon that
// does not answer in time is an error, never a hang.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "sched/fd.h"
#include "sched/protocol.h"

namespace xsched::ctl {

enum ExitCode { kDone = 0, kFailed = 1, kUsage = 2, kNotFound = 3 };

// Ends the command with one line on stderr.
struct Failure : std::runtime_error {
  Failure(ExitCode code_in, const std::string& text) : std::runtime_error(text), code(code_in) {}
  ExitCode code;
};

class Connection {
 public:
  // Throws Failure if nobody listens there. `patience_ms` is how long one
  // reply may take.
  explicit Connection(const std::string& path, int patience_ms = 5000);

  InfoReply info();
  std::vector<XQueueRecord> list();
  std::vector<ProcessRecord> processes();
  // What was matched. Throws Failure for anything but Status::kOk.
  uint32_t hold(int32_t pid, uint32_t xqueue, uint32_t lease_ms);
  uint32_t resume(int32_t pid, uint32_t xqueue);
  uint32_t set_priority(int32_t pid, uint32_t xqueue, int32_t to);
  uint32_t change_priority(int32_t pid, uint32_t xqueue, int32_t by);
  uint32_t set_share(int32_t pid, uint32_t xqueue, int32_t percent);
  uint32_t set_active(int32_t pid, uint32_t xqueue, bool active);
  uint32_t set_policy(const std::string& name);

  int fd() const { return socket_.get(); }
  // A hold of ours was ended by somebody, or the daemon left: takes what is
  // there. False if the daemon is gone.
  bool take_ended(int& ended);

 private:
  uint32_t set(uint32_t what, int32_t pid, uint32_t xqueue, int32_t value);
  template <typename Reply, typename Message>
  Reply ask(const Message& message, MessageType reply_type);

  std::string path_;
  int patience_ms_;
  Fd socket_;
  int ended_ = 0;  // kHoldEnded that came while waiting for replies
};

}  // namespace xsched::ctl
