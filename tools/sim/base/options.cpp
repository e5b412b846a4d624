// SPDX-License-Identifier: Apache-2.0
//
// See options.h.

#include "options.h"

#include <cctype>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace xsim {

namespace {

std::string quoted(std::string_view value) {
  return "'" + std::string(value) + "'";
}

// A decimal number in [low, high].
bool parse_number(std::string_view text, uint64_t low, uint64_t high, uint64_t& out) {
  if (text.empty() || text.size() > 12) return false;  // 12 digits fit in 64 bits
  uint64_t value = 0;
  for (const char c : text) {
    if (!std::isdigit(static_cast<unsigned char>(c))) return false;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  if (value < low || value > high) return false;
  out = value;
  return true;
}

class Reader {
 public:
  Reader(const Getenv& get, std::string& error) : get_(get), error_(error) {}

  const char* text(const char* name) const {
    const char* value = get_(name);
    return value && *value ? value : nullptr;
  }

  template <typename Integer>
  bool number(const char* name, uint64_t low, uint64_t high, Integer& out) {
    const char* value = text(name);
    if (!value) return true;
    uint64_t parsed = 0;
    if (!parse_number(value, low, high, parsed)) {
      return fail(std::string(name) + " is " + quoted(value) + ": valid are whole numbers from " +
                  std::to_string(low) + " to " + std::to_string(high));
    }
    out = static_cast<Integer>(parsed);
    return true;
  }

  bool fail(std::string message) {
    error_ = std::move(message);
    return false;
  }

 private:
  const Getenv& get_;
  std::string& error_;
};

constexpr uint64_t kMaxMicroseconds = 60'000'000;  // a minute; more is a typing error

bool parse_kernel_times(Reader& reader, std::string_view list,
                        std::vector<NodeConfig::KernelTime>& out) {
  size_t begin = 0;
  while (begin <= list.size()) {
    size_t end = list.find(',', begin);
    if (end == std::string_view::npos) end = list.size();
    const std::string_view item = list.substr(begin, end - begin);
    // The last '=' splits: mangled names hold none, demangled ones may.
    const size_t equals = item.rfind('=');
    uint64_t us = 0;
    if (equals == std::string_view::npos || equals == 0 ||
        !parse_number(item.substr(equals + 1), 0, kMaxMicroseconds, us)) {
      return reader.fail("XSCHED_SIM_KERNEL_US holds " + quoted(item) +
                         ": valid is KERNEL=MICROSECONDS (0 to " +
                         std::to_string(kMaxMicroseconds) +
                         "), several with commas between; KERNEL may end in '*'");
    }
    out.push_back({std::string(item.substr(0, equals)), static_cast<uint32_t>(us)});
    begin = end + 1;
  }
  return true;
}

}  // namespace

bool valid_node_name(const std::string& name) {
  if (name.empty() || name.size() > 32) return false;
  for (const char c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_') return false;
  }
  return true;
}

bool parse_options(const Getenv& get, Options& out, std::string& error) {
  Reader reader(get, error);
  out = Options{};
  NodeConfig& node = out.node;

  if (const char* name = reader.text("XSCHED_SIM_NODE")) {
    if (!valid_node_name(name)) {
      return reader.fail("XSCHED_SIM_NODE is " + quoted(name) +
                         ": valid are 1 to 32 letters, digits, '-' and '_'");
    }
    node.name = name;
  }
  if (const char* gpu = reader.text("XSCHED_SIM_GPU")) {
    const std::string_view value = gpu;
    if (value == "gfx942") {
      node.target = isa::Target::gfx942;
    } else if (value == "gfx90a") {
      node.target = isa::Target::gfx90a;
    } else {
      return reader.fail("XSCHED_SIM_GPU is " + quoted(value) + ": valid are gfx942 and gfx90a");
    }
  }
  uint64_t vram_mb = node.vram_bytes >> 20;
  if (!reader.number("XSCHED_SIM_GPUS", 1, 8, node.gpus) ||
      !reader.number("XSCHED_SIM_CUS", 1, 304, node.cus) ||
      !reader.number("XSCHED_SIM_PREEMPT_US", 0, kMaxMicroseconds, node.preempt_us) ||
      !reader.number("XSCHED_SIM_RESTORE_US", 0, kMaxMicroseconds, node.restore_us) ||
      !reader.number("XSCHED_SIM_VRAM_MB", 64, 1u << 20, vram_mb) ||
      !reader.number("XSCHED_SIM_LOG", 0, 3, out.log)) {
    return false;
  }
  node.vram_bytes = vram_mb << 20;
  if (const char* module = reader.text("XSCHED_SIM_MODULE")) {
    const std::string_view value = module;
    if (value == "on" || value == "1") {
      out.module = ModuleAccess::kControl;
    } else if (value == "owner") {
      out.module = ModuleAccess::kOwner;
    } else if (value == "denied") {
      out.module = ModuleAccess::kDenied;
    } else if (value == "off" || value == "0") {
      out.module = ModuleAccess::kAbsent;
    } else {
      return reader.fail("XSCHED_SIM_MODULE is " + quoted(value) +
                         ": valid are on, owner, denied and off");
    }
  }
  if (const char* times = reader.text("XSCHED_SIM_KERNEL_US")) {
    if (!parse_kernel_times(reader, times, node.kernel_times)) return false;
  }
  return true;
}

bool options_from_environment(Options& out, std::string& error) {
  return parse_options([](const char* name) { return std::getenv(name); }, out, error);
}

}  // namespace xsim
