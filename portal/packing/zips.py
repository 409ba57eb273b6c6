"""A zip that is written file by file, stored and never deflated (PDFs are compressed already).

Each entry stands whole behind a header that says its name, size and CRC, so a part that a dead writer left can be
walked through, cut after the last entry that is known to be good, and gone on with; the directory at the end is made
of the same headers. The headers and the directory (with zip64) are written by the standard library.
"""

from __future__ import annotations

import errno
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path

_LOCAL = struct.Struct("<4s5H3L2H")
"""Signature, version, flags, method, time, date, CRC, packed size, size, length of name, length of extra field.

Source: APPNOTE.TXT 6.3.10, 4.3.7.
"""
_SIGNATURE = b"PK\x03\x04"
_UTF8 = 0x800
_BUFFER = 1 << 20
_PIECE = 4 << 20
_OUT_OF_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def _nobody() -> None:
    """Nobody wants to hear that it goes on."""


class NoSpace(OSError):
    """The disk is full, or this account may not use more of it."""


class BrokenZip(Exception):
    """A file does not hold what its writer said of it."""


class Pack:
    """A zip that is being written, from its beginning or behind the first ``entries`` of a part that is there.

    Raises ``BrokenZip`` when the part does not hold so many whole entries.
    """

    def __init__(self, path: Path, *, entries: int = 0) -> None:
        self.path = path
        with _space_watched():
            self._file = path.open("r+b" if path.exists() else "w+b", buffering=_BUFFER)
        try:
            found = list(islice(_walk(self._file.fileno()), entries))
            if len(found) < entries:
                raise BrokenZip(f"There are {len(found)} entries and not {entries}.")
            self.entries = [info for info, _ in found]
            self.position = found[-1][1] if found else 0
            self._file.truncate(self.position)
            self._file.seek(self.position)
        except BaseException:
            self._file.close()
            raise

    def add(self, name: str, data: bytes, moment: datetime) -> None:
        """Add one file. ``moment`` is what its date and time say. Raises ``NoSpace``."""
        info = zipfile.ZipInfo(name, (max(moment.year, 1980), *moment.timetuple()[1:6]))
        info.external_attr = 0o644 << 16
        info.create_system = 3
        info.file_size = info.compress_size = len(data)
        info.CRC = zlib.crc32(data)
        info.header_offset = self.position
        header = info.FileHeader(zip64=False)
        with _space_watched():
            self._file.write(header)
            self._file.write(data)
        self.position += len(header) + len(data)
        self.entries.append(info)

    def flush(self) -> int:
        """Hand everything to the system; give how far the file reaches. What was flushed outlives this process."""
        with _space_watched():
            self._file.flush()
        return self.position

    def close_up(self) -> int:
        """Write the directory behind the last entry; give the size of the zip."""
        with _space_watched():
            directory = zipfile.ZipFile(self._file, "w", allowZip64=True)
            directory.infolist().extend(self.entries)
            directory.close()
            self._file.flush()
            self.position = self._file.seek(0, os.SEEK_END)
        return self.position

    def sync(self) -> None:
        """Make the bytes durable."""
        with _space_watched():
            os.fsync(self._file.fileno())

    def check(self, entries: int, *, on: Callable[[], None] = _nobody) -> None:
        """Read every entry again and compare its CRC; there must be so many. Raises ``BrokenZip``.

        ``on`` is called after each entry, and may raise to end this.
        """
        handle = self._file.fileno()
        count = 0
        for info, end in _walk(handle):
            if zlib.crc32(_read(handle, info.file_size, end - info.file_size)) != info.CRC:
                raise BrokenZip(f"Entry {count + 1} is not what was written.")
            count += 1
            on()
        if count != entries:
            raise BrokenZip(f"There are {count} entries and not {entries}.")

    def close(self) -> None:
        """Let go of the file; what was not flushed is lost."""
        try:
            self._file.close()
        except OSError:
            # A full disk is met again when the buffer is written; whoever closes here gives the file up.
            pass


def copy_beginning(source: Path, target: Path, *, entries: int, on: Callable[[], None] = _nobody) -> None:
    """Copy the first entries of a part to a file of one's own: its old writer may still be alive and writing.

    ``on`` is called after each piece, and may raise to end this.
    """
    with source.open("rb") as old:
        found = list(islice(_walk(old.fileno()), entries))
        if len(found) < entries:
            raise BrokenZip(f"There are {len(found)} entries and not {entries}.")
        left = found[-1][1] if found else 0
        with _space_watched(), target.open("wb") as new:
            while left:
                piece = old.read(min(_PIECE, left))
                if not piece:
                    raise BrokenZip("The file ends too early.")
                new.write(piece)
                left -= len(piece)
                on()


def _walk(handle: int) -> Iterator[tuple[zipfile.ZipInfo, int]]:
    """The entries of a file from its beginning, each with where it ends; stops where no whole entry follows."""
    size = os.fstat(handle).st_size
    at = 0
    while at + _LOCAL.size <= size:
        fields = _LOCAL.unpack(os.pread(handle, _LOCAL.size, at))
        signature, _, flags, method, time, date, crc, packed, plain, name_length, extra_length = fields
        end = at + _LOCAL.size + name_length + extra_length + plain
        if signature != _SIGNATURE or method != zipfile.ZIP_STORED or packed != plain or end > size:
            return
        name = os.pread(handle, name_length, at + _LOCAL.size)
        moment = ((date >> 9) + 1980, date >> 5 & 15, date & 31, time >> 11, time >> 5 & 63, (time & 31) * 2)
        info = zipfile.ZipInfo(name.decode("utf-8" if flags & _UTF8 else "ascii", "replace"), moment)
        info.external_attr = 0o644 << 16
        info.create_system = 3
        info.file_size = info.compress_size = plain
        info.CRC = crc
        info.header_offset = at
        yield info, end
        at = end


def _read(handle: int, size: int, at: int) -> bytes:
    data = os.pread(handle, size, at)
    if len(data) != size:
        raise BrokenZip("The file ends too early.")
    return data


@contextmanager
def _space_watched() -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        if problem.errno in _OUT_OF_SPACE:
            raise NoSpace(problem.errno, "There is no space left for the zip.") from problem
        raise
