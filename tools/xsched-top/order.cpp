// SPDX-License-Identifier: Apache-2.0
//
// See order.h.
#include "order.h"

#include <algorithm>
#include <map>

namespace xsched::top {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(tolower(c)); });
  return text;
}

bool shown(const Row& row, const Order& order, const std::string& filter) {
  if (row.type == QueueType::kSdma && !order.sdma) return false;
  if (filter.empty()) return true;
  return std::any_of(columns().begin(), columns().end(), [&](const Column& column) {
    return lower(column.text(row)).find(filter) != std::string::npos;
  });
}

// GPU, process, then XQueues before the rest, each by number.
int natural(const Row& a, const Row& b) {
  static const Column& gpu = columns()[static_cast<size_t>(find_column("GPU"))];
  if (const int c = gpu.compare(a, b); c != 0) return c;
  if (a.pid != b.pid) return a.pid < b.pid ? -1 : 1;
  if (a.key.is_xq != b.key.is_xq) return a.key.is_xq ? -1 : 1;
  return a.key.id < b.key.id ? -1 : (a.key.id > b.key.id ? 1 : 0);
}

bool before(const Row& a, const Row& b, const Order& order) {
  if (order.column >= 0) {
    const Column& column = columns()[static_cast<size_t>(order.column)];
    const bool a_known = column.known(a), b_known = column.known(b);
    if (a_known != b_known) return a_known;  // unknown last, whatever the direction
    const int c = a_known ? column.compare(a, b) : 0;
    if (c != 0) return order.descending ? c > 0 : c < 0;
  }
  return natural(a, b) < 0;
}

template <typename T, typename Combine>
void combine(std::optional<T>& sum, const std::optional<T>& value, bool first, Combine how) {
  if (first) {
    sum = value;
  } else if (sum && value) {
    sum = how(*sum, *value);
  } else {
    sum.reset();
  }
}

// Keeps what all members share.
template <typename T>
void common(std::optional<T>& all, const std::optional<T>& value, bool first) {
  if (first)
    all = value;
  else if (all != value)
    all.reset();
}

}  // namespace

std::vector<Line> arrange(const Model& model, const Order& order) {
  const std::vector<Row>& rows = model.rows();
  const std::string filter = lower(order.filter);
  std::vector<size_t> chosen;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (shown(rows[i], order, filter)) chosen.push_back(i);
  }
  std::sort(chosen.begin(), chosen.end(),
            [&](size_t a, size_t b) { return before(rows[a], rows[b], order); });
  std::vector<Line> lines;
  if (!order.tree) {
    for (size_t i : chosen) {
      lines.emplace_back();
      lines.back().row = i;
    }
    return lines;
  }
  // Groups stand in the order of their first rows, so that a sort by a column
  // moves whole processes.
  struct Group {
    std::vector<std::pair<int32_t, std::vector<size_t>>> processes;
  };
  std::vector<std::pair<std::optional<uint32_t>, Group>> gpus;
  for (size_t i : chosen) {
    auto gpu = std::find_if(gpus.begin(), gpus.end(),
                            [&](const auto& g) { return g.first == rows[i].gpu_id; });
    if (gpu == gpus.end()) gpu = gpus.insert(gpus.end(), {rows[i].gpu_id, {}});
    auto& processes = gpu->second.processes;
    auto process = std::find_if(processes.begin(), processes.end(),
                                [&](const auto& p) { return p.first == rows[i].pid; });
    if (process == processes.end()) process = processes.insert(processes.end(), {rows[i].pid, {}});
    process->second.push_back(i);
  }
  for (const auto& [gpu_id, gpu] : gpus) {
    const size_t heading = lines.size();
    lines.emplace_back();
    lines[heading].kind = Line::Kind::kGpu;
    for (const auto& [pid, members] : gpu.processes) {
      lines[heading].members.insert(lines[heading].members.end(), members.begin(), members.end());
      lines.emplace_back();
      lines.back().kind = Line::Kind::kProcess;
      lines.back().members = members;
      for (size_t i : members) {
        lines.emplace_back();
        lines.back().row = i;
      }
      lines.back().last = true;
    }
  }
  return lines;
}

Row summary(const Model& model, const Line& heading) {
  const auto sum = [](auto a, auto b) { return a + b; };
  const auto most = [](auto a, auto b) { return std::max(a, b); };
  Row all;
  bool first = true;
  for (size_t i : heading.members) {
    const Row& row = model.rows()[i];
    if (first) {
      all.pid = heading.kind == Line::Kind::kProcess ? row.pid : 0;
      all.user = row.user;
      all.command = row.command;
      all.gpu_index = row.gpu_index;
      all.engine = row.engine;
      all.state = row.state;
    }
    if (all.engine != row.engine) all.engine.clear();
    if (all.state != row.state) all.state = State::kUnknown;
    common(all.gpu_id, row.gpu_id, first);
    common(all.priority, row.priority, first);
    common(all.level_wanted, row.level_wanted, first);
    common(all.level_actual, row.level_actual, first);
    common(all.held, row.held, first);
    combine(all.depth, row.depth, first, sum);
    combine(all.inflight, row.inflight, first, sum);
    combine(all.suspends_per_s, row.suspends_per_s, first, sum);
    // The worst of those that were suspended at all.
    if (row.preempt_p99_ns)
      all.preempt_p99_ns = std::max(all.preempt_p99_ns.value_or(0), *row.preempt_p99_ns);
    combine(all.waiting, row.waiting, first, most);
    combine(all.busy, row.busy, first, most);
    first = false;
  }
  return all;
}

}  // namespace xsched::top
