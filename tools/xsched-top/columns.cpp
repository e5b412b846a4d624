// SPDX-License-Identifier: Apache-2.0
//
// See columns.h.
#include "columns.h"

#include <strings.h>

#include <algorithm>
#include <cstdio>

namespace xsched::top {
namespace {

template <typename T>
int order(const T& a, const T& b) {
  return a < b ? -1 : (b < a ? 1 : 0);
}

// A column of one optional member: text by `Format`, order by value.
template <auto Member, auto Format>
constexpr auto text_of =
    [](const Row& r) -> std::string { return (r.*Member) ? Format(*(r.*Member)) : kUnknown; };
template <auto Member>
constexpr auto order_of = [](const Row& a, const Row& b) { return order(a.*Member, b.*Member); };
template <auto Member>
constexpr auto known_of = [](const Row& r) { return (r.*Member).has_value(); };
constexpr auto always = [](const Row&) { return true; };

std::string plain(int64_t value) {
  return std::to_string(value);
}

std::string rate_text(double value) {
  char text[32];
  snprintf(text, sizeof text, value < 100 ? "%.1f" : "%.0f", value);
  return text;
}

std::string level_text(const Row& r) {
  if (!r.level_wanted && !r.level_actual) return kUnknown;
  return (r.level_wanted ? std::to_string(*r.level_wanted) : "?") + "/" +
         (r.level_actual ? std::to_string(*r.level_actual) : "?");
}

// Without the program's folder, which would fill the column.
std::string command_text(const Row& r) {
  if (r.command.empty()) return kUnknown;
  const size_t slash = r.command.rfind('/', r.command.find(' '));
  return slash == std::string::npos ? r.command : r.command.substr(slash + 1);
}

constexpr Column kColumns[] = {
    {"PID", "pid", 8, true, 0, "process", [](const Row& r) { return plain(r.pid); },
     [](const Row& a, const Row& b) { return order(a.pid, b.pid); }, always},
    {"USER", "user", 9, false, 11, "its owner",
     [](const Row& r) { return r.user.empty() ? kUnknown : r.user; },
     [](const Row& a, const Row& b) { return order(a.user, b.user); },
     [](const Row& r) { return !r.user.empty(); }},
    {"GPU", "gpu", 5, true, 7, "index as ROCm counts, else KFD's gpu_id", gpu_text,
     [](const Row& a, const Row& b) {
       return order(std::pair(a.gpu_index.value_or(~0u), a.gpu_id),
                    std::pair(b.gpu_index.value_or(~0u), b.gpu_id));
     },
     known_of<&Row::gpu_id>},
    {"QID", "queue_id", 5, true, 8, "KFD's id of the hardware queue",
     text_of<&Row::queue_id, plain>, order_of<&Row::queue_id>, known_of<&Row::queue_id>},
    {"XQ", "xq", 4, true, 9, "XQueue in the process; N/A: not scheduled by xschedd",
     text_of<&Row::xq, plain>, order_of<&Row::xq>, known_of<&Row::xq>},
    {"STREAMS", "streams", 7, true, 16, "HIP streams that share the queue",
     text_of<&Row::streams, plain>, order_of<&Row::streams>, known_of<&Row::streams>},
    {"PRIO", "priority", 5, true, 2, "-255..255, higher is more urgent",
     text_of<&Row::priority, plain>, order_of<&Row::priority>, known_of<&Row::priority>},
    {"LV", "level_actual", 3, true, 3, "level wanted/actual, 1..3", level_text,
     order_of<&Row::level_actual>, known_of<&Row::level_actual>},
    {"ENGINE", "engine", 6, false, 10, "what takes it off the GPU: kmod, kfd, gate",
     [](const Row& r) { return r.engine.empty() ? std::string(kUnknown) : r.engine; },
     [](const Row& a, const Row& b) { return order(a.engine, b.engine); },
     [](const Row& r) { return !r.engine.empty(); }},
    {"STATE", "state", 9, false, 1,
     "run, idle, stopping, suspended, held (by an operator), unmapped, dead",
     [](const Row& r) -> std::string {
       const bool stopped = r.state == State::kSuspended || r.state == State::kSuspending;
       return stopped && r.held.value_or(false) ? "held" : state_name(r.state);
     },
     [](const Row& a, const Row& b) { return order(a.state, b.state); },
     [](const Row& r) { return r.state != State::kUnknown; }},
    {"DEPTH", "depth", 6, true, 5, "packets written and not yet passed on",
     text_of<&Row::depth, count_text>, order_of<&Row::depth>, known_of<&Row::depth>},
    {"INFL", "inflight", 6, true, 6,
     "packets in the hardware queue when its gate last looked, at most",
     text_of<&Row::inflight, count_text>, order_of<&Row::inflight>, known_of<&Row::inflight>},
    {"SUSP/s", "suspends_per_s", 6, true, 12, "suspends a second",
     text_of<&Row::suspends_per_s, rate_text>, order_of<&Row::suspends_per_s>,
     known_of<&Row::suspends_per_s>},
    {"PREEMPT-P99", "preempt_p99_us", 11, true, 13,
     "how long a suspend took, of the last 512 that a refresh caught",
     text_of<&Row::preempt_p99_ns, time_text>, order_of<&Row::preempt_p99_ns>,
     known_of<&Row::preempt_p99_ns>},
    {"WAIT%", "wait_percent", 5, true, 14, "share of the time it was suspended",
     text_of<&Row::waiting, percent_text>, order_of<&Row::waiting>, known_of<&Row::waiting>},
    {"BUSY%", "busy_percent", 5, true, 4, "share of the time it had a kernel on compute units",
     text_of<&Row::busy, percent_text>, order_of<&Row::busy>, known_of<&Row::busy>},
    {"COMMAND", "command", 7, false, 0, "command line", command_text,
     [](const Row& a, const Row& b) { return order(a.command, b.command); },
     [](const Row& r) { return !r.command.empty(); }},
};

}  // namespace

std::span<const Column> columns() {
  return kColumns;
}

int find_column(const std::string& title) {
  for (size_t i = 0; i < std::size(kColumns); ++i) {
    if (strcasecmp(kColumns[i].title, title.c_str()) == 0) return static_cast<int>(i);
  }
  return -1;
}

std::vector<int> fitting(int width) {
  std::vector<int> by_rank;
  for (size_t i = 0; i < std::size(kColumns); ++i) by_rank.push_back(static_cast<int>(i));
  std::stable_sort(by_rank.begin(), by_rank.end(),
                   [](int a, int b) { return kColumns[a].rank < kColumns[b].rank; });
  std::vector<int> chosen;
  int used = 1;  // the mark in front
  for (int i : by_rank) {
    const int needs = kColumns[i].width + 1;
    if (used + needs > width && !chosen.empty()) break;
    used += needs;
    chosen.push_back(i);
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

const char* state_name(State state) {
  switch (state) {
    case State::kIdle:
      return "idle";
    case State::kRunning:
      return "run";
    case State::kSuspending:
      return "stopping";
    case State::kSuspended:
      return "suspended";
    case State::kUnmapped:
      return "unmapped";
    case State::kDead:
      return "dead";
    default:
      return kUnknown;
  }
}

std::string count_text(uint64_t value) {
  if (value < 100'000) return std::to_string(value);
  char text[32];
  double scaled = static_cast<double>(value);
  const char* unit = "";
  for (const char* next : {"k", "M", "G", "T", "P"}) {
    if (scaled < 999.5) break;
    scaled /= 1000;
    unit = next;
  }
  snprintf(text, sizeof text, scaled < 99.95 ? "%.1f%s" : "%.0f%s", scaled, unit);
  return text;
}

std::string time_text(uint64_t ns) {
  char text[32];
  double scaled = static_cast<double>(ns);
  const char* unit = "ns";
  for (const char* next : {"us", "ms", "s"}) {
    if (scaled < 999.5) break;
    scaled /= 1000;
    unit = next;
  }
  const int digits = ns < 1000 || scaled >= 99.95 ? 0 : (scaled < 9.995 ? 2 : 1);
  snprintf(text, sizeof text, "%.*f%s", digits, scaled, unit);
  return text;
}

std::string percent_text(double share) {
  char text[16];
  snprintf(text, sizeof text, "%.1f", share * 100);
  return text;
}

std::string gpu_text(const Row& row) {
  if (row.gpu_index) return std::to_string(*row.gpu_index);
  return row.gpu_id ? std::to_string(*row.gpu_id) : kUnknown;
}

}  // namespace xsched::top
