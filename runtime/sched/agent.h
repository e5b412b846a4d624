// SPDX-License-Identifier: Apache-2.0
//
// The agent: the one thread through which a process is scheduled.
//
// It connects to xschedd and carries its decisions out; without a daemon it
// says so once and runs the same policy over this process's own XQueues (the
// local scheduler); if the daemon dies it opens every gate at once, falls
// back to local, and comes back when the daemon does.
//
// Dependencies point down: the agent knows slots and policies, not HSA. What
// it needs of the XQueues it calls through XQueueSet, which the session
// (../xqueue/session.*) implements.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "../xqueue/slot.h"

namespace xsched {

// Implemented by the session. Called from the agent's thread only.
class XQueueSet {
 public:
  virtual ~XQueueSet() = default;
  // Brings the XQueue in `slot` in line with its ControlLine: closes or opens
  // the gate, carries out the suspend at the XQueue's level, refreshes
  // StateLine (ready included), sets StateLine::applied. Ignores free slots.
  virtual void apply(uint32_t slot) = 0;
  // Renews what has a lease, tries again what could not be done. Called when
  // the agent wakes; returns when it must be called again, 0 for never.
  virtual uint64_t upkeep(uint64_t now_ns) {
    static_cast<void>(now_ns);
    return 0;
  }
};

// What hints set of the whole scheduler; xschedd has its administrator's.
struct PolicyParameters {
  uint64_t timeslice_ns = 0;  // 0: the policy's own
  uint32_t concurrency = 1;   // KEDF's k
  bool operator==(const PolicyParameters&) const = default;
};

struct AgentConfig {
  std::string socket;          // XSCHED_SOCKET; empty: default_socket_path() (protocol.h)
  bool global = true;          // XSCHED_SCHEDULER=local|global|auto: may look for a daemon
  std::string policy = "HPF";  // for the local scheduler
  // How long a hung daemon may keep work of this process suspended. 0: XSCHED_LEASE_MS, else
  // kDefaultLeaseMs; never below kMinLeaseMs.
  uint32_t lease_ms = 0;
  PolicyParameters parameters{};  // for the local scheduler
};
inline constexpr uint32_t kDefaultLeaseMs = 1000;
inline constexpr uint32_t kMinLeaseMs = 40;  // the daemon's beat is not faster than 5 ms

// Thread-safe. Made at the first queue creation, leaked on purpose at exit.
class Agent {
 public:
  // Does not start a thread yet. `table` and `set` must outlive the agent.
  Agent(SlotTable& table, int table_fd, XQueueSet& set, AgentConfig config);
  ~Agent();

  // Starts the thread (idempotent). False and a log line if it cannot.
  bool start();

  // A slot became used, changed its priority / level, or was freed. Control plane: may take a
  // lock, wakes the agent.
  void slots_changed();

  // For the local scheduler, from its next decision on, which comes at once.
  void set_parameters(const PolicyParameters& parameters);
  // True while xschedd decides.
  bool follows_daemon() const noexcept;

  // An edge that the slot's ControlLine::notify asked for; StateLine::ready
  // is already set. Wait-free, at most one write(2) to an eventfd; any
  // thread, including one that holds a gate.
  void edge(uint32_t slot) noexcept;

  // After fork, in the child: forgets the thread, closes its descriptors and
  // makes the child's view of the table private, so that it cannot disturb
  // the parent. The table's descriptor stays the caller's to close. Takes no
  // lock, allocates nothing. All that may be called afterwards are edge(),
  // slots_changed() and release_all(), which do nothing.
  void forget_after_fork() noexcept;

  // Everything runs, windows open, and the scheduler is not obeyed any more:
  // called when the process exits. Returns when it holds. From then on the
  // table is this process's own (a private mapping): a daemon's stores no
  // longer reach it.
  void release_all() noexcept;

  // "xschedd", "local" or "none": who schedules now, and why (one line).
  std::string status() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace xsched
