// SPDX-License-Identifier: Apache-2.0
//
// What the configuration means for the processes that are here: read at the
// start and at SIGHUP, asked when a process comes.
#include <fcntl.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "server.h"

namespace xsched {
namespace {

// A process chooses its command line; more of it than this tells nobody anything.
constexpr size_t kMostText = 4096;

std::string read_text(pid_t pid, const char* name) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", static_cast<int>(pid), name);
  const Fd file(open(path, O_RDONLY | O_CLOEXEC));
  std::string text(kMostText, '\0');
  const ssize_t n = file ? read(file.get(), text.data(), text.size()) : 0;
  text.resize(static_cast<size_t>(std::max<ssize_t>(n, 0)));
  return text;
}

std::string command_of(pid_t pid) {
  std::string text = read_text(pid, "cmdline");
  while (!text.empty() && text.back() == '\0') text.pop_back();
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text;
}

// Of the unified hierarchy; "" where there is none.
std::string cgroup_of(pid_t pid) {
  const std::string text = "\n" + read_text(pid, "cgroup");
  const size_t at = text.find("\n0::");
  if (at == std::string::npos) return "";
  const size_t begin = at + 4;
  return text.substr(begin, std::min(text.find('\n', begin), text.size()) - begin);
}

ProcessTerms terms_of(const ProcessSettings& settings) {
  ProcessTerms terms;
  terms.priority = settings.priority;
  terms.share = settings.share.value_or(terms.share);
  terms.level_cap = settings.level.value_or(terms.level_cap);
  if (settings.latency_budget_ns) {
    terms.deadline_ns = static_cast<int64_t>(*settings.latency_budget_ns);
  }
  return terms;
}

}  // namespace

void Server::apply_rules(Connection& c) {
  ProcessTerms terms;
  if (config_.rules.empty()) {
    terms = terms_of(config_.defaults);
  } else {
    const std::string cgroup = cgroup_of(c.peer.pid), command = command_of(c.peer.pid);
    terms = terms_of(config_.settings_for({c.peer.uid, cgroup, command}));
  }
  if (terms == c.view->terms()) return;
  c.view->set_terms(terms);
  c.dirty = decide_ = true;
}

void Server::use_config(Config config) {
  const bool same_policy = config.policy == config_.policy;
  config_ = std::move(config);
  // What xschedctl chose stays until the file says something new.
  if (!policy_fixed_ && !same_policy && config_.policy != arbiter_.policy().name()) {
    std::string error;
    // The parser has checked the name.
    arbiter_.set_policy(make_policy(config_.policy, error));
  }
  arbiter_.set_parameters(config_.timeslice_ns, config_.concurrency);
  decide_ = true;
  for (auto& c : connections_) {
    if (c->view != nullptr && !c->gone) apply_rules(*c);
  }
}

void Server::reload() {
  if (!loader_.start(config_event_.get())) {
    log(LogLevel::kError, "no thread to read the configuration in; the old one stays");
    return;
  }
  notifier_.reloading();
}

void Server::on_config() {
  uint64_t count;
  [[maybe_unused]] ssize_t n = read(config_event_.get(), &count, sizeof count);
  Config config;
  std::string error;
  const std::optional<bool> good = loader_.take(config, error);
  if (!good) return;
  if (*good) {
    use_config(std::move(config));
    ++reloads_;
    log(LogLevel::kInfo, "configuration read again (%s): %zu rules, policy %s",
        loader_.file().empty() ? "no file" : loader_.file().c_str(), config_.rules.size(),
        std::string(arbiter_.policy().name()).c_str());
  } else {
    ++reloads_refused_;
    log(LogLevel::kError, "%s; the old configuration stays", error.c_str());
  }
  notifier_.ready();
}

}  // namespace xsched
