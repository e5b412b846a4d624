// SPDX-License-Identifier: Apache-2.0
//
// xsched-sim --list and --remove: a node seen from outside.

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "../node/gpu.h"
#include "../node/store.h"
#include "../node/topology.h"
#include "launcher.h"

namespace xsim::launcher {

namespace {

const char* type_name(QueueType type) {
  switch (type) {
    case QueueType::kCompute:
      return "pm4";
    case QueueType::kSdma:
      return "sdma";
    case QueueType::kComputeAql:
      return "aql";
    case QueueType::kSdmaXgmi:
      return "xgmi";
  }
  return "?";
}

}  // namespace

int print_queues(const std::string& node_name, bool json) {
  const std::vector<QueueView> queues = list_queues(node_name);
  if (json) {
    auto list = nlohmann::json::array();
    for (const QueueView& queue : queues) {
      list.push_back({{"gpu", queue.gpu},
                      {"gpu_id", gpu_id(queue.gpu)},
                      {"pid", queue.pid},
                      {"queue", queue.queue_id},
                      {"type", type_name(queue.type)},
                      {"percent", queue.percent},
                      {"priority", queue.priority},
                      {"mapped", queue.mapped},
                      {"has_work", queue.has_work},
                      {"cu_units", queue.cu_units},
                      {"dispatches", queue.dispatches},
                      {"preemptions", queue.preemptions},
                      {"busy_ns", queue.busy_ns}});
    }
    auto gpus = nlohmann::json::array();
    for (const GpuView& gpu : list_gpus(node_name)) {
      gpus.push_back({{"gpu", gpu.gpu},
                      {"gpu_id", gpu_id(gpu.gpu)},
                      {"name", gpu_model(gpu.target).name},
                      {"units", gpu.units},
                      {"units_held", gpu.units_held}});
    }
    fmt::print("{}\n",
               nlohmann::json{{"node", node_name}, {"queues", list}, {"gpus", gpus}}.dump(2));
    return 0;
  }
  if (queues.empty()) {
    fmt::print("no queues on node '{}'\n", node_name);
    return 0;
  }
  fmt::print("{:>3} {:>8} {:>5} {:<5} {:>7} {:>8} {:>6} {:>4} {:>8} {:>10} {:>11} {:>10}\n", "gpu",
             "pid", "queue", "type", "percent", "priority", "mapped", "work", "cu-units",
             "dispatches", "preemptions", "busy-ms");
  for (const QueueView& queue : queues) {
    fmt::print("{:>3} {:>8} {:>5} {:<5} {:>7} {:>8} {:>6} {:>4} {:>8} {:>10} {:>11} {:>10.1f}\n",
               queue.gpu, queue.pid, queue.queue_id, type_name(queue.type), queue.percent,
               queue.priority, queue.mapped ? "yes" : "no", queue.has_work ? "yes" : "no",
               queue.cu_units, queue.dispatches, queue.preemptions,
               static_cast<double>(queue.busy_ns) / 1e6);
  }
  return 0;
}

int remove(const std::string& node_name) {
  const int error = remove_node(node_name);
  if (error == EBUSY) {
    complain("node '" + node_name + "' is in use (xsched-sim --list --node " + node_name +
             " shows by whom); end those processes first");
    return 1;
  }
  if (error != 0 && error != ENOENT) {
    complain("cannot remove node '" + node_name + "': " + std::strerror(error));
    return 1;
  }
  // The memory itself went with the last process; these are what is left.
  ::unlink(store_registry_path(node_name).c_str());
  remove_topology(node_name);
  return 0;
}

}  // namespace xsim::launcher
