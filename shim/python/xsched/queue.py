# SPDX-License-Identifier: Apache-2.0
"""XQueues as Python objects: errors are raised, ends are by `with`."""

import contextlib
import ctypes
from types import TracebackType
from typing import Any, Callable, Iterator, NamedTuple, Optional, Type, TypeVar, Union

from . import _library
from .api import XSched
from .hip import XSchedHip
from .types import (NO_DEADLINE, NO_LAXITY, HwQueueHandle, XPolicyType, XPreemptLevel,
                    XQueueHandle, XQueueResumeFlag, XQueueState, XQueueSuspendFlag, XResult,
                    XSchedulerType)

T = TypeVar("T")


class XSchedError(RuntimeError):
    """A call of the API that did not give kXSchedSuccess."""

    def __init__(self, call: str, result: XResult) -> None:
        super().__init__(f"{call}: {result.name} ({int(result)})")
        self.call = call
        self.result = result

    def __reduce__(self) -> Any:  # so that it crosses multiprocessing
        return XSchedError, (self.call, self.result)


def check(call: str, result: XResult) -> None:
    if result != XResult.kXSchedSuccess:
        raise XSchedError(call, result)


def stream_handle(stream: Any) -> int:
    """The hipStream_t of an integer, None (the default stream), a ctypes pointer,
    a torch.cuda.Stream or a CuPy stream."""
    if stream is None:
        return 0
    if isinstance(stream, int):
        return stream
    for attribute in ("cuda_stream", "ptr", "value"):
        if hasattr(stream, attribute):
            return int(getattr(stream, attribute) or 0)
    raise TypeError(f"not a stream: {stream!r}")


class XQueue:
    """The XQueue of a HIP stream, as long as this object is open.

        with xsched.XQueue(stream, priority=10) as urgent: ...

    `level` None takes the highest that is reached. What the constructor cannot
    have is an XSchedError, and nothing is left behind.
    """

    def __init__(self, stream: Any = None, *, level: Union[XPreemptLevel, int, None] = None,
                 priority: Optional[int] = None, threshold: Optional[int] = None,
                 batch_size: int = 1) -> None:
        self._xq: Optional[XQueueHandle] = None
        result, self._hwq = XSchedHip.HipQueueCreate(stream_handle(stream))
        check("HipQueueCreate", result)
        if XSched.XQueueGet(self._hwq)[0] == XResult.kXSchedSuccess:
            # Another owner's: it must not be closed here.
            raise XSchedError("XQueueGet: the stream has an XQueue",
                              XResult.kXSchedErrorNotAllowed)
        try:
            self._xq = self._create(level)
            if threshold is not None:
                self.set_launch_config(threshold, batch_size)
            if priority is not None:
                self.priority = priority
        except BaseException:
            self.close()
            raise

    def _create(self, level: Union[XPreemptLevel, int, None]) -> XQueueHandle:
        wanted = [int(level)] if level is not None else [3, 2, 1]
        for each in wanted:
            result, xq = XSched.XQueueCreate(self._hwq, XPreemptLevel(each), 0)
            if result != XResult.kXSchedErrorNotSupported or each == wanted[-1]:
                break
        check("XQueueCreate", result)
        self._level = XPreemptLevel(each)
        return xq

    @property
    def handle(self) -> XQueueHandle:
        if self._xq is None:
            raise XSchedError("closed XQueue", XResult.kXSchedErrorNotFound)
        return self._xq

    @property
    def hw_queue(self) -> HwQueueHandle:
        return self._hwq

    @property
    def level(self) -> XPreemptLevel:
        return self._level

    @level.setter
    def level(self, level: Union[XPreemptLevel, int]) -> None:
        check("XQueueSetPreemptLevel",
              XSched.XQueueSetPreemptLevel(self.handle, XPreemptLevel(level)))
        self._level = XPreemptLevel(level)

    def _set_priority(self, priority: int) -> None:
        check("XHintPriority", XSched.XHintPriority(self.handle, priority))

    priority = property(None, _set_priority, doc="-255..255, higher is more urgent; write only.")

    def _set_utilization(self, percent: int) -> None:
        check("XHintUtilization", XSched.XHintUtilization(self.handle, percent))

    utilization = property(None, _set_utilization,
                           doc="0..100 percent, for UP, PUP and SPUP; write only.")

    def _set_deadline(self, microseconds: Optional[int]) -> None:
        value = NO_DEADLINE if microseconds is None else microseconds
        check("XHintDeadline", XSched.XHintDeadline(self.handle, value))

    deadline_us = property(None, _set_deadline,
                           doc="After it became ready, for KEDF; None: none; write only.")

    def set_laxity(self, microseconds: Optional[int], lax_priority: int,
                   critical_priority: int) -> None:
        """For LAX: it can wait for so long after it became ready, and has these
        priorities while it can and when it no longer can. None: it cannot wait."""
        value = NO_LAXITY if microseconds is None else microseconds
        check("XHintLaxity",
              XSched.XHintLaxity(self.handle, value, lax_priority, critical_priority))

    def set_launch_config(self, threshold: int, batch_size: int = 1) -> None:
        check("XQueueSetLaunchConfig",
              XSched.XQueueSetLaunchConfig(self.handle, threshold, batch_size))

    def suspend(self, *, wait: bool = False, sync: bool = False) -> None:
        """`wait`: for what was submitted, first. `sync`: or fail, unless nothing runs any more."""
        flags = (XQueueSuspendFlag.kQueueSuspendFlagWaitAll * wait
                 | XQueueSuspendFlag.kQueueSuspendFlagSyncHwQueue * sync)
        check("XQueueSuspend", XSched.XQueueSuspend(self.handle, flags))

    def resume(self) -> None:
        check("XQueueResume",
              XSched.XQueueResume(self.handle, XQueueResumeFlag.kQueueResumeFlagNone))

    @contextlib.contextmanager
    def suspended(self, *, wait: bool = False, sync: bool = False) -> Iterator["XQueue"]:
        """Suspended inside the `with`, resumed behind it."""
        self.suspend(wait=wait, sync=sync)
        try:
            yield self
        finally:
            if self._xq is not None:
                self.resume()

    def submit(self, launch: Callable[[], T]) -> T:
        """Calls `launch` now, on this thread: what it gives to the stream is scheduled."""
        outcome: list[Any] = []

        def run(_hwq: HwQueueHandle) -> int:
            try:
                outcome.append((True, launch()))
                return XResult.kXSchedSuccess
            except BaseException as error:  # may not cross the C API
                outcome.append((False, error))
                return XResult.kXSchedErrorUnknown

        function = XSched.callback(run)
        result, command = XSched.HwCommandCreateCallback(function)
        check("HwCommandCreateCallback", result)
        result = XSched.XQueueSubmit(self.handle, command)
        if outcome and not outcome[0][0]:
            raise outcome[0][1]
        check("XQueueSubmit", result)
        value: T = outcome[0][1]
        return value

    def wait(self) -> None:
        check("XQueueWaitAll", XSched.XQueueWaitAll(self.handle))

    @property
    def state(self) -> XQueueState:
        result, state = XSched.XQueueQuery(self.handle)
        check("XQueueQuery", result)
        return state

    @property
    def submitted(self) -> int:
        """Packets since the XQueue was made."""
        result, count = XSched.XQueueProfileHwCommandCount(self.handle)
        check("XQueueProfileHwCommandCount", result)
        return count

    def close(self) -> None:
        """Resumes, waits, gives back; a second time does nothing. In a child of
        fork() there is nothing to give back."""
        xq, self._xq = self._xq, None
        gone = (XResult.kXSchedSuccess, XResult.kXSchedErrorNotFound,
                XResult.kXSchedErrorNotAllowed)
        if xq is not None:
            result = XSched.XQueueDestroy(xq)
            if result not in gone:
                raise XSchedError("XQueueDestroy", result)
        hwq, self._hwq = self._hwq, 0
        if hwq:
            XSched.HwQueueDestroy(hwq)

    def __enter__(self) -> "XQueue":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<XQueue {self._xq if self._xq is not None else 'closed'} on {self._hwq:#x}>"


class XQueueInfo(NamedTuple):
    """One XQueue of this process (xsched/runtime.h)."""

    id: int
    kfd_queue_id: int
    gpu_id: int
    priority: int
    level_wanted: int
    level_actual: int
    engine: str
    window: int
    suspended: bool
    submitted: int
    moved: int
    in_flight: int
    suspends: int
    last_suspend_ns: int


def xqueues() -> list[XQueueInfo]:
    """All XQueues of this process, in the order of creation; [] before the first."""
    size = ctypes.sizeof(_library.Info)
    capacity = 64
    while True:
        entries = (_library.Info * capacity)()
        count = _library.library.xsched_list(entries, capacity, size)
        if count < 0:
            return []
        if count <= capacity:
            break
        capacity = count + 16
    rows = []
    for entry in entries[:count]:
        values = {name: getattr(entry, name) for name in XQueueInfo._fields}
        values["engine"] = entry.engine.decode()
        values["suspended"] = bool(entry.suspended)
        rows.append(XQueueInfo(**values))
    return rows


def set_scheduler(scheduler: XSchedulerType,
                  policy: XPolicyType = XPolicyType.kPolicyHighestPriorityFirst) -> None:
    """Before the first use of HIP, later only if nothing changes."""
    check("XHintSetScheduler", XSched.XHintSetScheduler(scheduler, policy))


def set_timeslice(microseconds: int) -> None:
    """Of UP, PUP, SPUP and CFS; not while xschedd schedules this process."""
    check("XHintTimeslice", XSched.XHintTimeslice(microseconds))


def set_concurrency(k: int) -> None:
    """Of KEDF: how many run at once; not while xschedd schedules this process."""
    check("XHintKDeadline", XSched.XHintKDeadline(k))


def preloaded() -> bool:
    """True if the library came with the program (LD_PRELOAD, or linked): without
    that `import xsched` must come before the first use of HIP, and level 3 needs it."""
    return _library.preloaded
