// SPDX-License-Identifier: Apache-2.0
//
// The life of a workgroup: wanted -> fresh (its units are granted) -> begun
// -> [ready <-> running <-> asleep] -> standing (modelled time) -> finished.
// Whatever stands or sleeps is an entry in a list and occupies no thread; all
// that end at the same time are one entry and one wake-up.
//
// The command processor's thread directs. It interprets too as long as the
// kernel is short, so that a small launch costs no thread switch; after
// kInlineNs the worker pool takes over.
#include "dispatch.h"

#include <algorithm>
#include <new>
#include <string>

namespace xsim::dev {
namespace {

constexpr uint64_t kInlineNs = 100'000;
// Instructions of one slice: about 1 ms for the command processor (which has
// timers and grants to look after), about 4 ms for a worker.
constexpr uint64_t kInlineBudget = 65'536;
constexpr uint64_t kWorkerBudget = 262'144;
// Modelled ends this close together are one wake-up.
constexpr uint64_t kCoalesceNs = 20'000;
// Not worth a timer: go to the end of the line instead.
constexpr uint64_t kShortNapNs = 3'000;

// A wave that polls with s_sleep wakes every few microseconds of modelled
// time, which a host thread cannot follow. After some fruitless naps the real
// time between two looks grows, to 1 ms.
uint64_t nap_ns(uint64_t modelled, uint32_t naps) {
  if (naps < 8) return modelled;
  const uint64_t floor = 10'000ull << std::min(naps - 8, 7u);
  return std::max(modelled, std::min<uint64_t>(floor, 1'000'000));
}

// HIP has checked that a cooperative grid fits, with the hardware's granularity
// (512 bytes of LDS), which is finer than ours: the units must not say no.
uint32_t gang_cost(uint32_t units, uint64_t workgroups, uint32_t cost) {
  return std::min<uint32_t>(cost, std::max<uint64_t>(1, units / workgroups));
}

}  // namespace

// A gfx9 compute unit holds 64 KiB of LDS, 32 waves and, on each of 4 SIMDs,
// 512 vector registers a lane (architected and accumulation registers are one
// file on gfx90a and gfx942), given out in steps of 8.
uint32_t Dispatch::unit_cost(const isa::Footprint& f) {
  const uint32_t by_waves = f.waves * 2;
  const uint32_t by_lds = (f.lds_bytes + 1023) / 1024;
  const uint32_t by_registers = (f.waves * ((f.vgprs + 7) / 8 * 8) + 31) / 32;
  return std::clamp(std::max({by_waves, by_lds, by_registers}), 1u, kUnitsPerCu);
}

Dispatch::Dispatch(Queue& queue, std::shared_ptr<const isa::Kernel> kernel, uint64_t modelled_ns)
    : queue_(queue),
      kernel_(std::move(kernel)),
      modelled_ns_(modelled_ns),
      total_(kernel_->workgroups()),
      gang_(queue.cooperative() && total_ <= queue.process().shared().total_units()),
      cost_(gang_ ? gang_cost(queue.process().shared().total_units(), total_,
                              unit_cost(kernel_->footprint()))
                  : unit_cost(kernel_->footprint())) {}

Dispatch::~Dispatch() {
  if (pooled_) queue_.process().workers().remove(*this);
}

// --- running (any thread) ----------------------------------------------------

void Dispatch::count_runnable() {
  uint64_t n = ready_.size();
  for (const Fresh& f : fresh_) n += f.count;
  runnable_.store(n, std::memory_order_seq_cst);
}

void Dispatch::stand_or_leave(uint64_t units_since_ns, uint64_t now) {
  const uint64_t due = units_since_ns + modelled_ns_;
  if (modelled_ns_ != 0 && due > now) {
    if (!standing_.empty() && standing_.back().due_ns + kCoalesceNs > due &&
        standing_.back().due_ns < due + kCoalesceNs) {
      standing_.back().due_ns = std::max(standing_.back().due_ns, due);
      ++standing_.back().count;
    } else {
      standing_.push_back({due, 1});
    }
    return;
  }
  ++finished_;
  // The next workgroup of the same kernel takes over the units, unless another
  // queue waits: then everybody takes turns in its line.
  uint64_t unbegun = total_ - next_;
  for (const Fresh& f : fresh_) unbegun -= std::min(unbegun, f.count);
  if (unbegun != 0 && modelled_ns_ == 0 && saved_.count == 0 && queue_.stop() == 0 &&
      !queue_.process().shared().others_wait(queue_.slot())) {
    if (fresh_.empty()) fresh_.push_back({now, 0});
    ++fresh_.back().count;
  } else {
    ++release_;
  }
}

bool Dispatch::slice() {
  Begun b;
  uint64_t index = 0;
  {
    std::lock_guard<UrgentMutex> lock(mutex_);
    if (queue_.stop() != 0) {
      runnable_.store(0, std::memory_order_seq_cst);
      return false;
    }
    // New ones first: what is ready may be spinning until the others begin.
    if (!fresh_.empty() && next_ < total_) {
      Fresh& f = fresh_.front();
      b.units_since_ns = f.since_ns;
      index = next_++;
      if (--f.count == 0) fresh_.pop_front();
    } else if (!ready_.empty()) {
      b = std::move(ready_.front());
      ready_.pop_front();
    } else {
      runnable_.store(0, std::memory_order_seq_cst);
      return false;
    }
    ++inside_;
    count_runnable();
  }
  uint64_t before = 0;
  isa::Outcome outcome = isa::Outcome::kFault;
  isa::Fault fault;
  try {
    if (!b.group) b.group = isa::Workgroup::create(kernel_, index);
    before = b.group->instructions();
    outcome = b.group->run(queue_.stop_word(), pooled_ ? kWorkerBudget : kInlineBudget);
    if (outcome == isa::Outcome::kFault) fault = b.group->fault();
  } catch (const std::bad_alloc&) {
    fault.kind = isa::FaultKind::kBadDispatch;
    fault.text = "the host has no memory for workgroup " + std::to_string(index);
  }
  if (outcome == isa::Outcome::kDone) b.group.reset();  // its registers, before the lock

  bool tell = false;  // is this something for the command processor's thread?
  {
    std::lock_guard<UrgentMutex> lock(mutex_);
    const uint64_t now = now_ns();
    switch (outcome) {
      case isa::Outcome::kDone: {
        const size_t timers = standing_.size();
        const uint32_t released = release_;
        stand_or_leave(b.units_since_ns, now);
        // It takes all that have gathered when it comes, so the first tells.
        tell = (released == 0 && release_ != 0) || standing_.size() != timers;
        break;
      }
      case isa::Outcome::kSleeping: {
        b.naps = b.group->instructions() - before < 4096 ? b.naps + 1 : 0;
        const uint64_t nap = nap_ns(b.group->sleep_ns(), b.naps);
        if (nap < kShortNapNs) {
          ready_.push_back(std::move(b));
        } else {
          tell = now + nap < next_due();
          asleep_.push_back({now + nap, std::move(b)});
        }
        break;
      }
      case isa::Outcome::kPreempted:
      case isa::Outcome::kYield:
        b.naps = 0;
        ready_.push_back(std::move(b));
        break;
      case isa::Outcome::kFault:
        if (fault_.kind == isa::FaultKind::kNone) fault_ = std::move(fault);
        // The others of this kernel stop at their next look.
        queue_.slot().slot->stop.fetch_or(kStopError);
        break;
    }
    --inside_;
    count_runnable();
    tell = tell || finished_ == total_ || (inside_ == 0 && queue_.stop() != 0);
  }
  if (tell && pooled_) queue_.wake();
  return true;
}

// --- directing (the command processor's thread) --------------------------------

// Units of `granted` workgroups have come: those that were preempted first.
void Dispatch::take_units(uint32_t granted, uint64_t now) {
  resident_ += granted;
  while (granted != 0 && !saved_.begun.empty()) {
    Begun b = std::move(saved_.begun.back());
    saved_.begun.pop_back();
    b.units_since_ns = now - b.units_since_ns;
    ready_.push_back(std::move(b));
    --saved_.count;
    --granted;
  }
  while (granted != 0 && !saved_.asleep.empty()) {
    Asleep a = std::move(saved_.asleep.back());
    saved_.asleep.pop_back();
    a.due_ns += now;
    a.begun.units_since_ns = now - a.begun.units_since_ns;
    asleep_.push_back(std::move(a));
    --saved_.count;
    --granted;
  }
  while (granted != 0 && !saved_.standing.empty()) {
    Standing& s = saved_.standing.back();
    const uint32_t n = std::min(granted, s.count);
    standing_.push_back({now + s.due_ns, n});
    s.count -= n;
    if (s.count == 0) saved_.standing.pop_back();
    saved_.count -= n;
    granted -= n;
  }
  // A grant may come when its workgroup has already taken over other units.
  uint64_t unbegun = total_ - next_;
  for (const Fresh& f : fresh_) unbegun -= std::min(unbegun, f.count);
  const uint32_t used = static_cast<uint32_t>(std::min<uint64_t>(granted, unbegun));
  if (used != 0) fresh_.push_back({now, used});
  release_ += granted - used;
  count_runnable();
}

void Dispatch::wake_due(uint64_t now) {
  for (size_t i = 0; i < standing_.size();) {
    if (standing_[i].due_ns > now) {
      ++i;
      continue;
    }
    finished_ += standing_[i].count;
    release_ += standing_[i].count;
    standing_[i] = standing_.back();
    standing_.pop_back();
  }
  for (size_t i = 0; i < asleep_.size();) {
    if (asleep_[i].due_ns > now) {
      ++i;
      continue;
    }
    ready_.push_back(std::move(asleep_[i].begun));
    asleep_[i] = std::move(asleep_.back());
    asleep_.pop_back();
  }
  count_runnable();
}

uint64_t Dispatch::next_due() const {
  uint64_t due = kForever;
  for (const Standing& s : standing_) due = std::min(due, s.due_ns);
  for (const Asleep& a : asleep_) due = std::min(due, a.due_ns);
  return due;
}

// Waits until no thread interprets. False if the queue may stay after all (two
// UPDATE_QUEUE calls at once).
bool Dispatch::drain_workers() {
  for (;;) {
    const uint32_t seen = queue_.slot().slot->wake.prepare();
    if (queue_.stop() == 0) return false;
    {
      std::lock_guard<UrgentMutex> lock(mutex_);
      if (inside_ == 0) return true;
    }
    // Woken by the last one out; the deadline guards against a stop bit that
    // was cleared and set again just while it looked.
    queue_.sleep(seen, now_ns() + 1'000'000);
  }
}

void Dispatch::save(uint64_t now) {
  const auto left = [now](uint64_t due) { return due > now ? due - now : 0; };
  for (Standing& s : standing_) {
    saved_.count += s.count;
    saved_.standing.push_back({left(s.due_ns), s.count});
  }
  for (Asleep& a : asleep_) {
    a.due_ns = left(a.due_ns);
    a.begun.units_since_ns = now - a.begun.units_since_ns;
    saved_.asleep.push_back(std::move(a));
    ++saved_.count;
  }
  for (Begun& b : ready_) {
    b.units_since_ns = now - b.units_since_ns;
    saved_.begun.push_back(std::move(b));
    ++saved_.count;
  }
  standing_.clear();
  asleep_.clear();
  ready_.clear();
  fresh_.clear();
  resident_ = 0;
  release_ = 0;
  runnable_.store(0, std::memory_order_seq_cst);
}

// The queue is to leave the GPU. False if it is gone for good.
//
// What a switch costs is a model: NodeConfig::preempt_us and restore_us, 50 us
// each by default. Nothing public gives a figure for CWSR on MI300. The order
// of magnitude: at most 80 x (512 KiB of vector registers + 64 KiB of LDS),
// 46 MB, at 5.3 TB/s (MI300X data sheet) take 9 us; XSched (OSDI '25) reports
// 32 us (P99) for its level 3 on a GV100, GPreempt (ATC '25) below 40 us.
bool Dispatch::preempt() {
  if (!drain_workers()) return true;
  QueueSlot& slot = *queue_.slot().slot;
  bool had_waves;
  {
    std::lock_guard<UrgentMutex> lock(mutex_);
    had_waves = resident_ != 0;
    // What was taken while the process was stopped did not run since.
    const uint64_t revoked = slot.revoked_ns.load();
    save(revoked != 0 ? revoked : now_ns());
  }
  const SharedConfig& config = queue_.process().shared().config();
  if (had_waves && !queue_.gone()) {
    slot.preemptions.fetch_add(1);
    // Waves stand on their units until they are saved: who waits for these
    // waits for that.
    sleep_until_ns(now_ns() + config.preempt_us * 1000ull);
  }
  queue_.process().shared().withdraw(queue_.slot());
  if (queue_.gone()) return false;
  queue_.rest();
  if (!queue_.resume()) return false;
  if (had_waves) sleep_until_ns(now_ns() + config.restore_us * 1000ull);
  return true;
}

Dispatch::End Dispatch::run() {
  SharedNode& node = queue_.process().shared();
  QueueSlot& slot = *queue_.slot().slot;
  uint64_t inline_ns = 0;
  bool first = true;
  for (;;) {
    const uint32_t seen = slot.wake.prepare();
    if (queue_.stop() != 0) {
      if (!preempt()) {
        return fault_.kind != isa::FaultKind::kNone ? End::kFault : End::kGone;
      }
      first = true;
      continue;
    }
    uint64_t now = now_ns();
    queue_.working(now);
    uint32_t release = 0, want;
    {
      std::lock_guard<UrgentMutex> lock(mutex_);
      wake_due(now);
      if (finished_ == total_) break;
      // As long as there is something to interpret and nobody waits, what is
      // to be given back can wait and go in one step.
      if (!runnable() || node.others_wait(queue_.slot())) std::swap(release, release_);
      resident_ -= release;
      uint64_t missing = saved_.count + (total_ - next_);
      for (const Fresh& f : fresh_) missing -= std::min(missing, f.count);
      want = static_cast<uint32_t>(std::min<uint64_t>(missing, 1u << 20));
    }
    if (first || release != 0 || slot.granted() != 0) {
      first = false;
      const uint32_t granted = node.settle(queue_.slot(), cost_, release, want, gang_);
      if (granted != 0) {
        std::lock_guard<UrgentMutex> lock(mutex_);
        take_units(granted, now);
        want -= std::min(want, granted);
      }
    }

    if (!pooled_) {
      // One slice, then a look at grants and timers; they are cheap.
      if (runnable() && inline_ns < kInlineNs) {
        slice();
        inline_ns += now_ns() - now;
        continue;
      }
      if (runnable()) {
        pooled_ = true;
        queue_.process().workers().add(*this);
      }
    } else if (runnable()) {
      queue_.process().workers().notify(runnable_.load());
    }

    uint64_t deadline;
    {
      std::lock_guard<UrgentMutex> lock(mutex_);
      if (release_ != 0 && !runnable()) continue;
      deadline = next_due();
    }
    if (want != 0) {
      node.reap();
      deadline = std::min(deadline, now_ns() + SharedNode::kReapEveryNs);
    }
    queue_.sleep(seen, deadline);
  }
  node.withdraw(queue_.slot());
  return End::kDone;
}

}  // namespace xsim::dev
