// SPDX-License-Identifier: Apache-2.0
//
// See json_lines.h. Hand-made: a launch storm gives a million events a second.
#include "json_lines.h"

#include <charconv>

namespace xsched {
namespace {

void append(std::string& text, int64_t value) {
  char digits[24];
  text.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

void append_us(std::string& text, uint64_t ns) {
  append(text, static_cast<int64_t>(ns / 1000));
  const auto rest = static_cast<uint32_t>(ns % 1000);
  const char digits[] = {'.', static_cast<char>('0' + rest / 100),
                         static_cast<char>('0' + rest / 10 % 10),
                         static_cast<char>('0' + rest % 10)};
  text.append(digits, sizeof digits);
}

void append_escaped(std::string& text, std::string_view value) {
  for (const char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    text += c >= ' ' && c <= '~' ? c : '?';
  }
}

}  // namespace

void JsonLines::open(char phase, int64_t track, std::string_view name, std::string_view category,
                     uint64_t at_ns) {
  text_ += first_ ? "\n{\"ph\":\"" : ",\n{\"ph\":\"";
  first_ = false;
  text_ += phase;
  text_ += "\",\"pid\":";
  append(text_, pid_);
  if (track >= 0) {
    text_ += ",\"tid\":";
    append(text_, track);
  }
  text_ += ",\"ts\":";
  append_us(text_, at_ns);
  if (!name.empty()) {
    text_ += ",\"name\":\"";
    append_escaped(text_, name);
    text_ += '"';
  }
  if (!category.empty()) {
    text_ += ",\"cat\":\"";
    append_escaped(text_, category);
    text_ += '"';
  }
}

void JsonLines::close(std::string_view args) {
  if (!args.empty()) {
    text_ += ",\"args\":{";
    text_ += args;
    text_ += '}';
  }
  text_ += '}';
}

void JsonLines::slice(int64_t track, std::string_view name, std::string_view category,
                      uint64_t begin_ns, uint64_t end_ns, std::string_view args) {
  open('X', track, name, category, begin_ns);
  text_ += ",\"dur\":";
  append_us(text_, end_ns > begin_ns ? end_ns - begin_ns : 0);
  close(args);
}

void JsonLines::begin(int64_t track, std::string_view name, std::string_view category,
                      uint64_t at_ns, std::string_view args) {
  open('B', track, name, category, at_ns);
  close(args);
}

void JsonLines::end(int64_t track, uint64_t at_ns) {
  open('E', track, "", "", at_ns);
  close("");
}

void JsonLines::instant(int64_t track, std::string_view name, std::string_view category,
                        uint64_t at_ns, std::string_view args) {
  open('i', track, name, category, at_ns);
  text_ += ",\"s\":\"t\"";
  close(args);
}

void JsonLines::counter(std::string_view name, uint64_t at_ns, std::string_view args) {
  open('C', -1, name, "", at_ns);
  close(args);
}

void JsonLines::process_name(std::string_view name) {
  open('M', -1, "process_name", "", 0);
  close(json_text("name", name));
}

void JsonLines::track_name(int64_t track, std::string_view name, int64_t order) {
  open('M', track, "thread_name", "", 0);
  close(json_text("name", name));
  open('M', track, "thread_sort_index", "", 0);
  close(json_number("sort_index", static_cast<uint64_t>(order)));
}

std::string json_number(std::string_view name, uint64_t value) {
  std::string text = "\"" + std::string(name) + "\":";
  append(text, static_cast<int64_t>(value));
  return text;
}

std::string json_text(std::string_view name, std::string_view value) {
  std::string text = "\"" + std::string(name) + "\":\"";
  append_escaped(text, value);
  return text + '"';
}

std::string json_us(std::string_view name, uint64_t ns) {
  std::string text = "\"" + std::string(name) + "\":";
  append_us(text, ns);
  return text;
}

}  // namespace xsched
