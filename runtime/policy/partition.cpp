// SPDX-License-Identifier: Apache-2.0
//
// See partition.h.
#include "partition.h"

namespace xsched {
namespace {

// Who may have the turn. A share of 0 is for when nobody with a share is ready.
void keep_contenders(std::span<Entity> entities) {
  const bool any = std::any_of(entities.begin(), entities.end(),
                               [](const Entity& e) { return e.ready && e.share > 0; });
  for (Entity& e : entities) e.ready = e.ready && (e.share > 0 || !any);
}

}  // namespace

Turns::Choice Partition::choose(int64_t now, int64_t timeslice, std::span<Entity> entities) {
  charge(timeslice, entities);
  keep_contenders(entities);
  Choice choice;
  choice.owner = keep_or_end(entities);
  if (choice.owner == kNobody) choice.owner = hand_on(entities);
  if (choice.owner == kNobody) return choice;

  const bool alone =
      std::count_if(entities.begin(), entities.end(), [](const Entity& e) { return e.ready; }) == 1;
  TurnMemory& m = entities[choice.owner].memory;
  m.flags = alone ? kAlone : 0;
  if (!alone) choice.next = static_cast<uint64_t>(now + std::max(kGrain, m.credit_ns));
  return choice;
}

void Partition::charge(int64_t timeslice, std::span<Entity> entities) const {
  int64_t total = 0;
  for (const Entity& e : entities) total += e.share;
  if (total > 0) cut(round(timeslice, entities.size()), total, entities);
  const int64_t last = last_turn(entities);
  for (Entity& e : entities) {
    if (e.share == 0) e.slice_ns = timeslice;
    if (!e.known) e.memory.turn = last + 1;
    int64_t& credit = e.memory.credit_ns;
    credit -= e.used_ns;
    // With nobody waiting, turn followed turn without a decision: what was used
    // then is no debt to anybody.
    const bool renewed = (e.memory.flags & (kOwnsTurn | kAlone)) == (kOwnsTurn | kAlone);
    if (renewed && credit <= 0) credit += (-credit / e.slice_ns + 1) * e.slice_ns;
  }
}

size_t Partition::keep_or_end(std::span<Entity> entities) const {
  const auto owner = std::find_if(entities.begin(), entities.end(), [](const Entity& e) {
    return (e.memory.flags & kOwnsTurn) != 0;
  });
  if (owner == entities.end()) return kNobody;
  if (owner->ready && owner->memory.credit_ns > kGrain) {
    return static_cast<size_t>(owner - entities.begin());
  }
  if (!owner->ready && !keeps_unused_) {
    owner->memory.credit_ns = std::min<int64_t>(owner->memory.credit_ns, 0);
  }
  owner->memory.turn = last_turn(entities) + 1;
  return kNobody;
}

// The first in line that is ready and not in debt. Whoever stood before it
// goes to the end of the line, in order.
size_t Partition::hand_on(std::span<Entity> entities) const {
  // If all are in debt, as many rounds as the first needs pass at once.
  int64_t rounds = INT64_MAX;
  for (const Entity& e : entities) {
    if (!e.ready) continue;
    const int64_t missing = kGrain - e.memory.credit_ns;
    rounds = std::min(rounds, missing < 0 ? 1 : missing / e.slice_ns + 1);
  }
  if (rounds == INT64_MAX) return kNobody;  // nobody is ready
  for (Entity& e : entities) {
    if (e.ready) e.memory.credit_ns += (rounds - 1) * e.slice_ns;
  }
  size_t chosen = kNobody;
  int64_t first = INT64_MAX;
  for (size_t i = 0; i < entities.size(); ++i) {
    const Entity& e = entities[i];
    first = std::min(first, e.memory.turn);
    if (!e.ready || e.memory.credit_ns + e.slice_ns <= kGrain) continue;
    if (chosen == kNobody || e.memory.turn < entities[chosen].memory.turn) chosen = i;
  }
  const int64_t behind = last_turn(entities) - first + 1;
  for (Entity& e : entities) {
    if (e.memory.turn >= entities[chosen].memory.turn) continue;
    if (e.ready || keeps_unused_) pay(e);
    e.memory.turn += behind;
  }
  pay(entities[chosen]);
  return chosen;
}

void Partition::pay(Entity& e) const {
  int64_t& credit = e.memory.credit_ns;
  // The published decay: what is saved beyond a slice shrinks by a tenth a
  // turn, so it never exceeds eleven slices.
  if (credit > e.slice_ns) credit = e.slice_ns + (credit - e.slice_ns) / 10 * 9;
  credit += e.slice_ns;
}

}  // namespace xsched
