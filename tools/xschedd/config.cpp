// SPDX-License-Identifier: Apache-2.0
//
// See config.h.
#include "config.h"

#include <pwd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "config_text.h"
#include "policy/policy.h"
#include "toml.h"

namespace xsched {
namespace {

constexpr size_t kMostBytes = 1 << 20;
constexpr size_t kMostRules = 4096;

// Carries the first thing that is wrong out of the file; never leaves this file.
struct Wrong {
  uint32_t line;
  std::string reason;
};

// For messages: no line breaks or escape sequences out of the file.
std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 60)) out += c < ' ' || c == 127 ? '?' : c;
  if (text.size() > 60) out += "...";
  return out;
}

uint32_t line_of(const toml::source_region& source) {
  return source.begin.line;
}

// One table and the keys that it may have.
class Reader {
 public:
  Reader(const toml::table& table, const char* what, std::vector<std::string_view> valid)
      : table_(table) {
    for (const auto& [key, value] : table) {
      if (std::find(valid.begin(), valid.end(), key.str()) != valid.end()) continue;
      std::string names;
      for (const std::string_view name : valid) (names += names.empty() ? "" : ", ") += name;
      throw Wrong{line_of(key.source()), "'" + printable(key.str()) + "' is not known in " + what +
                                             ": valid are " + names};
    }
  }

  std::optional<int64_t> number(std::string_view key, int64_t least, int64_t most) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return std::nullopt;
    const std::string range = std::to_string(least) + ".." + std::to_string(most);
    const toml::value<int64_t>* value = node->as_integer();
    if (value == nullptr) throw wrong(key, "is not an integer: valid are " + range);
    if (value->get() < least || value->get() > most) {
      throw wrong(key, "is " + std::to_string(value->get()) + ": valid are " + range);
    }
    return value->get();
  }

  std::optional<std::string> text(std::string_view key) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return std::nullopt;
    const toml::value<std::string>* value = node->as_string();
    if (value == nullptr) throw wrong(key, "is not a string: write it in quotes");
    if (value->get().empty()) throw wrong(key, "is empty: leave it out to match everything");
    return value->get();
  }

  Wrong wrong(std::string_view key, const std::string& reason) const {
    return {line_of(table_.get(key)->source()), std::string(key) + " " + reason};
  }

 private:
  const toml::table& table_;
};

ProcessSettings settings(const Reader& reader) {
  ProcessSettings s;
  if (const auto n = reader.number("priority", -255, 255)) s.priority = static_cast<int32_t>(*n);
  if (const auto n = reader.number("share", 0, 100)) s.share = static_cast<int16_t>(*n);
  if (const auto n = reader.number("level", 1, 3)) s.level = static_cast<uint32_t>(*n);
  if (const auto n = reader.number("latency_budget_us", 1, 10'000'000)) {
    s.latency_budget_ns = static_cast<uint64_t>(*n) * 1000;
  }
  return s;
}

std::optional<uint32_t> user_of(const toml::table& table, const Reader& reader,
                                const UserLookup& lookup) {
  const toml::node* node = table.get("user");
  if (node == nullptr) return std::nullopt;
  // The highest number stands for "no user" (chown(2)).
  if (node->is_integer()) return static_cast<uint32_t>(*reader.number("user", 0, 0xfffffffe));
  const std::string name = *reader.text("user");
  const std::optional<uint32_t> uid = lookup(name);
  if (!uid) throw reader.wrong("user", "'" + printable(name) + "' is not known on this machine");
  return uid;
}

ConfigRule rule(const toml::table& table, const UserLookup& lookup) {
  const Reader reader(
      table, "[[rule]]",
      {"user", "cgroup", "command", "priority", "share", "level", "latency_budget_us"});
  ConfigRule r;
  r.uid = user_of(table, reader, lookup);
  r.cgroup = reader.text("cgroup");
  r.command = reader.text("command");
  r.settings = settings(reader);
  const uint32_t line = line_of(table.source());
  if (!r.uid && !r.cgroup && !r.command) {
    throw Wrong{line,
                "[[rule]] matches everything: give user, cgroup or command, or use [default]"};
  }
  if (r.settings == ProcessSettings{}) {
    throw Wrong{line, "[[rule]] sets nothing: give priority, share, level or latency_budget_us"};
  }
  return r;
}

Config config(const toml::table& root, const UserLookup& lookup) {
  const Reader reader(root, "the file",
                      {"policy", "timeslice_us", "concurrency", "default", "rule"});
  Config c;
  if (const auto name = reader.text("policy")) {
    std::string reason;
    const std::unique_ptr<Policy> policy = make_policy(printable(*name), reason);
    if (policy == nullptr) throw Wrong{line_of(root.get("policy")->source()), reason};
    c.policy = policy->name();
  }
  if (const auto n = reader.number("timeslice_us", 100, 10'000'000)) {
    c.timeslice_ns = static_cast<uint64_t>(*n) * 1000;
  }
  if (const auto n = reader.number("concurrency", 1, 1024)) {
    c.concurrency = static_cast<uint32_t>(*n);
  }
  if (const toml::node* node = root.get("default")) {
    if (!node->is_table()) throw reader.wrong("default", "is not a table: write [default]");
    c.defaults = settings(Reader(*node->as_table(), "[default]",
                                 {"priority", "share", "level", "latency_budget_us"}));
  }
  if (const toml::node* node = root.get("rule")) {
    const toml::array* rules = node->as_array();
    if (rules == nullptr || !rules->is_homogeneous<toml::table>()) {
      throw reader.wrong("rule", "is not an array of tables: write [[rule]]");
    }
    if (rules->size() > kMostRules) {
      throw reader.wrong("rule", "has " + std::to_string(rules->size()) + " entries: at most " +
                                     std::to_string(kMostRules));
    }
    for (const toml::node& entry : *rules) c.rules.push_back(rule(*entry.as_table(), lookup));
  }
  return c;
}

}  // namespace

ProcessSettings Config::settings_for(const Process& process) const {
  ProcessSettings s = defaults;
  for (const ConfigRule& r : rules) {
    if (r.uid && *r.uid != process.uid) continue;
    if (r.cgroup && !matches(*r.cgroup, process.cgroup)) continue;
    if (r.command && !matches(*r.command, process.command)) continue;
    if (r.settings.priority) s.priority = r.settings.priority;
    if (r.settings.share) s.share = r.settings.share;
    if (r.settings.level) s.level = r.settings.level;
    if (r.settings.latency_budget_ns) s.latency_budget_ns = r.settings.latency_budget_ns;
    break;
  }
  return s;
}

std::optional<uint32_t> system_user(const std::string& name) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(1024);
  int error = 0;
  while ((error = getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found)) ==
             ERANGE &&
         buffer.size() < kMostBytes) {
    buffer.resize(2 * buffer.size());
  }
  if (error != 0 || found == nullptr) return std::nullopt;
  return entry.pw_uid;
}

std::optional<Config> parse_config(std::string_view text, const std::string& file,
                                   std::string& error, const UserLookup& user) {
  const auto fail = [&](uint32_t line, std::string_view reason) {
    error = file + ":" + std::to_string(line) + ": ";
    error += reason;
    return std::nullopt;
  };
  if (text.size() > kMostBytes) {
    return fail(1, "the file has " + std::to_string(text.size()) + " bytes: at most " +
                       std::to_string(kMostBytes));
  }
  TextFault fault;
  const std::optional<std::string> ascii = ascii_text(text, fault);
  if (!ascii) return fail(fault.line, fault.reason);
  try {
    return config(toml::parse(*ascii), user);
  } catch (const Wrong& wrong) {
    return fail(wrong.line, wrong.reason);
  } catch (const toml::parse_error& e) {
    std::string reason(e.description());
    for (char& c : reason) c = c < ' ' && c >= 0 ? ' ' : c;
    return fail(e.source().begin.line, "not TOML: " + reason);
  }
}

std::optional<Config> load_config(const std::string& file, std::string& error) {
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  std::string text(kMostBytes + 1, '\0');
  if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in && !in.eof()) {
    error = file + ": cannot be read: " + (errno != 0 ? strerror(errno) : "input error");
    return std::nullopt;
  }
  text.resize(static_cast<size_t>(in.gcount()));
  return parse_config(text, file, error);
}

bool matches(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0;
  // Where to go on if what follows the last star does not fit: that star takes
  // one byte more. Earlier stars never need to be tried again.
  size_t star = std::string_view::npos, taken = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      taken = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star;
      t = ++taken;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace xsched
