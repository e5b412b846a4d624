// SPDX-License-Identifier: Apache-2.0
//
// The columns: how each is written, compared and explained, and which ones
// fit a given width.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "model.h"

namespace xsched::top {

struct Column {
  const char* title;
  const char* json;  // member of a row in --json
  int width;
  bool right;  // aligned
  int rank;    // those with the lowest stay on narrow screens
  const char* help;
  std::string (*text)(const Row&);
  // Less than zero if `a` comes first in ascending order. Unknown values
  // come last in either direction (order.cpp).
  int (*compare)(const Row&, const Row&);
  bool (*known)(const Row&);
};

std::span<const Column> columns();
// Index by title, case-insensitive, or -1.
int find_column(const std::string& title);

// Those that fit, in order; the last one, COMMAND, takes what is left.
std::vector<int> fitting(int width);

const char* state_name(State state);
std::string count_text(uint64_t value);  // 123, 12.3k, 4.56M
std::string time_text(uint64_t ns);      // 950ns, 12.3us, 4.56ms, 1.20s
std::string percent_text(double share);  // 0..1
std::string gpu_text(const Row& row);

inline constexpr const char* kUnknown = "N/A";

}  // namespace xsched::top
