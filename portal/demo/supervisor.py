"""Runs the processes of the demo on one machine: starts them in order, starts again what dies, stops them in order.

It knows processes and signals, not the portal: what to run is told by `__main__.py`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from portal.embedded_redis import RedisServer, die_with_parent

STOP_SECONDS = 10.0
SHORTEST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
# A process that lived this long was well; its next death starts the pauses from the shortest again.
WELL_AFTER_SECONDS = 60.0


@dataclass
class Child:
    """One process of the demo, and how often it has died of late."""

    name: str
    arguments: Sequence[str]
    process: subprocess.Popen[str] | None = None
    started_at: float = 0.0
    pause: float = SHORTEST_PAUSE
    start_at: float = 0.0
    repeater: threading.Thread | None = None

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None


@dataclass
class Supervisor:
    """Keeps `children` running until `stop` is asked for; Redis comes first and goes last."""

    root: Path
    environment: Mapping[str, str]
    start_redis: Callable[[], RedisServer]
    children: list[Child] = field(default_factory=list)
    redis: RedisServer | None = None
    stopping: threading.Event = field(default_factory=threading.Event)

    def listen_for_stop(self) -> None:
        """Stop in good order on Ctrl-C, SIGTERM and when the terminal goes away."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self.stopping.set())

    def run_once(self, name: str, arguments: Sequence[str]) -> int:
        """Run a command to its end, with its output under `name`, and answer with its exit code."""
        child = Child(name, arguments)
        self._start(child)
        assert child.process is not None
        while child.process.poll() is None:
            if self.stopping.wait(0.05):
                self._stop([child])
        return child.process.returncode

    def watch(self, each_round: Callable[[], None]) -> None:
        """Start the children and keep them running, calling `each_round` twice a second, until a stop is asked for."""
        while not self.stopping.is_set():
            self._keep_redis()
            for child in self.children:
                self._keep(child)
            each_round()
            self.stopping.wait(0.5)

    def stop(self) -> None:
        """Ask every child to end, end those that have not after 10 seconds, then stop our Redis."""
        self._stop([child for child in self.children if child.is_running])
        if self.redis is not None:
            self.redis.stop()

    def _keep_redis(self) -> None:
        if self.redis is None or self.redis.process is None or self.redis.process.poll() is None:
            return
        say(f"Redis ended with code {self.redis.process.returncode}; starting it again.")
        try:
            self.redis = self.start_redis()
        except RuntimeError as problem:
            say(f"{problem} Trying again.")
            self.stopping.wait(SHORTEST_PAUSE)

    def _keep(self, child: Child) -> None:
        now = time.monotonic()
        if child.is_running:
            return
        if child.process is not None and not child.start_at:
            if now - child.started_at > WELL_AFTER_SECONDS:
                child.pause = SHORTEST_PAUSE
            say(f"{child.name} ended with code {child.process.returncode}; starting it again in {child.pause:g} s.")
            _signal_session(child, signal.SIGTERM)
            child.start_at = now + child.pause
            child.pause = min(child.pause * 2, LONGEST_PAUSE)
        if now >= child.start_at:
            child.start_at = 0.0
            self._start(child)

    def _start(self, child: Child) -> None:
        # A session of its own for each child: Ctrl-C at the terminal reaches the supervisor only, which then stops
        # everything in order; and a kill -9 of the supervisor ends them through the kernel.
        child.process = subprocess.Popen(
            child.arguments,
            cwd=self.root,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        child.started_at = time.monotonic()
        child.repeater = threading.Thread(target=_repeat_output, args=(child.name, child.process), daemon=True)
        child.repeater.start()

    def _stop(self, children: Sequence[Child]) -> None:
        for child in children:
            _signal(child, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and any(child.is_running for child in children):
            time.sleep(0.05)
        for child in children:
            if child.is_running:
                say(f"{child.name} did not stop within {STOP_SECONDS:.0f} s and is ended now.")
            _signal_session(child, signal.SIGKILL)
            if child.process is not None:
                child.process.wait()
        for child in children:
            if child.repeater is not None:
                child.repeater.join(1.0)


def say(sentence: str) -> None:
    """Print a line of the supervisor's own."""
    print(f"demo     | {sentence}", flush=True)


def _signal(child: Child, number: signal.Signals) -> None:
    if child.process is not None and child.is_running:
        child.process.send_signal(number)


def _signal_session(child: Child, number: signal.Signals) -> None:
    """Signal everything that a child has started and left behind: task processes have process groups of their own."""
    if child.process is None:
        return
    for pid in _session_members(child.process.pid):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _session_members(session: int) -> list[int]:
    members = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name stands in brackets and may hold anything; state, parent, group and session follow it.
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[3]) == session:
                members.append(int(stat.parent.name))
    # Without /proc the leader's own group is what can be reached.
    return members if Path("/proc/self/stat").exists() else [-session]


def _repeat_output(name: str, process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            sys.stdout.write(f"{name:<8} | {line.rstrip()}\n")
            sys.stdout.flush()
