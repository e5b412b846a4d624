# SPDX-License-Identifier: Apache-2.0
"""HIP's part of the API."""

import ctypes
from typing import Tuple

from ._library import library
from .types import HwQueueHandle, XResult

hipStream_t = int

#: Names of streams that need not be created.
hipStreamDefault: hipStream_t = 0
hipStreamPerThread: hipStream_t = 2


class XSchedHip:
    """Upstream's names."""

    @staticmethod
    def HipQueueCreate(stream: hipStream_t) -> Tuple[XResult, HwQueueHandle]:
        handle = ctypes.c_uint64()
        result = library.HipQueueCreate(ctypes.byref(handle), stream)
        return XResult(result), handle.value
