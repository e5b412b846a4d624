// SPDX-License-Identifier: Apache-2.0
//
// info and list: tables for people, JSON for programs. Unknown is null or
// "-", never a made-up 0.
#include <cinttypes>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "common/connection.h"
#include "common/record.h"

namespace xsched::ctl {
namespace {

using nlohmann::json;

const char* state_name(const XQueueRecord& r) {
  if (r.run == 0) return r.suspended != 0 ? "suspended" : "suspending";
  return r.ready != 0 ? "run" : "idle";
}

json to_json(const XQueueRecord& r) {
  json j;
  j["pid"] = r.pid;
  j["uid"] = r.uid;
  j["comm"] = r.comm;
  j["xq"] = r.id;
  j["gpu"] = r.gpu_id == 0 ? json() : json(r.gpu_id);
  j["kfd_queue"] = r.kfd_queue_id == ~0u ? json() : json(r.kfd_queue_id);
  j["priority"] = r.priority;
  j["priority_inherited"] = r.inherits != 0 ? json(r.inherited) : json();
  j["level_wanted"] = r.level_wanted;
  j["level_actual"] = r.level_actual;
  j["engine"] = engine_of(r);
  j["state"] = state_name(r);
  j["ready"] = r.ready != 0;
  j["held"] = r.held != 0;
  j["window"] = r.window;
  j["guard"] = r.guard;
  j["ring"] = r.ring_packets;
  j["submitted"] = r.submitted;
  j["moved"] = r.moved;
  j["retired"] = r.retired;
  j["depth"] = depth_of(r);
  j["inflight"] = in_flight_of(r);
  j["suspends"] = r.suspends;
  const bool any = r.suspends != 0;
  j["last_suspend_us"] = any ? json(static_cast<double>(r.last_suspend_ns) / 1e3) : json();
  j["max_suspend_us"] = any ? json(static_cast<double>(r.max_suspend_ns) / 1e3) : json();
  j["inflight_at_preemption_mean"] =
      any ? json(static_cast<double>(r.inflight_sum) / static_cast<double>(r.suspends)) : json();
  j["last_inflight"] = any ? json(r.last_inflight) : json();
  j["dropped"] = r.dropped;
  const bool measured = r.work_ns != 0;
  j["work_us"] = measured ? json(static_cast<double>(r.work_ns) / 1e3) : json();
  j["work_spread_us"] = measured ? json(static_cast<double>(r.work_spread_ns) / 1e3) : json();
  j["work_inside"] = r.inside == kInsideUnknown ? json() : json(r.inside);
  j["suspends_patient"] = r.patient;
  j["suspends_overdue"] = r.overdue;
  j["latency_budget_us"] = r.budget_ns == 0 ? json() : json(r.budget_ns / 1000);
  j["deadline_us"] = r.deadline_ns < 0 ? json() : json(r.deadline_ns / 1000);
  j["share"] = r.share;
  return j;
}

json to_json(const ProcessRecord& p) {
  return {{"pid", p.pid},         {"uid", p.uid},
          {"comm", p.comm},       {"kmod", p.kmod},
          {"kfd", p.kfd},         {"gate", p.gate},
          {"carried", p.carried}, {"kmod_why", p.kmod_why[0] == '\0' ? json() : json(p.kmod_why)}};
}

}  // namespace

int info(const std::string& socket, bool as_json) {
  Connection connection(socket);
  const InfoReply reply = connection.info();
  const double uptime = static_cast<double>(reply.uptime_ns) / 1e9;
  const std::vector<ProcessRecord> processes = connection.processes();
  if (as_json) {
    json clients = json::array();
    for (const ProcessRecord& p : processes) clients.push_back(to_json(p));
    const json j = {{"socket", socket},
                    {"module",
                     {{"usable", reply.module_usable != 0},
                      {"text", reply.module_text},
                      {"xqueues", reply.carried}}},
                    {"clients", clients},
                    {"pid", reply.pid},
                    {"policy", reply.policy},
                    {"processes", reply.processes},
                    {"xqueues", reply.xqueues},
                    {"suspended", reply.suspended},
                    {"decisions", reply.decisions},
                    {"edges", reply.edges},
                    {"uptime_s", uptime}};
    printf("%s\n", j.dump(2).c_str());
    return kDone;
  }
  printf("xschedd   pid %d at %s, up %.0f s\n", reply.pid, socket.c_str(), uptime);
  printf("policy    %s\n", reply.policy);
  printf("scheduled %u processes, %u XQueues, %u suspended\n", reply.processes, reply.xqueues,
         reply.suspended);
  printf("so far    %" PRIu64 " edges, %" PRIu64 " decisions\n", reply.edges, reply.decisions);
  if (reply.module_usable != 0) {
    printf("module    %s; suspends hardware queues of %u XQueues across processes\n",
           reply.module_text, reply.carried);
  } else {
    printf("module    not used: %s\n", reply.module_text);
  }
  // Which engines are in use, by XQueue.
  uint32_t count[4] = {};
  uint32_t weaker = 0;
  for (const XQueueRecord& r : connection.list()) {
    ++count[r.engine < 4 ? r.engine : 0];
    if (r.level_actual < r.level_wanted) ++weaker;
  }
  printf("engines   kmod %u, kfd %u, gate %u XQueues; %u below the level they want\n", count[3],
         count[2], count[1], weaker);
  for (const ProcessRecord& p : processes) {
    printf("%8d  %-15s kmod %u, kfd %u, gate %u", p.pid, p.comm, p.kmod, p.kfd, p.gate);
    if (p.kmod_why[0] != '\0') printf("; not kmod: %s", p.kmod_why);
    printf("\n");
  }
  return kDone;
}

int list(const std::string& socket, bool as_json) {
  Connection connection(socket);
  const std::vector<XQueueRecord> records = connection.list();
  if (as_json) {
    json rows = json::array();
    for (const XQueueRecord& r : records) rows.push_back(to_json(r));
    printf("%s\n", json{{"xqueues", rows}}.dump(2).c_str());
    return kDone;
  }
  printf("%8s %-15s %4s %6s %5s %5s %-3s %-6s %-10s %8s %8s %9s %10s\n", "PID", "COMMAND", "XQ",
         "GPU", "QID", "PRIO", "LV", "ENGINE", "STATE", "DEPTH", "INFL", "SUSPENDS", "MAX us");
  for (const XQueueRecord& r : records) {
    char qid[16] = "-";
    if (r.kfd_queue_id != ~0u) snprintf(qid, sizeof qid, "%u", r.kfd_queue_id);
    char max[24] = "-";
    if (r.suspends != 0)
      snprintf(max, sizeof max, "%.1f", static_cast<double>(r.max_suspend_ns) / 1e3);
    char inherits[24] = "";
    if (r.inherits != 0) snprintf(inherits, sizeof inherits, " inherits %d", r.inherited);
    printf("%8d %-15s %4u %6u %5s %5d %u/%u %-6s %-10s %8" PRIu64 " %8" PRIu64 " %9" PRIu64
           " %10s%s%s\n",
           r.pid, r.comm, r.id, r.gpu_id, qid, r.priority, r.level_wanted, r.level_actual,
           engine_of(r), state_name(r), depth_of(r), in_flight_of(r), r.suspends, max,
           r.held != 0 ? " held" : "", inherits);
  }
  return kDone;
}

}  // namespace xsched::ctl
