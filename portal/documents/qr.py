"""The QR code of a verification address, as a matrix of modules and as rectangles. Pictures of it are never made."""

from __future__ import annotations

from functools import lru_cache

import qrcode
from qrcode.constants import ERROR_CORRECT_M

QUIET = 4  # Modules of empty margin that ISO/IEC 18004 asks for on every side.


@lru_cache(maxsize=64)
def drawn(text: str) -> tuple[int, tuple[tuple[int, int, int, int], ...]]:
    """How many modules a side has, and the rectangles. Kept for the other form of the same document."""
    modules = matrix(text)
    return len(modules), tuple(rectangles(modules))


def matrix(text: str) -> list[list[bool]]:
    """The modules of a QR code at level M, row by row from the top, True is dark, without the quiet zone.

    The mask is fixed: every mask is a legal symbol, and scoring all eight costs seven times the rest.
    """
    data = text.encode("utf-8")
    code = qrcode.QRCode(version=_version(len(data)), error_correction=ERROR_CORRECT_M, border=0, mask_pattern=3)
    code.add_data(data, optimize=0)
    code.make(fit=False)
    return [[bool(module) for module in row] for row in code.modules]


@lru_cache(maxsize=256)
def _version(length: int) -> int:
    """The smallest symbol that holds so many bytes; asked once for each length, for the answer takes a fifth of all."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M)
    code.add_data(b"?" * length, optimize=0)
    return code.best_fit()


def rectangles(modules: list[list[bool]]) -> list[tuple[int, int, int, int]]:
    """The dark modules as (column, row, width, height), joined along rows and then downwards, so that no seam shows."""
    done: list[tuple[int, int, int, int]] = []
    growing: dict[tuple[int, int], tuple[int, int]] = {}
    for row, line in enumerate([*modules, []]):
        strips = set(_strips(line))
        for strip in [strip for strip in growing if strip not in strips]:
            top, height = growing.pop(strip)
            done.append((strip[0], top, strip[1], height))
        for strip in strips:
            top, height = growing.get(strip, (row, 0))
            growing[strip] = (top, height + 1)
    return sorted(done)


def _strips(line: list[bool]) -> list[tuple[int, int]]:
    strips = []
    start = None
    for column, dark in enumerate([*line, False]):
        if dark and start is None:
            start = column
        elif not dark and start is not None:
            strips.append((start, column - start))
            start = None
    return strips
