"""From bytes to CSV records: encoding, line ends, quotes, sizes. Not here: what the cells mean.

The file is read in pieces and only one record is in memory at a time, so a large file costs no more than a small one.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from typing import BinaryIO

from portal.intake.remarks import Remark

MAX_BYTES = 20 * 1024 * 1024
MAX_ROWS = 10_000
# Blank lines are no rows, but somebody could send millions of them.
MAX_RECORDS = 2 * MAX_ROWS
MAX_LINE = 1024 * 1024
MAX_CELL = 131_072
PIECE = 64 * 1024

UTF_16_OR_32 = (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")
OTHER_KINDS = (
    (b"PK\x03\x04", "a spreadsheet or a zip archive"),
    (b"PK\x05\x06", "a zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a compressed file"),
)
SAVE_AS_CSV = 'In Excel choose Save As and the type "CSV UTF-8 (Comma delimited)", and upload that file.'


class Unreadable(Exception):
    """The file cannot be read any further; ``remark`` says why and what to do."""

    def __init__(self, record: int, message: str) -> None:
        super().__init__(message)
        self.remark = Remark(record, "", message)


class Records:
    """The records of a file, in order, each with its number; record 1 is the header.

    The stream must be seekable; every iteration starts at its beginning. Empty records (a blank line, or nothing but
    commas, as spreadsheets leave behind) keep their number, so that it is the row in a spreadsheet, and are not given
    out. Raises ``Unreadable`` where the form of the file is broken. After a whole pass ``sha256`` is known.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.number = 0
        self.first_line = ""
        self.sha256: str | None = None

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        self.number = 0
        self.first_line = ""
        rows = 0
        # Strict, because a lenient reader lets an unclosed quotation mark swallow the rest of the file in silence.
        reader = csv.reader(self._lines(), strict=True)
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise Unreadable(self.number + 1, _broken(error)) from None
            if cells is None:
                return
            self.number += 1
            if not any(cells) or not any(cell.strip() for cell in cells):
                if self.number > MAX_RECORDS:
                    raise Unreadable(
                        0, f"The file has more than {MAX_RECORDS:,} lines, most of them blank. Remove them."
                    )
                continue
            # The header is a record too, hence one more than the rows.
            if rows == MAX_ROWS + 1:
                raise Unreadable(
                    0, f"The file has more than {MAX_ROWS:,} rows. Split it into files of {MAX_ROWS:,} rows or fewer."
                )
            rows += 1
            yield self.number, cells

    def _lines(self) -> Iterator[str]:
        """Lines of text with their ends kept; the CSV reader needs them to know line breaks inside of quotes."""
        for line in self._byte_lines():
            try:
                text = line.decode()
            except UnicodeDecodeError:
                raise Unreadable(
                    0,
                    f"The file is not UTF-8 text: see record {self.number + 1}. {SAVE_AS_CSV}",
                ) from None
            if not self.first_line:
                self.first_line = text = text.removeprefix("\ufeff")
            yield text

    def _byte_lines(self) -> Iterator[bytes]:
        """Lines as bytes, ended by LF, CR or CRLF. UTF-8 has these bytes nowhere inside of another character."""
        self._stream.seek(0)
        digest, size, rest = hashlib.sha256(), 0, b""
        while piece := self._stream.read(PIECE):
            if size == 0:
                _refuse_other_kinds(piece)
            size += len(piece)
            if size > MAX_BYTES:
                raise Unreadable(
                    0, f"The file is larger than {MAX_BYTES // 1024 // 1024} MB. Split it into smaller files."
                )
            digest.update(piece)
            # The last line may go on in the next piece, and a CR at its end may be half of a CRLF: it waits.
            *lines, rest = (rest + piece).splitlines(keepends=True)
            yield from lines
            if len(rest) > MAX_LINE:
                raise Unreadable(
                    self.number + 1,
                    f"A line is longer than {MAX_LINE:,} bytes: this is no batch file, or its line breaks are gone.",
                )
        if rest:
            yield rest
        self.sha256 = digest.hexdigest()


def _refuse_other_kinds(start: bytes) -> None:
    for magic, kind in OTHER_KINDS:
        if start.startswith(magic):
            raise Unreadable(0, f"This is {kind}, not a CSV file. {SAVE_AS_CSV}")
    # Text in UTF-16 without a mark has a NUL beside every Latin letter; a stray NUL in a cell is told by its column.
    head = start[:512]
    if start.startswith(UTF_16_OR_32) or head.count(0) * 4 > len(head):
        raise Unreadable(0, f"The file is not UTF-8 text; it looks like UTF-16. {SAVE_AS_CSV}")


def _broken(error: csv.Error) -> str:
    if "field limit" in str(error) or "field larger" in str(error):
        return (
            f"A cell is longer than {MAX_CELL:,} characters. Most often a quotation mark opens a cell here "
            "and is never closed. Correct it and upload the file again."
        )
    return (
        "A quotation mark that opens a cell here is not closed, or is followed by more text. Nothing after it can be "
        "read. Close it, or double the quotation marks inside of the cell, and upload the file again."
    )
