"""Crash points: where a fault test ends this process the hard way. Nothing happens unless ``PORTAL_FAULT`` says so."""

import os
import signal

_WANTED = os.environ.get("PORTAL_FAULT", "")
"""``<point>:<id>:kill``, set by a test that starts this process."""


def point(name: str, ident: int) -> None:
    """Die here, as a crash of the machine would have it, if this is the point that a test named."""
    if _WANTED and _WANTED == f"{name}:{ident}:kill":
        os.kill(os.getpid(), signal.SIGKILL)
