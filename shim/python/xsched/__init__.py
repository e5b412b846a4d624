# SPDX-License-Identifier: Apache-2.0
"""Priority and preemption for the streams of a HIP program.

    import xsched
    with xsched.XQueue(stream, priority=10) as urgent:
        with background.suspended():
            ...

`XSched` and `xsched.hip.XSchedHip` are the C API by upstream's names.
"""

from .api import XSched
from .queue import (XQueue, XQueueInfo, XSchedError, preloaded, set_concurrency, set_scheduler,
                    set_timeslice, stream_handle, xqueues)
from .types import *  # noqa: F401,F403

__version__ = "0.1.0"
