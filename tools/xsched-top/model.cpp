// SPDX-License-Identifier: Apache-2.0
//
// See model.h.
#include "model.h"

#include <algorithm>

namespace xsched::top {
namespace {

Key key_of(const Queue& q) {
  if (q.xq) return {q.pid, true, *q.xq};
  return {q.pid, false, q.queue_id.value_or(~0u)};
}

// How much a counter grew. Nothing if either is unknown or it went backwards:
// then it is another queue's.
std::optional<uint64_t> growth(const std::optional<uint64_t>& before,
                               const std::optional<uint64_t>& now) {
  if (!before || !now || *now < *before) return {};
  return *now - *before;
}

// Of an interval; clocks of two programs may differ by a little.
std::optional<double> share(const std::optional<uint64_t>& ns, double seconds) {
  if (!ns) return {};
  return std::clamp(static_cast<double>(*ns) / 1e9 / seconds, 0.0, 1.0);
}

void sort_gpus(std::vector<Gpu>& gpus) {
  std::sort(gpus.begin(), gpus.end(), [](const Gpu& a, const Gpu& b) {
    const uint32_t none = ~0u;
    return std::pair(a.index.value_or(none), a.gpu_id) <
           std::pair(b.index.value_or(none), b.gpu_id);
  });
}

}  // namespace

uint64_t p99(std::vector<uint64_t> samples) {
  const size_t rank = (samples.size() * 99 + 99) / 100;  // ceil(0.99 n), from 1
  auto at = samples.begin() + static_cast<ptrdiff_t>(rank - 1);
  std::nth_element(samples.begin(), at, samples.end());
  return *at;
}

void Model::derive(Row& row, History& history, uint64_t now, double seconds) {
  const bool known = history.seen_ns != 0 && seconds > 0;
  if (known) {
    const auto suspends = growth(history.suspends, row.suspends);
    if (suspends) row.suspends_per_s = static_cast<double>(*suspends) / seconds;
    row.waiting = share(growth(history.suspended_ns, row.suspended_ns), seconds);
    row.busy = share(growth(history.busy_ns, row.busy_ns), seconds);
    // Only the last of the suspends since the last look is known.
    if (suspends && *suspends != 0 && row.last_suspend_ns) {
      const uint64_t sample = *row.last_suspend_ns;
      if (history.samples.size() < kSamples) {
        history.samples.push_back(sample);
      } else {
        history.samples[history.next_sample++ % kSamples] = sample;
      }
      history.p99_ns = p99(history.samples);
      caught_ns_ = std::max(caught_ns_.value_or(0), sample);
    }
  }
  row.preempt_p99_ns = history.p99_ns;
  history.suspends = row.suspends;
  history.suspended_ns = row.suspended_ns;
  history.busy_ns = row.busy_ns;
  history.seen_ns = now;
}

void Model::update(Snapshot&& snapshot) {
  const uint64_t now = snapshot.time_ns;
  const double seconds =
      last_ns_ != 0 && now > last_ns_ ? static_cast<double>(now - last_ns_) / 1e9 : 0;
  interval_ = seconds > 0 ? std::optional(seconds) : std::nullopt;
  caught_ns_.reset();

  gpus_ = std::move(snapshot.gpus);
  for (const Queue& q : snapshot.queues) {
    if (!q.gpu_id) continue;
    const bool listed = std::any_of(gpus_.begin(), gpus_.end(),
                                    [&](const Gpu& gpu) { return gpu.gpu_id == *q.gpu_id; });
    if (!listed) {
      gpus_.emplace_back();
      gpus_.back().gpu_id = *q.gpu_id;
    }
  }
  sort_gpus(gpus_);
  for (const Gpu& gpu : gpus_) {
    if (!gpu.passes) continue;
    auto& [before, rate] = passes_.try_emplace(gpu.gpu_id, *gpu.passes, std::nullopt).first->second;
    rate.reset();
    if (seconds > 0 && *gpu.passes >= before)
      rate = static_cast<double>(*gpu.passes - before) / seconds;
    before = *gpu.passes;
  }

  rows_.clear();
  rows_.reserve(snapshot.queues.size());
  for (Queue& q : snapshot.queues) {
    Row row;
    static_cast<Queue&>(row) = std::move(q);
    row.key = key_of(row);
    for (const Gpu& gpu : gpus_) {
      if (row.gpu_id && gpu.gpu_id == *row.gpu_id) row.gpu_index = gpu.index;
    }
    derive(row, history_[row.key], now, seconds);
    rows_.push_back(std::move(row));
  }
  std::erase_if(history_, [&](const auto& entry) { return entry.second.seen_ns != now; });

  if (interval_) latencies_.push_back(caught_ns_);
  if (latencies_.size() > kLatencies) latencies_.pop_front();
  sources_ = std::move(snapshot.sources);
  policy_ = std::move(snapshot.policy);
  last_ns_ = now;
}

std::optional<double> Model::passes_per_s(uint32_t gpu_id) const {
  const auto at = passes_.find(gpu_id);
  return at == passes_.end() ? std::nullopt : at->second.second;
}

}  // namespace xsched::top
