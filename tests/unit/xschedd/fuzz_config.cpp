// SPDX-License-Identifier: Apache-2.0
//
// libFuzzer target: the configuration file of xschedd. What is taken must be
// within its limits; what is refused must say why, in one printable line.
#include "tools/xschedd/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace xsched;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string error;
  const auto user = [](const std::string& name) {
    return name.size() > 1 ? std::optional<uint32_t>(1) : std::nullopt;
  };
  const std::optional<Config> config = parse_config(text, "f", error, user);
  if (config.has_value() != error.empty()) __builtin_trap();
  for (const char c : error) {
    if (c == '\n' || c == '\x1b') __builtin_trap();
  }
  if (!config) return 0;
  if (config->concurrency < 1 || config->concurrency > 1024) __builtin_trap();
  if (config->timeslice_ns > 10'000'000'000) __builtin_trap();
  const ProcessSettings s = config->settings_for({1, text.substr(size / 2), text});
  if (s.priority && (*s.priority < -255 || *s.priority > 255)) __builtin_trap();
  if (s.share && (*s.share < 0 || *s.share > 100)) __builtin_trap();
  if (s.level && (*s.level < 1 || *s.level > 3)) __builtin_trap();
  if (s.latency_budget_ns && *s.latency_budget_ns > 10'000'000'000) __builtin_trap();
  return 0;
}
