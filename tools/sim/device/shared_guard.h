// SPDX-License-Identifier: Apache-2.0
//
// The lock of the shared area, private to shared_node/compute_units/run_list.
#pragma once

#include <cerrno>

#include "shared_node.h"

namespace xsim::dev {

// Holds Layout::mutex; wakes, after unlocking, the queues that were named
// while it was held (a queue woken under the lock would only run into it).
class SharedNode::Guard {
 public:
  explicit Guard(SharedNode& node) : node_(node) {
    // EOWNERDEAD: a process was killed inside one of these functions. Every
    // such function leaves slots that are whole, at most the derived numbers
    // are off, so rebuilding those makes the area consistent.
    if (pthread_mutex_lock(&node_.layout_->mutex) == EOWNERDEAD) {
      node_.recover();
      pthread_mutex_consistent(&node_.layout_->mutex);
    }
  }
  ~Guard() {
    pthread_mutex_unlock(&node_.layout_->mutex);
    for (uint32_t i = 0; i < count_; ++i) wake_[i]->wake();
  }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  void wake_later(WakeWord& word) {
    if (count_ < kMax) {
      wake_[count_++] = &word;
    } else {
      word.wake();
    }
  }

 private:
  static constexpr uint32_t kMax = 32;
  SharedNode& node_;
  WakeWord* wake_[kMax] = {};
  uint32_t count_ = 0;
};

}  // namespace xsim::dev
