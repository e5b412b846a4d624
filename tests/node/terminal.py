# SPDX-License-Identifier: Apache-2.0
"""A program on a real terminal (tmux): what it shows, keys, sizes."""

import contextlib
import os
import subprocess
import time

import harness

PATIENCE_S = 60


class Terminal:
    """A program on a tmux terminal of its own."""

    def __init__(self, build, command, width=150, height=30, env=None):
        # A server of our own: what the user runs is not ours to touch.
        self.name = f"xsched-top-{os.getpid()}-{id(self):x}"
        self.env = harness.environment(build, False, **(env or {}))
        self.env["LC_ALL"] = "C.UTF-8"
        self.env.pop("NO_COLOR", None)
        self.env.pop("TMUX", None)
        self.env.setdefault("TERM", "xterm")
        script = '"$@"; echo "ended with $?"; exec cat'
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height),
                  "sh", "-c", script, "sh", *command)

    def tmux(self, *arguments):
        done = subprocess.run(["tmux", "-u", "-L", self.name, *arguments], env=self.env, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=PATIENCE_S)
        if done.returncode != 0:
            raise RuntimeError(f"tmux {arguments[0]}: {done.stderr.strip()}")
        return done.stdout

    def text(self, colours=False):
        return self.tmux("capture-pane", "-p", *(["-e"] if colours else []))

    def program(self):
        """The pid of what runs on it."""
        shell = self.tmux("list-panes", "-F", "#{pane_pid}").strip()
        with open(f"/proc/{shell}/task/{shell}/children") as children:
            return int(children.read().split()[0])

    def keys(self, *names):
        for name in names:
            self.tmux("send-keys", name)

    def wait(self, what, condition):
        """Polls the screen until condition(text); returns the text."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            text = self.text()
            if condition(text):
                return text
            if time.monotonic() > deadline:
                raise TimeoutError(f"the screen never showed: {what}\n{text}")
            time.sleep(0.05)  # between looks

    def shows(self, *parts):
        return self.wait(", ".join(parts), lambda text: all(part in text for part in parts))

    def lacks(self, part):
        return self.wait(f"no '{part}'", lambda text: part not in text)

    def resize(self, width, height):
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    def close(self):
        with contextlib.suppress(RuntimeError, subprocess.TimeoutExpired):
            self.tmux("kill-server")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
