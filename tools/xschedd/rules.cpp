// SPDX-License-Identifier: Apache-2.0
//
// What the configuration means for the processes that are here: read at the
// start and at SIGHUP, asked when a process comes.
#include <fcntl.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "policy/builtin.h"
#include "server.h"

#ifndef SCHED_DEADLINE
#define SCHED_DEADLINE 6
#endif

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
  terms.share = settings.share;
  terms.level_cap = settings.level.value_or(terms.level_cap);
  if (settings.latency_budget_ns) {
    terms.deadline_ns = static_cast<int64_t>(*settings.latency_budget_ns);
  }
  return terms;
}

// Of its first thread, as nice(1), chrt(1) and renice(1) set it. The pid is the
// kernel's word (SO_PEERCRED); 0 is a process of a namespace that we do not see.
int16_t cpu_priority_of(pid_t pid) {
  if (pid <= 0) return 0;
  const int how = sched_getscheduler(pid);
  if (how < 0) return 0;
  if ((how & ~SCHED_RESET_ON_FORK) == SCHED_DEADLINE) return cpu_priority(0, 100);
  sched_param parameters{};
  if (sched_getparam(pid, &parameters) == 0 && parameters.sched_priority > 0) {
    return cpu_priority(0, parameters.sched_priority);
  }
  errno = 0;
  const int nice = getpriority(PRIO_PROCESS, static_cast<id_t>(pid));
  return errno == 0 ? cpu_priority(nice, 0) : 0;
}

// How long a renice may go unnoticed.
constexpr uint64_t kCpuLookNs = 1'000'000'000;

}  // namespace

void Server::set_facts(Connection& c, const ProcessFacts& facts) {
  if (facts == c.view->facts()) return;
  c.view->set_facts(facts);
  c.dirty = decide_ = true;
}

void Server::look_at_cpu_priorities(uint64_t now) {
  if (!arbiter_.policy().by_cpu_priority() || now < cpu_look_ns_) return;
  cpu_look_ns_ = now + kCpuLookNs;
  for (auto& c : connections_) {
    if (c->view == nullptr || c->gone) continue;
    ProcessFacts facts = c->view->facts();
    facts.cpu_priority = cpu_priority_of(c->peer.pid);
    set_facts(*c, facts);
  }
}

void Server::apply_rules(Connection& c) {
  ProcessTerms terms;
  if (config_.rules.empty()) {
    terms = terms_of(config_.defaults);
  } else {
    const std::string cgroup = cgroup_of(c.peer.pid), command = command_of(c.peer.pid);
    terms = terms_of(config_.settings_for({c.peer.uid, cgroup, command}));
  }
  if (c.share_set) terms.share = c.share_set;
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
    cpu_look_ns_ = 0;
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
