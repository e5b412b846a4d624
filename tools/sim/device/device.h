// SPDX-License-Identifier: Apache-2.0
//
// The modelled GPU: hardware queues, the run list, compute units, the command
// processor and the SDMA engines.
//
// A node is a piece of shared memory (/dev/shm/xsched-sim-UID-NAME) with one
// area a GPU; no daemon stands behind it. Each process executes its own
// queues, in its own threads; what processes compete for (run-list slots and
// compute units) is in the shared area, so that a kernel of one process
// really waits for a kernel of another. Whatever a dead process held is given
// back by whoever meets it next.
//
// This folder knows packets and time; it knows no file, ioctl or event (the
// node, ../node, does) and no instruction (../isa does).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "../isa/isa.h"

namespace xsim {

// KFD's queue types (linux/kfd_ioctl.h: KFD_IOC_QUEUE_TYPE_*).
enum class QueueType : uint32_t { kCompute = 0, kSdma = 1, kComputeAql = 2, kSdmaXgmi = 3 };

// What a node is made of. Read from the environment that xsched-sim sets
// (base/options.h); equal in every process that shares the node.
struct NodeConfig {
  std::string name = "default";  // XSCHED_SIM_NODE: which node (letters, digits, '-', '_')
  isa::Target target = isa::Target::gfx942;  // XSCHED_SIM_GPU
  uint32_t gpus = 1;                         // XSCHED_SIM_GPUS, 1..8
  uint32_t cus = 80;                         // XSCHED_SIM_CUS, 1..304: compute units a GPU
  uint32_t hw_slots = 24;      // compute queues mapped at once (HWS: 3 pipes x 8 queues)
  uint32_t quantum_us = 1000;  // rotation period when queues exceed slots
  uint32_t preempt_us = 50;    // modelled: unmap a busy queue and save its waves (CWSR)
  uint32_t restore_us = 50;    // modelled: map it again and restore them
  uint64_t vram_bytes = 16ull << 30;
  // Modelled durations: a kernel whose symbol matches stands on its compute
  // units for this long (running time; preempted time does not count) after
  // its instructions were interpreted. XSCHED_SIM_KERNEL_US="name=us,name=us".
  struct KernelTime {
    std::string name;  // exact symbol, or a prefix that ends in '*'
    uint32_t us;
  };
  std::vector<KernelTime> kernel_times;
};

// A hardware queue as KFD's CREATE_QUEUE describes it. All pointers are in
// this process and stay valid until destroy_queue().
struct QueueParams {
  uint32_t id = 0;   // KFD queue id, unique in the process
  uint32_t gpu = 0;  // index, 0 .. gpus - 1
  QueueType type = QueueType::kComputeAql;
  uint8_t* ring = nullptr;
  uint64_t ring_bytes = 0;         // a power of two
  uint64_t* read_index = nullptr;  // AQL: packets; SDMA: bytes
  uint64_t* write_index = nullptr;
  uint64_t* doorbell =
      nullptr;             // AQL: starts at -1, last valid packet id; SDMA: bytes, starts at 0
  uint32_t percent = 100;  // 0 = not mapped
  uint32_t priority = 7;   // 0..15, higher is more urgent
  // AQL, optional: where ROCr >= 6.0 (KFD >= 1.13) looks for exceptions: the
  // ErrorReason word and event id that libhsakmt put into the header of the
  // context save area (HsaUserContextSaveAreaHeader). Without them the error
  // goes to queue_inactive_signal alone, as for older ROCr.
  uint64_t* error_reason = nullptr;
  uint32_t error_event = 0;
};

// What the device calls back into the process's node. All of them may be
// called from any device thread and must not call back into Device.
struct NodeCallbacks {
  void (*raise_event)(void* context, uint32_t event_id) = nullptr;
  // A queue met an illegal packet, instruction or address. The device has
  // stopped the queue and stored the HSA error into the queue's
  // queue_inactive_signal; the node raises the KFD exception events and logs
  // `text` (one line that names the packet or instruction).
  void (*queue_error)(void* context, uint32_t gpu, uint32_t queue_id,
                      const isa::Fault& fault) = nullptr;
  void* context = nullptr;
};

// This process's view of the node. Thread-safe. One a process, created at the
// first open of /dev/kfd; it must outlive exit(), because ROCr's threads do
// (leak it on purpose).
class Device {
 public:
  // Null and `error` (one line) if the shared area cannot be had.
  static Device* open(const NodeConfig& config, const isa::Host& host,
                      const NodeCallbacks& callbacks, std::string& error);

  // 0 or an errno value, as the KFD ioctl would give.
  int create_queue(const QueueParams& params);
  // Acts on this process's own queues only. Returns when the change holds: a
  // queue that goes to percent 0 has no wave on a compute unit any more (plus
  // the modelled preempt_us). ring and ring_bytes must be those of creation
  // (EFAULT otherwise, as in KFD >= 6.12); a ring of zero unmaps the queue,
  // whatever the percentage, as it does in KFD.
  int update_queue(uint32_t id, uint32_t percent, uint32_t priority, uint64_t ring,
                   uint64_t ring_bytes);
  // Stops it, with whatever it is running, and joins its threads.
  int destroy_queue(uint32_t id);
  // The queue is for cooperative launches (KFD's ALLOC_QUEUE_GWS): a kernel of
  // it gets compute units for all its workgroups at once, or waits, so that
  // two such kernels never wait for each other with half the GPU each.
  int make_cooperative(uint32_t id);

  // A hint, from any thread: the application is about to block on an event
  // (WAIT_EVENTS) or made some other ioctl. The device looks at the doorbells
  // now; otherwise the first packet after a pause waits for the poller's next
  // look (Poller::interval_ns).
  void kick();

  // After fork(): forget every queue without touching its memory or threads.
  void forget_after_fork();

  // VRAM is accounted across the processes of a node. 0 or ENOMEM.
  int reserve_vram(uint32_t gpu, uint64_t bytes);
  void release_vram(uint32_t gpu, uint64_t bytes);
  uint64_t vram_available(uint32_t gpu) const;

 private:
  Device() = default;
  struct Impl;
  Impl* impl_ = nullptr;
};

// --- looking at a node from outside (the launcher, tests, xsched-top) -------

// One hardware queue, as any process may see it.
struct QueueView {
  uint32_t gpu = 0, pid = 0, queue_id = 0;
  QueueType type = QueueType::kComputeAql;
  uint32_t percent = 0, priority = 0;
  bool mapped = false;       // stands in a run-list slot
  bool has_work = false;     // packets between read index and doorbell
  uint32_t cu_units = 0;     // compute-unit units held now (of cus * kUnitsPerCu)
  uint64_t dispatches = 0;   // kernels finished
  uint64_t preemptions = 0;  // times unmapped while it had waves on a compute unit
  uint64_t busy_ns = 0;      // modelled time with at least one workgroup on a compute unit
};

// Every queue of living processes on the node; empty if there is no such node.
std::vector<QueueView> list_queues(const std::string& node_name);

// One GPU, as any process may see it.
struct GpuView {
  uint32_t gpu = 0;
  isa::Target target = isa::Target::gfx942;
  uint64_t units = 0;       // compute-unit units it has (cus * kUnitsPerCu)
  uint64_t units_held = 0;  // ... held by workgroups now
};

// Every GPU of the node; empty if there is no such node.
std::vector<GpuView> list_gpus(const std::string& node_name);
// Removes the node's shared memory if no living process uses it. 0 or errno.
int remove_node(const std::string& node_name);

}  // namespace xsim
