"""What a query string asks of a grid, checked word by word. Nothing that is asked is ever ignored."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from portal.errors import Invalid
from portal.grid.searching import words_of
from portal.grid.wording import N_

if TYPE_CHECKING:
    from portal.grid.declaration import Grid

SIZE = 25
LARGEST_SIZE = 100
LONGEST_TEXT = 200
MOST_WORDS = 10
RESERVED = frozenset({"q", "page", "size", "sort", "format", "ids", "selection", "query", "but", "upto", "csrf_token"})
"""Parameters with a meaning of their own; no column may take these names."""

IGNORED_PREFIXES = ("utm_",)
IGNORED = frozenset({"fbclid", "gclid", "msclkid"})
"""What mail programs and advertisers hang on to addresses; it asks nothing, so it is no fault."""


class BadQuery(Invalid):
    """A question that the grid cannot answer; ``str()`` is a sentence, ``pattern`` and ``values`` make it anew in
    another language, ``field`` is the parameter at fault."""

    def __init__(self, pattern: str, *, parameter: str | None = None, **values: Any) -> None:
        super().__init__(pattern % values if values else pattern, field=parameter)
        self.pattern = pattern
        self.values = values


@dataclass(frozen=True)
class Question:
    """One checked question. ``filters`` holds the texts as asked, ``wanted`` the same read, by column."""

    q: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    wanted: Mapping[str, Any] = field(default_factory=dict)
    sort: str = ""
    page: int = 1
    size: int = SIZE
    default_sort: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """The different words searched for."""
        return words_of(self.q)

    @property
    def narrows(self) -> bool:
        """Whether fewer rows are asked for than the whole list."""
        return bool(self.q or self.filters)

    @property
    def sort_name(self) -> str:
        """The column sorted by."""
        return self.sort.removeprefix("-")

    @property
    def descending(self) -> bool:
        """Whether the greatest comes first."""
        return self.sort.startswith("-")

    @property
    def offset(self) -> int:
        """Rows before this page."""
        return (self.page - 1) * self.size

    def what_matches(self) -> str:
        """The query string of search and filters alone: what a selection of "all that match" freezes."""
        return urlencode({"q": self.q, **self.filters} if self.q else dict(self.filters))

    def query_string(self, **changes: Any) -> str:
        """The query string of this question with changes of ``sort``, ``page``, ``size`` (or ``format`` added);
        what is the default is left out, so one question has one address."""
        extra = {"format": changes.pop("format")} if "format" in changes else {}
        asked = replace(self, **changes)
        parts: dict[str, Any] = {"q": asked.q} if asked.q else {}
        parts |= asked.filters
        if asked.sort != asked.default_sort:
            parts["sort"] = asked.sort
        if asked.size != SIZE:
            parts["size"] = asked.size
        if asked.page != 1:
            parts["page"] = asked.page
        return urlencode(parts | extra)


def plain_question(grid: Grid) -> Question:
    """The question of an address without a query string."""
    return Question(sort=grid.default_sort, default_sort=grid.default_sort)


def read_question(
    grid: Grid, parameters: Iterable[tuple[str, str]], *, beside: frozenset[str] = frozenset()
) -> Question:
    """Read the parameters of a query string in order; of a repeated one the first counts.

    ``beside`` names parameters that the page uses for itself. Raises ``BadQuery`` for all that is not understood.
    """
    given = _first_of_each(parameters)
    filters_of = grid.filter_parameters
    for name in given:
        if name not in ASKABLE and name not in filters_of and name not in beside and not _is_ignored(name):
            raise BadQuery(N_("This list has no parameter “%(name)s”."), parameter=name[:40], name=_shown(name))
    given = {name: value for name, value in given.items() if value and name not in beside}
    if given.get("format") not in (None, "csv"):
        raise BadQuery(N_("This list can only be had as a page or as CSV."), parameter="format")
    texts = {name: clean_text(given[name], name) for name in given if name == "q" or name in filters_of}
    q = texts.pop("q", "")
    if len(words_of(q)) > MOST_WORDS:
        raise BadQuery(N_("Please search for at most %(most)s words."), parameter="q", most=MOST_WORDS)
    filters = {name: texts[name] for name in filters_of if texts.get(name)}
    return Question(
        q=q,
        filters=filters,
        wanted=_read_filters(grid, filters),
        sort=_read_sort(grid, given.get("sort")),
        page=_read_number(given.get("page"), "page", 1),
        size=min(_read_number(given.get("size"), "size", SIZE, longest=None), LARGEST_SIZE),
        default_sort=grid.default_sort,
    )


ASKABLE = frozenset({"q", "page", "size", "sort", "format"})


def clean_text(text: str, name: str) -> str:
    """Text from outside: composed (NFC), trimmed, one space between words, at most 200 characters."""
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise BadQuery(N_("“%(name)s” holds a character that is not text."), parameter=name, name=name)
    text = " ".join(unicodedata.normalize("NFC", text[: LONGEST_TEXT * 8]).split())
    if len(text) > LONGEST_TEXT:
        raise BadQuery(
            N_("“%(name)s” is too long: at most %(most)s characters."), parameter=name, name=name, most=LONGEST_TEXT
        )
    return text


def _first_of_each(parameters: Iterable[tuple[str, str]]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in parameters:
        given.setdefault(name, value)
    return given


def _is_ignored(name: str) -> bool:
    return name in IGNORED or name.startswith(IGNORED_PREFIXES)


def _shown(text: str) -> str:
    """Foreign text, short and printable, for a sentence."""
    short = "".join(character if character.isprintable() else "?" for character in text[:40])
    return short if len(text) <= 40 else short + "…"


def _read_filters(grid: Grid, filters: Mapping[str, str]) -> dict[str, Any]:
    wanted = {}
    for column in grid.columns:
        if column.filter is None:
            continue
        own = {name: filters[name] for name in column.filter.parameters(column.name) if name in filters}
        if own:
            wanted[column.name] = column.filter.read(column.name, own)
    return wanted


def _read_sort(grid: Grid, asked: str | None) -> str:
    if not asked:
        return grid.default_sort
    if asked.removeprefix("-") not in grid.sortable:
        raise BadQuery(N_("This list cannot be sorted by “%(name)s”."), parameter="sort", name=_shown(asked))
    return asked


def _read_number(asked: str | None, name: str, default: int, *, longest: int | None = 10) -> int:
    if not asked:
        return default
    if not (asked.isascii() and asked.isdigit()) or not asked.strip("0") or (longest and len(asked) > longest):
        raise BadQuery(N_("“%(name)s” must be a whole number from 1."), parameter=name, name=name)
    return int(asked[:10]) if longest is None and len(asked) > 10 else int(asked)
