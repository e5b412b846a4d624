// SPDX-License-Identifier: Apache-2.0
//
// Trace events as text, in the JSON array format of Chrome's and Perfetto's
// trace viewers: one event a line, a comma before each but the first. The
// viewers accept an array without its end, so a killed process leaves a trace
// that opens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace xsched {

class JsonLines {
 public:
  explicit JsonLines(int pid) : pid_(pid) {}

  // `args` is the inside of an object, "" for none: "\"n\":1,\"m\":2".
  void slice(int64_t track, std::string_view name, std::string_view category, uint64_t begin_ns,
             uint64_t end_ns, std::string_view args = "");
  void begin(int64_t track, std::string_view name, std::string_view category, uint64_t at_ns,
             std::string_view args = "");
  void end(int64_t track, uint64_t at_ns);
  void instant(int64_t track, std::string_view name, std::string_view category, uint64_t at_ns,
               std::string_view args = "");
  void counter(std::string_view name, uint64_t at_ns, std::string_view args);
  void process_name(std::string_view name);
  // `order` sorts the tracks of the process.
  void track_name(int64_t track, std::string_view name, int64_t order);

  // Takes what was written since the last call.
  std::string take() {
    std::string text;
    text.swap(text_);
    return text;
  }
  size_t size() const noexcept { return text_.size(); }

 private:
  void open(char phase, int64_t track, std::string_view name, std::string_view category,
            uint64_t at_ns);
  void close(std::string_view args);

  const int pid_;
  bool first_ = true;
  std::string text_;
};

// A number as the inside of a JSON object: "\"name\":7".
std::string json_number(std::string_view name, uint64_t value);
// A text likewise, escaped; bytes that are not printable ASCII become '?'.
std::string json_text(std::string_view name, std::string_view value);
// ns as microseconds with three digits, the format's unit.
std::string json_us(std::string_view name, uint64_t ns);

}  // namespace xsched
