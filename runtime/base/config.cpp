// SPDX-License-Identifier: Apache-2.0
//
// See config.h. Each setting has one name of ours and, where it means the
// same thing, upstream XSched's name as an alias; ours wins.
#include "config.h"

#include <strings.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <initializer_list>
#include <string>

namespace xsched {
namespace {

// That fits into nanoseconds: 292 years.
constexpr long kLongestUs = LONG_MAX / 1000;

using Lookup = const char* (*)(const char*);

// The first of `names` that is set and not empty; `found` receives which.
const char* first_set(Lookup lookup, std::initializer_list<const char*> names, const char*& found) {
  for (const char* name : names) {
    const char* value = lookup(name);
    if (value != nullptr && *value != '\0') {
      found = name;
      return value;
    }
  }
  return nullptr;
}

bool parse_integer(const char* text, long low, long high, long& out) {
  errno = 0;
  char* end = nullptr;
  const long value = strtol(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || value < low || value > high) return false;
  out = value;
  return true;
}

long integer(Lookup lookup, std::initializer_list<const char*> names, long low, long high,
             long fallback) {
  const char* name = nullptr;
  const char* text = first_set(lookup, names, name);
  if (text == nullptr) return fallback;
  long value = fallback;
  if (!parse_integer(text, low, high, value)) {
    // A default outside the range is no number that a user could write.
    const bool number = fallback >= low && fallback <= high;
    log(LogLevel::kError, "%s is '%s': valid are %ld..%ld; using %s", name, text, low, high,
        number ? std::to_string(fallback).c_str() : "the default");
    return fallback;
  }
  return value;
}

std::optional<long> hint(Lookup lookup, const char* name, long low, long high) {
  const char* text = lookup(name);
  if (text == nullptr || *text == '\0') return std::nullopt;
  if (long value = 0; parse_integer(text, low, high, value)) return value;
  log(LogLevel::kError, "%s is '%s': valid are %ld..%ld; it does not count", name, text, low, high);
  return std::nullopt;
}

struct Word {
  const char* text;
  int value;
};

int word(Lookup lookup, std::initializer_list<const char*> names, std::initializer_list<Word> words,
         const char* valid, int fallback) {
  const char* name = nullptr;
  const char* text = first_set(lookup, names, name);
  if (text == nullptr) return fallback;
  for (const Word& w : words) {
    if (strcasecmp(text, w.text) == 0) return w.value;
  }
  log(LogLevel::kError, "%s is '%s': valid are %s; using the default", name, text, valid);
  return fallback;
}

}  // namespace

Config parse_config(Lookup lookup) {
  Config c;
  // First, so that the errors below obey it.
  c.log = static_cast<LogLevel>(word(
      lookup, {"XSCHED_LOG"}, {{"off", 0}, {"error", 1}, {"warn", 2}, {"info", 3}, {"debug", 4}},
      "off, error, warn, info, debug", static_cast<int>(c.log)));
  set_log_level(c.log);
  c.enabled = word(lookup, {"XSCHED_AUTO_XQUEUE"},
                   {{"on", 1},
                    {"1", 1},
                    {"true", 1},
                    {"yes", 1},
                    {"off", 0},
                    {"0", 0},
                    {"false", 0},
                    {"no", 0}},
                   "on, off", 1) != 0;
  c.priority = static_cast<int32_t>(
      integer(lookup, {"XSCHED_PRIORITY", "XSCHED_AUTO_XQUEUE_PRIORITY"}, -255, 255, c.priority));
  c.stream_priority =
      static_cast<int32_t>(integer(lookup, {"XSCHED_STREAM_PRIORITY"}, 0, 255, c.stream_priority));
  integer(lookup, {"XSCHED_STREAM_QUEUES"}, 0, kMostStreamQueues, kStreamQueues);
  // HIP's variable: read as HIP does.
  if (const char* value = lookup("GPU_MAX_HW_QUEUES"); value != nullptr && atoi(value) > 0)
    c.hip_queues = static_cast<uint32_t>(atoi(value));
  c.level = static_cast<uint32_t>(
      integer(lookup, {"XSCHED_LEVEL", "XSCHED_AUTO_XQUEUE_LEVEL"}, 1, 3, c.level));
  c.window = static_cast<uint32_t>(
      integer(lookup, {"XSCHED_WINDOW", "XSCHED_AUTO_XQUEUE_THRESHOLD"}, 1, 65536, c.window));
  c.latency_budget_us = static_cast<uint32_t>(
      integer(lookup, {"XSCHED_LATENCY_BUDGET_US"}, 1, 10'000'000, c.latency_budget_us));
  c.engine = static_cast<EngineChoice>(word(lookup, {"XSCHED_ENGINE"},
                                            {{"auto", static_cast<int>(EngineChoice::kAuto)},
                                             {"kmod", static_cast<int>(EngineChoice::kKmod)},
                                             {"kfd", static_cast<int>(EngineChoice::kKfd)},
                                             {"gate", static_cast<int>(EngineChoice::kGate)}},
                                            "auto, kmod, kfd, gate", static_cast<int>(c.engine)));
  c.global = word(lookup, {"XSCHED_SCHEDULER"}, {{"auto", 1}, {"global", 1}, {"local", 0}},
                  "auto, global, local", 1) != 0;
  c.utilization = hint(lookup, "XSCHED_AUTO_XQUEUE_UTILIZATION", 0, 100);
  c.deadline_us = hint(lookup, "XSCHED_AUTO_XQUEUE_DEADLINE", 1, kLongestUs);
  c.laxity_us = hint(lookup, "XSCHED_AUTO_XQUEUE_LAXITY", 1, kLongestUs);
  c.timeslice_us = hint(lookup, "XSCHED_AUTO_XQUEUE_TIMESLICE", 100, 10'000'000);
  c.concurrency = hint(lookup, "XSCHED_AUTO_XQUEUE_KDEADLINE", 1, UINT32_MAX);
  if (const char* value = lookup("XSCHED_SOCKET"); value != nullptr && *value != '\0')
    c.socket = value;
  // The scheduler knows the policies' names; it reports a bad one itself.
  if (const char* value = lookup("XSCHED_POLICY"); value != nullptr && *value != '\0')
    c.policy = value;
  if (const char* value = lookup("XSCHED_TRACE"); value != nullptr && *value != '\0')
    c.trace = value;
  return c;
}

const Config& config() {
  // Leaked on purpose: threads of ROCr may ask after static destruction.
  static const Config& instance =
      *new Config(parse_config([](const char* name) -> const char* { return getenv(name); }));
  return instance;
}

const char* to_string(EngineChoice choice) noexcept {
  switch (choice) {
    case EngineChoice::kKmod:
      return "kmod";
    case EngineChoice::kKfd:
      return "kfd";
    case EngineChoice::kGate:
      return "gate";
    default:
      return "auto";
  }
}

}  // namespace xsched
