# SPDX-License-Identifier: Apache-2.0
"""What the drivers of tests/ share: where the build is, a simulated node of
one's own, a program on it (native or under the shim), a scheduler of one's own.

Standard library only: it runs in whatever ROCm environment there is.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SKIP = 77


def skip(reason):
    """Ends a test that cannot run here; CTest and tests/run know the code and the line."""
    print(f"skip: {reason}", flush=True)
    sys.exit(SKIP)


class Build:
    """The parts of one build folder."""

    def __init__(self, folder=None):
        self.folder = os.path.abspath(
            folder or os.environ.get("XSCHED_BUILD") or os.path.join(TOP, "build/release"))
        self.sim = os.path.join(self.folder, "bin/xsched-sim")
        self.shim = os.path.join(self.folder, "lib/libshimhip.so")
        self.daemon = os.path.join(self.folder, "bin/xschedd")
        self.control = os.path.join(self.folder, "bin/xschedctl")

    def program(self, name):
        """bin/node/NAME, or the path itself if NAME is one."""
        return name if os.sep in name else os.path.join(self.folder, "bin/node", name)

    def require(self, *paths):
        for path in paths:
            if not os.path.exists(path):
                skip(f"{os.path.relpath(path, self.folder)} was not built in {self.folder}")


def machine_of(program):
    """(gpu, options): the node that a program of tests/node is written for."""
    name = os.path.basename(program)
    if name == "rocblas":
        return "gfx90a", ()  # Debian's has no code for gfx942
    return "gfx942", ("--gpus", "2") if name.startswith("peer_") else ()


class Node:
    """A simulated node with a name of its own, removed at the end."""

    def __init__(self, build, label, gpu="gfx942", options=()):
        self.build = build
        # 32 characters at most.
        name = re.sub(r"[^A-Za-z0-9_-]", "-", f"{label[:20]}-{os.getpid()}")
        self.options = ["--node", name]
        self.machine = ["--gpu", gpu, *options]

    def command(self, program, arguments=()):
        return [self.build.sim, *self.options, *self.machine, "--", program, *arguments]

    def queues(self):
        """The node's hardware queues, as any process may see them."""
        done = subprocess.run([self.build.sim, "--list", "--json", *self.options],
                              stdout=subprocess.PIPE, text=True, timeout=30, check=True)
        listed = json.loads(done.stdout or "[]")
        return listed["queues"] if isinstance(listed, dict) else listed

    def remove(self):
        subprocess.run([self.build.sim, "--remove", *self.options], timeout=30,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()


def environment(build, shim, **settings):
    """The caller's environment without its own XSCHED_* and preload, plus ours."""
    clean = {key: value for key, value in os.environ.items()
             if not key.startswith("XSCHED_") and key != "LD_PRELOAD"}
    if shim:
        clean["LD_PRELOAD"] = build.shim
    clean.update({f"XSCHED_{key.upper()}": str(value) for key, value in settings.items()})
    return clean


class Result:
    def __init__(self, status, out, err, seconds):
        self.status, self.out, self.err, self.seconds = status, out, err, seconds

    def describe(self):
        if self.status == "timeout":
            return f"did not end within {self.seconds:.0f} s"
        if self.status < 0:
            return f"was killed by {signal.Signals(-self.status).name}"
        return f"ended with {self.status}"


def kill_group(process):
    """Ends a process that was started in a session of its own, and its children."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run(command, env, timeout):
    """Runs a command to its end. Output goes to files: a child that outlives
    the program must not keep a pipe open."""
    start = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=err, start_new_session=True)
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            status = "timeout"
        finally:
            kill_group(process)
        out.seek(0)
        err.seek(0)
        return Result(status, out.read(), err.read().decode(errors="replace"),
                      time.monotonic() - start)


def wait_until(what, condition, seconds=20.0):
    """Polls for a state that another process reaches; raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.005)


class Child:
    """A program that is talked to: its lines are read, lines are sent to it."""

    def __init__(self, command, env):
        self.stderr = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.stderr, text=True,
                                        start_new_session=True)
        self.lines = []
        self.changed = threading.Condition()
        self.ended = False
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    @property
    def pid(self):
        return self.process.pid

    def read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait_line(self, start, seconds=60.0):
        """The first line that begins so; TimeoutError if it does not come."""
        with self.changed:
            def found():
                return next((line for line in self.lines if line.startswith(start)), None)
            self.changed.wait_for(lambda: found() is not None or self.ended, seconds)
            line = found()
        if line is None:
            raise TimeoutError(f"no line '{start}' within {seconds:.0f} s"
                               f"{' (it ended)' if self.ended else ''}: {self.error_text()}")
        return line

    def has_line(self, start):
        with self.changed:
            return any(line.startswith(start) for line in self.lines)

    def send_line(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def wait_end(self, seconds=30.0):
        """Ends its stdin and waits; returns the exit status, TimeoutError if it stays."""
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"did not end within {seconds:.0f} s: {self.error_text()}") from None
        self.reader.join(5)
        return status

    def error_text(self):
        self.stderr.seek(0)
        lines = self.stderr.read().decode(errors="replace").strip().splitlines()
        return " | ".join(lines[-5:]) or "nothing on stderr"

    def close(self):
        kill_group(self.process)
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.reader.join(5)
        self.stderr.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Scheduler:
    """An xschedd on a private socket; on a node it sees that node's /dev/xsched."""

    def __init__(self, build, log=None, node=None):
        self.build, self.node = build, node
        self.folder = tempfile.mkdtemp(prefix="xsched-test-")
        self.socket = os.path.join(self.folder, "xschedd.sock")
        self.log = open(log or os.path.join(self.folder, "log"), "w")
        self.process = None
        self.start()

    def start(self):
        arguments = ["--socket", self.socket, "--config", "/dev/null", "--foreground"]
        command = (self.node.command(self.build.daemon, arguments) if self.node
                   else [self.build.daemon, *arguments])
        self.process = subprocess.Popen(
            command, env=environment(self.build, False),
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        wait_until("xschedd listens", self.listening)

    def listening(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"xschedd ended with {self.process.returncode}: {self.log_text()}")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
            try:
                probe.connect(self.socket)
            except OSError:
                return False
        return True

    def log_text(self):
        self.log.flush()
        with open(self.log.name) as text:
            return text.read()[-2000:]

    def control(self, *arguments, timeout=30):
        """Runs xschedctl; returns its stdout, raises if it fails."""
        done = subprocess.run([self.build.control, "--socket", self.socket, *arguments],
                              env=environment(self.build, False), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=timeout)
        if done.returncode != 0:
            raise RuntimeError(f"xschedctl {' '.join(arguments)} ended with {done.returncode}: "
                               f"{done.stderr.strip()}")
        return done.stdout

    def info(self):
        return json.loads(self.control("info", "--json"))

    def xqueues(self):
        return json.loads(self.control("list", "--json"))["xqueues"]

    def control_in_background(self, *arguments, stdout=subprocess.PIPE):
        """xschedctl as a process: a hold lasts as long as the process does."""
        return subprocess.Popen([self.build.control, "--socket", self.socket, *arguments],
                                env=environment(self.build, False), stdin=subprocess.DEVNULL,
                                stdout=stdout, stderr=subprocess.STDOUT, text=True,
                                start_new_session=True)

    def hold(self, pid):
        """Suspends a process until the returned process ends; it holds on return."""
        wait_until(f"xschedd knows process {pid}",
                   lambda: any(queue["pid"] == pid for queue in self.xqueues()))
        holder = self.control_in_background("suspend", str(pid))
        line = holder.stdout.readline()
        if not line.startswith("suspended"):
            kill_group(holder)
            raise RuntimeError(f"xschedctl suspend {pid}: {line.strip() or 'said nothing'}")
        return holder

    def kill(self):
        kill_group(self.process)

    def close(self):
        self.kill()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
