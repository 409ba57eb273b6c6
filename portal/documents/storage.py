"""Bytes kept by their content: a file is named by its SHA-256, written once and never changed."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from portal import clock

_DIGEST = re.compile(r"[0-9a-f]{64}")
_SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")


class OutOfSpace(OSError):
    """The disk is full, or this account may not use more of it. Nothing was stored; the work can be tried again."""


class Damaged(OSError):
    """A stored file no longer has the content that its name promises."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What was stored: its SHA-256 in hexadecimal, its size in bytes, and where it lies."""

    sha256: str
    size: int
    path: Path


class Store:
    """A folder of files named by content, spread over 256 folders. Several processes may write at the same time."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def path(self, sha256: str, suffix: str) -> Path:
        """Where this content lies or would lie. A name that is no digest or no suffix (``.pdf``) is a ValueError."""
        if not _DIGEST.fullmatch(sha256):
            raise ValueError("A stored file is named by 64 hexadecimal digits.")
        if not _SUFFIX.fullmatch(suffix):
            raise ValueError(f"A suffix is a dot and letters, not {suffix!r}.")
        return self.root / sha256[:2] / f"{sha256}{suffix}"

    def put(self, data: bytes, suffix: str) -> Stored:
        """Store ``data`` durably and return its name; the same content is stored once.

        The bytes are on the disk, under their final name, before this returns. Raises OutOfSpace.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.path(sha256, suffix)
        stored = Stored(sha256, len(data), path)
        if self._is_whole(path, len(data)):
            # Whoever clears away what nobody names goes by its age: this is wanted again.
            with suppress(OSError):
                os.utime(path)
            return stored
        part = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            _sync_folder(path.parent)
        except OSError as problem:
            part.unlink(missing_ok=True)
            if problem.errno in (errno.ENOSPC, errno.EDQUOT):
                raise OutOfSpace(problem.errno, "There is no space left to store documents.") from problem
            raise
        return stored

    def forget_halves(self, *, seconds: float) -> int:
        """Remove what writers that died left half written and untouched for so many seconds; say how many files."""
        gone = 0
        for part in self.root.glob("*/*.part"):
            with suppress(FileNotFoundError):
                if clock.now().timestamp() - part.stat().st_mtime >= seconds:
                    part.unlink()
                    gone += 1
        return gone

    def open(self, sha256: str, suffix: str, *, verify: bool = False) -> BinaryIO:
        """The file, opened to read. Raises FileNotFoundError, and Damaged when asked to ``verify`` and it differs."""
        if verify and not self.verify(sha256, suffix):
            raise Damaged(errno.EIO, "A stored file no longer has the content that its name promises.")
        return self.path(sha256, suffix).open("rb")

    def verify(self, sha256: str, suffix: str) -> bool:
        """Whether the stored file still has the content that its name promises. Raises FileNotFoundError."""
        with self.path(sha256, suffix).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256

    @staticmethod
    def _is_whole(path: Path, size: int) -> bool:
        try:
            return path.stat().st_size == size
        except FileNotFoundError:
            return False


def _sync_folder(folder: Path) -> None:
    """Make the new name itself durable, where the system lets a folder be synchronised."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
