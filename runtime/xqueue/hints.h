// SPDX-License-Identifier: Apache-2.0
//
// Hints: what a program asks of the scheduler for an XQueue beyond a priority,
// and how that travels through its slot. A policy uses what it knows; the rest is
// kept for the day the policy is changed.
#pragma once

#include <algorithm>
#include <optional>

#include "slot.h"

namespace xsched {

inline constexpr int32_t kLeastPriority = -255;
inline constexpr int32_t kMostPriority = 255;

struct Hints {
  struct Laxity {
    int64_t ns = 0;  // how long it can wait after it became ready
    int32_t lax_priority = 0;
    int32_t critical_priority = 0;
    bool operator==(const Laxity&) const = default;
  };
  std::optional<int16_t> share{};        // percent, 0..100
  std::optional<int64_t> deadline_ns{};  // after it became ready
  std::optional<Laxity> laxity{};
  bool operator==(const Hints&) const = default;
};

// The process's side; the scheduler is to be told (Agent::slots_changed).
inline void write_hints(Slot& slot, const Hints& hints) {
  HintLine& line = slot.hints;
  constexpr auto relaxed = std::memory_order_relaxed;
  uint32_t given = 0;
  if (hints.share) {
    line.share.store(*hints.share, relaxed);
    given |= HintLine::kShare;
  }
  if (hints.deadline_ns) {
    line.deadline_ns.store(*hints.deadline_ns, relaxed);
    given |= HintLine::kDeadline;
  }
  if (hints.laxity) {
    line.laxity_ns.store(hints.laxity->ns, relaxed);
    line.lax_priority.store(hints.laxity->lax_priority, relaxed);
    line.critical_priority.store(hints.laxity->critical_priority, relaxed);
    given |= HintLine::kLaxity;
  }
  // Release: who sees a bit sees its value.
  slot.identity.hints.store(given, std::memory_order_release);
}

// The scheduler's side: within their ranges, whatever the process stored.
inline Hints read_hints(const Slot& slot) {
  Hints hints;
  const uint32_t given = slot.identity.hints.load(std::memory_order_acquire);
  if (given == 0) return hints;
  constexpr auto relaxed = std::memory_order_relaxed;
  const HintLine& line = slot.hints;
  const auto priority = [](const std::atomic<int32_t>& p) {
    return std::clamp(p.load(relaxed), kLeastPriority, kMostPriority);
  };
  if ((given & HintLine::kShare) != 0) {
    hints.share = static_cast<int16_t>(std::clamp(line.share.load(relaxed), 0, 100));
  }
  if ((given & HintLine::kDeadline) != 0) {
    hints.deadline_ns = std::max<int64_t>(line.deadline_ns.load(relaxed), 0);
  }
  if ((given & HintLine::kLaxity) != 0) {
    hints.laxity = {std::max<int64_t>(line.laxity_ns.load(relaxed), 0), priority(line.lax_priority),
                    priority(line.critical_priority)};
  }
  return hints;
}

}  // namespace xsched
