"""Crash points and shorter waits: what only a fault test asks of a process that it starts; nothing happens else."""

import os
import signal
from collections import Counter
from datetime import timedelta


def read(text: str) -> dict[str, int]:
    """What a test named, several with commas: ``<point>:<id>:kill``, with ``*`` for whatever id.

    ``kill3`` waits until the process comes to the point for the third time.
    """
    named = [part.rpartition(":kill") for part in text.split(",") if ":kill" in part]
    return {place: int(time or 1) for place, _, time in named}


WANTED = read(os.environ.get("PORTAL_FAULT", ""))
"""Where to die, and at which time of passing there."""

_passed: Counter[str] = Counter()


def point(name: str, ident: int | str) -> None:
    """Die here, as a crash of the machine would have it, if this is a point that a test named."""
    if not WANTED:
        return
    for place in (f"{name}:{ident}", f"{name}:*"):
        _passed[place] += 1
        if WANTED.get(place) == _passed[place]:
            os.kill(os.getpid(), signal.SIGKILL)


def wait(name: str, seconds: float) -> timedelta:
    """How long to wait for something: so many seconds, or as many as a test says by ``PORTAL_WAIT_<name>``."""
    return timedelta(seconds=float(os.environ.get(f"PORTAL_WAIT_{name}") or seconds))
