// SPDX-License-Identifier: Apache-2.0
//
// The daemon: one thread, one epoll loop. Everything a client can send is
// handled without blocking and, once the number of clients and XQueues stands
// still, without allocation.
//
// A turn of the loop: take what is ready, scan the tables that reported an
// edge, decide once, publish. Many edges in one turn cost one decision.
#pragma once

#include <sys/socket.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config_loader.h"
#include "listener.h"
#include "metrics.h"
#include "module_worker.h"
#include "notifier.h"
#include "sched/arbiter.h"
#include "sched/protocol.h"
#include "sched/slot_memory.h"
#include "trace_file.h"

namespace xsched {

struct Connection;

// What an epoll event is about.
struct Source {
  enum class Kind {
    kListener,
    kSignals,
    kTimer,
    kSocket,
    kEdge,
    kProcess,
    kModule,
    kConfig,
    kMetrics
  };
  Kind kind;
  Connection* connection = nullptr;
};

// A peer: new (no message yet), a scheduled process, or a control tool. What each
// turn looks at of every one comes first, in a cache line of its own.
struct alignas(64) Connection {
  enum class Role { kNew, kProcess, kControl };

  explicit Connection(uint64_t serial_in) : serial(serial_in) {}

  bool started = false;    // the ControlLines are ours to write
  bool dirty = false;      // to be scanned in this turn
  bool announced = false;  // the last kApply said that something is suspended
  bool lagging = false;    // its socket is full: a kApply is due
  bool gone = false;       // to be dropped at the end of this turn
  bool published = false;  // an announcement is due
  uint32_t lease_ms = 0;
  SlotMemory memory;
  std::unique_ptr<TableView> view;
  Source on_edge{Source::Kind::kEdge, this};

  const uint64_t serial;  // never reused
  Role role = Role::kNew;
  ucred peer{};
  char comm[16] = {};
  Fd socket;
  Fd process;  // pidfd: sees a death even if a forked child kept the socket
  Fd edge;     // eventfd that the process writes
  Source on_socket{Source::Kind::kSocket, this};
  Source on_process{Source::Kind::kProcess, this};
  std::optional<int16_t> share_set;  // by an operator
};

// An operator's suspend.
struct Hold {
  uint64_t owner;  // the control connection's serial
  ucred by;
  int32_t pid;        // 0: all that `by` may touch
  uint32_t xqueue;    // or kAllXQueues
  uint64_t until_ns;  // 0: while the owner is connected
  bool active;        // else only `contended`: resumed, but the tool is still there
};

class Server {
 public:
  // The policy is `config`'s, unless `policy` (of the command line) names one:
  // then a reload does not change it either. Names must be valid.
  Server(Listener listener, ConfigLoader& loader, Config config, const std::string& policy);
  ~Server();

  // False and `error` if the system refuses what is needed.
  bool prepare(std::string& error);
  // Until SIGTERM or SIGINT. Every process runs when it returns.
  void run();
  // Before run(): serves figures.
  bool metrics_on(const std::string& where, std::string& error);
  // Before run(): records decisions.
  void trace_to(TraceFile trace) {
    trace_ = std::move(trace);
    arbiter_.set_trace(&trace_);
  }
  std::string policy_name() const { return std::string(arbiter_.policy().name()); }

 private:
  bool watch(int fd, Source& source, uint32_t events);
  void accept_all();
  void on_socket(Connection& c, uint32_t events);
  void on_signals();
  void on_time(uint64_t now);

  // Messages. False: the peer broke the protocol, `error_` says how.
  bool on_request(Connection& c, const Request& request, Received& received);
  bool on_hello(Connection& c, const HelloMessage& hello, Received& received);
  bool on_start(Connection& c);
  bool on_resync(Connection& c);

  // rules.cpp
  void apply_rules(Connection& c);
  void set_facts(Connection& c, const ProcessFacts& facts);
  void look_at_cpu_priorities(uint64_t now);
  void use_config(Config config);
  void reload();
  void on_config();
  void on_metrics();

  // control.cpp
  bool on_info(Connection& c);
  bool on_list(Connection& c, const ListRequest& request);
  bool on_processes(Connection& c, const ProcessRequest& request);
  bool on_hold(Connection& c, const HoldRequest& request);
  bool on_resume(Connection& c, const ResumeRequest& request);
  bool on_set(Connection& c, const SetRequest& request);
  bool set_process(Connection& c, const SetRequest& request);
  bool set_policy(Connection& c, const SetRequest& request);
  bool send_reply(Connection& c, Status status, uint32_t matched, const char* text);
  Status check_target(const Connection& c, int32_t pid) const;
  void end_hold(Hold& hold);  // tells its owner
  void end_holds_of(const Connection& owner);
  void expire_holds(uint64_t now);
  void mark_held();  // Hold -> XQueueEntry

  // module.cpp: hardware queues through /dev/xsched.
  void open_module();
  void close_module(const std::string& why);
  void mark_carried();  // XQueueEntry::module, ::carry_next
  void want_suspended();
  void on_module();
  void on_claim(const ModuleReport::Checked& checked);
  void on_failed(const ModuleReport::Failed& failed);

  void decide_and_publish();
  void pause_after(uint64_t began_ns);
  void publish(Connection& c);  // stores; announce() follows
  void announce(Connection& c);
  void drop(Connection& c, const char* why);
  void remove_gone();
  uint64_t next_time_ns();  // when something is due though no event came; 0: never
  void arm_timer(uint64_t next);
  void complain(const Connection& c, const char* what);

  Listener listener_;
  Arbiter arbiter_;
  Fd epoll_;
  Fd signals_;
  Fd timer_;
  Fd spare_;  // given up for a moment to refuse a peer when descriptors run out
  Source on_listener_{Source::Kind::kListener};
  Source on_signals_{Source::Kind::kSignals};
  Source on_timer_{Source::Kind::kTimer};
  Source on_module_{Source::Kind::kModule};
  Source on_config_{Source::Kind::kConfig};
  Source on_metrics_{Source::Kind::kMetrics};

  std::vector<std::unique_ptr<Connection>> connections_;  // by serial, ascending
  std::vector<Hold> holds_;
  bool holds_changed_ = false;
  uint64_t next_serial_ = 1;
  uint64_t armed_ns_ = 0;  // when the timer fires, 0: off
  uint64_t busy_ns_ = 0;   // turns since the last pause
  uint64_t next_beat_ns_ = 0;
  // For policies that use the CPU's priorities: when to look at them again.
  uint64_t cpu_look_ns_ = 0;
  bool decide_ = false;  // something changed in this turn
  bool due_ = false;     // the arbiter asked for a decision at this time
  bool look_ = false;    // something may have: scan first
  bool any_gone_ = false;
  bool stop_ = false;

  uint64_t started_ns_;
  TraceFile trace_;
  uint64_t decisions_ = 0;
  uint64_t edges_ = 0;
  uint64_t complaints_from_ns_ = 0;  // a hostile peer must not fill the log
  uint32_t complaints_ = 0;

  ConfigLoader& loader_;
  Config config_;
  const bool policy_fixed_;
  Fd config_event_;
  Fd metrics_event_;
  Metrics metrics_;
  uint64_t peers_refused_ = 0;
  uint64_t reloads_ = 0;
  uint64_t reloads_refused_ = 0;
  Notifier notifier_;
  uint64_t next_alive_ns_ = 0;

  Fd module_event_;
  ModuleWorker module_;
  std::string module_text_;  // what it is, or why there is none
  std::vector<uint64_t> wanted_;
  ModuleReport report_;
  uint64_t module_refused_ = 0;  // ModuleReport::refused as last seen
  uint64_t renew_at_ns_ = 0;

  std::string error_;
  std::array<std::byte, kMaxMessage> buffer_;
  ListReply list_reply_;
};

}  // namespace xsched
