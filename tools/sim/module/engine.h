// SPDX-License-Identifier: Apache-2.0
//
// The engine update_queue of the simulated node: what the module does through
// KFD's function (kmod/kfd.c), on the node's shared memory.
#pragma once

#include <sys/types.h>

#include <memory>
#include <mutex>
#include <string>

#include "../device/shared_node.h"
#include "kmod/core/core.h"

namespace xsim::kmod {

class UpdateEngine {
 public:
  explicit UpdateEngine(std::string node) : name_(std::move(node)) {}
  // Offers it to the core. Nothing that an earlier service suspended stays so.
  void offer(xs_core* core);

 private:
  static u32 apply(void* self, xs_op* ops, u32 n, bool suspend, u32 grace_us);
  void suspend(xs_op* ops, u32 n);
  void resume(xs_op* ops, u32 n);
  // The node of that name as it is now: one that is removed and made again is
  // another file. Null if there is none.
  std::shared_ptr<dev::SharedNode> node();

  const std::string name_;
  std::mutex mutex_;  // guards the rest
  std::shared_ptr<dev::SharedNode> node_;
  ino_t inode_ = 0;
};

}  // namespace xsim::kmod
