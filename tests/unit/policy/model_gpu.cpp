// SPDX-License-Identifier: Apache-2.0
//
// See model_gpu.h.
#include "model_gpu.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "runtime/xqueue/slot.h"

namespace xsched::test {
namespace {

constexpr size_t kBacklog = 32;  // kernels that one who is never idle keeps queued

bool same(const PolicyDecision& a, const PolicyDecision& b) {
  return a.run == b.run && a.window == b.window && a.guard == b.guard && a.notify == b.notify &&
         a.memory == b.memory;
}

std::unique_ptr<Policy> policy(const std::string& name) {
  std::string error;
  std::unique_ptr<Policy> p = make_policy(name, error);
  if (p == nullptr) throw std::runtime_error(error);
  return p;
}

}  // namespace

ModelGpu::ModelGpu(const std::string& name, std::vector<Load> loads, uint32_t seed, Costs costs)
    : policy_name_(name), policy_(policy(name)), costs_(costs), random_(seed) {
  for (Load& load : loads) {
    XQueue x;
    x.load = load;
    x.input = load.input;
    x.next_arrival = now_ + load.born_ns;
    x_.push_back(std::move(x));
  }
}

void ModelGpu::run(uint64_t duration_ns) {
  const uint64_t end = now_ + duration_ns;
  decide_at_ = std::min(decide_at_, now_);
  while (now_ < end) {
    const uint64_t to = std::clamp(next_event(), now_, end);
    advance(to);
    for (XQueue& x : x_) {
      if (x.next_arrival <= now_) arrive(x);
      settle(x);
    }
    if (decide_at_ <= now_ || timer_ <= now_) decide();
    if (superior) watch_inversions();
  }
  for (XQueue& x : x_) {  // waits that have not ended count too
    if (!x.kernels.empty()) {
      x.outcome.longest_wait_ns = std::max(x.outcome.longest_wait_ns, now_ - x.last_progress);
    }
  }
}

uint64_t ModelGpu::next_event() const {
  uint64_t next = std::min(decide_at_, timer_);
  for (const XQueue& x : x_) {
    next = std::min({next, x.next_arrival, x.patience_end});
    if (x.phase == Phase::kSaving || x.phase == Phase::kRestoring) {
      next = std::min(next, x.phase_end);
    }
    if (progresses(x)) {
      const double wait = x.kernels.front() * running_.at(x.input.gpu_id);
      next = std::min(next, now_ + std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(wait))));
    }
  }
  return next;
}

// Has packets in its hardware queue that the GPU takes.
bool ModelGpu::drains(const XQueue& x) const {
  return x.phase == Phase::kOn && x.in_hardware > 0;
}

bool ModelGpu::progresses(const XQueue& x) const {
  const auto saving = saving_.find(x.input.gpu_id);
  return drains(x) && (saving == saving_.end() || saving->second == 0);
}

void ModelGpu::advance(uint64_t to) {
  const double passed = static_cast<double>(to - now_);
  std::map<uint32_t, bool> wanted;
  for (XQueue& x : x_) {
    if (!x.kernels.empty()) wanted[x.input.gpu_id] = true;
    if (!progresses(x)) continue;
    const double done = std::min(passed / running_.at(x.input.gpu_id), x.kernels.front());
    x.kernels.front() -= done;
    x.outcome.work_ns += done;
    work_ns_[x.input.gpu_id] += done;
    if (done > 0) {
      x.outcome.longest_wait_ns = std::max(x.outcome.longest_wait_ns, now_ - x.last_progress);
      x.last_progress = to;
    }
  }
  for (const auto& [gpu, any] : wanted) wanted_ns_[gpu] += passed;
  now_ = to;
}

void ModelGpu::add_kernel(XQueue& x, bool last) {
  double kernel = static_cast<double>(x.load.kernel_ns);
  if (now_ >= x.load.grow_at_ns) kernel *= x.load.grow;
  x.kernels.push_back(x.load.vary ? kernel * (0.5 + uniform()) : kernel);
  x.request_ends.push_back(last ? now_ : kNever);
}

void ModelGpu::arrive(XQueue& x) {
  if (!x.alive) {
    x.alive = true;
    decide_at_ = std::min(decide_at_, now_ + costs_.decision_ns);
  }
  const bool was_ready = x.input.ready;
  if (x.load.period_ns == 0) {
    x.next_arrival = kNever;
    while (x.kernels.size() < kBacklog) add_kernel(x, false);
  } else {
    double gap = static_cast<double>(x.load.period_ns);
    if (x.load.random_arrivals) gap *= -std::log(1 - uniform());
    x.next_arrival = now_ + std::max<uint64_t>(1, static_cast<uint64_t>(gap));
    ++x.outcome.requests;
    for (uint32_t k = 1; k <= x.load.kernels; ++k) add_kernel(x, k == x.load.kernels);
  }
  if (!was_ready) {
    x.input.ready = true;
    x.input.ready_since_ns = x.last_progress = now_;
    edge(x, kNotifyReady);
  }
  refill(x);
}

// Moves packets from the ring to the hardware queue, as the gate does.
void ModelGpu::refill(XQueue& x) {
  if (x.decision.run) {
    const size_t limit = x.decision.window != 0 ? x.decision.window : x.kernels.size();
    const size_t now_in = std::max(x.in_hardware, std::min(limit, x.kernels.size()));
    if (x.decision.guard == 0) x.unguarded += now_in - x.in_hardware;
    x.in_hardware = now_in;
  }
  meter(x);
}

GpuTime& ModelGpu::meter_now(uint32_t gpu_id) {
  const auto on = std::count_if(
      x_.begin(), x_.end(), [&](const XQueue& x) { return x.time.on && x.input.gpu_id == gpu_id; });
  meters_[gpu_id].advance(now_, static_cast<uint64_t>(on));
  return meters_[gpu_id];
}

void ModelGpu::meter(XQueue& x) {
  const bool saved_off = x.phase == Phase::kOff;
  const bool on = !x.kernels.empty() && (x.decision.run || (!saved_off && x.in_hardware > 0));
  meter_now(x.input.gpu_id).set(x.time, on);
  running_[x.input.gpu_id] = saving_[x.input.gpu_id] = 0;
  for (const XQueue& other : x_) {
    if (other.input.gpu_id != x.input.gpu_id) continue;
    if (drains(other)) ++running_[x.input.gpu_id];
    if (other.phase == Phase::kSaving) ++saving_[x.input.gpu_id];
  }
}

void ModelGpu::edge(XQueue& x, uint32_t bit) {
  if ((x.decision.notify & bit) != 0) decide_at_ = std::min(decide_at_, now_ + costs_.decision_ns);
}

// What ended by now: phases, kernels.
void ModelGpu::settle(XQueue& x) {
  if (x.phase == Phase::kSaving && x.phase_end <= now_) {
    x.phase = Phase::kOff;
    x.saved = true;
    meter(x);
  }
  if (x.phase == Phase::kRestoring && x.phase_end <= now_) {
    x.phase = Phase::kOn;
    meter(x);
  }
  if (x.patience_end <= now_) {
    x.patience_end = kNever;
    if (x.in_hardware > 0) {
      ++x.outcome.overdue;
      save(x);
      meter(x);
    }
  }
  while (drains(x) && x.kernels.front() < 0.5) {
    x.kernels.pop_front();
    const uint64_t asked = x.request_ends.front();
    x.request_ends.pop_front();
    --x.in_hardware;
    ++x.retired;
    if (x.unguarded > 0) --x.unguarded;
    if (asked != kNever) {
      ++x.outcome.finished;
      x.outcome.longest_latency_ns = std::max(x.outcome.longest_latency_ns, now_ - asked);
    }
    if (x.load.period_ns == 0) add_kernel(x, false);
    if (x.kernels.empty()) {
      x.input.ready = false;
      edge(x, kNotifyIdle);
    }
    // A barrier stands behind the kernel that just ended.
    if (!x.decision.run && x.input.level == 2) x.in_hardware = x.unguarded;
    refill(x);
    measure(x);
  }
}

// As the gate and its dispatcher do.
void ModelGpu::measure(XQueue& x) {
  const bool full = x.decision.run && x.decision.window != 0 &&
                    x.in_hardware == x.decision.window && x.kernels.size() > x.in_hardware;
  if (x.work.look({now_, x.retired, {x.mark, 0, 0}, full})) edge(x, kNotifyWork);
}

void ModelGpu::save(XQueue& x) {
  const bool work = x.in_hardware > 0 && x.phase == Phase::kOn;
  x.phase = work ? Phase::kSaving : Phase::kOff;
  x.phase_end = now_ + costs_.save_ns;
  ++x.outcome.saves;
}

void ModelGpu::decide() {
  decide_at_ = kNever;
  std::vector<PolicyInput> in;
  std::vector<XQueue*> who;
  for (XQueue& x : x_) {
    if (!x.alive) continue;
    x.input.run_ns = meter_now(x.input.gpu_id).used(x.time);
    x.input.work_ns = x.work.typical_ns();
    x.input.work_spread_ns = x.work.spread_ns();
    x.input.taken_off = !x.decision.run && x.decision.patience_us == 0;
    x.input.inside = kInsideUnknown;
    if (const uint32_t window = x.decision.window; window != 0) {
      x.input.inside = static_cast<uint32_t>(x.in_hardware);
      if (x.in_hardware != 0 && x.decision.run) x.input.inside = std::max(x.input.inside, window);
    }
    in.push_back(x.input);
    who.push_back(&x);
  }
  std::vector<PolicyDecision> out(in.size());
  context.now_ns = now_;
  timer_ = policy_->decide(context, in, out);
  if (timer_ <= now_) throw std::runtime_error(policy_name_ + " wants to decide in the past");
  ++decisions_;
  if (decisions_ % 61 == 0) ask_again(in, out, timer_);
  budgets_.fit(*policy_, in, out);
  for (size_t i = 0; i < who.size(); ++i) apply(*who[i], out[i]);
}

void ModelGpu::ask_again(std::span<const PolicyInput> in, std::span<const PolicyDecision> out,
                         uint64_t next) {
  std::vector<PolicyDecision> again(in.size());
  bool pure = policy(policy_name_)->decide(context, in, again) == next;
  for (size_t i = 0; i < in.size(); ++i) pure = pure && same(out[i], again[i]);
  if (!pure) ++impure_;
}

void ModelGpu::apply(XQueue& x, const PolicyDecision& d) {
  const bool was_running = x.decision.run;
  const bool was_patient = !was_running && x.decision.patience_us != 0;
  const bool was_taken = x.phase != Phase::kOn;
  if (!same(d, x.decision)) ++x.mark;
  x.decision = d;
  x.outcome.window = d.window;
  x.input.memory = d.memory;
  if (was_running && !d.run) {
    ++x.outcome.suspends;
    if (x.input.level == 3 && d.patience_us != 0) {
      x.patience_end = now_ + uint64_t{d.patience_us} * kUs;
    } else if (x.input.level == 3) {
      save(x);
    } else if (x.input.level == 2) {
      // The running kernel, and whatever has no barrier behind it.
      x.in_hardware = std::min(x.in_hardware, std::max<size_t>(1, x.unguarded));
    }
  } else if (was_patient && !d.run && d.patience_us == 0) {
    x.patience_end = kNever;
    if (!was_taken) save(x);
  } else if (was_patient && d.run && !was_taken) {
    x.patience_end = kNever;
  } else if (!was_running && d.run && x.input.level == 3) {
    x.patience_end = kNever;
    const bool restore = x.saved || x.phase == Phase::kSaving;
    x.phase = restore ? Phase::kRestoring : Phase::kOn;
    x.phase_end = now_ + costs_.restore_ns;
    x.saved = false;
  }
  refill(x);
}

void ModelGpu::watch_inversions() {
  for (XQueue& x : x_) {
    bool inverted = false;
    if (progresses(x)) {
      for (const XQueue& other : x_) {
        inverted |= other.input.ready && superior(other.input, x.input, now_);
      }
    }
    if (inverted && x.inverted_since == 0) x.inverted_since = now_;
    if (x.inverted_since != 0) {
      x.outcome.longest_inversion_ns =
          std::max(x.outcome.longest_inversion_ns, now_ - x.inverted_since);
    }
    if (!inverted) x.inverted_since = 0;
  }
}

double ModelGpu::share(size_t i) const {
  return x_[i].outcome.work_ns / work_ns(x_[i].input.gpu_id);
}

double ModelGpu::work_ns(uint32_t gpu_id) const {
  const auto it = work_ns_.find(gpu_id);
  return it == work_ns_.end() ? 0 : it->second;
}

double ModelGpu::wanted_ns(uint32_t gpu_id) const {
  const auto it = wanted_ns_.find(gpu_id);
  return it == wanted_ns_.end() ? 0 : it->second;
}

}  // namespace xsched::test
