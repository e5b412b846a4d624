# SPDX-License-Identifier: Apache-2.0
"""One side of the demo as a child process: what demo_worker's lines mean."""

import time

import harness


class WorkerError(Exception):
    """The worker ended early or gave a wrong result."""


class Worker(harness.Child):
    def __init__(self, command, env):
        self.name = f"demo_worker {command[command.index('--') + 2]}"
        self.device = None
        self.result = None
        self.requests = []    # urgent: (start, end), CLOCK_MONOTONIC ns
        self.kernels_ns = []  # low: when each kernel completed
        self.taken = 0
        super().__init__(command, env)

    def take(self):
        """Makes sense of the lines that have come; `changed` is held."""
        for line in self.lines[self.taken:]:
            word, _, rest = line.partition(" ")
            if word == "r":
                start, end = rest.split()
                self.requests.append((int(start), int(end)))
            elif word == "k":
                self.kernels_ns.append(int(rest))
            elif word == "device":
                self.device = rest
            elif word == "result":
                self.result = rest
        self.taken = len(self.lines)

    @property
    def completed(self):
        self.check_alive()
        return len(self.kernels_ns)

    def completed_between(self, start, end):
        self.check_alive()
        return sum(start < at <= end for at in self.kernels_ns)

    def wait_change(self, seconds):
        """Until the worker prints something, ends, or the time is over."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.lines) > self.taken or self.ended, seconds)
        self.check_alive()

    def check_alive(self):
        with self.changed:
            self.take()
        if self.ended and self.result is None:
            raise WorkerError(f"{self.name} ended early: {self.error_text()}")

    def wait_ready(self, seconds):
        try:
            self.wait_line("ready", seconds)
        except TimeoutError as error:
            raise WorkerError(f"{self.name}: {error}") from None
        self.check_alive()

    def finish(self, seconds):
        """Asks a low worker to stop; waits for the end of either; checks its data."""
        started = time.monotonic()
        try:
            status = self.wait_end(seconds)
        except TimeoutError as error:
            raise WorkerError(f"{self.name}: {error}") from None
        self.check_alive()
        if status != 0 or self.result != "ok":
            raise WorkerError(f"{self.name} ended with {status}, result {self.result}, after "
                              f"{time.monotonic() - started:.1f} s: {self.error_text()}")
