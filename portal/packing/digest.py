"""The SHA-256 of a file that is still being written: read again from the file, on another core."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from threading import Condition, Thread

PIECE = 1 << 20
TELL_EVERY = 5.0
"""Seconds after which whoever waits for the end hears that it goes on."""
SYNC_EVERY = 64 << 20
"""Bytes after which what is written goes to the disk, so that the end has not to wait for all of it."""


class Digest:
    """Follows the writer of a file and hashes what is in it as far as it was said to reach.

    It reads what the file really holds, so it is the digest of the file and not of what was meant to be in it.
    """

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDONLY)
        self._hash = hashlib.sha256()
        self._goal = 0
        self._ended = False
        self._error: OSError | None = None
        self._news = Condition()
        self._thread = Thread(target=self._follow, daemon=True)
        self._thread.start()

    def reach(self, position: int) -> None:
        """Say how far the file is written for good."""
        with self._news:
            self._goal = position
            self._news.notify()

    def end(self, size: int, *, on: Callable[[], None] | None = None) -> str:
        """Hash up to ``size`` and give the digest in hexadecimal. Raises what reading raised.

        ``on`` is called every ``TELL_EVERY`` seconds while this lasts, and may raise to end the waiting.
        """
        with self._news:
            self._goal = size
            self._ended = True
            self._news.notify()
        while on is not None and self._thread.is_alive():
            self._thread.join(TELL_EVERY)
            on()
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._hash.hexdigest()

    def stop(self) -> None:
        """End once what was written so far is hashed."""
        with self._news:
            self._ended = True
            self._news.notify()
        self._thread.join()

    def abandon(self) -> None:
        """End at once; the digest is not wanted any more."""
        self._goal = 0
        self.stop()

    def _follow(self) -> None:
        at = synced = 0
        try:
            while (goal := self._next_goal(at)) > at:
                piece = os.pread(self._handle, min(PIECE, goal - at), at)
                if not piece:
                    raise OSError("The file ends too early.")
                self._hash.update(piece)
                at += len(piece)
                if at - synced >= SYNC_EVERY:
                    os.fdatasync(self._handle)
                    synced = at
        except OSError as error:
            self._error = error
        finally:
            os.close(self._handle)

    def _next_goal(self, at: int) -> int:
        """How far to hash now; not beyond ``at`` when this is the end."""
        with self._news:
            self._news.wait_for(lambda: self._goal > at or self._ended)
            return self._goal
