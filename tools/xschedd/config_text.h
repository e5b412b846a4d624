// SPDX-License-Identifier: Apache-2.0
//
// Gives the TOML parser ASCII only. toml++ 3.4 looks up other letters in a
// table that does not have them all, which is undefined behaviour: after a
// value, and in strings after a backslash (marzer/tomlplusplus issue 295, and
// fuzz_config).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace xsched {

struct TextFault {
  uint32_t line = 0;
  std::string reason;
};

// The text, other letters in lines that are comments replaced; nothing and
// `fault` if there are any elsewhere, or control characters. Strings over
// several lines are refused too: without them such a line is always a comment.
std::optional<std::string> ascii_text(std::string_view text, TextFault& fault);

}  // namespace xsched
