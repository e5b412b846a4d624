// SPDX-License-Identifier: Apache-2.0
//
// The module's own core (kmod/core) as the device behind a ModuleFile, with
// modelled time and an engine that only keeps books: what the runtime does is
// seen in the registry that the kernel would have.
#pragma once

#include <linux/kfd_ioctl.h>

#include <atomic>
#include <map>
#include <string>

#include "kmod/core/core.h"
#include "runtime/engine/module_file.h"
#include "runtime/hsa/kfd_queues.h"

namespace xsched::test {

class ModuleRig {
 public:
  static constexpr uint64_t kMs = 1'000'000;

  explicit ModuleRig(uint32_t rate = 0) {
    xs_limits limits{};
    limits.lease_default_ms = 1000;
    limits.lease_max_ms = 60000;
    limits.max_queues = 4;
    limits.rate = rate;
    limits.burst = 1;
    core_ = xs_core_new(&platform(), this, &limits);
    xs_core_set_engine(core_, XSCHED_ENGINE_UPDATE_QUEUE, &engine(), this, 0, "");
    client_ = xs_file_open(core_, 0, nullptr);
    control_ = xs_file_open(core_, XS_FILE_CONTROL | XS_FILE_ADMIN, nullptr);
  }
  ~ModuleRig() {
    for (xs_file* file : {client_, control_}) {
      if (file != nullptr) xs_file_close(file, true);
    }
    xs_core_free(core_);
  }
  ModuleRig(const ModuleRig&) = delete;

  ModuleFile client() { return ModuleFile(call_client, this); }
  ModuleFile control() { return ModuleFile(call_control, this); }
  xs_core* core() { return core_; }

  void advance_ms(uint64_t ms) {
    time += ms * kMs;
    xs_core_tick(core_);
  }
  xsched_queue_info info(uint64_t handle) {
    xsched_queue_info row{};
    xs_core_list_queues(core_, handle - 1, &row, 1);
    return row;
  }
  bool suspended(uint64_t handle) { return (info(handle).state & XSCHED_QUEUE_SUSPENDED) != 0; }
  uint32_t queues() {
    xsched_queue_info rows[8];
    return xs_core_list_queues(core_, 0, rows, 8);
  }

  // As CREATE_QUEUE made it, until forget_kfd_queue().
  static KfdQueue* create_queue(uint32_t id) {
    kfd_ioctl_create_queue_args args{};
    args.queue_id = id;
    args.gpu_id = 7;
    args.ring_base_address = 0x7f0000000000;
    args.ring_size = 65536;
    args.queue_type = KFD_IOC_QUEUE_TYPE_COMPUTE_AQL;
    args.queue_percentage = 100;
    args.queue_priority = 7;
    args.ctx_save_restore_address = 0x10000;
    args.ctx_save_restore_size = 4096;
    return remember_kfd_queue(-1, args);
  }

  std::atomic<uint64_t> time{1000 * kMs};
  std::atomic<int> fail{0};  // the engine's answer to a suspend
  std::atomic<int> passes{0};
  std::map<uint32_t, xs_op> last;  // by queue id: what the engine was told

 private:
  static int answer(xs_file* file, unsigned long request, void* argument) {
    static int process;
    const xs_task task{&process, &process};
    return static_cast<int>(-xs_ioctl(file, &task, static_cast<unsigned>(request), argument));
  }
  static int call_client(void* self, unsigned long request, void* argument) {
    return answer(static_cast<ModuleRig*>(self)->client_, request, argument);
  }
  static int call_control(void* self, unsigned long request, void* argument) {
    return answer(static_cast<ModuleRig*>(self)->control_, request, argument);
  }
  static const xs_engine_ops& engine() {
    static const xs_engine_ops ops = {
        .levels = 1u << XSCHED_LEVEL_INTERRUPT,
        .flags = 0,
        .apply =
            [](void* context, xs_op* ops, u32 n, bool suspend, u32) {
              auto* self = static_cast<ModuleRig*>(context);
              for (u32 i = 0; i < n; ++i) {
                ops[i].status = suspend ? self->fail.load() : 0;
                self->last[ops[i].queue_id] = ops[i];
                ++self->passes;
              }
              return n;
            },
        .apply_process = nullptr,
        .forget = nullptr,
    };
    return ops;
  }
  static const xs_platform& platform() {
    static const xs_platform p = {
        .now = [](void* self) -> u64 { return static_cast<ModuleRig*>(self)->time.load(); },
        .arm = [](void*, u64) {},
        .wake = nullptr,
        .task_ref = [](const xs_task*) {},
        .task_unref = [](const xs_task*) {},
        .task_alive = [](const xs_task*) { return true; },
        .task_number = [](const xs_task*) { return u32{4711}; },
        .trace = nullptr,
    };
    return p;
  }

  xs_core* core_ = nullptr;
  xs_file* client_ = nullptr;
  xs_file* control_ = nullptr;
};

}  // namespace xsched::test
