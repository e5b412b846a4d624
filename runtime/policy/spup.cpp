// SPDX-License-Identifier: Apache-2.0
//
// SPUP, strict process utilisation partition: as PUP, but a share is a limit
// as well. What one process leaves, nobody gets; the GPU rests.
//
// Definition: XpuOS/xsched publishes the name and what it stands for
// (include/xsched/types.h, protocol/README.md) and no implementation, so this
// is our reading of "strict". A process earns GPU time at its share's rate,
// can have at most one slice of it when it gets ready, and takes a turn of one
// slice when it has that much. Shares are percent of the GPU; if they add up to
// more than 100, they are scaled down to it.
#include "builtin.h"
#include "turns.h"

namespace xsched {
namespace {

class Spup final : public Turns {
 public:
  Spup() : Turns(true) {}
  std::string_view name() const override { return "SPUP"; }

 private:
  // How many slices one that is ready can have while it waits for the others'
  // turns; fewer, and a long round would cost it some of its share.
  static constexpr int64_t kMostSlices = 3;
  static constexpr int64_t kLongest = 3'600'000'000'000;  // between two decisions: no overflow

  Choice choose(int64_t now, int64_t timeslice, std::span<Entity> entities) override {
    int64_t whole = 0;
    for (const Entity& e : entities) whole += e.share;
    whole = std::max<int64_t>(whole, 100);
    cut(timeslice * static_cast<int64_t>(entities.size()), whole, entities);

    Choice choice;
    choice.limited = std::any_of(entities.begin(), entities.end(),
                                 [&](const Entity& e) { return e.share < whole; });
    earn(now, whole, entities);
    choice.owner = keep_or_end(entities);
    if (choice.owner == kNobody) choice.owner = hand_on(entities);
    if (choice.owner == kNobody) {
      choice.next = first_payday(now, whole, entities);
    } else if (entities[choice.owner].share < whole) {
      const TurnMemory& m = entities[choice.owner].memory;
      choice.next = static_cast<uint64_t>(now + std::max(kGrain, std::min(m.left_ns, m.credit_ns)));
    }
    return choice;
  }

  static void earn(int64_t now, int64_t whole, std::span<Entity> entities) {
    const int64_t last = last_turn(entities);
    for (Entity& e : entities) {
      TurnMemory& m = e.memory;
      if (!e.known) {
        m.credit_ns = e.slice_ns;
        m.turn = last + 1;
        continue;
      }
      const int64_t passed = std::clamp<int64_t>(now - m.stamp, 0, kLongest);
      m.credit_ns += passed * e.share / whole - e.used_ns;
      m.credit_ns = std::min(m.credit_ns, (e.ready ? kMostSlices : 1) * e.slice_ns);
      m.left_ns -= e.used_ns;
      // The whole GPU is no limit, whatever rounding says.
      if (e.share == whole) m.credit_ns = m.left_ns = e.slice_ns;
    }
  }

  static size_t keep_or_end(std::span<Entity> entities) {
    for (size_t i = 0; i < entities.size(); ++i) {
      TurnMemory& m = entities[i].memory;
      if ((m.flags & kOwnsTurn) == 0) continue;
      if (entities[i].ready && m.left_ns > kGrain && m.credit_ns > kGrain) return i;
      m.turn = last_turn(entities) + 1;
    }
    return kNobody;
  }

  // Whoever waited longest of those that have a slice.
  static size_t hand_on(std::span<Entity> entities) {
    size_t chosen = kNobody;
    for (size_t i = 0; i < entities.size(); ++i) {
      const Entity& e = entities[i];
      if (!e.ready || e.share == 0 || e.memory.credit_ns < e.slice_ns) continue;
      if (chosen == kNobody || e.memory.turn < entities[chosen].memory.turn) chosen = i;
    }
    if (chosen != kNobody) entities[chosen].memory.left_ns = entities[chosen].slice_ns;
    return chosen;
  }

  static uint64_t first_payday(int64_t now, int64_t whole, std::span<const Entity> entities) {
    int64_t wait = INT64_MAX;
    for (const Entity& e : entities) {
      if (!e.ready || e.share == 0) continue;
      const int64_t missing = std::min(e.slice_ns - e.memory.credit_ns, kLongest);
      wait = std::min(wait, missing * whole / e.share + 1);
    }
    return wait == INT64_MAX ? kNever : static_cast<uint64_t>(now + std::max(kGrain, wait));
  }
};

}  // namespace

std::unique_ptr<Policy> make_spup() {
  return std::make_unique<Spup>();
}

}  // namespace xsched
