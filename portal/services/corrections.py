"""What a replacement corrects, read by the same rules as a batch file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

from portal import clock
from portal.intake.cells import Cells

if TYPE_CHECKING:
    from portal.models.records import Record

CORRECTABLE = frozenset(
    {"first_name", "middle_name", "last_name", "grade", "level", "language", "awarded_on", "expires_on"}
)
"""The facts of a record that a replacement may change; who the learner is and what was awarded stay."""


def read(
    texts: Mapping[str, str], *, record: Record, unsupported: Callable[[str], AbstractSet[str]] | None = None
) -> tuple[dict[str, Any], dict[str, str]]:
    """What differs from the record, and what is wrong, by column. ``texts`` are cells as a file would have them."""
    wanted = {name: text for name, text in texts.items() if name in CORRECTABLE}
    rules = Cells(brands=frozenset(), today=clock.today(), unsupported=unsupported)
    values, faults = rules.read(wanted | {"date_of_birth": record.date_of_birth.isoformat()})
    wrong = {name: sentence for name, sentence in faults.items() if name in wanted}
    corrected = {name: values[name] for name in wanted if name in values and values[name] != getattr(record, name)}
    return corrected, wrong
