// SPDX-License-Identifier: Apache-2.0
//
// A command line that is wrong ends in one line, as every other error does; the
// parser's own text is two, in its own style.
#pragma once

#include <CLI/CLI.hpp>
#include <cctype>
#include <optional>
#include <string>
#include <vector>

namespace xsched {

inline constexpr int kUsageExit = 2;

// Of what the parser says, the words that begin a sentence.
inline std::string as_our_text(std::string text) {
  const auto lower = [&](size_t at) {
    // "TARGET is required": a name stays as it is.
    if (at + 1 < text.size() && isupper(text[at]) && !isupper(text[at + 1])) {
      text[at] = static_cast<char>(tolower(text[at]));
    }
  };
  lower(0);
  const size_t colon = text.find(": ");
  if (text.rfind("--", 0) == 0 && colon != std::string::npos) lower(colon + 2);
  return text;
}

inline std::string usage_error(const CLI::App* app, const CLI::Error& error) {
  std::string text = as_our_text(error.what());
  std::string program = app->get_name();
  program.erase(0, program.rfind('/') + 1);
  std::string help = program;
  for (const CLI::App* command : app->get_subcommands()) help += " " + command->get_name();
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError) &&
      app->get_require_subcommand_min() > 0 && app->get_subcommands().empty()) {
    const std::vector<std::string> words = app->remaining();
    text = words.empty() ? "no command" : "no command '" + words.front() + "'";
    std::string valid;
    for (const CLI::App* command : app->get_subcommands([](const CLI::App*) { return true; })) {
      if (command->get_group().empty()) continue;  // hidden
      valid += (valid.empty() ? "" : ", ") + command->get_name();
    }
    text += ": valid are " + valid;
  }
  return program + ": " + text + "; see " + help + " --help\n";
}

// Parses; the exit status if the program ends here.
inline std::optional<int> parse_or_end(CLI::App& app, int argc, char** argv) {
  app.failure_message(usage_error);
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsageExit;
  }
}

}  // namespace xsched
