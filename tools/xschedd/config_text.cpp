// SPDX-License-Identifier: Apache-2.0
//
// See config_text.h.
#include "config_text.h"

#include <algorithm>
#include <cstdio>

namespace xsched {
namespace {

std::string hex(unsigned char c) {
  char text[8];
  snprintf(text, sizeof text, "0x%02x", c);
  return text;
}

bool is_comment(std::string_view line) {
  const size_t first = line.find_first_not_of(" \t");
  return first != std::string_view::npos && line[first] == '#';
}

// What is wrong with a line, without its line break; empty if nothing.
std::string fault_in(std::string_view line) {
  const bool comment = is_comment(line);
  for (const char signed_c : line) {
    const auto c = static_cast<unsigned char>(signed_c);
    if ((c < ' ' && c != '\t') || c == 0x7f) return "control character " + hex(c);
    if (c > 0x7f && !comment) {
      return "byte " + hex(c) +
             " is not ASCII: in strings write \\uXXXX, comments on lines of their own";
    }
  }
  if (!comment && (line.find("\"\"\"") != line.npos || line.find("'''") != line.npos)) {
    return "strings over several lines are not taken: write it in one";
  }
  return "";
}

}  // namespace

std::optional<std::string> ascii_text(std::string_view text, TextFault& fault) {
  std::string out(text);
  uint32_t number = 1;
  for (size_t begin = 0; begin < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    if (line.ends_with('\r') && end < text.size()) line.remove_suffix(1);
    if (std::string reason = fault_in(line); !reason.empty()) {
      fault = {number, std::move(reason)};
      return std::nullopt;
    }
    begin = end + 1;
  }
  // Only comments have any left.
  for (char& c : out) {
    if (static_cast<unsigned char>(c) > 0x7f) c = '?';
  }
  return out;
}

}  // namespace xsched
