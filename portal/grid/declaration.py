"""What a list is: its columns, sorts, filters, search, actions and room, said once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any, Literal, TypeAlias

from sqlalchemy import ColumnElement, Enum, Integer, String, func

from portal.clock import uk_date, uk_text
from portal.grid.filters import Filter, OneOf
from portal.grid.question import RESERVED
from portal.grid.searching import Searchable
from portal.grid.wording import N_

CellKind: TypeAlias = Literal["text", "number", "date", "code", "status", "picture"]


@dataclass(frozen=True)
class Column:
    """One column of a list.

    ``value`` is the SQL expression shown; the row carries it under ``name``. Without one, ``text`` or ``cell`` draws
    from other columns or the grid's ``also``. ``sort`` is True (by the value; text without regard to case), an
    expression, or a tuple of them. ``search`` is True or an expression that ``?q=`` looks into. ``cell`` names a macro
    of the grid's ``cells`` file that draws the cell from the row; without one the plain text stands there.
    ``text`` makes the plain text, for the cell and the CSV, from the row. ``kind`` only aligns and sets the type.
    A column that is not ``shown`` is only a filter.
    """

    name: str
    label: Any
    value: Any = None
    sort: Any = None
    filter: Filter | None = None
    search: Any = None
    cell: str | None = None
    text: Callable[[Any], Any] | None = None
    kind: CellKind = "text"
    csv: bool = True
    shown: bool = True

    def text_of(self, row: Any, say: Callable[[Any], str] = str) -> str:
        """The plain text of this column in a row. ``say`` puts our own words into the reader's language."""
        if self.text is not None:
            return str(self.text(row))
        value = getattr(row, self.name, None)
        if isinstance(self.filter, OneOf) and value is not None:
            label = self.filter.label_of(value)
            if label is not value:
                return say(label)
        return plain_text(value, say)

    @property
    def can_be_sorted(self) -> bool:
        """Whether ``?sort=`` knows this column."""
        return self.sort is not None and self.sort is not False

    def sort_expressions(self) -> tuple[Any, ...]:
        """The expressions that order the rows by this column."""
        if self.sort is not True:
            return self.sort if isinstance(self.sort, tuple) else (self.sort,)
        kind = getattr(self.value, "type", None)
        if isinstance(kind, String) and not isinstance(kind, Enum):
            return (func.lower(self.value),)
        return (self.value,)


@dataclass(frozen=True)
class Action:
    """What may be done to one row: an icon with a name.

    ``endpoint`` is where it leads (the web layer makes the address), ``arguments`` maps its parameters to columns of
    the row. ``when`` says for which rows, ``may`` for which actors. A ``post`` action is a button. ``cell`` names a
    macro of the grid's ``cells`` file that draws it instead. ``data`` become ``data-…`` attributes for modules.
    """

    name: str
    label: Any
    icon: str = ""
    endpoint: str = ""
    arguments: Mapping[str, str] = field(default_factory=lambda: {"id": "id"})
    method: Literal["get", "post"] = "get"
    when: Callable[[Any], bool] | None = None
    may: Callable[[Any], bool] | None = None
    cell: str | None = None
    confirm: Any = None
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Bulk:
    """What may be done to a selection of rows. The endpoint receives a ``Selection`` by POST.

    ``counted`` is the label while rows are selected, with their number as ``%(things)s``: "Export %(things)s".
    ``dialog`` is the size of the dialog that the answer is shown in (sm, md, lg); without one it is a page.
    """

    name: str
    label: Any
    icon: str = ""
    endpoint: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    may: Callable[[Any], bool] | None = None
    counted: Any = ""
    dialog: str = ""


@dataclass
class Asked:
    """What a question asks of the rows: words, and what each filter read, by column.

    ``narrow`` sets ``few`` where it knows that few rows match; they are then gathered at once.
    """

    words: tuple[str, ...]
    wanted: dict[str, Any]
    actor: Any
    session: Any
    dialect: str
    few: bool = False


@dataclass(frozen=True, eq=False)
class Grid:
    """A list, declared once. Checked when it is made, so a slip stops the start and not a reader.

    ``key`` is the primary key and becomes ``data-id``; the row carries it as ``id``. ``select(actor, **within)``
    begins with what this actor may see. ``room(actor, **within)`` names the room of its live changes. ``also`` are
    expressions that rows carry beside the columns. ``cells`` is the template file of the cell macros.
    ``things`` are its rows in a count ("records"), ``thing`` one of them. ``empty`` stands where there are no rows.
    ``export`` is an endpoint that gives the CSV by POST, for a list whose taking away is recorded: its own address then
    gives none.
    """

    name: str
    title: Any
    key: Any
    select: Callable[..., Any]
    columns: tuple[Column, ...] | list[Column]
    default_sort: str
    room: Callable[..., str] | None = None
    search: Sequence[Searchable] = ()
    also: Mapping[str, Any] = field(default_factory=dict)
    actions: tuple[Action, ...] | list[Action] = ()
    bulk: tuple[Bulk, ...] | list[Bulk] = ()
    cells: str = ""
    thing: Any = "record"
    things: Any = "records"
    empty: Any = "There is nothing here yet."
    csv: bool = True
    narrow: Callable[[Asked], Iterable[ColumnElement[bool]]] | None = None
    long: bool = False
    export: str = ""

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns] + list(self.also)
        if len(set(names)) != len(names) or "id" in names:
            raise ValueError(f"grid {self.name}: a name stands twice, or is “id”, which is the key")
        if clash := RESERVED & {*self.filter_parameters}:
            raise ValueError(f"grid {self.name}: {sorted(clash)} have a meaning of their own")
        if self.default_sort.removeprefix("-") not in self.sortable:
            raise ValueError(f"grid {self.name}: the default sort {self.default_sort} is no sortable column")
        for column in self.columns:
            if not column.shown and (column.value is not None or column.filter is None):
                raise ValueError(f"grid {self.name}: {column.name} is not shown, so it can only be a filter")
            if column.value is None and (column.sort is True or column.search is True):
                raise ValueError(f"grid {self.name}: {column.name} has no value to sort or search by")
            if column.filter is not None and column.filter.expression is None and column.value is None:
                raise ValueError(f"grid {self.name}: {column.name} has no value to filter by")
            if column.cell and not self.cells:
                raise ValueError(f"grid {self.name}: {column.name} names a cell macro, but the grid names no file")

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """The columns by name."""
        return {column.name: column for column in self.columns}

    @cached_property
    def shown(self) -> tuple[Column, ...]:
        """The columns that are drawn, from left to right."""
        return tuple(column for column in self.columns if column.shown)

    @cached_property
    def sortable(self) -> frozenset[str]:
        """The names that ``?sort=`` knows."""
        return frozenset(column.name for column in self.columns if column.can_be_sorted)

    @cached_property
    def filter_parameters(self) -> dict[str, Column]:
        """Every parameter of the filter panel, with its column."""
        return {
            parameter: column
            for column in self.columns
            if column.filter is not None
            for parameter in column.filter.parameters(column.name)
        }

    @cached_property
    def filters(self) -> dict[str, tuple[Filter, Any]]:
        """The filter of each column that has one, with the expression that it filters."""
        return {
            column.name: (column.filter, column.value if column.filter.expression is None else column.filter.expression)
            for column in self.columns
            if column.filter is not None
        }

    @cached_property
    def searchables(self) -> tuple[Searchable, ...]:
        """All that ``?q=`` looks into."""
        own = (column.value if column.search is True else column.search for column in self.columns)
        return (*self.search, *(entry for entry in own if entry is not None and entry is not False))

    @cached_property
    def selected(self) -> tuple[ColumnElement[Any], ...]:
        """The labelled expressions of a row, the key first."""
        shown = [(column.name, column.value) for column in self.columns if column.value is not None]
        return (self.key.label("id"), *(value.label(name) for name, value in [*shown, *self.also.items()]))

    @cached_property
    def counts_up(self) -> bool:
        """Whether a later row has a greater key."""
        return isinstance(self.key.type, Integer)


def plain_text(value: Any, say: Callable[[Any], str] = str) -> str:
    """A value as people read it: UK time, dd/mm/yyyy, the label of a word, Yes or No, nothing for nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return say(N_("Yes")) if value else say(N_("No"))
    if isinstance(value, datetime):
        return uk_text(value)
    if isinstance(value, date):
        return uk_date(value)
    return say(value.label) if hasattr(value, "label") else str(value)
