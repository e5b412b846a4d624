# SPDX-License-Identifier: Apache-2.0
"""Finds libshimhip.so and declares its functions."""

import ctypes
import os
from ctypes import POINTER, c_char, c_int, c_int32, c_int64, c_size_t, c_uint32, c_uint64

LaunchCallback = ctypes.CFUNCTYPE(c_int32, c_uint64, ctypes.c_void_p)


class Info(ctypes.Structure):
    """xsched_xqueue of xsched/runtime.h."""

    _fields_ = [
        ("id", c_uint32),
        ("kfd_queue_id", c_uint32),
        ("gpu_id", c_uint32),
        ("priority", c_int32),
        ("level_wanted", c_uint32),
        ("level_actual", c_uint32),
        ("engine", c_char * 8),
        ("window", c_uint32),
        ("suspended", c_uint32),
        ("submitted", c_uint64),
        ("moved", c_uint64),
        ("in_flight", c_uint64),
        ("suspends", c_uint64),
        ("last_suspend_ns", c_uint64),
    ]


_SIGNATURES = {
    "HipQueueCreate": (POINTER(c_uint64), ctypes.c_void_p),
    "HwCommandCreateCallback": (POINTER(c_uint64), LaunchCallback, ctypes.c_void_p),
    "HwCommandDestroy": (c_uint64,),
    "HwQueueDestroy": (c_uint64,),
    "HwQueueLaunch": (c_uint64, c_uint64),
    "HwQueueSynchronize": (c_uint64,),
    "XHintDeadline": (c_uint64, c_int64),
    "XHintKDeadline": (c_size_t,),
    "XHintLaxity": (c_uint64, c_int64, c_int32, c_int32),
    "XHintPriority": (c_uint64, c_int32),
    "XHintSetScheduler": (c_int32, c_int32),
    "XHintTimeslice": (c_int64,),
    "XHintUtilization": (c_uint64, c_int32),
    "XQueueCreate": (POINTER(c_uint64), c_uint64, c_int64, c_int64),
    "XQueueDestroy": (c_uint64,),
    "XQueueGet": (POINTER(c_uint64), c_uint64),
    "XQueueProfileHwCommandCount": (c_uint64, POINTER(c_int64)),
    "XQueueQuery": (c_uint64, POINTER(c_int32)),
    "XQueueResume": (c_uint64, c_int64),
    "XQueueSetLaunchConfig": (c_uint64, c_int64, c_int64),
    "XQueueSetPreemptLevel": (c_uint64, c_int32),
    "XQueueSubmit": (c_uint64, c_uint64),
    "XQueueSuspend": (c_uint64, c_int64),
    "XQueueWait": (c_uint64, c_uint64),
    "XQueueWaitAll": (c_uint64,),
    "xsched_list": (POINTER(Info), c_size_t, c_size_t),
}


def _candidates() -> list[str]:
    wanted = os.environ.get("XSCHED_LIBRARY")
    if wanted:
        return [wanted]
    bundled = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib", "libshimhip.so")
    return [bundled] * os.path.exists(bundled) + ["libshimhip.so", "/usr/local/lib/libshimhip.so"]


def _find() -> tuple[ctypes.CDLL, bool]:
    """The library, and whether it came with the program (LD_PRELOAD, or linked)."""
    program = ctypes.CDLL(None)
    if hasattr(program, "XQueueCreate") and hasattr(program, "xsched_list"):
        return program, True
    reasons = []
    for path in _candidates():
        try:
            # Global: ROCr looks for its tools among all loaded libraries.
            found = ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
        except OSError as error:
            reasons.append(str(error))
            continue
        if all(hasattr(found, name) for name in _SIGNATURES):
            return found, False
        reasons.append(f"{path}: not ours, or of another version")
    raise ImportError(f"no libshimhip.so ({'; '.join(reasons)}): install xsched, preload it, "
                      "or set XSCHED_LIBRARY to its path")


library, preloaded = _find()
for _name, _arguments in _SIGNATURES.items():
    _function = getattr(library, _name)
    _function.argtypes = _arguments
    _function.restype = c_int if _name == "xsched_list" else c_int32
