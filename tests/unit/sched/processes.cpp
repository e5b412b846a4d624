// SPDX-License-Identifier: Apache-2.0
//
// See processes.h.
#include "processes.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>

namespace xsched::test {
namespace {

constexpr int kPatienceMs = 60'000;  // only a broken test gets there

}  // namespace

Process::Process(std::vector<std::string> command, Environment environment, bool pipes, uid_t uid) {
  int to[2] = {-1, -1}, from[2] = {-1, -1};
  if (pipes && (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0)) return;
  for (char** e = environ; *e != nullptr; ++e) {
    const char* equals = strchr(*e, '=');
    if (strncmp(*e, "XSCHED_", 7) == 0 || equals == nullptr) continue;  // the caller's do not count
    environment.emplace(std::string(*e, static_cast<size_t>(equals - *e)), equals + 1);
  }
  std::vector<std::string> assignments;
  for (const auto& [name, value] : environment) assignments.push_back(name + "=" + value);
  std::vector<char*> argv, envp;
  for (std::string& word : command) argv.push_back(word.data());
  for (std::string& word : assignments) envp.push_back(word.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  pid_ = fork();
  if (pid_ == 0) {
    if (pipes) {
      dup2(to[0], STDIN_FILENO);
      dup2(from[1], STDOUT_FILENO);
    }
    // Opened as ourselves: the build may lie where the other user cannot go.
    const int program = open(argv[0], O_PATH | O_CLOEXEC);
    if (uid != 0 && (setgid(uid) != 0 || setuid(uid) != 0)) _exit(126);
    execveat(program, "", argv.data(), envp.data(), AT_EMPTY_PATH);
    _exit(127);
  }
  in_.reset(to[1]);
  out_.reset(from[0]);
  if (pipes) {
    close(to[0]);
    close(from[1]);
  }
}

Process::~Process() {
  kill_and_wait();
}

void Process::signal(int number) {
  if (status_ < 0 && pid_ > 0) kill(pid_, number);
}

int Process::wait() {
  int status;
  if (status_ < 0 && pid_ > 0 && waitpid(pid_, &status, 0) == pid_) {
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  return status_;
}

void Process::kill_and_wait() {
  signal(SIGKILL);
  wait();
}

bool Process::send(const std::string& line) {
  const std::string text = line + "\n";
  return write(in_.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

std::string Process::line() {
  for (;;) {
    const size_t end = buffer_.find('\n');
    if (end != std::string::npos) {
      const std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    pollfd fd{out_.get(), POLLIN, 0};
    char bytes[4096];
    if (poll(&fd, 1, kPatienceMs) <= 0) return "";
    const ssize_t n = read(out_.get(), bytes, sizeof bytes);
    if (n <= 0) return "";
    buffer_.append(bytes, static_cast<size_t>(n));
  }
}

std::string Process::all_output() {
  std::string all, next = buffer_;
  buffer_.clear();
  char bytes[4096];
  ssize_t n;
  all = next;
  while ((n = read(out_.get(), bytes, sizeof bytes)) > 0) all.append(bytes, static_cast<size_t>(n));
  return all;
}

Scheduled::Scheduled() {
  ::signal(SIGPIPE, SIG_IGN);
  char pattern[] = "/tmp/xsched-test-XXXXXX";
  folder_ = mkdtemp(pattern);
  chmod(folder_.c_str(), 0755);
  // In a folder that does not exist yet: the daemon makes it.
  socket_ = folder_ + "/run/xschedd.sock";
  environment_ = {{"XSCHED_SOCKET", socket_}};
}

Scheduled::~Scheduled() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::unique_ptr<Process> Scheduled::start_service(std::vector<std::string> command,
                                                  Process::Environment environment) {
  const std::string notify = folder_ + "/notify";
  unlink(notify.c_str());
  notify_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, notify.c_str(), notify.size());
  EXPECT_EQ(bind(notify_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  environment["NOTIFY_SOCKET"] = notify;
  auto daemon = std::make_unique<Process>(std::move(command), std::move(environment), false);
  EXPECT_EQ(told().substr(0, 7), "READY=1");
  return daemon;
}

std::unique_ptr<Process> Scheduled::start_daemon(std::vector<std::string> arguments,
                                                 Process::Environment environment) {
  // This machine's own configuration is not the test's.
  if (std::find(arguments.begin(), arguments.end(), "--config") == arguments.end()) {
    arguments.insert(arguments.begin(), {"--config", "/dev/null"});
  }
  arguments.insert(arguments.begin(), {XSCHEDD, "--socket", socket_});
  return start_service(std::move(arguments), std::move(environment));
}

std::string Scheduled::told() {
  pollfd ready{notify_.get(), POLLIN, 0};
  char text[256] = {};
  if (poll(&ready, 1, kPatienceMs) != 1) return "";
  const ssize_t n = recv(notify_.get(), text, sizeof text - 1, MSG_DONTWAIT);
  return n > 0 ? std::string(text, static_cast<size_t>(n)) : "";
}

std::unique_ptr<Process> Scheduled::start_ctl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {XSCHEDCTL, "--socket", socket_});
  return std::make_unique<Process>(arguments, Process::Environment{}, true);
}

int Scheduled::ctl(std::vector<std::string> arguments, std::string* output, uid_t uid) {
  arguments.insert(arguments.begin(), {XSCHEDCTL, "--socket", socket_});
  Process process(arguments, {}, true, uid);
  const std::string text = process.all_output();
  if (output != nullptr) *output = text;
  return process.wait();
}

Client::Client(const Process::Environment& environment, uid_t uid)
    : process_({FAKE_CLIENT}, environment, true, uid) {
  EXPECT_EQ(process_.line(), "hello");
}

std::string Client::ask(const std::string& line) {
  if (!process_.send(line)) return "gone";
  return process_.line();
}

}  // namespace xsched::test
