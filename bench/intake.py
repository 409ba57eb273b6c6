"""Preflight of a batch of 10,000 rows: how long it takes and how much memory, beside a bare pass of the CSV module.

``run()`` gives figures as ``{"figure", "value", "unit", "peer", "peer_value", "ratio"}``; seconds and MiB.
"""

from __future__ import annotations

import csv
import io
import time
import tracemalloc
from collections.abc import Callable
from datetime import date
from typing import Any, BinaryIO

from portal.intake import OPTIONAL, REQUIRED, preflight
from portal.intake.preflight import HeldLearner

TODAY = date(2026, 11, 23)
BRAND = "Skills and Education Group Awards"
ROWS = 10_000
SECONDS_ALLOWED = 10.0
REPEATS = 3


class NothingHeld:
    """An empty database."""

    def brands(self) -> set[str]:
        return {BRAND}

    def title_of(self, qualification_numbers: set[str]) -> dict[str, str]:
        return {}

    def learners(self, enrolment_numbers: set[str]) -> dict[str, HeldLearner]:
        return {}

    def awards(self, pairs: set[tuple[str, str]]) -> set[tuple[str, str]]:
        return set()


def batch(rows: int) -> bytes:
    """A good batch file of so many rows, with names of several scripts and four to fifteen units a row."""
    first_names = ("Łukasz", "Anna  Maria", "Nguyễn", "आरव", "Samantha", "محمد", "Peter")
    text = io.StringIO(newline="")
    out = csv.writer(text)
    out.writerow((*REQUIRED, *OPTIONAL))
    for row in range(rows):
        number = f"{600 + row % 4}/{1000 + row % 300:04}/{row % 10}"
        units = ";".join(
            f"A/{501 + unit}/{1000 + row % 9000}|Health, safety and “equality” at work {unit}|Level 2|{unit + 1}|Pass"
            for unit in range(4 if row % 5 else 15)
        )
        out.writerow(
            (
                f"AMS{row:011}", first_names[row % 7], f"Whitlock-{row}",
                f"{1960 + row % 45}-0{1 + row % 9}-1{row % 9}",
                BRAND, number, f"SEG Awards Level 2 Award {number}", "Level 2", "Pass", "02/11/2026",
                "", f"learner{row}@college.example", "2029-11-01", "English", "certificate;transcript;letter", units,
            )
        )  # fmt: skip
    return text.getvalue().encode()


def bare_pass(stream: BinaryIO) -> None:
    """The peer: what it costs to read the same file with ``csv.DictReader`` and do nothing with it."""
    for _ in csv.DictReader(io.StringIO(stream.read().decode("utf-8-sig"), newline="")):
        pass


def check(stream: BinaryIO) -> None:
    """The preflight of a good file."""
    report = preflight(stream, NothingHeld(), today=TODAY)
    assert not report.faults and report.rows == report.good_rows


def check_and_read(stream: BinaryIO) -> None:
    """The preflight and then every good row, as a publish does it."""
    report = preflight(stream, NothingHeld(), today=TODAY)
    assert sum(1 for _ in report.good()) == report.rows


def seconds(work: Callable[[BinaryIO], None], content: bytes) -> float:
    """The best of a few runs, in seconds."""
    best = float("inf")
    for _ in range(REPEATS):
        started = time.perf_counter()
        work(io.BytesIO(content))
        best = min(best, time.perf_counter() - started)
    return best


def peak_mib(work: Callable[[BinaryIO], None], content: bytes) -> float:
    """The most memory that the work held at once, in MiB, the file itself left out."""
    stream = io.BytesIO(content)
    tracemalloc.start()
    try:
        work(stream)
        return tracemalloc.get_traced_memory()[1] / 1024 / 1024
    finally:
        tracemalloc.stop()


def run() -> list[dict[str, Any]]:
    """Measure all figures; under a minute."""
    large, small = batch(ROWS), batch(ROWS // 10)
    bare = seconds(bare_pass, large)
    checked = seconds(check, large)
    both = seconds(check_and_read, large)
    return [
        _figure(f"preflight of {ROWS:,} rows", checked, "s", "bare csv.DictReader pass", bare),
        _figure(f"preflight of {ROWS:,} rows against its limit", checked, "s", "limit", SECONDS_ALLOWED),
        _figure(f"preflight and reading of {ROWS:,} good rows", both, "s", "bare csv.DictReader pass", bare),
        _figure(
            f"peak memory, preflight and reading of {ROWS:,} rows",
            peak_mib(check_and_read, large),
            "MiB",
            f"the same for {ROWS // 10:,} rows",
            peak_mib(check_and_read, small),
        ),
    ]


def _figure(figure: str, value: float, unit: str, peer: str, peer_value: float) -> dict[str, Any]:
    return {
        "figure": figure,
        "value": round(value, 3),
        "unit": unit,
        "peer": peer,
        "peer_value": round(peer_value, 3),
        "ratio": round(value / peer_value, 2),
    }


if __name__ == "__main__":
    for row in run():
        print(row)
