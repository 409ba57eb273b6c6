"""What the preflight has to say, and the two forms in which it is handed out: JSON and a CSV to download."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Remark:
    """One fault or one warning, in a sentence for the person who made the file.

    ``record`` counts CSV records: 1 is the header, 0 means the file as a whole. ``column`` is empty where the remark
    concerns no single column.
    """

    record: int
    column: str
    message: str


class Remarks(Protocol):
    """The part of a report that is handed out."""

    rows: int
    faults: list[Remark]
    warnings: list[Remark]


def shown(text: str, longest: int = 60) -> str:
    """A piece of the file, safe to quote in a sentence: no control characters, no unending text."""
    short = text if len(text) <= longest else text[: longest - 1] + "…"
    if short.isprintable():
        return short
    return "".join(
        character if character.isprintable() or unicodedata.category(character) == "Zs" else f"\\u{ord(character):04x}"
        for character in short
    )


def report_json(report: Remarks) -> dict[str, Any]:
    """The report in the form that ``jobs preflight`` prints (CONTRACT.md, Processes)."""
    return {
        "rows": report.rows,
        "faults": [_as_dict(remark) for remark in report.faults],
        "warnings": [_as_dict(remark) for remark in report.warnings],
    }


def report_csv(report: Remarks) -> Iterator[bytes]:
    """The report as a CSV to download, piece by piece: record, column, severity, message.

    It starts with a byte order mark, so that spreadsheets read names in every script, and no cell can be a formula.
    """
    yield b"\xef\xbb\xbf" + _csv_line(("record", "column", "severity", "message"))
    for severity, remarks in (("fault", report.faults), ("warning", report.warnings)):
        for remark in remarks:
            yield _csv_line((remark.record, _not_a_formula(remark.column), severity, _not_a_formula(remark.message)))


def _as_dict(remark: Remark) -> dict[str, Any]:
    return {"record": remark.record, "column": remark.column, "message": remark.message}


def _csv_line(cells: Iterable[object]) -> bytes:
    line = io.StringIO(newline="")
    csv.writer(line).writerow(cells)
    return line.getvalue().encode()


def _not_a_formula(text: str) -> str:
    """A spreadsheet runs a cell that starts like a formula; an apostrophe makes it text."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
