"""Crash points and shorter waits: what only a fault test asks of a process that it starts; nothing happens else."""

import os
import signal
from datetime import timedelta

_WANTED = frozenset(os.environ.get("PORTAL_FAULT", "").split(","))
"""``<point>:<id>:kill``, several with commas."""


def point(name: str, ident: int) -> None:
    """Die here, as a crash of the machine would have it, if this is a point that a test named."""
    if f"{name}:{ident}:kill" in _WANTED:
        os.kill(os.getpid(), signal.SIGKILL)


def wait(name: str, seconds: float) -> timedelta:
    """How long to wait for something: so many seconds, or as many as a test says by ``PORTAL_WAIT_<name>``."""
    return timedelta(seconds=float(os.environ.get(f"PORTAL_WAIT_{name}") or seconds))
