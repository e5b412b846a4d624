// SPDX-License-Identifier: Apache-2.0
//
// suspend, resume and chaos: holds on the daemon. A hold belongs to the
// connection that made it, so a tool that dies leaves nothing suspended.
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "base/clock.h"
#include "commands.h"
#include "common/connection.h"

namespace xsched::ctl {
namespace {

constexpr uint64_t kHoldsWithinNs = 10'000'000'000;

// One event, one line: whoever reads waits for it.
void say(const nlohmann::json& event) {
  printf("%s\n", event.dump().c_str());
  fflush(stdout);
}

// SIGINT and SIGTERM as a descriptor.
Fd block_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  return Fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

bool covers(const Target& target, const XQueueRecord& r) {
  return (target.pid == 0 || target.pid == r.pid) &&
         (target.xqueue == kAllXQueues || target.xqueue == r.id);
}

// Waits until every held XQueue of the targets reports that its suspend holds.
void wait_until_suspended(Connection& connection, const std::vector<Target>& targets,
                          const Fd& signals) {
  const uint64_t deadline = now_ns() + kHoldsWithinNs;
  for (;;) {
    uint32_t open = 0;
    for (const XQueueRecord& r : connection.list()) {
      bool ours = false;
      for (const Target& target : targets) ours |= covers(target, r);
      if (ours && r.held != 0 && (r.run != 0 || r.suspended == 0)) ++open;
    }
    if (open == 0) return;
    if (now_ns() > deadline) {
      throw Failure(
          kFailed,
          std::to_string(open) +
              " XQueues do not report their suspend after 10 s: is their process stopped?");
    }
    // There is no event for another process's progress; a person waits here.
    pollfd fd{signals.get(), POLLIN, 0};
    if (poll(&fd, 1, 1) > 0) throw Failure(kFailed, "interrupted; nothing stays suspended");
  }
}

// At some moment between the two times these were suspended; 1 at the end:
// and had packets that waited for it.
void print_suspended(const std::vector<XQueueRecord>& records, uint64_t before, uint64_t after) {
  for (const XQueueRecord& r : records) {
    if (r.suspended == 0) continue;
    printf("seen %d %u level %u from %" PRIu64 " to %" PRIu64 " ready %d\n", r.pid, r.id,
           r.level_actual, before, after, r.ready != 0);
  }
  fflush(stdout);
}

}  // namespace

Target parse_target(const std::string& text) {
  if (text == "all") return {0, kAllXQueues};
  Target target{0, kAllXQueues};
  const char* end = text.data() + text.size();
  auto [next, error] = std::from_chars(text.data(), end, target.pid);
  bool ok = error == std::errc() && target.pid > 0;
  if (ok && next != end) {
    ok = *next == ':';
    if (ok) {
      const auto result = std::from_chars(next + 1, end, target.xqueue);
      ok = result.ec == std::errc() && result.ptr == end;
    }
  }
  if (!ok) throw Failure(kUsage, "'" + text + "' is not a target: valid are PID, PID:XQ and all");
  return target;
}

int suspend(const std::string& socket, const std::vector<std::string>& texts, uint32_t lease_ms,
            bool as_json) {
  std::vector<Target> targets;
  for (const std::string& text : texts) targets.push_back(parse_target(text));
  Connection connection(socket);
  const Fd signals = block_signals();
  uint32_t matched = 0;
  for (const Target& target : targets)
    matched += connection.hold(target.pid, target.xqueue, lease_ms);
  wait_until_suspended(connection, targets, signals);
  if (as_json) {
    say({{"event", "suspended"}, {"xqueues", matched}});
  } else {
    printf("suspended %u XQueues\n", matched);
    fflush(stdout);
  }
  if (lease_ms != 0) return kDone;
  int ended = 0;
  for (;;) {
    pollfd fds[2] = {{signals.get(), POLLIN, 0}, {connection.fd(), POLLIN, 0}};
    poll(fds, 2, -1);
    if (fds[0].revents != 0) return kDone;
    if (!connection.take_ended(ended)) throw Failure(kFailed, "xschedd is gone; everything runs");
    if (ended >= static_cast<int>(targets.size())) {
      if (as_json) {
        say({{"event", "resumed_by_other"}});
      } else {
        printf("resumed by somebody else\n");
      }
      return kDone;
    }
  }
}

int resume(const std::string& socket, const std::vector<std::string>& texts, bool as_json) {
  Connection connection(socket);
  uint32_t ended = 0;
  for (const std::string& text : texts) {
    const Target target = parse_target(text);
    ended += connection.resume(target.pid, target.xqueue);
  }
  if (as_json) {
    say({{"event", "resumed"}, {"holds", ended}});
  } else {
    printf("ended %u holds\n", ended);
  }
  return kDone;
}

int chaos(const std::string& socket, const ChaosOptions& options) {
  Connection connection(socket);
  const Fd signals = block_signals();
  std::mt19937_64 random(options.seed);
  std::map<std::pair<int32_t, uint32_t>, bool> held;
  uint64_t suspends = 0;
  uint64_t resumes = 0;
  const uint64_t end = now_ns() + uint64_t{options.seconds} * 1'000'000'000;
  while (options.seconds == 0 || now_ns() < end) {
    const uint64_t before = now_ns();
    std::vector<XQueueRecord> records = connection.list();
    if (options.watch) print_suspended(records, before, now_ns());
    std::erase_if(records,
                  [&](const XQueueRecord& r) { return options.pid != 0 && r.pid != options.pid; });
    if (!records.empty()) {
      const XQueueRecord& r = records[random() % records.size()];
      bool& is_held = held[{r.pid, r.id}];
      try {
        if (is_held) {
          connection.resume(r.pid, r.id);
          ++resumes;
        } else {
          connection.hold(r.pid, r.id, 0);
          ++suspends;
        }
        is_held = !is_held;
      } catch (const Failure& failure) {
        // The process or its XQueue went in the meantime.
        if (failure.code != kNotFound) throw;
        held.erase({r.pid, r.id});
      }
    }
    pollfd fd{signals.get(), POLLIN, 0};
    const uint64_t pause = options.period_ms == 0 ? 0 : random() % (2 * options.period_ms + 1);
    if (poll(&fd, 1, static_cast<int>(pause)) > 0) break;
  }
  // All of them, those included whose process we lost sight of.
  resumes += connection.resume(0, kAllXQueues);
  printf("chaos: %" PRIu64 " suspends, %" PRIu64 " resumes\n", suspends, resumes);
  return kDone;
}

}  // namespace xsched::ctl
