# SPDX-License-Identifier: Apache-2.0
"""What run_list makes of its rows: a verdict for each, the table."""

import math
import sys

FINE = ("same", "close")


def progress(text):
    print(f"run_list: {text}", file=sys.stderr, flush=True)


def percentile(ordered, share):
    """Nearest rank; IndexError if there is nothing."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def close(a, b):
    """Two summaries that differ by no more than another order of sums explains."""
    if a["shape"] != b["shape"] or len(a["numbers"]) != len(b["numbers"]):
        return False
    unit = max([abs(v) for v in a["numbers"]] + [1e-12])
    return all(abs(x - y) <= 1e-2 * unit for x, y in zip(a["numbers"], b["numbers"])) and \
        abs(a["norm"] - b["norm"]) <= 1e-2 * max(abs(a["norm"]), 1e-12)


def verdict(row, device):
    """`same` (bit for bit), `close`, or what is wrong."""
    sides = [side for side in ("alone", "native", "shim") if side in row]
    failed = [side for side in sides if row[side]["status"] != "ok"]
    if failed:
        return f"{' and '.join(failed)} failed"
    if not all(row[side].get("same", True) for side in sides):
        return "results change"
    if not row["shim"]["preloaded"]:
        return "the shim was not loaded"
    if device == "cuda" and row["kind"] not in ("basic", "pair") and not row["shim"]["xqueues"]:
        return "the shim made no XQueue"
    if row["native"]["result"] == row["shim"]["result"]:
        return "same"
    return "close" if close(row["native"]["result"], row["shim"]["result"]) else "results differ"


def middle(side):
    values = sorted(side.get("milliseconds") or [])
    return percentile(values, 0.5) if values else None


def number(value):
    return "-" if value is None else f"{value:.2f}"


def case_line(row):
    native, shim = middle(row["native"]), middle(row["shim"])
    added = f"{(shim / native - 1) * 100:+.0f} %" if native and shim else "-"
    reached = sorted({actual for _, actual in row["shim"].get("xqueues") or []})
    return (f"{row['case']:<24}{row['kind']:<11}{number(native):>10}{number(shim):>10}{added:>8}"
            f"{','.join(map(str, reached)) or '-':>7}  {row['verdict']}")


def pair_lines(row):
    lines = ["", f"{row['case']:<26}{'P50, ms':>10}{'P99, ms':>10}{'requests':>10}"
                 f"{'low, images/s':>15}"]
    for side in ("alone", "native", "shim"):
        found = row[side]
        lines.append(f"  {side:<24}{number(found.get('p50')):>10}{number(found.get('p99')):>10}"
                     f"{found.get('requests', '-'):>10}{number(found.get('images_per_s')):>15}")
    return lines + [f"  results: {row['verdict']}"]


def text(report):
    if report["device"] == "cpu":
        where = ("run on the CPU: no GPU took part, the shim was preloaded and had nothing to "
                 "schedule;\ntimes compare nothing but the preload")
    else:
        where = "run on " + next((row["native"]["device"] for row in report["rows"]
                                  if "device" in row["native"]), "a GPU that no case reached")
    lines = [f"PyTorch {report['torch']}, torchvision {report['torchvision']}, "
             f"HIP {report['hip'] or 'none'}; images of {report['size']}", where, "",
             f"{'case':<24}{'kind':<11}{'native, ms':>10}{'shim, ms':>10}{'added':>8}{'level':>7}"
             f"  results"]
    lines += [case_line(row) for row in report["rows"] if row["kind"] != "pair"]
    for row in report["rows"]:
        if row["kind"] == "pair":
            lines += pair_lines(row)
    wrong = [row for row in report["rows"] if row["verdict"] not in FINE]
    for row in wrong:
        for side in ("alone", "native", "shim"):
            if row.get(side, {}).get("why"):
                lines.append(f"{row['case']}, {side}: {row[side]['why']}")
    lines += ["", f"{len(report['rows'])} rows, {len(wrong)} of them not fine"]
    return "\n".join(lines)
