// SPDX-License-Identifier: Apache-2.0
//
// The common part of UP and PUP: entities take turns in a fixed order; a turn is
// a slice of a round, as long as the entity's share is of all shares; one
// that is not ready is passed over.
//
// The published policies end a turn by the clock. Here a turn is paid in
// measured GPU time: what a suspend came late, for the packets of a window or
// a kernel that had to end, is taken off the next turns (deficit round robin,
// Shreedhar and Varghese, SIGCOMM '95). Else long kernels would win.
#pragma once

#include "turns.h"

namespace xsched {

class Partition : public Turns {
 protected:
  // keeps_unused: what is left when it gets idle is for its next turns.
  Partition(bool by_process, bool keeps_unused) : Turns(by_process), keeps_unused_(keeps_unused) {}
  // How long all turns together take when everybody is ready.
  virtual int64_t round(int64_t timeslice, size_t entities) const = 0;

 private:
  Choice choose(int64_t now, int64_t timeslice, std::span<Entity> entities) final;
  void charge(int64_t timeslice, std::span<Entity> entities) const;
  size_t keep_or_end(std::span<Entity> entities) const;
  size_t hand_on(std::span<Entity> entities) const;
  void pay(Entity& e) const;

  const bool keeps_unused_;
};

}  // namespace xsched
