"""The bytes of a zip as answers: in pieces from the disk, whole or in ranges, with the word of how it went.

A caller has loaded the download within what its actor may see, in this very request, and knows that it is ready.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import file_digest
from pathlib import Path
from threading import Event
from typing import Any

from flask import Flask, current_app, request
from werkzeug.wrappers import Response

from portal import clock
from portal.green import run_blocking
from portal.web.document_files import disposition

log = logging.getLogger(__name__)

PIECE = 256 * 1024
"""Bytes read at once."""

BEAT = 20.0
"""Seconds after which a long handing over says that it still goes on."""

MOST_KNOWN = 500

Key = tuple[str, int, int]
"""A file by its name, its size and the moment of its last change."""

_known: dict[Key, str] = {}
"""Digests of files: a zip is hashed once by each process."""

_hashing: dict[Key, Event] = {}
"""What is hashed at this moment: whoever asks for it meanwhile waits, and takes no thread from those who sign in."""

End = Callable[[int, int, int], None]
"""Told how an answer ended: the first byte, how many were sent, how many were promised."""


class Gone(Exception):
    """The folder of the zips is there, and the file is not in it."""


class Unreadable(Exception):
    """The disk gives no bytes at this moment; whether they are what they were, nobody knows."""


def is_sound(path: Path, *, size: int, sha256: str) -> bool:
    """Whether the file is still there with the bytes that were packed; hashed off the event loop, and only once.

    Raises ``Unreadable``: a disk that does not answer says nothing against a file.
    """
    try:
        with _disk_watched(path):
            found = path.stat()
            if found.st_size != size:
                return False
            key = (path.name, found.st_size, found.st_mtime_ns)
            return _digest_of(path, key) == sha256
    except Gone:
        return False


@contextmanager
def _disk_watched(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        log.error("the zip %s cannot be read: %s", path.name, problem)
        # Where even the folder is missing, its disk is not mounted, and the file may well be on it.
        # (``Path.is_dir`` raises where the disk does not answer.)
        if isinstance(problem, FileNotFoundError) and os.path.isdir(path.parent):  # noqa: PTH112
            raise Gone from problem
        raise Unreadable from problem


def _digest_of(path: Path, key: Key) -> str:
    """The digest of a file, as known, or as hashed by the first who asks; the others wait without a thread."""
    while True:
        if digest := _known.get(key):
            return digest
        mine = Event()
        first = _hashing.setdefault(key, mine)
        if first is not mine:
            # In the web process this event is a green one. Should the first one fail, the next one tries.
            first.wait()
            continue
        try:
            digest = _known.get(key) or run_blocking(_digest, path)
            if len(_known) >= MOST_KNOWN:
                _known.clear()
            _known[key] = digest
            return digest
        finally:
            del _hashing[key]
            mine.set()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def answer(
    path: Path, *, size: int, sha256: str, name: str, begun: Callable[[], None], beat: Callable[[], None], ended: End
) -> Response:
    """The zip, or the part of it that was asked for. ``begun``, ``beat`` and ``ended`` follow the bytes on their way.

    Source: RFC 9110, 13 and 14. Of several ranges at once nothing is made: the answer is then the whole.
    Raises ``Gone`` and ``Unreadable``, before anything was said or sent.
    """
    if request.if_none_match.contains(sha256):
        return _with_headers(Response(status=304), sha256, name)
    start, stop, status = _asked(size, sha256)
    if status == 416:
        response = Response("This file has no such part.", status=416, mimetype="text/plain")
        response.headers["Content-Range"] = f"bytes */{size}"
        return _with_headers(response, sha256, name)
    response = Response(status=status, mimetype="application/zip", direct_passthrough=True)
    response.content_length = stop - start
    if status == 206:
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    if request.method != "HEAD":
        # Opened before anything is said: whatever becomes of the name, these bytes stay until the answer is over.
        with _disk_watched(path):
            handle = os.open(path, os.O_RDONLY)
        try:
            begun()
        except BaseException:
            os.close(handle)
            raise
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        response.response = HandedOver(app, handle, start, stop, beat, ended)
    return _with_headers(response, sha256, name)


def _with_headers(response: Response, sha256: str, name: str) -> Response:
    response.set_etag(sha256)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Content-Disposition"] = disposition(f"{name}.zip", attachment=True)
    return response


def _asked(size: int, sha256: str) -> tuple[int, int, int]:
    """The first byte, the one behind the last, and the status: 200 for the whole, 206, or 416 for what is not there."""
    asked = request.range
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return 0, size, 200
    if request.headers.get("If-Range") and request.if_range.etag != sha256:
        return 0, size, 200
    found = asked.range_for_length(size)
    if found is None or found[0] >= size:
        return 0, 0, 416
    return found[0], min(found[1], size), 206


class HandedOver:
    """The bytes on their way. A piece counts as sent when the next one is asked for: one that was cut off does not."""

    def __init__(self, app: Flask, handle: int, start: int, stop: int, beat: Callable[[], None], ended: End) -> None:
        self._app = app
        self._handle: int | None = handle
        self._start, self._at, self._stop = start, start, stop
        self._sent = 0
        self._beat, self._ended = beat, ended
        self._heard = clock.now()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self._sent = self._at - self._start
        if self._handle is None or self._at >= self._stop:
            self.close()
            raise StopIteration
        piece = run_blocking(os.pread, self._handle, min(PIECE, self._stop - self._at), self._at)
        if not piece:
            self.close()
            raise OSError("a zip became shorter while it was handed over")
        self._at += len(piece)
        if (clock.now() - self._heard).total_seconds() > BEAT:
            self._heard = clock.now()
            self._say(self._beat)
        return piece

    def close(self) -> None:
        """Called by the server when the answer is over, whichever way."""
        if self._handle is None:
            return
        os.close(self._handle)
        self._handle = None
        self._say(self._ended, self._start, self._sent, self._stop - self._start)

    def _say(self, word: Callable[..., None], *values: Any) -> None:
        try:
            with self._app.app_context():
                word(*values)
        except Exception:
            # The bytes are what matters; the sweeper settles what nobody hears of.
            log.exception("how a handing over went could not be written down")
