// SPDX-License-Identifier: Apache-2.0
//
// See track.h.
#include "track.h"

#include <algorithm>

namespace xsched {
namespace {

constexpr uint32_t kPacketEvents = 4096;
constexpr uint32_t kControlEvents = 256;
// Packets that entered one after another with less than this between them are
// one batch, as long as it is short enough to show when they did.
constexpr uint64_t kBatchGapNs = 200'000;
constexpr uint64_t kBatchNs = 5'000'000;
// Rows of the viewer, above every thread id.
constexpr int64_t kRows = 1'000'000'000;
enum Row : int { kStateRow = 0, kSuspendRow = 1, kPacketRow = 2, kRowsEach = 4 };

const char* engine_name(uint32_t engine) {
  constexpr const char* kNames[] = {"none", "gate", "kfd", "kmod"};
  return engine < std::size(kNames) ? kNames[engine] : "unknown";
}

}  // namespace

TraceTrack::TraceTrack(uint32_t id, std::string title, std::function<Depth()> depth,
                       std::function<void()> wake)
    : title_(std::move(title)),
      first_row_(kRows + int64_t{id} * kRowsEach),
      depth_(std::move(depth)),
      wake_(std::move(wake)),
      packets_(kPacketEvents),
      control_(kControlEvents) {}

void TraceTrack::push(TraceRing& ring, const TraceEvent& event) noexcept {
  if (ring.push(event) && ring.wake_due()) wake_();
}

void TraceTrack::moved(uint64_t packets, uint64_t at_ns) noexcept {
  push(packets_, {at_ns, packets, kMoved, 0});
}

void TraceTrack::ready(bool on, uint64_t at_ns) noexcept {
  push(packets_, {at_ns, 0, on ? kReady : kIdle, 0});
}

void TraceTrack::suspended(const Suspend& suspend, uint64_t at_ns) noexcept {
  const uint32_t detail =
      suspend.level | suspend.engine << 4 | static_cast<uint32_t>(suspend.cause) << 8 |
      (suspend.by_daemon ? 1u << 9 : 0) |
      static_cast<uint32_t>(std::min<uint64_t>(suspend.in_flight, 0xfffff)) << 12;
  push(control_, {at_ns, suspend.took_ns, kSuspended, detail});
  wake_();  // who decides is asked when this is written: soon
}

void TraceTrack::resumed(uint64_t at_ns) noexcept {
  push(control_, {at_ns, 0, kResumed, 0});
}

void TraceTrack::end() noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  ended_ = true;
}

void TraceTrack::enter(JsonLines& out, State state, uint64_t at) {
  if (state == state_) return;
  if (state_ != State::kNone) out.end(row(kStateRow), at);
  state_ = state;
  const char* name = state == State::kReady       ? "ready"
                     : state == State::kRunning   ? "running"
                     : state == State::kSuspended ? "suspended"
                                                  : nullptr;
  if (name != nullptr) out.begin(row(kStateRow), name, "xqueue", at);
}

void TraceTrack::flush_batch(JsonLines& out) {
  if (batch_.packets == 0) return;
  out.slice(row(kPacketRow), "packets", "packets", batch_.begin, batch_.end,
            json_number("packets", batch_.packets));
  batch_ = {};
}

void TraceTrack::preemption(JsonLines& out, const TraceEvent& event, const std::string& scheduler) {
  const uint32_t detail = event.detail;
  const bool by_process = (detail >> 8 & 1) != 0;
  const uint64_t decided = event.at - std::min(event.at, event.value);
  std::string args = json_text("cause", by_process ? "held by the process" : scheduler);
  args += ',' + json_us("latency_us", event.value);
  args += ',' + json_number("level", detail & 15);
  args += ',' + json_text("engine", engine_name(detail >> 4 & 15));
  args += ',' + json_text("carried_out_by", (detail >> 9 & 1) != 0 ? "xschedd" : "process");
  args += ',' + json_number("in_flight", detail >> 12);
  args += ",\"had_work\":";
  args += state_ == State::kRunning ? "true" : "false";
  out.slice(row(kSuspendRow), "suspend", "preemption", decided, event.at, args);
}

void TraceTrack::apply(JsonLines& out, const TraceEvent& event, const std::string& scheduler) {
  // Events of different producers can be a moment out of order.
  const uint64_t at = last_at_ = std::max(last_at_, event.at);
  switch (event.kind) {
    case kMoved:
      if (batch_.packets != 0 && (at - batch_.end > kBatchGapNs || at - batch_.begin > kBatchNs)) {
        flush_batch(out);
      }
      if (batch_.packets == 0) batch_.begin = at;
      batch_.end = at;
      batch_.packets += event.value;
      if (state_ == State::kNone && !kept_back_) enter(out, State::kRunning, at);
      break;
    case kReady:
      if (state_ == State::kNone) {
        enter(out, kept_back_ ? State::kReady : State::kRunning, at);
      }
      break;
    case kIdle:
      enter(out, State::kNone, at);
      break;
    case kSuspended:
      preemption(out, event, scheduler);
      kept_back_ = true;
      if (state_ == State::kRunning) enter(out, State::kSuspended, at);
      break;
    case kResumed:
      kept_back_ = false;
      if (state_ != State::kNone) enter(out, State::kRunning, at);
      break;
    default:
      break;
  }
}

// What no event tells: while nobody competes, nobody is told that a queue has
// become idle (that would take packets of our own), and a packet that waits at
// a closed gate moves nothing.
void TraceTrack::look(JsonLines& out, uint64_t now, bool moved) {
  const Depth depth = depth_();
  if (!(depth == last_depth_)) {
    last_depth_ = depth;
    out.counter(title_ + " packets", now,
                json_number("at the gate", depth.at_gate) + ',' +
                    json_number("in the hardware queue", depth.in_hardware));
  }
  last_at_ = std::max(last_at_, now);
  if (state_ == State::kNone && kept_back_ && depth.at_gate != 0) {
    enter(out, State::kReady, last_at_);
  } else if (state_ == State::kRunning && !moved && depth == Depth{}) {
    enter(out, State::kNone, last_at_);
  }
}

bool TraceTrack::write(JsonLines& out, uint64_t now, const std::string& scheduler) {
  if (!named_) {
    named_ = true;
    out.track_name(row(kStateRow), title_, row(kStateRow));
    out.track_name(row(kSuspendRow), title_ + " suspends", row(kSuspendRow));
    out.track_name(row(kPacketRow), title_ + " packets", row(kPacketRow));
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  // Before the rings: what was lost precedes what is still to come.
  const uint64_t lost = packets_.take_lost() + control_.take_lost();
  if (lost != 0) {
    out.instant(row(kPacketRow), "events lost", "trace", now, json_number("events", lost));
  }
  events_.clear();
  const auto keep = [this](const TraceEvent& event) { events_.push_back(event); };
  packets_.drain(keep);
  control_.drain(keep);
  std::stable_sort(events_.begin(), events_.end(),
                   [](const TraceEvent& a, const TraceEvent& b) { return a.at < b.at; });
  bool moved = false;
  for (const TraceEvent& event : events_) {
    moved |= event.kind == kMoved;
    apply(out, event, scheduler);
  }
  if (!ended_) {
    look(out, now, moved);
    if (batch_.packets != 0 && now > batch_.end + kBatchGapNs) flush_batch(out);
    return true;
  }
  flush_batch(out);
  enter(out, State::kNone, std::max(last_at_, now));
  return false;
}

}  // namespace xsched
