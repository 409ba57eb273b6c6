"""The kinds of filters of the advanced panel: what they read from the address, and what they ask of the database."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Date, and_

from portal.clock import UK
from portal.grid.question import MOST_WORDS, BadQuery
from portal.grid.searching import contains, is_expression, words_of
from portal.grid.wording import N_

EARLIEST, LATEST = date(1900, 1, 1), date(2999, 12, 31)


@dataclass(frozen=True)
class Field:
    """One control of the filter panel."""

    name: str
    kind: Literal["text", "date", "number", "choice", "hidden"]
    value: str = ""
    ending: Literal["", "from", "to"] = ""
    options: tuple[tuple[str, Any], ...] = ()


class Filter:
    """A filter on the expression given, or else on what its column shows."""

    def __init__(self, expression: Any = None) -> None:
        self.expression = expression

    def parameters(self, name: str) -> tuple[str, ...]:
        """The parameters of the address that belong to the filter of a column."""
        return (name,)

    def read(self, name: str, given: Mapping[str, str]) -> Any:
        """Read what was asked (at least one parameter, none empty); raises ``BadQuery``."""
        raise NotImplementedError

    def condition(self, expression: Any, wanted: Any, *, dialect: str) -> ColumnElement[bool]:
        """The condition for what was read."""
        raise NotImplementedError

    def fields(self, name: str, given: Mapping[str, str]) -> tuple[Field, ...]:
        """The controls, filled with what was asked."""
        raise NotImplementedError


class Text(Filter):
    """Every word stands somewhere in the text."""

    def read(self, name: str, given: Mapping[str, str]) -> tuple[str, ...]:
        words = words_of(given[name])
        if len(words) > MOST_WORDS:
            raise BadQuery(N_("Please search for at most %(most)s words."), parameter=name, most=MOST_WORDS)
        return words

    def condition(self, expression: Any, wanted: tuple[str, ...], *, dialect: str) -> ColumnElement[bool]:
        return and_(*(contains(expression, word, dialect=dialect) for word in wanted))

    def fields(self, name: str, given: Mapping[str, str]) -> tuple[Field, ...]:
        return (Field(name, "text", given.get(name, "")),)


class OneOf(Filter):
    """One of a fixed set: an enumeration (labels from ``label``, else its values), or pairs of value and label.

    ``expression`` may be a function from the chosen value to a condition, for what no column holds as such.
    """

    def __init__(self, words: Iterable[Any], expression: Any = None) -> None:
        super().__init__(expression)
        pairs = [word if isinstance(word, tuple) else (word, getattr(word, "label", str(word))) for word in words]
        self._values = {_key(value): value for value, _ in pairs}
        self.options = tuple((_key(value), label) for value, label in pairs)
        self._labels = dict(self.options)

    def label_of(self, value: Any) -> Any:
        """The label of a stored value; the value itself when it is none of the set."""
        return self._labels.get(_key(value), value)

    def read(self, name: str, given: Mapping[str, str]) -> Any:
        if given[name] not in self._values:
            raise BadQuery(N_("“%(name)s” has no such choice."), parameter=name, name=name)
        return self._values[given[name]]

    def condition(self, expression: Any, wanted: Any, *, dialect: str) -> ColumnElement[bool]:
        if not is_expression(expression):
            return expression(wanted)
        return expression == wanted

    def fields(self, name: str, given: Mapping[str, str]) -> tuple[Field, ...]:
        return (Field(name, "choice", given.get(name, ""), options=self.options),)


class Key(Filter):
    """The one row of something else, by its number; links ask it, the panel only keeps it."""

    def read(self, name: str, given: Mapping[str, str]) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", given[name]):
            raise BadQuery(N_("“%(name)s” must be a whole number."), parameter=name, name=name)
        return int(given[name])

    def condition(self, expression: Any, wanted: int, *, dialect: str) -> ColumnElement[bool]:
        return expression == wanted

    def fields(self, name: str, given: Mapping[str, str]) -> tuple[Field, ...]:
        return (Field(name, "hidden", given.get(name, "")),)


class YesNo(OneOf):
    """Whether something is so; the expression is a condition."""

    def __init__(self, expression: Any = None) -> None:
        super().__init__(((True, N_("Yes")), (False, N_("No"))), expression)

    def condition(self, expression: Any, wanted: bool, *, dialect: str) -> ColumnElement[bool]:
        return expression.is_(wanted)


class _Range(Filter):
    """From and to, both included, either may be missing."""

    kind: Literal["date", "number"]

    def parameters(self, name: str) -> tuple[str, ...]:
        return (f"{name}_from", f"{name}_to")

    def read(self, name: str, given: Mapping[str, str]) -> tuple[Any, Any]:
        low, high = (self._value(end, given[end]) if end in given else None for end in self.parameters(name))
        if low is not None and high is not None and low > high:
            raise BadQuery(
                N_("“%(name)s”: the end of the range lies before its beginning."), parameter=f"{name}_from", name=name
            )
        return low, high

    def fields(self, name: str, given: Mapping[str, str]) -> tuple[Field, ...]:
        low, high = self.parameters(name)
        return (
            Field(low, self.kind, given.get(low, ""), ending="from"),
            Field(high, self.kind, given.get(high, ""), ending="to"),
        )

    def _value(self, name: str, text: str) -> Any:
        raise NotImplementedError


class DateRange(_Range):
    """Days on a UK calendar; a moment belongs to the UK day that it falls on. Reads yyyy-mm-dd and dd/mm/yyyy."""

    kind = "date"

    def condition(
        self, expression: Any, wanted: tuple[date | None, date | None], *, dialect: str
    ) -> ColumnElement[bool]:
        low, high = wanted
        if isinstance(expression.type, Date):
            ends = [expression >= low if low else None, expression <= high if high else None]
        else:
            ends = [
                expression >= _begins(low) if low else None,
                expression < _begins(high + timedelta(days=1)) if high else None,
            ]
        return and_(*(end for end in ends if end is not None))

    def _value(self, name: str, text: str) -> date:
        day = read_date(text)
        if day is None:
            raise BadQuery(N_("“%(name)s” must be a date such as 2026-08-18 or 18/08/2026."), parameter=name, name=name)
        if not EARLIEST <= day <= LATEST:
            raise BadQuery(N_("“%(name)s” must lie between 1900 and 2999."), parameter=name, name=name)
        return day


class NumberRange(_Range):
    """Whole numbers."""

    kind = "number"

    def condition(self, expression: Any, wanted: tuple[int | None, int | None], *, dialect: str) -> ColumnElement[bool]:
        low, high = wanted
        ends = [expression >= low if low is not None else None, expression <= high if high is not None else None]
        return and_(*(end for end in ends if end is not None))

    def _value(self, name: str, text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,9}", text):
            raise BadQuery(N_("“%(name)s” must be a whole number."), parameter=name, name=name)
        return int(text)


def _key(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(getattr(value, "value", value))


def read_date(text: str) -> date | None:
    """The day that somebody wrote, year first or as Britons write it, or None."""
    for pattern, order in (
        (r"([0-9]{4})-([0-9]{2})-([0-9]{2})", (1, 2, 3)),
        (r"([0-9]{2})/([0-9]{2})/([0-9]{4})", (3, 2, 1)),
    ):
        if found := re.fullmatch(pattern, text):
            year, month, day = (int(found[part]) for part in order)
            try:
                return date(year, month, day)
            except ValueError:
                return None
    return None


def _begins(day: date) -> datetime:
    """The first moment of a UK day, in UTC."""
    return datetime.combine(day, time.min, tzinfo=UK).astimezone(UTC)
