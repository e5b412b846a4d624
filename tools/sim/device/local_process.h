// SPDX-License-Identifier: Apache-2.0
//
// This process's half of the device: its queues, the poller that watches their
// doorbells and the interpreter threads. device.cpp makes one; after a fork
// the child makes a new one and leaves the old alone.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "poller.h"
#include "shared_node.h"
#include "worker_pool.h"

namespace xsim::dev {

class Queue;

class Process {
 public:
  Process(const NodeConfig& config, const isa::Host& host, const NodeCallbacks& callbacks,
          std::shared_ptr<SharedNode> node, int index);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  int create_queue(const QueueParams& params);
  int update_queue(uint32_t id, uint32_t percent, uint32_t priority, uint64_t ring,
                   uint64_t ring_bytes);
  int destroy_queue(uint32_t id);
  int make_cooperative(uint32_t id);
  int reserve_vram(uint32_t gpu, uint64_t bytes);
  void release_vram(uint32_t gpu, uint64_t bytes);

  const NodeConfig& config() const { return config_; }
  const isa::Host& host() const { return host_; }
  const NodeCallbacks& callbacks() const { return callbacks_; }
  const std::shared_ptr<SharedNode>& node() const { return node_; }
  SharedNode& shared() { return *node_; }
  Poller& poller() { return poller_; }
  WorkerPool& workers() { return workers_; }

  // The modelled duration of a kernel in ns, 0 if it has none.
  uint64_t modelled_ns(const std::string& kernel) const;
  // The GPU's 100 MHz counter.
  uint64_t ticks() const;
  void raise_event(uint32_t id) const;

 private:
  int process_index();
  std::shared_ptr<Queue> find(uint32_t id);

  const NodeConfig config_;
  const isa::Host host_;
  const NodeCallbacks callbacks_;
  const std::shared_ptr<SharedNode> node_;
  Poller poller_;
  WorkerPool workers_;
  std::mutex mutex_;  // guards the rest; taken before any other lock here
  int index_;         // ProcessEntry; -1 in a forked child that has not used the node yet
  std::map<uint32_t, std::shared_ptr<Queue>> queues_;
};

// Starts a thread that no signal of the application is delivered to. 0 or errno.
int start_thread(pthread_t& thread, const char* name, void* (*entry)(void*), void* argument);

}  // namespace xsim::dev
