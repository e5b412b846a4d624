// SPDX-License-Identifier: Apache-2.0
//
// See report.h.
#include "report.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace xsched::top {
namespace {

using nlohmann::ordered_json;

constexpr int kJsonVersion = 1;  // grows when a member changes or goes

template <typename T>
ordered_json maybe(const std::optional<T>& value) {
  return value ? ordered_json(*value) : ordered_json();
}

ordered_json maybe(const std::string& text) {
  return text.empty() ? ordered_json() : ordered_json(text);
}

double rounded(double value) {
  return std::round(value * 1000) / 1000;
}

ordered_json maybe_rounded(const std::optional<double>& value, double scale = 1) {
  return value ? ordered_json(rounded(*value * scale)) : ordered_json();
}

ordered_json us(const std::optional<uint64_t>& ns) {
  return ns ? ordered_json(rounded(static_cast<double>(*ns) / 1e3)) : ordered_json();
}

const char* type_name(QueueType type) {
  return type == QueueType::kCompute ? "compute" : (type == QueueType::kSdma ? "sdma" : "");
}

ordered_json to_json(const Row& r) {
  ordered_json j;
  j["pid"] = r.pid;
  j["uid"] = maybe(r.uid);
  j["user"] = maybe(r.user);
  j["type"] = maybe(std::string(type_name(r.type)));
  j["gpu"] = maybe(r.gpu_index);
  j["gpu_id"] = maybe(r.gpu_id);
  j["queue_id"] = maybe(r.queue_id);
  j["xq"] = maybe(r.xq);
  j["streams"] = maybe(r.streams);
  j["priority"] = maybe(r.priority);
  j["level_wanted"] = maybe(r.level_wanted);
  j["level_actual"] = maybe(r.level_actual);
  j["engine"] = maybe(r.engine);
  j["state"] = r.state == State::kUnknown ? ordered_json() : ordered_json(state_name(r.state));
  j["held"] = maybe(r.held);
  j["depth"] = maybe(r.depth);
  j["inflight"] = maybe(r.inflight);
  j["suspends"] = maybe(r.suspends);
  j["suspends_per_s"] = maybe_rounded(r.suspends_per_s);
  j["preempt_p99_us"] = us(r.preempt_p99_ns);
  j["preempt_last_us"] = us(r.last_suspend_ns);
  j["preempt_max_us"] = us(r.max_suspend_ns);
  j["wait_percent"] = maybe_rounded(r.waiting, 100);
  j["busy_percent"] = maybe_rounded(r.busy, 100);
  j["command"] = maybe(r.command);
  return j;
}

ordered_json to_json(const Model& model, const Gpu& gpu) {
  ordered_json j;
  j["gpu"] = maybe(gpu.index);
  j["gpu_id"] = gpu.gpu_id;
  j["name"] = maybe(gpu.name);
  j["used_percent"] = maybe_rounded(gpu.used, 100);
  j["used_what"] = maybe(gpu.used_what);
  j["passes_per_s"] = maybe_rounded(model.passes_per_s(gpu.gpu_id));
  j["errors"] = maybe(gpu.errors);
  j["limited"] = maybe(gpu.limited);
  return j;
}

}  // namespace

std::string json_report(const Model& model, const Order& order) {
  ordered_json report;
  report["version"] = kJsonVersion;
  report["interval_s"] = maybe_rounded(model.interval());
  report["policy"] = maybe(model.policy());
  report["sources"] = ordered_json::array();
  for (const SourceStatus& source : model.sources()) {
    report["sources"].push_back(
        ordered_json{{"name", source.name}, {"ok", source.ok}, {"text", source.text}});
  }
  report["gpus"] = ordered_json::array();
  for (const Gpu& gpu : model.gpus()) report["gpus"].push_back(to_json(model, gpu));
  report["queues"] = ordered_json::array();
  for (const Line& line : arrange(model, order)) {
    if (line.kind == Line::Kind::kQueue)
      report["queues"].push_back(to_json(model.rows()[line.row]));
  }
  // Names of processes may be anything; the output is UTF-8.
  return report.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::string text_report(const Model& model, const Order& order) {
  std::string out;
  for (const SourceStatus& source : model.sources()) {
    out += source.name + (source.ok ? ": " : ": not there: ") + source.text + "\n";
  }
  for (const Gpu& gpu : model.gpus()) {
    out +=
        "GPU " + std::to_string(gpu.index.value_or(gpu.gpu_id)) + " " +
        (gpu.name.empty() ? std::string(kUnknown) : gpu.name) + ", used " +
        (gpu.used ? percent_text(*gpu.used) + "% (" + gpu.used_what + ")" : std::string(kUnknown)) +
        "\n";
  }
  const auto pad = [&out](const std::string& text, const Column& column, bool last) {
    const size_t width = static_cast<size_t>(column.width);
    const std::string blanks(text.size() < width ? width - text.size() : 0, ' ');
    out += column.right ? blanks + text : (last ? text : text + blanks);
    out += last ? '\n' : ' ';
  };
  const auto all = columns();
  for (const Column& column : all) pad(column.title, column, &column == &all.back());
  for (const Line& line : arrange(model, order)) {
    const Row sums = line.members.empty() ? Row{} : summary(model, line);
    const Row& row = line.members.empty() ? model.rows()[line.row] : sums;
    if (line.kind == Line::Kind::kGpu) {
      out += "GPU " + gpu_text(row) + ": " + std::to_string(line.members.size()) + " queues\n";
      continue;
    }
    for (const Column& column : all) {
      const bool blank = line.kind == Line::Kind::kProcess && !column.known(row);
      pad(blank ? "" : column.text(row), column, &column == &all.back());
    }
  }
  return out;
}

}  // namespace xsched::top
