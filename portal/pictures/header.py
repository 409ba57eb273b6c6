"""What a picture says about itself in its first bytes, read without decoding it: the kind and the size.

The kind is told by the content, never by a name. No decoder is loaded, so a web process may ask.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from portal.errors import PortalError

MOST_BYTES = 5 * 1000 * 1000
"""Bytes of a file (issue 3, reliability V3)."""

MOST_PIXELS = 12_000_000
"""Width times height; a decoder needs four bytes for each."""

PNG = b"\x89PNG\r\n\x1a\n"
WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers of JPEG that stand alone (ITU-T T.81, table B.1)."""

SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of JPEG that carry the size."""

SCAN, END = 0xDA, b"\xff\xd9"


class NotAPicture(PortalError):
    """It is none of the kinds that we take."""


class Unusable(PortalError):
    """It is of a kind that we take, and cannot be used: broken, or too large."""


@dataclass(frozen=True, slots=True)
class Header:
    """The kind as Pillow names it, and the size in pixels."""

    kind: str
    width: int
    height: int


KINDS = "Choose a JPEG, PNG, WebP or GIF picture."
BROKEN = "This picture is damaged or not complete. Choose another file."


def read_header(data: bytes) -> Header:
    """Kind and size of a picture. Raises ``NotAPicture``, and ``Unusable`` for a broken or too large one."""
    kind, size = _reader_of(data)
    try:
        width, height = size(data)
    except (struct.error, IndexError, ValueError):
        raise Unusable(BROKEN, field="picture") from None
    if not width or not height:
        raise Unusable(BROKEN, field="picture")
    check_size(width, height)
    return Header(kind, width, height)


def check_size(width: int, height: int) -> None:
    """Raise ``Unusable`` for a picture of too many pixels."""
    if width * height > MOST_PIXELS:
        raise Unusable(
            f"This picture has {width:,} × {height:,} pixels. Choose one of at most 12 megapixels.", field="picture"
        )


def _reader_of(data: bytes) -> tuple[str, Callable[[bytes], tuple[int, int]]]:
    if not data:
        raise Unusable("The file is empty. " + KINDS, field="picture")
    if data.startswith(PNG):
        return "PNG", _size_of_png
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG", _size_of_jpeg
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP", _size_of_webp
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF", _size_of_gif
    raise NotAPicture("This is not a picture that we can read. " + KINDS, field="picture")


def _size_of_png(data: bytes) -> tuple[int, int]:
    """From the first chunk; the chunks must go on to the last (PNG specification, 11.2)."""
    if data[12:16] != b"IHDR":
        raise ValueError
    width, height = struct.unpack(">II", data[16:24])
    at = 8
    # A size that is refused anyway need not be in a whole file.
    while width * height <= MOST_PIXELS:
        length, name = struct.unpack(">I4s", data[at : at + 8])
        at += 12 + length
        if name == b"IEND":
            break
    return width, height


def _size_of_jpeg(data: bytes) -> tuple[int, int]:
    """From the frame header; after the first scan the end of the image must come (ITU-T T.81, B.1)."""
    at, size = 2, (0, 0)
    while True:
        if data[at] != 0xFF:
            raise ValueError
        marker = data[at + 1]
        if marker == 0xFF or marker in WITHOUT_LENGTH:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in SIZES:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            size = (width, height)
        if marker == SCAN:
            break
        (length,) = struct.unpack(">H", data[at + 2 : at + 4])
        at += 2 + max(2, length)
    if data.find(END, at) < 0:
        raise ValueError
    return size


def _size_of_webp(data: bytes) -> tuple[int, int]:
    """From the first chunk, of which there are three kinds (RFC 9649)."""
    (length,) = struct.unpack("<I", data[4:8])
    if length + 8 > len(data):
        raise ValueError
    chunk, body = data[12:16], data[20:30]
    if chunk == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if chunk == b"VP8L" and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if chunk == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", body[6:10])
        return width & 0x3FFF, height & 0x3FFF
    raise ValueError


def _size_of_gif(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack("<HH", data[6:10])
    return width, height
