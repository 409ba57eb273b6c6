"""A selection of rows: the ids that were ticked, or all that matched a query frozen at the click."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from portal.grid.keys import read_keys
from portal.grid.question import BadQuery, Question, plain_question, read_question
from portal.grid.wording import N_

if TYPE_CHECKING:
    from portal.grid.declaration import Grid

MOST_SELECTED = 10_000
LONGEST_QUERY = 8_000


@dataclass(frozen=True)
class Selection:
    """Either ``ids``, or (``ids`` is None) all that match ``question`` except ``but``, no newer than ``upto``.

    A row that was published after the click is not part of what was clicked.
    """

    question: Question
    ids: tuple[Any, ...] | None = None
    but: tuple[Any, ...] = ()
    upto: int | None = field(default=None)

    @property
    def is_all(self) -> bool:
        """Whether everything that matches is meant."""
        return self.ids is None


def read_selection(grid: Grid, form: Iterable[tuple[str, str]]) -> Selection:
    """Read a selection from the fields of a form: ``id`` (repeated, or joined by commas in ``ids``), or
    ``selection=all`` with ``query``, ``but`` and ``upto``. Raises ``BadQuery``, also when nothing is selected."""
    fields: dict[str, list[str]] = {}
    for name, value in form:
        fields.setdefault(name, []).append(value)
    if fields.get("selection", [""])[0] == "all":
        query = fields.get("query", [""])[0]
        if len(query) > LONGEST_QUERY:
            raise BadQuery(N_("This selection cannot be read. Please select again."), parameter="query")
        return Selection(
            question=read_question(grid, parse_qsl(query, keep_blank_values=True, errors="surrogateescape")),
            but=read_keys(grid.key, ",".join(fields.get("but", [])), most=MOST_SELECTED),
            upto=_read_upto(grid, fields.get("upto", [""])[0]),
        )
    ids = read_keys(grid.key, ",".join([*fields.get("id", []), *fields.get("ids", [])]), most=MOST_SELECTED)
    if not ids:
        raise BadQuery(N_("Please select at least one row."), parameter="id")
    return Selection(question=plain_question(grid), ids=ids)


def _read_upto(grid: Grid, text: str) -> int | None:
    if not text or not grid.counts_up:
        return None
    newest = read_keys(grid.key, text, most=1)
    if not newest:
        raise BadQuery(N_("This selection cannot be read. Please select again."), parameter="upto")
    return int(newest[0])
