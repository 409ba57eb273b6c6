"""Free TCP ports, and waiting until somebody answers."""

import socket
import time
from collections.abc import Callable


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on. It is only free, not reserved: bind it at once."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody accepts connections on a port of 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition: Callable[[], object], *, seconds: float, what: str, every: float = 0.05) -> None:
    """Ask `condition` until it is true; fail after `seconds`, saying what did not happen."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds:g} s")
        time.sleep(every)
