// SPDX-License-Identifier: Apache-2.0
//
// Real processes for tests: xschedd, xschedctl and fake clients. Each is
// killed when its object goes.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "runtime/sched/fd.h"

namespace xsched::test {

class Process {
 public:
  using Environment = std::map<std::string, std::string>;

  // `uid` 0: as this process. `output` receives stdout if wanted.
  Process(std::vector<std::string> command, Environment environment, bool pipes, uid_t uid = 0);
  Process(Process&&) = delete;
  ~Process();

  pid_t pid() const { return pid_; }
  void signal(int number);
  // Its end: exit status, or 128 + signal. Idempotent.
  int wait();
  void kill_and_wait();

  bool send(const std::string& line);
  std::string line();        // of its stdout, without the newline; empty at its end
  std::string all_output();  // until its end

 private:
  pid_t pid_ = -1;
  int status_ = -1;
  Fd in_, out_;
  std::string buffer_;
};

// A folder of its own, a socket in it, a daemon on request.
class Scheduled : public ::testing::Test {
 protected:
  Scheduled();
  ~Scheduled() override;

  const std::string& socket() const { return socket_; }
  // Returns once it has told NOTIFY_SOCKET that it is ready.
  std::unique_ptr<Process> start_daemon(std::vector<std::string> arguments = {},
                                        Process::Environment environment = {});
  // ... for a command that starts one in its own way.
  std::unique_ptr<Process> start_service(std::vector<std::string> command,
                                         Process::Environment environment);
  // What the daemon says next to the service manager; "" if it stays silent.
  std::string told();
  // Runs xschedctl to its end.
  int ctl(std::vector<std::string> arguments, std::string* output = nullptr, uid_t uid = 0);
  std::unique_ptr<Process> start_ctl(std::vector<std::string> arguments);

  std::string folder_;
  std::string socket_;
  Process::Environment environment_;  // of clients
  Fd notify_;                         // NOTIFY_SOCKET of the last daemon
};

// A fake client with one question and answer a call.
class Client {
 public:
  Client(const Process::Environment& environment, uid_t uid = 0);
  std::string ask(const std::string& line);
  bool ok(const std::string& line) { return ask(line) == "ok"; }
  Process& process() { return process_; }
  pid_t pid() const { return process_.pid(); }
  std::string target(int xqueue = 1) const {
    return std::to_string(pid()) + ":" + std::to_string(xqueue);
  }

 private:
  Process process_;
};

}  // namespace xsched::test
