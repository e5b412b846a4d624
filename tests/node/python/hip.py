# SPDX-License-Identifier: Apache-2.0
"""The little of HIP that these tests need, through ctypes. Nothing is loaded
before the first call."""

import ctypes
import functools
import sys

NOT_READY = 600


@functools.cache
def library():
    for name in ("libamdhip64.so", "libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so.5"):
        try:
            hip = ctypes.CDLL(name)
        except OSError:
            continue
        pointer, size = ctypes.c_void_p, ctypes.c_size_t
        hip.hipMalloc.argtypes = [ctypes.POINTER(pointer), size]
        hip.hipMemset.argtypes = [pointer, ctypes.c_int, size]
        hip.hipMemcpyAsync.argtypes = [pointer, pointer, size, ctypes.c_int, pointer]
        hip.hipMemsetD32Async.argtypes = [pointer, ctypes.c_int, size, pointer]
        hip.hipStreamCreateWithFlags.argtypes = [ctypes.POINTER(pointer), ctypes.c_uint]
        for function in ("hipStreamSynchronize", "hipStreamQuery", "hipStreamDestroy", "hipFree"):
            getattr(hip, function).argtypes = [pointer]
        return hip
    print("skip: no libamdhip64 here", flush=True)
    sys.exit(77)


def call(name, *arguments):
    error = getattr(library(), name)(*arguments)
    if error != 0:
        raise RuntimeError(f"{name}: hip error {error}")


class Stream:
    def __init__(self):
        handle = ctypes.c_void_p()
        call("hipStreamCreateWithFlags", ctypes.byref(handle), 1)  # hipStreamNonBlocking
        self.handle = handle.value

    def ready(self):
        error = library().hipStreamQuery(self.handle)
        if error not in (0, NOT_READY):
            raise RuntimeError(f"hipStreamQuery: hip error {error}")
        return error == 0

    def wait(self):
        call("hipStreamSynchronize", self.handle)

    def destroy(self):
        call("hipStreamDestroy", self.handle)


class Words:
    """Device memory, 0 at first."""

    def __init__(self, count):
        self.count = count
        pointer = ctypes.c_void_p()
        call("hipMalloc", ctypes.byref(pointer), 4 * count)
        self.address = pointer.value
        call("hipMemset", self.address, 0, 4 * count)
        call("hipStreamSynchronize", None)  # for device memory it is asynchronous

    def fill_on(self, stream, value):
        """A kernel on `stream` writes `value` everywhere."""
        call("hipMemsetD32Async", self.address, value, self.count, stream.handle)

    def are(self, value, stream):
        """As a copy on `stream` finds them."""
        copy = (ctypes.c_uint32 * self.count)()
        to_host = 2
        call("hipMemcpyAsync", copy, self.address, 4 * self.count, to_host, stream.handle)
        stream.wait()
        return all(word == value for word in copy)

    def free(self):
        call("hipFree", self.address)
