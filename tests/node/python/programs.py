#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Python package on the simulated node, one behaviour a function:

    programs.py NAME

Prints `pass` and exits with 0, or ends with an exception. run_python runs them.
"""

import multiprocessing
import os
import subprocess
import sys
import threading
import traceback

import hip
import xsched
import xsched.hip
from xsched import XResult

COUNT = 1000


def expect(what, condition):
    if not condition:
        raise AssertionError(what)


def expect_error(result, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except xsched.XSchedError as error:
        expect(f"{error}, not {result.name}", error.result == result)
    else:
        raise AssertionError(f"{call} gave no error")


def work(value, level=None):
    """What a user does: a stream, an XQueue on it, suspend, submit, resume, wait."""
    stream = hip.Stream()
    words = hip.Words(COUNT)
    with xsched.XQueue(stream.handle, level=level, priority=value % 5) as xq:
        with xq.suspended():
            xq.submit(lambda: words.fill_on(stream, value))
            expect("suspended work does not run", not stream.ready())
            expect("it is known", xq.state == xsched.XQueueState.kQueueStateReady)
        xq.wait()
        expect("resumed work ran", stream.ready() and words.are(value, stream))
        expect("packets were counted", xq.submitted > 0)
    words.free()
    stream.destroy()


def objects():
    """Levels, errors, ownership: what the objects promise."""
    expect("nothing is there before HIP", xsched.xqueues() == [])
    for level in (1, 2, 3):
        work(7 + level, level)
    held, free = hip.Stream(), hip.Stream()
    words = hip.Words(COUNT)
    xq = xsched.XQueue(held.handle)
    expect("the best level", xq.level == xsched.XPreemptLevel.kPreemptLevelInterrupt)
    expect_error(XResult.kXSchedErrorNotAllowed, xsched.XQueue, held.handle)
    with xq.suspended(sync=True), xsched.XQueue(free.handle) as other:
        words.fill_on(held, 4)
        expect("the suspended one wrote nothing", words.are(0, free))
        words.fill_on(free, 5)
        other.wait()
        expect("the other stream runs", words.are(5, free))
        listed = [row for row in xsched.xqueues() if row.suspended]
        expect("one is listed as suspended", len(listed) == 1 and listed[0].level_actual == 3)
    expect("resumed, it writes", words.are(4, held))
    xq.priority = -3
    expect("the priority is listed", any(row.priority == -3 for row in xsched.xqueues()))
    for bad in (256, -257):
        expect_error(XResult.kXSchedErrorInvalidValue, setattr, xq, "priority", bad)
    expect_error(XResult.kXSchedErrorInvalidValue, xq.set_launch_config, 2, 4)
    try:
        xq.submit(lambda: 1 // 0)
    except ZeroDivisionError:
        pass
    else:
        raise AssertionError("the callback's exception is lost")
    expect("and its value is not", xq.submit(lambda: 42) == 42)
    xq.close()
    xq.close()
    expect_error(XResult.kXSchedErrorNotFound, xq.suspend)
    with xsched.XQueue() as default, xsched.XQueue(xsched.hip.hipStreamPerThread) as mine:
        expect("the default stream's", default.handle != mine.handle)


def upstream_names():
    """Upstream's Python API: results are returned."""
    from xsched.hip import XSchedHip
    stream = hip.Stream()
    words = hip.Words(COUNT)
    result, hwq = XSchedHip.HipQueueCreate(stream.handle)
    expect("HipQueueCreate", result == XResult.kXSchedSuccess)
    result, xq = xsched.XSched.XQueueCreate(hwq, xsched.XPreemptLevel.kPreemptLevelBlock, 0)
    expect("XQueueCreate", result == XResult.kXSchedSuccess)
    for call, arguments in (("XQueueSetLaunchConfig", (xq, 4, 2)), ("XHintPriority", (xq, 1)),
                            ("XQueueSuspend", (xq, 0))):
        expect(call, getattr(xsched.XSched, call)(*arguments) == XResult.kXSchedSuccess)
    words.fill_on(stream, 3)
    expect("suspended", not stream.ready())
    expect("resume", xsched.XSched.XQueueResume(xq, 0) == XResult.kXSchedSuccess)
    expect("wait", xsched.XSched.XQueueWaitAll(xq) == XResult.kXSchedSuccess)
    expect("result", words.are(3, stream))
    for call, arguments in (("XHintUtilization", (xq, 50)), ("XHintDeadline", (xq, 100)),
                            ("XHintLaxity", (xq, 100, 0, 1)), ("XHintTimeslice", (1000,)),
                            ("XHintKDeadline", (1,))):
        expect(call, getattr(xsched.XSched, call)(*arguments) == XResult.kXSchedSuccess)
    expect("NotSupported is told",
           xsched.XSched.XQueueResume(xq, xsched.XQueueResumeFlag.kQueueResumeFlagDropCommands)
           == XResult.kXSchedErrorNotSupported)
    expect("destroy", xsched.XSched.XQueueDestroy(xq) == XResult.kXSchedSuccess)
    expect("NotFound is told", xsched.XSched.XQueueDestroy(xq) == XResult.kXSchedErrorNotFound)


def hints():
    """What is hinted is taken or refused; work under hints is right."""
    xsched.set_scheduler(xsched.XSchedulerType.kSchedulerLocal,
                         xsched.XPolicyType.kPolicyKEarliestDeadlineFirst)
    xsched.set_timeslice(1000)
    expect_error(XResult.kXSchedErrorInvalidValue, xsched.set_timeslice, 1)
    expect_error(XResult.kXSchedErrorInvalidValue, xsched.set_concurrency, 0)
    late, soon = hip.Stream(), hip.Stream()
    of_late, of_soon = hip.Words(COUNT), hip.Words(COUNT)
    with xsched.XQueue(late.handle) as slow, xsched.XQueue(soon.handle) as urgent:
        slow.deadline_us = 3600 * 10**6
        urgent.deadline_us = 1
        for xq in (slow, urgent):
            xq.utilization = 50
            xq.set_laxity(100, lax_priority=0, critical_priority=1)
            xq.set_laxity(None, 0, 1)
        expect_error(XResult.kXSchedErrorInvalidValue, setattr, slow, "utilization", 101)
        expect_error(XResult.kXSchedErrorInvalidValue, setattr, slow, "deadline_us", -2)
        expect_error(XResult.kXSchedErrorInvalidValue, slow.set_laxity, 1, 0, 256)
        slow.deadline_us = None
        of_late.fill_on(late, 1)
        of_soon.fill_on(soon, 2)
        slow.wait()
        urgent.wait()
    xsched.set_concurrency(2)
    expect("both did their work", of_late.are(1, late) and of_soon.are(2, soon))
    of_late.free()
    of_soon.free()
    late.destroy()
    soon.destroy()


def threads():
    """Eight threads, a stream each, all at once."""
    failed = []

    def run(number):
        try:
            for turn in range(4):
                work(10 * number + turn + 1)
        except BaseException:
            failed.append(traceback.format_exc())

    all_threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in all_threads:
        thread.start()
    for thread in all_threads:
        thread.join()
    expect("\n".join(failed), not failed)


def child(number, answers):
    try:
        work(number + 1)
        answers.put((number, "right"))
    except BaseException:
        answers.put((number, traceback.format_exc()))


def run_children(method, count=2):
    context = multiprocessing.get_context(method)
    answers = context.Queue()
    children = [context.Process(target=child, args=(number, answers)) for number in range(count)]
    for each in children:
        each.start()
    got = sorted(answers.get(timeout=60) for _ in children)
    for each in children:
        each.join(60)
    expect(f"children said {got}", [said for _, said in got] == ["right"] * count)
    expect("children ended well", [each.exitcode for each in children] == [0] * count)


def fork_before_init():
    """Children by fork, before this process used HIP; then it does."""
    run_children("fork")
    work(1)


def spawn_after_init():
    """Children by spawn, of a process that uses HIP."""
    work(1)
    run_children("spawn")
    work(2)


def refused(answers):
    said = []
    for call in (lambda: xsched.XQueue(), lambda: KEPT.suspend(), lambda: KEPT.wait(),
                 lambda: xsched.set_scheduler(xsched.XSchedulerType.kSchedulerLocal)):
        try:
            call()
            said.append("no error")
        except xsched.XSchedError as error:
            said.append(error.result.name)
    KEPT.close()
    answers.put((said, xsched.xqueues()))


def fork_after_init():
    """A child by fork of a process that uses HIP: the API refuses and nothing
    hangs, also when the parent is suspended; the parent goes on."""
    global KEPT
    stream = hip.Stream()
    words = hip.Words(COUNT)
    KEPT = xsched.XQueue(stream.handle)
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    with KEPT.suspended():
        words.fill_on(stream, 9)
        process = context.Process(target=refused, args=(answers,))
        process.start()
        said = answers.get(timeout=60)
        process.join(60)
        expect(f"the child said {said}", said == (["kXSchedErrorNotAllowed"] * 4, []))
        expect("the child ended well", process.exitcode == 0)
        expect("the parent's is suspended still", not stream.ready())
    KEPT.wait()
    expect("the parent's work is right", words.are(9, stream))
    KEPT.close()


def fork_then_exec():
    """A program started (fork and exec) by a process that uses HIP."""
    work(1)
    done = subprocess.run([sys.executable, __file__, "upstream_names"], timeout=60,
                          stdout=subprocess.PIPE, text=True)
    expect(f"it said {done.stdout!r}", (done.returncode, done.stdout) == (0, "pass\n"))
    work(2)


def imported():
    """Without a preload: imported before HIP, levels 1 and 2."""
    expect("it is not preloaded", not xsched.preloaded())
    for level in (1, 2):
        work(3 + level, level)
    work(9)
    done = subprocess.run([sys.executable, "-c", "import xsched"], timeout=60, text=True,
                          env={**os.environ, "XSCHED_LIBRARY": "libm.so.6"}, stderr=subprocess.PIPE)
    expect(f"another's library is named: {done.stderr}",
           done.returncode == 1 and "ImportError" in done.stderr
           and "libm.so.6: not ours" in done.stderr)


CASES = (objects, upstream_names, hints, threads, fork_before_init, spawn_after_init,
         fork_after_init, fork_then_exec, imported)


def main():
    name = sys.argv[1]
    if os.environ.get("EXPECT_PACKAGE_IN"):
        expect(f"the package is {xsched.__file__}",
               xsched.__file__.startswith(os.environ["EXPECT_PACKAGE_IN"]))
    {case.__name__: case for case in CASES}[name]()
    print("pass", flush=True)


if __name__ == "__main__":
    main()
