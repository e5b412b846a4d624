# SPDX-License-Identifier: Apache-2.0
"""The C API by upstream's names: results are returned, not raised."""

import ctypes
from typing import Callable, Tuple

from ._library import LaunchCallback, library
from .types import (Deadline, HwCommandHandle, HwQueueHandle, Laxity, Priority, Timeslice,
                    Utilization, XPolicyType, XPreemptLevel, XQueueHandle, XQueueState, XResult,
                    XSchedulerType)


class XSched:
    @staticmethod
    def XQueueCreate(hwq: HwQueueHandle, level: XPreemptLevel,
                     flags: int) -> Tuple[XResult, XQueueHandle]:
        handle = ctypes.c_uint64()
        result = library.XQueueCreate(ctypes.byref(handle), hwq, level, flags)
        return XResult(result), handle.value

    @staticmethod
    def XQueueDestroy(xq: XQueueHandle) -> XResult:
        return XResult(library.XQueueDestroy(xq))

    @staticmethod
    def XQueueGet(hwq: HwQueueHandle) -> Tuple[XResult, XQueueHandle]:
        handle = ctypes.c_uint64()
        result = library.XQueueGet(ctypes.byref(handle), hwq)
        return XResult(result), handle.value

    @staticmethod
    def XQueueSetPreemptLevel(xq: XQueueHandle, level: XPreemptLevel) -> XResult:
        return XResult(library.XQueueSetPreemptLevel(xq, level))

    @staticmethod
    def XQueueSetLaunchConfig(xq: XQueueHandle, threshold: int, batch_size: int) -> XResult:
        return XResult(library.XQueueSetLaunchConfig(xq, threshold, batch_size))

    @staticmethod
    def XQueueSubmit(xq: XQueueHandle, hw_cmd: HwCommandHandle) -> XResult:
        return XResult(library.XQueueSubmit(xq, hw_cmd))

    @staticmethod
    def XQueueWait(xq: XQueueHandle, hw_cmd: HwCommandHandle) -> XResult:
        return XResult(library.XQueueWait(xq, hw_cmd))

    @staticmethod
    def XQueueWaitAll(xq: XQueueHandle) -> XResult:
        return XResult(library.XQueueWaitAll(xq))

    @staticmethod
    def XQueueQuery(xq: XQueueHandle) -> Tuple[XResult, XQueueState]:
        state = ctypes.c_int32()
        result = library.XQueueQuery(xq, ctypes.byref(state))
        return XResult(result), XQueueState(state.value)

    @staticmethod
    def XQueueSuspend(xq: XQueueHandle, flags: int) -> XResult:
        return XResult(library.XQueueSuspend(xq, flags))

    @staticmethod
    def XQueueResume(xq: XQueueHandle, flags: int) -> XResult:
        return XResult(library.XQueueResume(xq, flags))

    @staticmethod
    def XQueueProfileHwCommandCount(xq: XQueueHandle) -> Tuple[XResult, int]:
        count = ctypes.c_int64()
        result = library.XQueueProfileHwCommandCount(xq, ctypes.byref(count))
        return XResult(result), count.value

    @staticmethod
    def HwQueueDestroy(hwq: HwQueueHandle) -> XResult:
        return XResult(library.HwQueueDestroy(hwq))

    @staticmethod
    def HwQueueLaunch(hwq: HwQueueHandle, hw_cmd: HwCommandHandle) -> XResult:
        return XResult(library.HwQueueLaunch(hwq, hw_cmd))

    @staticmethod
    def HwQueueSynchronize(hwq: HwQueueHandle) -> XResult:
        return XResult(library.HwQueueSynchronize(hwq))

    @staticmethod
    def HwCommandCreateCallback(
            launch: "ctypes._FuncPointer") -> Tuple[XResult, HwCommandHandle]:
        """`launch` is from callback(); keep it until the command was submitted or destroyed."""
        handle = ctypes.c_uint64()
        result = library.HwCommandCreateCallback(ctypes.byref(handle), launch, None)
        return XResult(result), handle.value

    @staticmethod
    def callback(function: Callable[[HwQueueHandle], int]) -> "ctypes._FuncPointer":
        """What HwCommandCreateCallback takes: calls `function`, which returns an XResult."""
        return LaunchCallback(lambda hwq, _data: int(function(hwq)))

    @staticmethod
    def HwCommandDestroy(hw_cmd: HwCommandHandle) -> XResult:
        return XResult(library.HwCommandDestroy(hw_cmd))

    @staticmethod
    def XHintSetScheduler(scheduler: XSchedulerType, policy: XPolicyType) -> XResult:
        return XResult(library.XHintSetScheduler(scheduler, policy))

    @staticmethod
    def XHintPriority(xq: XQueueHandle, prio: Priority) -> XResult:
        return XResult(library.XHintPriority(xq, prio))

    @staticmethod
    def XHintUtilization(xq: XQueueHandle, util: Utilization) -> XResult:
        return XResult(library.XHintUtilization(xq, util))

    @staticmethod
    def XHintTimeslice(ts_us: Timeslice) -> XResult:
        return XResult(library.XHintTimeslice(ts_us))

    @staticmethod
    def XHintLaxity(xq: XQueueHandle, lax_us: Laxity, lax_prio: Priority,
                    crit_prio: Priority) -> XResult:
        return XResult(library.XHintLaxity(xq, lax_us, lax_prio, crit_prio))

    @staticmethod
    def XHintDeadline(xq: XQueueHandle, ddl_us: Deadline) -> XResult:
        return XResult(library.XHintDeadline(xq, ddl_us))

    @staticmethod
    def XHintKDeadline(k: int) -> XResult:
        return XResult(library.XHintKDeadline(k))
