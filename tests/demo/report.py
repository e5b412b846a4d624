# SPDX-License-Identifier: Apache-2.0
"""The demo's figures: what a scheme measured, the table, the bars."""

import math

MODELLED = [
    "kernel durations (0.2 ms and 10 ms of running time)",
    "compute units, and who gets them",
    "what it costs the GPU to unmap a busy hardware queue, save its waves and restore them",
]
# Share of time that some task waited for a CPU, above which a row says more
# about the host than about anything else. The demo itself stays below 0.15 on
# two cores.
BUSY_HOST = 0.3
WIDTH = 48  # of the picture's bars, in characters


def percentile(ordered, share):
    """Nearest rank: the smallest value that at least `share` of all do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def cpu_waited_us():
    """Time so far during which some task of this host waited for a CPU; None if unknown."""
    try:
        with open("/proc/pressure/cpu") as pressure:
            return int(pressure.readline().rsplit("total=", 1)[1])
    except (OSError, IndexError, ValueError):
        return None


class XQueueRecord:
    """What xschedctl said about the XQueues, and the kernel about the host,
    while a scheme ran."""

    def __init__(self):
        self.wanted, self.actual, self.engines = set(), set(), set()
        self.suspends, self.in_flight = 0, 0.0
        self.pressure = None

    def add(self, xqueues, low_priority):
        suspends, in_flight = 0, 0.0
        for queue in xqueues:
            self.wanted.add(queue["level_wanted"])
            self.actual.add(queue["level_actual"])
            self.engines.add(queue["engine"])
            if queue["priority"] == low_priority and queue["suspends"]:
                suspends += queue["suspends"]
                in_flight += queue["suspends"] * queue["inflight_at_preemption_mean"]
        if suspends >= self.suspends:
            self.suspends, self.in_flight = suspends, in_flight


def scheme(name, level, seen, requests, low):
    """One entry of demo.json's `schemes`."""
    latencies = sorted((end - start) / 1e3 for start, end in requests)
    busy_ns = sum(end - start for start, end in requests)
    entry = {
        "name": name,
        "level_wanted": level,
        # The weakest level that any XQueue was seen at: nothing silently runs lower.
        "level_actual": min(seen.actual) if seen.actual else 0,
        "high": {"n": len(latencies), "p50_us": round(percentile(latencies, 0.5), 1),
                 "p99_us": round(percentile(latencies, 0.99), 1),
                 "max_us": round(latencies[-1], 1),
                 "busy_share": round(busy_ns / (requests[-1][1] - requests[0][0]), 4)},
        "low": {"completed": low["completed"], "per_s": round(low["per_s"], 2)},
    }
    if seen.pressure is not None:
        entry["host_cpu_pressure"] = round(seen.pressure, 3)
    if level:
        entry["engines"] = sorted(seen.engines)
        # As with levels, the weakest seen.
        entry["engine"] = next((name for name in ("none", "gate", "kfd", "kmod")
                                if name in seen.engines), "none")
        entry["preemptions"] = seen.suspends
        entry["in_flight_mean"] = (round(seen.in_flight / seen.suspends, 2) if seen.suspends
                                   else None)
    return entry


def ms(us):
    return f"{us / 1000:.2f}"


def one_line(entry):
    high, low = entry["high"], entry["low"]
    return (f"{entry['name']:8} p50 {ms(high['p50_us'])} p99 {ms(high['p99_us'])} "
            f"max {ms(high['max_us'])} ms, other {low['per_s']:.1f} kernels/s")


def picture(schemes):
    """Solid to the median, light to P99, a dot at the maximum."""
    full = max(entry["high"]["max_us"] for entry in schemes)
    lines = []
    for entry in schemes:
        high = entry["high"]
        at = [max(1, round(high[key] / full * WIDTH)) for key in ("p50_us", "p99_us", "max_us")]
        bar = "█" * at[0] + "░" * (at[1] - at[0])
        if at[2] > at[1]:
            bar += " " * (at[2] - at[1] - 1) + "·"
        lines.append(f"{entry['name']:8} {bar}")
    return lines + [f"{'':8} █ P50  ░ P99  · max; full width {full / 1000:.1f} ms"]


def table(result):
    lines = ["", result["device"], "",
             f"{'':8} {'level':>8} {'':>7} {'urgent request, ms':>27} {'other':>11} "
             f"{'packets in':>12}",
             f"{'scheme':8} {'want/got':>8} {'engine':>7} {'P50':>9}{'P99':>9}{'max':>9} "
             f"{'kernels/s':>11} {'flight':>12}"]
    for entry in result["schemes"]:
        high, level = entry["high"], entry["level_wanted"]
        levels = f"{level}/{entry['level_actual']}" if level else "-"
        flight = entry.get("in_flight_mean")
        lines.append(f"{entry['name']:8} {levels:>8} {entry.get('engine', '-'):>7} {ms(high['p50_us']):>9}"
                     f"{ms(high['p99_us']):>9}{ms(high['max_us']):>9} "
                     f"{entry['low']['per_s']:>11.1f} {'-' if flight is None else flight:>12}")
    lines += ["", *picture(result["schemes"]), "",
              "alone: each side had the GPU to itself; its P99 shows this host's own noise.",
              "packets in flight: in the other side's hardware queue when it was preempted, mean.",
              "From the device model, not measured: " + "; ".join(MODELLED) + ".",
              "Everything else is this machine's wall clock: ROCm's and xsched's real code."]
    busy = [f"{entry['name']} {entry['host_cpu_pressure']:.0%}" for entry in result["schemes"]
            if entry.get("host_cpu_pressure", 0) > BUSY_HOST]
    if busy:
        lines += ["This host was busy with something else; of the time that a row took, some task "
                  f"waited for", f"a CPU in: {', '.join(busy)}. Those rows carry that noise."]
    return "\n".join(lines)


def bars(result):
    """The issue's bars: name, measured, limit, met. Only those whose rows were run."""
    by_name = {entry["name"]: entry for entry in result["schemes"]}
    kernel_us = result["low_kernel_ms"] * 1000
    found = []

    def bar(name, measured, relation, limit, unit):
        met = {"<=": measured <= limit, "<": measured < limit, ">=": measured >= limit,
               "==": measured == limit}[relation]
        found.append({"name": name, "measured": round(measured, 3), "relation": relation,
                      "limit": round(limit, 3), "unit": unit, "met": bool(met)})

    def p99(name):
        return by_name[name]["high"]["p99_us"]

    for entry in result["schemes"]:
        bar(f"{entry['name']}: requests", entry["high"]["n"], ">=", 200, "")
        if entry["level_wanted"]:
            bar(f"{entry['name']}: actual level", entry["level_actual"], "==",
                entry["level_wanted"], "")
    have = by_name.keys()
    if {"alone", "level3"} <= have:
        bar("level3: p99, 1.5 x alone + 1 ms", p99("level3"), "<=", 1.5 * p99("alone") + 1000, "us")
    if {"native", "level3"} <= have:
        bar("level3: p99, 0.25 x native", p99("level3"), "<=", 0.25 * p99("native"), "us")
    if {"alone", "level2"} <= have:
        bar("level2: p99, alone + 1.5 kernels", p99("level2"), "<=",
            p99("alone") + 1.5 * kernel_us, "us")
    if {"alone", "level1"} <= have:
        bar("level1: p99, alone + (window + 0.5) kernels", p99("level1"), "<=",
            p99("alone") + (result["window"] + 0.5) * kernel_us, "us")
    if {"native", "level1"} <= have:
        bar("level1: p99, better than native", p99("level1"), "<", p99("native"), "us")
    if "level3" in have:
        entry = by_name["level3"]
        share = 1 - entry["high"]["busy_share"]
        bar("level3: other's throughput, 0.9 x what is left of alone", entry["low"]["per_s"], ">=",
            0.9 * share * result["low_alone"]["per_s"], "kernels/s")
    return found


def bar_line(bar):
    return (f"{'met   ' if bar['met'] else 'MISSED'} {bar['name']}: {bar['measured']:g} "
            f"{bar['relation']} {bar['limit']:g} {bar['unit']}".rstrip())
