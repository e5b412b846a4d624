// SPDX-License-Identifier: Apache-2.0
//
// A simulated node, as `xsched-sim --list --json` shows it: this program
// knows no more of the simulator than that line.
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "sched/fd.h"
#include "source.h"

extern char** environ;

namespace xsched::top {
namespace {

using nlohmann::json;

constexpr uint64_t kPatienceNs = 2'000'000'000;

// Runs a program, returns its stdout; "" and `error` if it fails or takes too
// long. LD_PRELOAD is not passed on: we may stand under the simulator's or the
// shim's, which the listing has no use for.
std::string output_of(const std::vector<std::string>& command, std::string& error) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    error = std::string("no pipe: ") + strerror(errno);
    return "";
  }
  Fd in(ends[0]);
  Fd out(ends[1]);
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  std::vector<char*> variables;
  for (char** v = environ; *v != nullptr; ++v) {
    if (strncmp(*v, "LD_PRELOAD=", 11) != 0) variables.push_back(*v);
  }
  variables.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, out.get(), STDOUT_FILENO);
  // What it has to complain about would land on our screen.
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  pid_t pid = -1;
  const int failed =
      posix_spawn(&pid, arguments[0], &files, nullptr, arguments.data(), variables.data());
  posix_spawn_file_actions_destroy(&files);
  if (failed != 0) {
    error = command[0] + ": " + strerror(failed);
    return "";
  }
  out.reset();
  std::string text;
  char buffer[16384];
  const uint64_t deadline = now_ns() + kPatienceNs;
  bool late = false;
  for (;;) {
    const uint64_t now = now_ns();
    pollfd fd{in.get(), POLLIN, 0};
    if (now >= deadline) {
      late = true;
      break;
    }
    if (poll(&fd, 1, static_cast<int>((deadline - now) / 1'000'000) + 1) <= 0) continue;
    const ssize_t n = read(in.get(), buffer, sizeof buffer);
    if (n <= 0) break;
    text.append(buffer, static_cast<size_t>(n));
  }
  if (late) kill(pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (late || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    error = command[0] + " --list " + (late ? "does not end" : "failed");
    return "";
  }
  return text;
}

Queue queue_of(const json& item) {
  Queue q;
  q.pid = item.at("pid").get<int32_t>();
  q.queue_id = item.at("queue").get<uint32_t>();
  if (item.contains("gpu_id")) q.gpu_id = item["gpu_id"].get<uint32_t>();
  const std::string type = item.at("type").get<std::string>();
  const bool compute = type == "aql" || type == "pm4";
  q.type = compute ? QueueType::kCompute : QueueType::kSdma;
  q.busy_ns = item.at("busy_ns").get<uint64_t>();
  const bool work = item.at("has_work").get<bool>();
  if (item.at("percent").get<uint32_t>() == 0) {
    q.state = State::kSuspended;
  } else if (!work) {
    q.state = State::kIdle;
  } else {
    q.state = item.at("mapped").get<bool>() ? State::kRunning : State::kUnmapped;
  }
  return q;
}

class SimSource final : public Source {
 public:
  SimSource(std::string program, std::string node)
      : program_(std::move(program)), node_(std::move(node)) {}

  void read(Snapshot& out) override {
    SourceStatus status{"sim", false, ""};
    const std::string text =
        output_of({program_, "--list", "--json", "--node", node_}, status.text);
    if (!text.empty()) {
      try {
        parse(json::parse(text), out);
        status.ok = true;
        status.text = "node '" + node_ + "'";
      } catch (const json::exception& e) {
        out = Snapshot{};
        status.text = program_ + " lists what is not understood: " + e.what();
      }
    }
    out.sources.push_back(std::move(status));
  }

 private:
  static void parse(const json& listed, Snapshot& out) {
    for (const json& item : listed.at("queues")) out.queues.push_back(queue_of(item));
    if (!listed.contains("gpus")) return;
    for (const json& item : listed["gpus"]) {
      Gpu gpu;
      gpu.gpu_id = item.at("gpu_id").get<uint32_t>();
      gpu.index = item.at("gpu").get<uint32_t>();
      gpu.name = item.at("name").get<std::string>();
      const double units = item.at("units").get<double>();
      if (units > 0) {
        gpu.used = std::min(1.0, item.at("units_held").get<double>() / units);
        gpu.used_what = "CUs";
      }
      out.gpus.push_back(std::move(gpu));
    }
  }

  const std::string program_;
  const std::string node_;
};

}  // namespace

std::unique_ptr<Source> make_sim_source(const std::string& program, const std::string& node) {
  return std::make_unique<SimSource>(program, node);
}

}  // namespace xsched::top
