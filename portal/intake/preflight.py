"""The check of a whole batch file before anything is published. Not here: the rules for a single cell.

The file is read once for the check and once more by ``Report.good``; in between only keys and remarks are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from typing import Any, BinaryIO, Protocol

from portal.errors import Invalid
from portal.intake.cells import OPTIONAL, REQUIRED, Cells, Row
from portal.intake.records import Records, Unreadable
from portal.intake.remarks import Remark, shown

COLUMNS = (*REQUIRED, *OPTIONAL)
MOST_COLUMNS = 100
# So many rows are compared with what is on file in one go.
CHUNK = 500

Award = tuple[str, str]
Names = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class HeldLearner:
    """A learner on file. ``elsewhere`` means that only other centres know them: nothing about them is told."""

    first_name: str
    middle_name: str | None
    last_name: str
    date_of_birth: date
    elsewhere: bool = False


class Held(Protocol):
    """What is on file, asked for in chunks of at most 500 keys."""

    def brands(self) -> AbstractSet[str]:
        """Full names of the awarding organisations of this portal."""

    def title_of(self, qualification_numbers: set[str]) -> dict[str, str]:
        """The title on file for each of these qualification numbers that is known."""

    def learners(self, enrolment_numbers: set[str]) -> dict[str, HeldLearner]:
        """The learners on file among these enrolment numbers."""

    def awards(self, pairs: set[Award]) -> AbstractSet[Award]:
        """Those of these (enrolment number, qualification number) that have been issued already."""


class Report:
    """What the check found.

    ``rows`` counts the rows below the header that were read; ``faults`` and ``warnings`` are in the order of the file;
    ``refused`` says that the file as a whole cannot be used, not even its good rows; ``sha256`` is that of the file, or
    None when it was not read to its end.
    """

    def __init__(self, stream: BinaryIO, cells: Cells) -> None:
        self.rows = 0
        self.faults: list[Remark] = []
        self.warnings: list[Remark] = []
        self.refused = False
        self.sha256: str | None = None
        self._stream = stream
        self._cells = cells
        self._bad: set[int] = set()

    @property
    def good_rows(self) -> int:
        """How many rows can be published."""
        return 0 if self.refused else self.rows - len(self._bad)

    def good(self) -> Iterator[Row]:
        """Read the file once more and give the rows without a fault, one at a time; the stream must still be open.

        Raises ``Invalid``, at the end at the latest, if the file is not the one that was checked: publish in one
        transaction, so that nothing remains of it.
        """
        if self.refused:
            return
        changed = Invalid("The file changed after it was checked. Upload it again.")
        records = Records(self._stream)
        header: list[str] | None = None
        try:
            for number, texts in records:
                if header is None:
                    header = _names(texts)
                elif number not in self._bad:
                    if len(texts) != len(header):
                        raise changed
                    values, faults = self._cells.read(dict(zip(header, texts, strict=True)))
                    if faults:
                        raise changed
                    yield Row(record=number, **values)
        except Unreadable:
            raise changed from None
        if records.sha256 != self.sha256:
            raise changed

    def add_fault(self, record: int, column: str, message: str) -> None:
        """Note a fault. One of the file or of its header refuses the file; one of a row only that row."""
        self.faults.append(Remark(record, column, message))
        if record <= 1:
            self.refused = True
        else:
            self._bad.add(record)

    def add_warning(self, record: int, column: str, message: str) -> None:
        """Note something to look at that stops nothing."""
        self.warnings.append(Remark(record, column, message))


def preflight(
    stream: BinaryIO,
    held: Held,
    *,
    today: date,
    unsupported: Callable[[str], AbstractSet[str]] | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Report:
    """Check a batch file, a seekable stream of bytes, and say all that is wrong with it. Never raises for its content.

    ``unsupported`` takes some characters and gives those that no font of the documents has. ``on_progress`` is called
    with the number of rows checked so far, every 500 rows, so that a task can tick and keep its lease.
    Source: CONTRACT.md, Batch file and Processes.
    """
    cells = Cells(brands=held.brands(), today=today, unsupported=unsupported)
    report = Report(stream, cells)
    comparison = _Comparison(held, report, on_progress)
    records = Records(stream)
    header: list[str] = []
    try:
        for number, texts in records:
            if header:
                report.rows += 1
                _check_row(number, header, texts, cells, report, comparison)
                continue
            header = _names(texts)
            _check_header(texts, report)
            if report.refused:
                break
    except Unreadable as broken:
        # A header with quotation marks and semicolons cannot even be parsed; the reason is still the semicolons.
        other = _other_delimiter(records.first_line) if broken.remark.record == 1 else None
        report.faults.append(Remark(1, "", other) if other else broken.remark)
        report.refused = True
    comparison.finish()
    if not report.refused and not header:
        report.add_fault(0, "", "The file is empty. Choose a CSV file with a header and at least one row.")
    elif not report.refused and report.rows == 0:
        report.add_fault(0, "", "The file has a header but no rows. Add at least one row below it.")
    report.sha256 = records.sha256
    report.faults.sort(key=_place)
    report.warnings.sort(key=_place)
    return report


class _Comparison:
    """Rows against what is on file and against earlier rows of the same file. Keeps keys, never rows."""

    def __init__(self, held: Held, report: Report, on_progress: Callable[[int], None] | None) -> None:
        self._held = held
        self._report = report
        self._on_progress = on_progress
        self._waiting: list[tuple[int, dict[str, Any]]] = []
        self._titles: dict[str, tuple[str, int]] = {}
        self._births: dict[str, tuple[date, int]] = {}
        self._names: dict[str, tuple[int, int]] = {}
        self._awards: dict[Award, int] = {}

    def add(self, record: int, values: dict[str, Any]) -> None:
        """Take the right cells of a row, and compare when enough of them wait."""
        self._waiting.append((record, values))
        if len(self._waiting) == CHUNK:
            self.finish()
            if self._on_progress:
                self._on_progress(self._report.rows)

    def finish(self) -> None:
        """Compare all rows that wait."""
        rows = self._waiting
        learners = self._held_learners({v["enrolment_number"] for _, v in rows if "enrolment_number" in v})
        self._learn_titles({v["qualification_number"] for _, v in rows if "qualification_number" in v})
        awards = {award for _, values in rows if (award := _award(values))}
        issued = self._held.awards(awards) if awards else set()
        for record, values in rows:
            self._compare_title(record, values)
            if (enrolment := values.get("enrolment_number")) is not None:
                self._compare_birth(record, enrolment, values, learners.get(enrolment))
                self._compare_name(record, enrolment, values, learners.get(enrolment))
            if award := _award(values):
                self._compare_award(record, award, issued)
        rows.clear()

    def _held_learners(self, enrolment_numbers: set[str]) -> dict[str, HeldLearner]:
        return self._held.learners(enrolment_numbers) if enrolment_numbers else {}

    def _learn_titles(self, numbers: set[str]) -> None:
        if unknown := numbers - self._titles.keys():
            for number, title in self._held.title_of(unknown).items():
                self._titles[number] = (title, 0)

    def _compare_title(self, record: int, values: dict[str, Any]) -> None:
        number, title = values.get("qualification_number"), values.get("qualification_title")
        if number is None or title is None:
            return
        known, first = self._titles.setdefault(number, (title, record))
        if title != known:
            where = f"record {first} calls it" if first else "on file is"
            self._report.add_fault(
                record,
                "qualification_title",
                f"The title differs from the one for {number}: {where} “{known}”. Correct the title or the number.",
            )

    def _compare_birth(self, record: int, enrolment: str, values: dict[str, Any], held: HeldLearner | None) -> None:
        born = values.get("date_of_birth")
        if born is None:
            return
        if held:
            # The date on file is not told: whoever may not see the learner could find it out with a file.
            if born != held.date_of_birth:
                self._report.add_fault(
                    record,
                    "date_of_birth",
                    "The date of birth is not the one on file for this enrolment number. Check both with the centre.",
                )
            return
        known, first = self._births.setdefault(enrolment, (born, record))
        if born != known:
            self._report.add_fault(
                record,
                "date_of_birth",
                f"The same learner has another date of birth in record {first}. Correct the one that is wrong.",
            )

    def _compare_name(self, record: int, enrolment: str, values: dict[str, Any], held: HeldLearner | None) -> None:
        if not {"first_name", "middle_name", "last_name"} <= values.keys():
            return
        name = (values["first_name"], values["middle_name"], values["last_name"])
        if held:
            on_file = (held.first_name, held.middle_name or "", held.last_name)
            if name != on_file:
                told = "" if held.elsewhere else f": “{' '.join(part for part in on_file if part)}”"
                self._report.add_warning(
                    record,
                    _first_difference(name, on_file),
                    f"The name on file for this enrolment number is another{told}. Check which is right; "
                    "documents show the name in this file.",
                )
            return
        # A hash is enough to notice a change, and keeps the memory flat.
        known, first = self._names.setdefault(enrolment, (hash(name), record))
        if hash(name) != known:
            self._report.add_warning(
                record, "last_name", f"The same learner has another name in record {first}. Check which is right."
            )

    def _compare_award(self, record: int, award: Award, issued: AbstractSet[Award]) -> None:
        first = self._awards.setdefault(award, record)
        if first != record:
            self._report.add_fault(
                record,
                "enrolment_number",
                f"The same learner and qualification stand in record {first} already. Remove one of the two.",
            )
        elif award in issued:
            self._report.add_warning(
                record,
                "qualification_number",
                "This award was issued to this learner already. Publishing makes a second document; a replacement is "
                "made in the back office.",
            )


def _names(header: Iterable[str]) -> list[str]:
    return [name.strip().lower() for name in header]


def _check_row(
    number: int, header: list[str], texts: list[str], cells: Cells, report: Report, comparison: _Comparison
) -> None:
    if len(texts) != len(header):
        report.add_fault(number, "", _wrong_number_of_cells(len(texts), len(header)))
        return
    values, faults = cells.read(dict(zip(header, texts, strict=True)))
    for column, message in faults.items():
        report.add_fault(number, column, message)
    comparison.add(number, values)


def _check_header(texts: list[str], report: Report) -> None:
    """Add what is wrong with the header. The header is record 1 even where blank lines stand above it."""
    if len(texts) > MOST_COLUMNS:
        report.add_fault(1, "", f"The header has {len(texts):,} columns; at most {MOST_COLUMNS} are allowed.")
        return
    names = _names(texts)
    known = set(names) & set(COLUMNS)
    if len(known) < 2 and (message := _other_delimiter(",".join(names))):
        report.add_fault(1, "", message)
    elif not known:
        expected = ", ".join(REQUIRED)
        report.add_fault(1, "", f"The first record is not a header. Begin the file with the column names: {expected}.")
    else:
        _check_columns(names, report)


def _check_columns(names: list[str], report: Report) -> None:
    for column in COLUMNS:
        times = names.count(column)
        if times > 1:
            report.add_fault(1, column, f"The column {column} is in the header {times} times. Keep one.")
        elif not times and column in REQUIRED:
            report.add_fault(1, column, f"The column {column} is missing. Add it to the header and to every row.")
    for place, name in enumerate(names, 1):
        if not name:
            report.add_warning(1, "", f"Column {place} has no name and is left out.")
        elif name not in COLUMNS:
            report.add_warning(1, shown(name), f"The column “{shown(name)}” is not known and is left out.")


def _other_delimiter(line: str) -> str | None:
    """The fault of a header whose cells are separated by something else than commas, or None."""
    for delimiter, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")):
        if len({name.strip(' "\r\n').lower() for name in line.split(delimiter)} & set(COLUMNS)) > 1:
            return f"The cells are separated by {word}. Use commas: save the file as CSV UTF-8 again."
    return None


def _wrong_number_of_cells(found: int, expected: int) -> str:
    return (
        f"The row has {found:,} {'cell' if found == 1 else 'cells'} and the header has {expected}. "
        "Look for a missing comma, or for a comma in a cell without quotation marks."
    )


def _award(values: dict[str, Any]) -> Award | None:
    if "enrolment_number" in values and "qualification_number" in values:
        return values["enrolment_number"], values["qualification_number"]
    return None


def _first_difference(name: Names, on_file: Names) -> str:
    columns = ("first_name", "middle_name", "last_name")
    return next(column for column, mine, theirs in zip(columns, name, on_file, strict=True) if mine != theirs)


def _place(remark: Remark) -> tuple[int, int]:
    return remark.record, COLUMNS.index(remark.column) if remark.column in COLUMNS else len(COLUMNS)
