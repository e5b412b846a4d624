// SPDX-License-Identifier: Apache-2.0
//
// What operators ask of the daemon: information, lists, holds. Everybody may
// look; to suspend or resume, a peer must be root or own the target.
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cstring>

#include "base/clock.h"
#include "base/log.h"
#include "server.h"

namespace xsched {
namespace {

constexpr size_t kMaxHoldsAPeer = 4096;

bool may_touch(const ucred& by, const ucred& target) {
  return by.uid == 0 || by.uid == target.uid;
}

bool matches(const Hold& hold, const Connection& c) {
  return (hold.pid == 0 || hold.pid == c.peer.pid) && may_touch(hold.by, c.peer);
}

constexpr int64_t kMostUrgent = 255;

XQueueRecord record_of(const Connection& c, const XQueueEntry& entry, const Slot& slot,
                       const Policy& policy, uint64_t now) {
  constexpr auto relaxed = std::memory_order_relaxed;
  const StateLine& state = slot.state;
  const CounterLine& counters = slot.counters;
  const IdentityLine& identity = slot.identity;
  XQueueRecord r{};
  r.pid = c.peer.pid;
  r.uid = c.peer.uid;
  memcpy(r.comm, c.comm, sizeof r.comm);
  r.id = entry.id;
  r.gpu_id = entry.input.gpu_id;
  r.kfd_queue_id = identity.kfd_queue_id.load(relaxed);
  r.priority = entry.input.priority;
  r.level_wanted = identity.level_wanted.load(relaxed);
  r.level_actual = entry.input.level;
  r.engine = identity.engine.load(relaxed);
  r.window = entry.now.window;
  r.guard = entry.now.guard;
  r.run = entry.now.run ? 1 : 0;
  // What the daemon itself holds it knows best: the process may be stopped.
  r.suspended = entry.carry_now.scheduler && !entry.now.run && entry.now.patience_us == 0
                    ? entry.carry_now.taken
                    : state.suspended.load(relaxed);
  r.ready = state.ready.load(relaxed);
  r.held = entry.held ? 1 : 0;
  r.ring_packets = identity.ring_packets.load(relaxed);
  // In this order, so that moving packets in between cannot make a later
  // stage exceed an earlier one by more than what just moved.
  r.retired = state.retired.load(relaxed);
  r.moved = state.moved.load(relaxed);
  r.submitted = state.submitted.load(relaxed);
  r.suspends = counters.suspends.load(relaxed);
  r.last_suspend_ns = counters.last_suspend_ns.load(relaxed);
  r.max_suspend_ns = counters.max_suspend_ns.load(relaxed);
  r.inflight_sum = counters.inflight_sum.load(relaxed);
  r.last_inflight = counters.last_inflight.load(relaxed);
  r.dropped = counters.dropped.load(relaxed);
  r.work_ns = counters.work_ns.load(relaxed);
  r.work_spread_ns = counters.work_spread_ns.load(relaxed);
  r.patient = counters.patient.load(relaxed);
  r.overdue = counters.overdue.load(relaxed);
  r.budget_ns = entry.input.budget_ns;
  r.deadline_ns = entry.input.deadline_ns;
  r.inside = state.inside.load(relaxed);
  r.share = static_cast<uint32_t>(c.view->share_of(entry, policy));
  if (const auto inherited = c.view->inherited(); inherited > entry.input.priority) {
    r.inherits = 1;
    r.inherited = *inherited;
  }
  r.created_ns = identity.created_ns.load(relaxed);
  r.suspended_ns = entry.suspended_ns;
  if (entry.suspended_since_ns != 0) r.suspended_ns += now - entry.suspended_since_ns;
  return r;
}

ProcessRecord record_of(const Connection& c) {
  ProcessRecord r{};
  r.pid = c.peer.pid;
  r.uid = c.peer.uid;
  memcpy(r.comm, c.comm, sizeof r.comm);
  const SlotTable& table = c.view->table();
  const auto entries = c.view->entries();
  for (size_t i = 0; i < entries.size(); ++i) {
    if (!entries[i].used) continue;
    switch (
        static_cast<EngineKind>(table.slot[i].identity.engine.load(std::memory_order_relaxed))) {
      case EngineKind::kKmod:
        ++r.kmod;
        break;
      case EngineKind::kKfd:
        ++r.kfd;
        break;
      default:
        ++r.gate;
    }
    if (entries[i].carry_now.scheduler) ++r.carried;
  }
  static_assert(sizeof r.kmod_why == sizeof table.engine_note);
  for (size_t i = 0; i < SlotTable::kNoteWords; ++i) {
    const uint64_t word = table.engine_note[i].load(std::memory_order_relaxed);
    memcpy(r.kmod_why + i * sizeof word, &word, sizeof word);
  }
  r.kmod_why[sizeof r.kmod_why - 1] = '\0';
  // Another process's words, on their way to a terminal.
  for (char& byte : r.kmod_why) {
    if (byte != '\0' && (byte < ' ' || byte > '~')) byte = '?';
  }
  return r;
}

}  // namespace

bool Server::on_info(Connection& c) {
  InfoReply reply = make_message<InfoReply>(MessageType::kInfoReply);
  reply.pid = static_cast<int32_t>(getpid());
  for (const auto& other : connections_) {
    if (!other->started) continue;
    ++reply.processes;
    reply.suspended += static_cast<uint32_t>(other->view->suspended());
    for (const XQueueEntry& entry : other->view->entries()) {
      if (entry.used && entry.carry_now.scheduler) ++reply.carried;
    }
  }
  reply.xqueues = static_cast<uint32_t>(arbiter_.xqueues());
  reply.decisions = decisions_;
  reply.edges = edges_;
  reply.uptime_ns = now_ns() - started_ns_;
  set_text(reply.policy, std::string(arbiter_.policy().name()).c_str());
  reply.module_usable = module_.running() ? 1 : 0;
  set_text(reply.module_text, module_text_.c_str());
  return send_message(c.socket.get(), reply) == IoResult::kOk;
}

bool Server::on_processes(Connection& c, const ProcessRequest& request) {
  ProcessReply reply = make_message<ProcessReply>(MessageType::kProcessReply);
  for (const auto& other : connections_) {
    if (other->serial < request.cursor.client || !other->started) continue;
    if (reply.count == kListPage) {
      reply.more = 1;
      reply.cursor = {other->serial, 0, 0};
      break;
    }
    reply.record[reply.count++] = record_of(*other);
  }
  return send_message(c.socket.get(), reply) == IoResult::kOk;
}

bool Server::on_list(Connection& c, const ListRequest& request) {
  list_reply_ = make_message<ListReply>(MessageType::kListReply);
  uint32_t first = request.cursor.slot;
  const uint64_t now = now_ns();
  for (const auto& other : connections_) {
    if (other->serial < request.cursor.client || !other->started) continue;
    if (other->serial != request.cursor.client) first = 0;
    const auto entries = other->view->entries();
    for (size_t i = first; i < entries.size(); ++i) {
      if (!entries[i].used) continue;
      if (list_reply_.count == kListPage) {
        list_reply_.more = 1;
        list_reply_.cursor = {other->serial, static_cast<uint32_t>(i), 0};
        return send_message(c.socket.get(), list_reply_) == IoResult::kOk;
      }
      list_reply_.record[list_reply_.count++] =
          record_of(*other, entries[i], other->view->table().slot[i], arbiter_.policy(), now);
    }
  }
  return send_message(c.socket.get(), list_reply_) == IoResult::kOk;
}

bool Server::send_reply(Connection& c, Status status, uint32_t matched, const char* text) {
  ControlReply reply = make_message<ControlReply>(MessageType::kControlReply);
  reply.status = static_cast<uint32_t>(status);
  reply.matched = matched;
  set_text(reply.text, text);
  if (send_message(c.socket.get(), reply) == IoResult::kOk) return true;
  error_ = "it does not take its replies";
  return false;
}

// May `c` touch process `pid` (0: some process)?
Status Server::check_target(const Connection& c, int32_t pid) const {
  Status status = Status::kNotFound;
  for (const auto& other : connections_) {
    if (!other->started || (pid != 0 && other->peer.pid != pid)) continue;
    if (may_touch(c.peer, other->peer)) return Status::kOk;
    if (pid != 0) status = Status::kPermission;
  }
  return pid == 0 ? Status::kOk : status;
}

bool Server::on_hold(Connection& c, const HoldRequest& request) {
  const Status status = check_target(c, request.pid);
  if (status == Status::kPermission) {
    return send_reply(c, status, 0, "the process belongs to another user");
  }
  if (status != Status::kOk) return send_reply(c, status, 0, "no such process is scheduled here");

  Hold wanted{c.serial, c.peer, request.pid, request.xqueue, 0, true};
  if (request.lease_ms != 0) wanted.until_ns = now_ns() + uint64_t{request.lease_ms} * 1'000'000;
  uint32_t matched = 0;
  for (const auto& other : connections_) {
    if (!other->started || !matches(wanted, *other)) continue;
    for (const XQueueEntry& entry : other->view->entries()) {
      if (entry.used && (wanted.xqueue == kAllXQueues || wanted.xqueue == entry.id)) ++matched;
    }
  }
  if (wanted.xqueue != kAllXQueues && matched == 0) {
    return send_reply(c, Status::kNotFound, 0, "the process has no such XQueue");
  }
  size_t own = 0;
  Hold* same = nullptr;
  for (Hold& hold : holds_) {
    if (hold.owner != c.serial) continue;
    ++own;
    if (hold.pid == wanted.pid && hold.xqueue == wanted.xqueue) same = &hold;
  }
  if (same != nullptr) {
    *same = wanted;
  } else if (own >= kMaxHoldsAPeer) {
    return send_reply(c, Status::kRefused, 0, "too many holds on one connection");
  } else {
    holds_.push_back(wanted);
  }
  holds_changed_ = true;
  return send_reply(c, Status::kOk, matched, "");
}

bool Server::on_resume(Connection& c, const ResumeRequest& request) {
  const Status status = check_target(c, request.pid);
  if (status == Status::kPermission) {
    return send_reply(c, status, 0, "the process belongs to another user");
  }
  if (status != Status::kOk) return send_reply(c, status, 0, "no such process is scheduled here");
  uint32_t ended = 0;
  for (Hold& hold : holds_) {
    const bool covered = (request.pid == 0 || hold.pid == request.pid) &&
                         (request.xqueue == kAllXQueues || hold.xqueue == request.xqueue);
    // Another user's hold on a process of mine (root's) is not mine to end.
    if (!hold.active || !covered || !may_touch(c.peer, hold.by)) continue;
    ++ended;
    if (hold.owner == c.serial) {
      hold.active = false;  // contended until the tool leaves (server.h)
    } else {
      end_hold(hold);
    }
  }
  holds_.erase(
      std::remove_if(holds_.begin(), holds_.end(), [](const Hold& h) { return h.owner == 0; }),
      holds_.end());
  holds_changed_ = true;
  return send_reply(c, Status::kOk, ended, "");
}

bool Server::on_set(Connection& c, const SetRequest& request) {
  if (request.what == SetRequest::kPolicy) return set_policy(c, request);
  if (request.what == SetRequest::kShare || request.what == SetRequest::kActive) {
    return set_process(c, request);
  }
  if (request.what != SetRequest::kPriority && request.what != SetRequest::kPriorityBy) {
    error_ = "a setting " + std::to_string(request.what) + " that there is not";
    return false;
  }
  const Status status = check_target(c, request.pid);
  if (status == Status::kPermission) {
    return send_reply(c, status, 0, "the process belongs to another user");
  }
  if (status != Status::kOk) return send_reply(c, status, 0, "no such process is scheduled here");
  uint32_t matched = 0;
  for (auto& other : connections_) {
    if (!other->started || other->gone || !may_touch(c.peer, other->peer)) continue;
    if (request.pid != 0 && request.pid != other->peer.pid) continue;
    for (XQueueEntry& entry : other->view->entries()) {
      if (!entry.used || (request.xqueue != kAllXQueues && request.xqueue != entry.id)) continue;
      const int64_t from = request.what == SetRequest::kPriorityBy ? entry.input.priority : 0;
      entry.priority_set =
          static_cast<int32_t>(std::clamp(from + request.value, -kMostUrgent, kMostUrgent));
      other->dirty = decide_ = true;
      // The next request of this turn may add to it.
      entry.input.priority = *entry.priority_set;
      ++matched;
    }
  }
  if (matched == 0) return send_reply(c, Status::kNotFound, 0, "the process has no such XQueue");
  return send_reply(c, Status::kOk, matched, "");
}

// Of processes as a whole, XQueues that they make later included.
bool Server::set_process(Connection& c, const SetRequest& request) {
  // Else an owner could take more than the rules give.
  if (request.what == SetRequest::kShare && c.peer.uid != 0 && c.peer.uid != geteuid()) {
    return send_reply(c, Status::kPermission, 0, "shares are root's to give");
  }
  const Status status = check_target(c, request.pid);
  if (status == Status::kPermission) {
    return send_reply(c, status, 0, "the process belongs to another user");
  }
  if (status != Status::kOk) return send_reply(c, status, 0, "no such process is scheduled here");
  if (request.xqueue != kAllXQueues) {
    return send_reply(c, Status::kRefused, 0, "this is set for a process, not for one XQueue");
  }
  uint32_t matched = 0;
  for (auto& other : connections_) {
    if (!other->started || other->gone || !may_touch(c.peer, other->peer)) continue;
    if (request.pid != 0 && request.pid != other->peer.pid) continue;
    if (request.what == SetRequest::kShare) {
      other->share_set = static_cast<int16_t>(std::clamp(request.value, 0, 100));
      apply_rules(*other);
    } else {
      ProcessFacts facts = other->view->facts();
      facts.active = request.value != 0;
      set_facts(*other, facts);
    }
    for (const XQueueEntry& entry : other->view->entries()) matched += entry.used ? 1 : 0;
  }
  return send_reply(c, Status::kOk, matched, "");
}

bool Server::set_policy(Connection& c, const SetRequest& request) {
  if (c.peer.uid != 0 && c.peer.uid != geteuid()) {
    return send_reply(c, Status::kPermission, 0, "the policy is root's to choose");
  }
  char name[sizeof request.policy];
  memcpy(name, request.policy, sizeof name);
  name[sizeof name - 1] = '\0';
  std::string error;
  std::unique_ptr<Policy> policy = make_policy(name, error);
  if (policy == nullptr) return send_reply(c, Status::kRefused, 0, error.c_str());
  arbiter_.set_policy(std::move(policy));
  cpu_look_ns_ = 0;
  decide_ = true;
  log(LogLevel::kInfo, "policy %s, by uid %u", std::string(arbiter_.policy().name()).c_str(),
      c.peer.uid);
  return send_reply(c, Status::kOk, static_cast<uint32_t>(arbiter_.xqueues()), "");
}

// Marks it for removal (owner 0) and tells the tool that waits for it.
void Server::end_hold(Hold& hold) {
  for (const auto& c : connections_) {
    if (c->serial != hold.owner || c->gone) continue;
    HoldEnded ended = make_message<HoldEnded>(MessageType::kHoldEnded);
    ended.pid = hold.pid;
    ended.xqueue = hold.xqueue;
    send_message(c->socket.get(), ended);
  }
  hold.owner = 0;
}

void Server::end_holds_of(const Connection& owner) {
  const auto end = std::remove_if(holds_.begin(), holds_.end(), [&](const Hold& h) {
    return h.owner == owner.serial && (h.until_ns == 0 || !h.active);
  });
  if (end == holds_.end()) return;
  holds_.erase(end, holds_.end());
  holds_changed_ = true;
}

void Server::expire_holds(uint64_t now) {
  bool any = false;
  for (Hold& hold : holds_) {
    if (hold.until_ns == 0 || hold.until_ns > now) continue;
    end_hold(hold);
    any = true;
  }
  if (!any) return;
  holds_.erase(
      std::remove_if(holds_.begin(), holds_.end(), [](const Hold& h) { return h.owner == 0; }),
      holds_.end());
  holds_changed_ = true;
}

void Server::mark_held() {
  for (auto& c : connections_) {
    if (!c->started || c->gone) continue;
    for (XQueueEntry& entry : c->view->entries()) {
      entry.held = entry.contended = false;
      if (!entry.used) continue;
      for (const Hold& hold : holds_) {
        if (!matches(hold, *c)) continue;
        if (hold.xqueue != kAllXQueues && hold.xqueue != entry.id) continue;
        entry.contended = true;
        entry.held |= hold.active;
      }
    }
  }
}

bool Server::metrics_on(const std::string& where, std::string& error) {
  if (!metrics_.listen(where, error)) return false;
  metrics_event_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (metrics_event_ && watch(metrics_event_.get(), on_metrics_, EPOLLIN) &&
      metrics_.start(metrics_event_.get())) {
    return true;
  }
  error = "--metrics: no thread or descriptor for it";
  return false;
}

void Server::on_metrics() {
  uint64_t count;
  [[maybe_unused]] ssize_t n = read(metrics_event_.get(), &count, sizeof count);
  Figures f;
  for (const auto& c : connections_) {
    if (!c->started) continue;
    ++f.processes;
    f.suspended += c->view->suspended();
    const auto entries = c->view->entries();
    for (size_t i = 0; i < entries.size(); ++i) {
      if (!entries[i].used) continue;
      ++f.xqueues;
      f.ready += entries[i].input.ready ? 1 : 0;
      f.held += entries[i].held ? 1 : 0;
      f.suspends += c->view->table().slot[i].counters.suspends.load(std::memory_order_relaxed);
    }
  }
  f.decisions = decisions_;
  f.edges = edges_;
  f.reloads = reloads_;
  f.reloads_refused = reloads_refused_;
  f.peers_refused = peers_refused_;
  f.uptime_ns = now_ns() - started_ns_;
  f.module = module_.running();
  f.policy = arbiter_.policy().name();
  metrics_.answer(f);
}

}  // namespace xsched
