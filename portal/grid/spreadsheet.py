"""Rows as CSV (RFC 4180, UTF-8 with a byte order mark) that a spreadsheet opens without running anything."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from portal.grid.declaration import Grid

LINES = 200
"""Rows written at once: few enough to keep memory flat, enough to keep the server from many small writes."""

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""How a cell begins that a spreadsheet may take for a formula. Source: OWASP, CSV Injection."""


def safe_cell(text: str) -> str:
    """The text as a cell that stays text: an apostrophe before whatever might be taken for a formula."""
    return "'" + text if text.startswith(DANGEROUS) else text


def as_csv(grid: Grid, rows: Iterable[Any], *, say: Callable[[Any], str] = str) -> Iterator[bytes]:
    """The header and the rows in pieces of bytes. ``say`` puts a label into the reader's language."""
    columns = [column for column in grid.shown if column.csv]
    rows = iter(rows)
    header = [say(column.label) for column in columns]
    head = b"\xef\xbb\xbf" + _lines([header])
    # The first rows go with the header: a fault among them is an error page and never half a file.
    while batch := list(islice(rows, LINES)):
        yield head + _lines([_cell(column.text_of(row, say), row, column.name) for column in columns] for row in batch)
        head = b""
    if head:
        yield head


def _cell(text: str, row: Any, name: str) -> str:
    # A number that we counted ourselves is a number, below nought as well; all else is text from somewhere.
    value = getattr(row, name, None)
    is_number = isinstance(value, (int, float)) and str(value) == text
    return text if is_number else safe_cell(text)


def _lines(rows: Iterable[list[str]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue().encode("utf-8", "replace")
