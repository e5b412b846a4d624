// SPDX-License-Identifier: Apache-2.0
//
// xschedd's socket: knows most, and is the one to ask for changes. Suspends
// made here belong to the connection: they end with this program.
#include <algorithm>
#include <cstdio>

#include "base/clock.h"
#include "common/connection.h"
#include "common/record.h"
#include "source.h"

namespace xsched::top {
namespace {

// A daemon that hangs must not make the screen hang: it gets this long, and
// is left alone for a while then.
constexpr int kPatienceMs = 300;
constexpr uint64_t kRetryNs = 3'000'000'000;

State state_of(const XQueueRecord& r) {
  if (r.run == 0) return r.suspended != 0 ? State::kSuspended : State::kSuspending;
  return r.ready != 0 ? State::kRunning : State::kIdle;
}

Queue queue_of(const XQueueRecord& r) {
  Queue q;
  q.pid = r.pid;
  q.uid = r.uid;
  q.command = r.comm;
  q.type = QueueType::kCompute;
  if (r.gpu_id != 0) q.gpu_id = r.gpu_id;
  if (r.kfd_queue_id != ~0u) q.queue_id = r.kfd_queue_id;
  q.xq = r.id;
  q.priority = r.priority;
  q.level_wanted = r.level_wanted;
  q.level_actual = r.level_actual;
  if (r.engine != 0) q.engine = engine_of(r);
  q.state = state_of(r);
  q.held = r.held != 0;
  q.depth = depth_of(r);
  q.inflight = in_flight_of(r);
  q.suspends = r.suspends;
  q.suspended_ns = r.suspended_ns;
  if (r.suspends != 0) {
    q.last_suspend_ns = r.last_suspend_ns;
    q.max_suspend_ns = r.max_suspend_ns;
  }
  return q;
}

class XscheddSource final : public Source {
 public:
  explicit XscheddSource(std::string socket) : socket_(std::move(socket)) {}

  void read(Snapshot& out) override {
    SourceStatus status{"xschedd", false, ""};
    try {
      connect();
      const InfoReply info = connection_->info();
      const std::vector<XQueueRecord> records = connection_->list();
      out.queues.reserve(records.size());
      for (const XQueueRecord& r : records) out.queues.push_back(queue_of(r));
      out.policy = info.policy;
      status.ok = true;
      status.text = "pid " + std::to_string(info.pid) + ", " + info.policy;
    } catch (const ctl::Failure& failure) {
      lose();
      status.text = failure.what();
    }
    out.sources.push_back(std::move(status));
  }

  Answer act(const Action& action) override {
    const bool concerns_us = action.kind == Action::Kind::kPolicy ||
                             std::any_of(action.targets.begin(), action.targets.end(),
                                         [](const Action::Target& t) { return t.xq.has_value(); });
    if (!concerns_us) return {};
    Answer answer{true, false, ""};
    try {
      connect();
      uint32_t count = 0;
      for (const Action::Target& target : action.targets) {
        if (target.xq) count += apply(action, target);
      }
      if (action.kind == Action::Kind::kPolicy) connection_->set_policy(action.policy);
      answer.ok = true;
      answer.text = said(action, count);
    } catch (const ctl::Failure& failure) {
      answer.text = failure.what();
    }
    return answer;
  }

 private:
  void connect() {
    if (connection_) return;
    const uint64_t now = now_ns();
    if (now < retry_ns_) throw ctl::Failure(ctl::kFailed, last_error_);
    connection_ = std::make_unique<ctl::Connection>(socket_, kPatienceMs);
  }

  void lose() {
    // Only a connection that stopped answering costs patience again.
    if (connection_) retry_ns_ = now_ns() + kRetryNs;
    last_error_ = "xschedd at " + socket_ + " does not answer; tried again every 3 s";
    connection_.reset();
  }

  uint32_t apply(const Action& action, const Action::Target& target) {
    switch (action.kind) {
      case Action::Kind::kSuspend:
        return connection_->hold(target.pid, *target.xq, 0);
      case Action::Kind::kResume:
        return connection_->resume(target.pid, *target.xq);
      case Action::Kind::kPriority:
        return connection_->change_priority(target.pid, *target.xq, action.change);
      default:
        return 0;
    }
  }

  static std::string said(const Action& action, uint32_t count) {
    const std::string n = std::to_string(count);
    switch (action.kind) {
      case Action::Kind::kSuspend:
        return "suspended " + n + " XQueues until r, or the end of xsched-top";
      case Action::Kind::kResume:
        return count == 0 ? "no operator suspends that: the policy decides"
                          : "ended " + n + " suspends";
      case Action::Kind::kPriority:
        return std::string("priority ") + (action.change > 0 ? "up" : "down") + " for " + n +
               " XQueues";
      default:
        return "policy is now " + action.policy;
    }
  }

  const std::string socket_;
  std::unique_ptr<ctl::Connection> connection_;
  uint64_t retry_ns_ = 0;
  std::string last_error_;
};

}  // namespace

std::unique_ptr<Source> make_xschedd_source(const std::string& socket) {
  return std::make_unique<XscheddSource>(socket);
}

}  // namespace xsched::top
