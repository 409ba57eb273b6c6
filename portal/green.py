"""Green threads: the only module besides wsgi.py that may name eventlet.

The web process runs on green threads, the worker and the command line do not; code that has to stay off
the event loop asks here, and does not know which of the two it lives in.
"""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def is_green() -> bool:
    """Say whether this process runs on green threads (wsgi.py has monkey-patched it)."""
    if "eventlet" not in sys.modules:
        return False
    from eventlet import patcher

    return bool(patcher.is_monkey_patched("thread"))


def run_blocking(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Run a slow, GIL-releasing function without stopping the event loop; elsewhere simply call it."""
    if not is_green():
        return function(*args, **kwargs)
    from eventlet import tpool

    return tpool.execute(function, *args, **kwargs)
