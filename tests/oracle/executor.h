// SPDX-License-Identifier: Apache-2.0
//
// Runs a random program with one defined result: every buffer and cell has
// one user at a time. Before an operation on one stream uses what another
// stream used last, the two are put in order, by one of the ways that HIP
// offers; which one, the operation says. So results, return codes and the
// order of host functions are the same in every run, and a lost dependency
// shows.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>

#include "kernels.h"
#include "program.h"

namespace oracle {

// FNV-1a.
class Digest {
 public:
  void add(const void* data, size_t bytes) {
    const auto* p = static_cast<const unsigned char*>(data);
    for (size_t i = 0; i < bytes; ++i) value_ = (value_ ^ p[i]) * 0x100000001b3ull;
  }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0xcbf29ce484222325ull;
};

// Before the first program: each GPU may reach the memory of the other. False
// if there are fewer than `gpus`.
bool let_peers_reach_each_other(uint32_t gpus);

class Executor {
 public:
  Executor(const Program& program, uint32_t gpus, bool print);
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  void run(const Op& op, uint32_t number);
  // Waits for everything and digests memory, return codes and host cells.
  void finish();

  uint64_t memory() const { return memory_.value(); }
  uint64_t codes() const { return codes_.value(); }
  uint64_t order() const { return order_.value(); }

 private:
  // Something with one user at a time. `stream` used it last; -1: the host,
  // or a stream that was waited for since.
  struct Resource {
    uint32_t* data = nullptr;
    int stream = -1;
  };
  // What a host function does to a cell, in the cell's own order.
  struct HostCall {
    uint64_t* cell;
    uint64_t value;
  };

  void check(hipError_t code, const char* what);
  int pick_stream(uint32_t number) const { return static_cast<int>(number % streams_.size()); }
  // The handles of the null and the per-thread stream mean those of the thread's device.
  hipStream_t stream(int s) {
    on(s);
    return streams_[static_cast<size_t>(s)];
  }
  bool created(int s) const { return s >= 2; }
  int device_of(int s) const { return device_[static_cast<size_t>(s)]; }
  // The thread's device is that of stream `s` from here on.
  void on(int s);
  void on_device(int device);
  bool implicit(int from, int to) const;
  void order_after(const Resource& r, int s, uint32_t how);
  // The next operation of stream `s` uses all of them.
  void use(std::initializer_list<Resource*> all, int s, uint32_t how);
  void host_owns(Resource& r, uint32_t how);
  void waited_for(int s);
  void waited_for_device(int device);
  void wait_for_device(int device);
  Resource& buffer(uint32_t n) { return buffers_[n % kBuffers]; }
  Resource& other_buffer(uint32_t n, const Resource& not_this);
  HostCall* host_call(uint32_t cell, uint32_t value);
  static void run_host_call(void* call);

  void kernel(const Op& op, int s);
  void copy(const Op& op, int s);
  void set(const Op& op, int s);
  void host(const Op& op, int s);
  void events(const Op& op, int s);
  void allocate(const Op& op, int s);
  using GraphLaunch = std::function<hipError_t(hipGraphExec_t, hipStream_t)>;
  void launch_graph(hipGraph_t graph, int s, uint32_t times, const GraphLaunch& launch);
  void capture(const Op& op, int s);
  void forked_capture(const Op& op, int s);
  void explicit_graph(const Op& op, int s);
  void long_graph(const Op& op, int s);
  // calls.hip
  void launch_affine(Resource& a, uint32_t factor, uint32_t term, hipStream_t stream,
                     decltype(&hipLaunchKernel) launch);
  void per_thread_call(const Op& op, int s);
  void looked_up_call(const Op& op, int s);
  void module_call(const Op& op, int s);
  void wide_value(const Op& op, int s);
  void rectangle(const Op& op, int s);
  void symbol(const Op& op, int s);
  void prefetch(const Op& op, int s);
  void pool(const Op& op, int s);
  void burst(const Op& op, int s);
  void other_thread(const Op& op);
  void new_stream(const Op& op);
  // peers.hip
  void peer_copy(const Op& op, int s);
  void peer_allocation(const Op& op, int s);
  int waiter(uint32_t number, int writer) const;
  void wait_value(const Op& op, int s);
  void mistakes(const Op& op, int s);
  hipStream_t make_stream(uint32_t flags);

  const bool print_;
  const int gpus_;
  int current_ = 0;                   // the thread's device
  std::vector<hipStream_t> streams_;  // 0: null, 1: per-thread, then created ones
  std::vector<bool> blocking_;
  std::vector<int> priority_;
  std::vector<int> device_;
  Resource buffers_[kBuffers], pinned_[kPinned], cells_[kCells];
  uint64_t cell_values_[kCells] = {};
  Resource flag_;    // for wait_value and wide_value
  Resource symbol_;  // what copies to and from words_symbol() use
  uint32_t flag_value_ = 0;
  std::vector<std::unique_ptr<HostCall>> calls_;
  std::vector<uint32_t> pageable_;
  std::vector<hipGraphExec_t> graphs_;  // see finish()
  Digest memory_, codes_, order_;
};

}  // namespace oracle
