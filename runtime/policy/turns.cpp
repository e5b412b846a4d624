// SPDX-License-Identifier: Apache-2.0
//
// See turns.h.
#include "turns.h"

namespace xsched {

uint64_t Turns::decide(const PolicyContext& context, std::span<const PolicyInput> in,
                       std::span<PolicyDecision> out) {
  uint64_t next = kNever;
  const int64_t now = static_cast<int64_t>(context.now_ns);
  const int64_t timeslice = context.timeslice_ns != 0
                                ? std::max(static_cast<int64_t>(context.timeslice_ns), kShortest)
                                : kTimeslice;
  by_gpu_.group(in);
  entities_.reserve(in.size());
  for (size_t gpu = 0; gpu < by_gpu_.gpus(); ++gpu) {
    const std::span<const uint32_t> members = by_gpu_.members(gpu);
    entities_.collect(by_process_, members, in);
    const std::span<Entity> all = entities_.all();
    Choice choice;
    if (now != 0) choice = choose(now, timeslice, all);
    next = std::min(next, choice.next);
    const bool any_ready =
        std::any_of(all.begin(), all.end(), [](const Entity& e) { return e.ready; });
    const bool competition = all.size() > 1 || choice.limited;
    for (size_t n = 0; n < members.size(); ++n) {
      const PolicyInput& x = in[members[n]];
      const size_t e = entities_.index(n);
      // With nobody ready all stay open: the first packet need not wait for a
      // decision.
      const bool run = now == 0 || !any_ready || e == choice.owner;
      PolicyDecision& d = out[members[n]] = prepared(x, run, competition, competition);
      if (now == 0) continue;
      TurnMemory m = all[e].memory;
      m.stamp = now;
      m.run_seen = static_cast<int64_t>(x.run_ns);
      m.flags &= ~kOwnsTurn;
      if (e == choice.owner) m.flags |= kOwnsTurn;
      d.memory.word = std::bit_cast<decltype(PolicyMemory::word)>(m);
    }
  }
  return next;
}

void Turns::cut(int64_t round, int64_t whole, std::span<Entity> entities) {
  int64_t smallest = 0;
  for (const Entity& e : entities) {
    if (e.share > 0 && (smallest == 0 || e.share < smallest)) smallest = e.share;
  }
  if (smallest == 0) return;
  round = std::max(round, kShortest * whole / smallest);
  for (Entity& e : entities) e.slice_ns = round * e.share / whole;
}

int64_t Turns::last_turn(std::span<const Entity> entities) {
  int64_t last = 0;
  for (const Entity& e : entities) last = std::max(last, e.memory.turn);
  return last;
}

}  // namespace xsched
