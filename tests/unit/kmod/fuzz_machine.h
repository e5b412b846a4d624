// SPDX-License-Identifier: Apache-2.0
//
// A node that is driven by records of eight bytes: see Machine::Step().
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <utility>

#include "tests/unit/kmod/fixture.h"

namespace kmod_test {

constexpr size_t kRecord = 8;

class Machine {
 public:
  Machine(const uint8_t* data, size_t size) : data_(data), size_(size), node_(0, AutoEngine(data, size)) {
    Current() = this;
    engines_[0] = {node_.mock, XSCHED_ENGINE_MOCK, &kMock};
    if (size && (data[0] & 1)) {
      engines_[1] = {xs_mock_new(), XSCHED_ENGINE_UPDATE_QUEUE, &kOneByOne};
      engines_[2] = {xs_mock_new(), XSCHED_ENGINE_QUIESCE, &kWhole};
    }
    for (Engine& e : engines_) {
      if (!e.mock) continue;
      e.mock->is_dead = node_.mock->is_dead;
      Turn(e, true);
    }
    files_ = {node_.Open(), node_.Open(XS_FILE_CONTROL), node_.Open(XS_FILE_ADMIN)};
  }
  ~Machine() {
    for (xs_file* file : node_.open_files) xs_file_close(file, true);
    node_.open_files.clear();
    for (Engine& e : engines_)
      if (e.mock != node_.mock) xs_mock_free(e.mock);
    Current() = nullptr;
  }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  void Run() {
    for (int steps = 0; steps < 150 && Next(); ++steps) Step(false);
  }

  // False: a rule is broken.
  bool End() {
    xs_fail_alloc_in = xs_fail_copy_in = -1;
    nested_ = 0;
    changed_.clear();
    if (size_ && (data_[0] & 2)) {
      // As when the module goes: nobody waits for what cannot be resumed.
      for (xs_file* file : node_.open_files) xs_file_close(file, true);
      node_.open_files.clear();
      return true;
    }
    for (Engine& e : engines_) {
      if (!e.mock) continue;
      xs_mock_fail(e.mock, 0, 0, 0);
      Turn(e, true);
    }
    files_.insert(files_.end(), retired_.begin(), retired_.end());
    for (xs_file* file : files_) node_.Close(file);
    for (Engine& e : engines_)
      if (e.mock && !was_off_ && (xs_mock_suspended(e.mock) || e.mock->violations)) return false;
    return true;
  }

 private:
  struct Engine {
    xs_mock* mock;
    uint32_t number;
    const xs_engine_ops* ops;
  };

  static Machine*& Current() {
    static Machine* machine;
    return machine;
  }
  static uint32_t AutoEngine(const uint8_t* data, size_t size) {
    return size && (data[0] & 1) ? (data[0] & 4 ? XSCHED_ENGINE_UPDATE_QUEUE : XSCHED_ENGINE_AUTO)
                                 : XSCHED_ENGINE_MOCK;
  }

  bool Next() {
    if (at_ + kRecord > size_) return false;
    std::copy(data_ + at_, data_ + at_ + kRecord, r_.begin());
    at_ += kRecord;
    return true;
  }
  static xs_task Caller(uint8_t byte) { return Node::Task(byte % 5); }
  // Few enough that calls meet on the same queue.
  static uint64_t Handle(uint8_t byte) { return byte < 160 ? 1 + byte % 6 : byte < 220 ? byte % 24 : byte; }
  static uint32_t Lease(uint8_t byte) {
    return byte == 255 ? XSCHED_LEASE_NONE : byte == 254 ? 60001u : byte % 40;
  }
  void Turn(const Engine& e, bool on) {
    xs_core_set_engine(node_.core, e.number, on ? e.ops : nullptr, e.mock, on ? 0 : -ENODEV,
                       on ? "" : "off");
  }

  // What another thread does while an engine works for this one. It must not
  // wait for this one: a wait that a signal may end ends at once, and closes
  // and ticks, which wait in any case, stay outside.
  void Meanwhile() {
    if (!nested_) return;
    int steps = nested_;
    nested_ = 0;
    auto outer = r_;
    xs_signalled = true;
    while (steps-- && Next()) Step(true);
    xs_signalled = false;
    r_ = outer;
  }
  static u32 Apply(void* ctx, xs_op* ops, u32 n, bool suspend, u32 grace_us) {
    Current()->Meanwhile();
    return xs_mock_ops.apply(ctx, ops, n, suspend, grace_us);
  }
  static u32 ApplyOneByOne(void* ctx, xs_op* ops, u32 n, bool suspend, u32 grace_us) {
    Apply(ctx, ops, n, suspend, grace_us);
    for (u32 i = 0; i < n; ++i) ops[i].ns = 1 + i;
    return n;
  }
  static int ApplyWhole(void* ctx, const xs_task* task, bool suspend) {
    Current()->Meanwhile();
    return xs_mock_ops.apply_process(ctx, task, suspend);
  }

  // An argument with the changes that were asked for, in a block of its own
  // size, so that ASan sees who looks behind it. Pointers stay good, or null.
  template <class T>
  long Call(xs_file* file, unsigned cmd, T& arg) {
    std::array<uint8_t, 4100> bytes{};
    arg.size = sizeof(arg);
    memcpy(bytes.data(), &arg, sizeof(arg));
    for (auto [offset, value] : changed_) bytes[offset % (sizeof(arg) + 40)] = value;
    changed_.clear();
    memcpy(&arg, bytes.data(), sizeof(arg));
    std::unique_ptr<uint8_t[]> array = Array(arg);
    memcpy(bytes.data(), &arg, sizeof(arg));
    size_t n = arg.size > 4096 ? 4 : std::max<size_t>(arg.size, 4);
    std::unique_ptr<uint8_t[]> block(new uint8_t[n]);
    std::copy(bytes.begin(), bytes.begin() + static_cast<long>(n), block.get());
    xs_task task = Caller(r_[2]);
    long ret = xs_ioctl(file, &task, cmd, block.get());
    xs_fail_alloc_in = xs_fail_copy_in = -1;
    return ret;
  }
  template <class T>
  std::unique_ptr<uint8_t[]> Array(T& arg) {
    std::unique_ptr<uint8_t[]> array;
    if constexpr (requires { arg.items; }) {
      size_t n = std::min<uint32_t>(arg.count, XSCHED_MAX_BATCH);
      array.reset(new uint8_t[n * sizeof(xsched_item)]());
      for (size_t i = 0; i < n; ++i) {
        uint64_t handle = n > 4 ? i + 1 : Handle(r_[4 + i % 4]);
        memcpy(array.get() + i * sizeof(xsched_item), &handle, sizeof(handle));
      }
      if (arg.items) arg.items = reinterpret_cast<uintptr_t>(array.get());
    } else if constexpr (requires { arg.entries; }) {
      size_t n = std::min<uint32_t>(arg.count, XSCHED_MAX_BATCH);
      array.reset(new uint8_t[n * std::min<uint32_t>(arg.entry_size, 4096)]);
      if (arg.entries) arg.entries = reinterpret_cast<uintptr_t>(array.get());
    }
    return array;
  }

  void Suspend(xs_file* file) {
    static constexpr uint32_t kCounts[] = {1, 2, 3, 4, 1, 40, 256, 257};
    xsched_suspend s{};
    s.flags = r_[3] >> 7;
    s.count = kCounts[r_[3] % 8];
    s.level = 2 + (r_[3] >> 3 & 1);
    s.engine = r_[3] >> 4 & 1 ? r_[7] % 6u : 0;
    s.grace_us = r_[3] >> 5 & 1 ? r_[7] : 0;
    s.lease_ms = Lease(r_[7]);
    s.items = (r_[3] & 0x7f) != 0x7f;
    Call(file, XSCHED_IOC_SUSPEND, s);
  }
  void Resume(xs_file* file) {
    xsched_resume s{};
    s.flags = r_[3] >> 6;
    s.count = s.flags & XSCHED_RESUME_ALL ? 0 : r_[3] % 64 < 60 ? r_[3] % 5 : r_[3] % 64 == 60 ? 256 : 257;
    s.items = s.count != 0;
    Call(file, XSCHED_IOC_RESUME, s);
  }
  void Process(xs_file* file, unsigned cmd) {
    xsched_process p{};
    p.handle = Handle(r_[4]);
    if (cmd == XSCHED_IOC_SUSPEND_PROCESS) {
      p.engine = r_[3] & 1 ? r_[3] >> 1 & 7u : 0;
      p.lease_ms = Lease(r_[5]);
    }
    Call(file, cmd, p);
  }
  void Register(xs_file* file, uint32_t flags) {
    xsched_register_queue q = Node::Queue(r_[4] % 8, 1 + r_[5] % 3);
    q.flags = flags;
    if (r_[6] & 1) q.ring_size = 4096;
    if (r_[6] & 2) q.percentage = r_[7];
    Call(file, XSCHED_IOC_REGISTER_QUEUE, q);
  }
  template <class T>
  void List(xs_file* file, unsigned cmd, uint32_t row) {
    T l{};
    l.count = r_[3] < 250 ? r_[3] % 9 : r_[3] + 5u;
    l.entry_size = r_[4] & 1 ? row + r_[5] : row;
    l.cursor = Handle(r_[6]);
    l.entries = r_[4] & 2 ? 0 : 1;
    Call(file, cmd, l);
  }
  // Many at once: full tables, full buffers. Once an input, for it takes long.
  void Flood(xs_file* file, uintptr_t process) {
    if (std::exchange(flooded_, true)) return;
    if (r_[3] & 1) {
      for (uint32_t i = 0; i < 130; ++i) node_.Register(file, 100 + i, 100 + i, process);
      return;
    }
    for (int i = 0; i < 130; ++i) {
      node_.Suspend(file, {Handle(r_[4])});
      node_.Resume(file, {Handle(r_[4])});
    }
  }
  void Limit() {
    node_.limits.rate = r_[3] & 1 ? 1u << r_[4] % 31 : 0;
    node_.limits.burst = r_[5] % 8;
    node_.limits.max_queues = r_[6] & 1 ? r_[6] % 8 : XS_MAX_QUEUES;
    node_.limits.auto_engine = r_[3] & 2 ? 0 : AutoEngine(data_, size_);
    xs_core_set_limits(node_.core, &node_.limits);
  }
  void Kill(uintptr_t process) {
    node_.Kill(process);
    for (Engine& e : engines_)
      if (e.mock) xs_mock_forget(e.mock, Node::Task(process).mm);
  }
  // Taken from the list first: nobody calls on a file that closes.
  void Close(std::vector<xs_file*>& files, size_t index) {
    xs_file* file = files[index];
    files.erase(files.begin() + static_cast<long>(index));
    // What an engine that is off suspended would keep it open for ever.
    for (const Engine& e : engines_)
      if (e.mock) Turn(e, true);
    closing_ = true;
    node_.Close(file);
    closing_ = false;
  }
  void Fail(const Engine& e) {
    static constexpr int kErrors[] = {EIO, ETIME, EACCES, ESRCH, EFAULT, EINVAL};
    if (e.mock) xs_mock_fail(e.mock, r_[4] % 4, r_[5] % 8, -kErrors[r_[6] % 6]);
  }

  void Step(bool nested) {
    size_t index = r_[1] % files_.size();
    xs_file* file = files_[index];
    const Engine& engine = engines_[r_[3] % 3];
    switch (r_[0] % 32) {
      case 0:
        if (files_.size() < 8)
          if (xs_file* opened = xs_file_open(node_.core, r_[3] % 4, nullptr)) {
            node_.open_files.insert(opened);
            files_.push_back(opened);
          }
        break;
      case 1:
        // Not the file of a call that is under way: the kernel holds that.
        if (!nested && files_.size() > 1) Close(files_, index);
        break;
      case 2:
        if (!nested && files_.size() > 1) {
          xs_file_retire(file);
          retired_.push_back(file);
          files_.erase(files_.begin() + static_cast<long>(index));
        }
        break;
      case 3:
        if (!nested && !retired_.empty()) Close(retired_, retired_.size() - 1);
        break;
      case 4:
        if (!nested) node_.Advance(r_[3] * kMs / 4);
        break;
      case 5: Fail(engine); break;
      case 6: Kill(1 + r_[3] % 4); break;
      case 7: Flood(file, 1 + r_[2] % 4u); break;
      case 8: Limit(); break;
      case 9:
        if (engine.mock && !closing_ && r_[4] % 4 == 0) {
          Turn(engine, r_[5] & 1);
          was_off_ = true;
        }
        break;
      case 10: nested_ = nested ? 0 : 1 + r_[3] % 4; break;
      case 11: xs_fail_alloc_in = r_[3] % 12; break;
      case 12: xs_fail_copy_in = r_[3] % 8; break;
      case 13:
      case 14: changed_.emplace_back(r_[3] | r_[4] << 8, r_[5]); break;
      case 15: {
        xsched_event events[5];
        if (xs_file_has_events(file) && !xs_file_take_events(file, events, 1 + r_[3] % 5)) std::abort();
        xsched_queue_info row;
        xs_core_list_queues(node_.core, Handle(r_[4]), &row, 1);
        break;
      }
      case 16:
        if (!nested) xs_core_tick(node_.core);
        break;
      case 17: {
        xs_task task = Caller(r_[2]);
        char arg[4] = {16, 0, 0, 0};
        if (xs_ioctl(file, &task, _IOC(r_[3] & 3u, XSCHED_IOC_TYPE + (r_[4] & 1u), 11u + r_[5] % 200u, r_[6]), arg) != -ENOTTY)
          std::abort();
        break;
      }
      case 18: {
        xsched_query q{};
        Call(file, XSCHED_IOC_QUERY, q);
        xs_core_set_driver(node_.core, r_[3] & 1 ? "6.12.0" : "");
        break;
      }
      case 19: {
        xsched_listen l{0, r_[3] & 3u, r_[4], 0};
        Call(file, XSCHED_IOC_LISTEN, l);
        break;
      }
      case 20: {
        xsched_renew n{0, 0, Lease(r_[3]), 0};
        Call(file, XSCHED_IOC_RENEW, n);
        break;
      }
      case 21: List<xsched_list_queues>(file, XSCHED_IOC_LIST_QUEUES, sizeof(xsched_queue_info)); break;
      case 22: List<xsched_list_nodes>(file, XSCHED_IOC_LIST_NODES, sizeof(xsched_node_info)); break;
      case 23: {
        xsched_unregister_queue u{0, 0, Handle(r_[4])};
        Call(file, XSCHED_IOC_UNREGISTER_QUEUE, u);
        break;
      }
      case 24: Register(file, XSCHED_REGISTER_REPLACE); break;
      case 25:
      case 26: Register(file, 0); break;
      case 27: Process(file, XSCHED_IOC_SUSPEND_PROCESS); break;
      case 28: Process(file, XSCHED_IOC_RESUME_PROCESS); break;
      case 29: Resume(file); break;
      default: Suspend(file);
    }
  }

  static constexpr uint32_t kDeactivate = 1u << XSCHED_LEVEL_DEACTIVATE;
  static constexpr uint32_t kInterrupt = 1u << XSCHED_LEVEL_INTERRUPT;
  static const xs_engine_ops kMock, kOneByOne, kWhole;

  const uint8_t* data_;
  size_t size_;
  size_t at_ = 0;
  std::array<uint8_t, kRecord> r_{};
  Node node_;
  Engine engines_[3] = {};
  std::vector<xs_file*> files_, retired_;
  std::vector<std::pair<uint32_t, uint8_t>> changed_;  // offset and value, of the next argument
  int nested_ = 0;
  bool flooded_ = false;
  bool closing_ = false;
  bool was_off_ = false;  // books of an engine that was off are not complete
};

inline const xs_engine_ops Machine::kMock = {kDeactivate | kInterrupt, XS_ENGINE_BATCHES | XS_ENGINE_GRACE,
                                             Apply, ApplyWhole, xs_mock_ops.forget};
inline const xs_engine_ops Machine::kOneByOne = {kInterrupt, 0, ApplyOneByOne, nullptr, xs_mock_ops.forget};
inline const xs_engine_ops Machine::kWhole = {kDeactivate, 0, nullptr, ApplyWhole, xs_mock_ops.forget};

}  // namespace kmod_test
