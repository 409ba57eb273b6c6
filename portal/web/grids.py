"""One URL of a list answers its page, the fragment (search, sort, paging), single rows (live), a count and the CSV.

The header ``X-Grid`` says which; every answer goes through the same guard, the same scope and the same row macro.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, cached_property
from itertools import chain
from typing import Any
from urllib.parse import parse_qsl

from flask import current_app, jsonify, render_template, request, stream_with_context, url_for
from flask_babel import gettext
from markupsafe import Markup
from werkzeug.wrappers import Response

from portal import clock
from portal.database import db
from portal.events import outbox
from portal.grid import Action, BadQuery, Bulk, Column, Grid, Page, Question, Selection, read_page, read_rows, stream
from portal.grid import count as count_all
from portal.grid.filters import Field, read_date
from portal.grid.keys import read_keys
from portal.grid.question import LONGEST_TEXT, SIZE, plain_question, read_question
from portal.grid.reading import REACHED
from portal.grid.selection import LONGEST_QUERY, read_selection
from portal.grid.spreadsheet import as_csv

COMPONENT = "components/grid.html"
SHAPE = "X-Grid"
MOST_ROWS = 200
"""Rows that a page may ask for again in one request."""

MOST_PARAMETERS = 100
SIZES = (25, 50, 100)

SeqOf = Callable[[Iterable[str]], Mapping[str, int]]


def answer(
    grid: Grid,
    actor: Any,
    *,
    template: str,
    within: Mapping[str, Any] | None = None,
    beside: Iterable[str] = (),
    seq_of: SeqOf = outbox.seq_of,
    **context: Any,
) -> Response:
    """Answer for a list in the shape that was asked for.

    ``template`` draws the page and receives the list as ``grid`` beside ``context``. ``within`` narrows the list (it is
    handed to ``grid.select`` and ``grid.room``); ``beside`` names parameters that the page reads for itself. A question
    that cannot be answered is a 422 with the list's own page and a sentence; nothing that was asked is ignored.
    """
    shape = request.headers.get(SHAPE, "")
    view = GridView(grid, actor, dict(within or {}), frozenset(beside))
    try:
        parameters = _parameters()
        if shape == "rows":
            response = _answer_rows(view, parameters, seq_of)
        elif shape == "count":
            response = _answer_count(view, parameters)
        elif shape in ("", "fragment"):
            response = _answer_page(view, parameters, seq_of, template if not shape else None, context)
        else:
            raise BadQuery("“%(name)s” is no shape of a list.", name=shape[:40])
    except BadQuery as error:
        response = _answer_error(view, error, shape, template, context)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = ", ".join(filter(None, [response.headers.get("Vary"), SHAPE]))
    return response


def selection(grid: Grid) -> Selection:
    """What the bulk form of this list selected. Raises ``BadQuery`` (a 422) when that is nothing or not readable."""
    return read_selection(grid, request.form.items(multi=True))


def recorded_csv(grid: Grid, actor: Any, *, record: Callable[..., None], **within: Any) -> Response:
    """The CSV of a list whose ``export`` this is: what matched the form's ``query``, after ``record`` has been told.

    ``record(rows=…, actor=…)`` is called before the first row is read; what it writes is no part of the file.
    """
    view = GridView(grid, actor, within, frozenset())
    view.question = read_question(grid, _parameters_of(request.form.get("query", "")[:LONGEST_QUERY].encode()))
    counted, newest = count_all(grid, db.session(), view.question, actor, **within)
    record(rows=counted, actor=actor)
    return _answer_csv(view, upto=newest)


class GridView:
    """A list as the macro draws it: the declaration, the question, the answer, and every address on it."""

    def __init__(self, grid: Grid, actor: Any, within: dict[str, Any], beside: frozenset[str]) -> None:
        self.grid = grid
        self.actor = actor
        self.within = within
        self.beside = beside
        self.question: Question = plain_question(grid)
        self.page: Page | None = None
        self.room: str = grid.room(actor, **within) if grid.room else ""
        self.seq: int | None = None
        self.error: str = ""
        self._drawn: dict[tuple[str, int], str] = {}

    # What it is

    @property
    def id(self) -> str:
        """The id of the element; ids within it begin with it."""
        return f"grid-{self.grid.name}"

    @cached_property
    def title(self) -> str:
        """The name of the list."""
        return say(self.grid.title)

    @property
    def columns(self) -> Iterable[Column]:
        """The columns from left to right."""
        return self.grid.shown

    @property
    def rows(self) -> Iterable[Any]:
        """The rows of this page."""
        return self.page.rows if self.page else ()

    @cached_property
    def actions(self) -> list[Action]:
        """What this actor may do to a row."""
        return [action for action in self.grid.actions if action.may is None or action.may(self.actor)]

    @cached_property
    def bulk(self) -> list[tuple[Bulk, str]]:
        """What this actor may do to a selection, with the addresses."""
        return [
            (bulk, url_for(_endpoint(bulk.endpoint), **{**self.within, **bulk.arguments}))
            for bulk in self.grid.bulk
            if bulk.may is None or bulk.may(self.actor)
        ]

    @property
    def state(self) -> str:
        """``rows``, or why there are none: ``empty``, ``nothing`` matches, ``beyond`` the last page, ``error``."""
        if self.error:
            return "error"
        if self.page is None or self.page.rows:
            return "rows"
        if self.question.page > 1:
            return "beyond"
        return "nothing" if self.question.narrows else "empty"

    @property
    def grows_at_top(self) -> bool:
        """Whether a new row belongs on this page, at the place where the default order puts it."""
        return self.question.page == 1 and self.question.sort == self.question.default_sort

    # What it says

    @staticmethod
    def say(label: Any) -> str:
        """A label in the reader's language."""
        return say(label)

    @property
    def total(self) -> str:
        """``268``, or ``1,000+`` where counting stopped."""
        if self.page is None:
            return ""
        return f"{self.page.counted:,}+" if self.page.more_than_counted else f"{self.page.counted:,}"

    @property
    def things(self) -> str:
        """``268 records``."""
        one = self.page is not None and self.page.counted == 1
        return f"{self.total} {say(self.grid.thing if one else self.grid.things)}"

    @property
    def count_sentence(self) -> str:
        """What stands beside the title: which rows of how many are shown."""
        if self.page is None or not self.page.rows:
            return "" if self.error or self.page is None else self.things
        first, last = self.question.offset + 1, self.question.offset + len(self.page.rows)
        if first == 1 and not self.page.has_next:
            return self.things
        return gettext("%(first)s–%(last)s of %(things)s", first=f"{first:,}", last=f"{last:,}", things=self.things)

    @property
    def empty_sentence(self) -> tuple[str, str]:
        """A heading and a sentence for where there are no rows."""
        if self.state == "nothing":
            return gettext("Nothing matches"), gettext(
                "No %(things)s match what you asked for.", things=say(self.grid.things)
            )
        if self.state == "beyond":
            if self.page is not None and self.page.out_of_reach:
                sentence = gettext(
                    "Pages end at row %(most)s. Search or filter for what you need; the CSV holds every row.",
                    most=f"{REACHED:,}",
                )
                return gettext("That page is too far"), sentence
            return gettext("This page is empty"), gettext(
                "The list ends before page %(page)s.", page=self.question.page
            )
        return say(self.grid.empty), ""

    # Its addresses

    @property
    def path(self) -> str:
        """The address of the list without any question."""
        return request.path

    def url(self, **changes: Any) -> str:
        """The address of this list with changes of sort, page, size or format."""
        query = self.question.query_string(**changes)
        return f"{request.path}?{query}" if query else request.path

    @cached_property
    def export_url(self) -> str:
        """Where the CSV is asked for by POST, if taking this list is recorded."""
        return url_for(_endpoint(self.grid.export), **self.within) if self.grid.export else ""

    @property
    def clear_url(self) -> str:
        """The address without search and filters; order and size stay."""
        query = Question(
            sort=self.question.sort, size=self.question.size, default_sort=self.question.default_sort
        ).query_string()
        return f"{request.path}?{query}" if query else request.path

    def sort_of(self, column: Column) -> str:
        """``ascending``, ``descending`` or nothing, as ``aria-sort`` says it."""
        if self.question.sort_name != column.name:
            return ""
        return "descending" if self.question.descending else "ascending"

    def sort_url(self, column: Column) -> str:
        """The address that a click on the heading of a column leads to."""
        asked = f"-{column.name}" if self.question.sort == column.name else column.name
        return self.url(sort=asked, page=1)

    @property
    def sorts(self) -> list[tuple[str, str]]:
        """Every order for the choice in the panel (phones have no headings to click)."""
        orders = []
        for column in self.columns:
            if column.can_be_sorted:
                label = say(column.label)
                orders.append((column.name, gettext("%(column)s, ascending", column=label)))
                orders.append((f"-{column.name}", gettext("%(column)s, descending", column=label)))
        return orders

    @property
    def pages(self) -> list[int | None]:
        """The numbered pages to offer; None stands for a gap."""
        if self.page is None:
            return []
        last = max(1, -(-self.page.counted // self.question.size))
        here = min(self.question.page, REACHED // self.question.size)
        near = {n for n in range(here - 2, here + 3) if 1 <= n <= last} | {1, last}
        if here > last:
            near |= {here} if not self.page.out_of_reach else set()
            near |= {here + 1} if self.page.has_next else set()
        return _with_gaps(sorted(near))

    @property
    def previous_url(self) -> str:
        """The page before this one, or nothing; from beyond the end, the last page known."""
        if self.page is None or self.question.page == 1:
            return ""
        if self.page.rows:
            return self.url(page=self.question.page - 1)
        known = max(1, -(-self.page.counted // self.question.size))
        return self.url(page=min(self.question.page - 1, known))

    @property
    def next_url(self) -> str:
        """The page after this one, or nothing."""
        return self.url(page=self.question.page + 1) if self.page and self.page.has_next else ""

    @property
    def sizes(self) -> tuple[int, ...]:
        """The numbers of rows on a page to choose from."""
        return tuple(sorted({*SIZES, self.question.size}))

    # Its filters

    @property
    def fields(self) -> list[tuple[str, tuple[Field, ...]]]:
        """The controls of the panel by column."""
        return [
            (say(column.label), column.filter.fields(column.name, self.question.filters))
            for column in self.grid.columns
            if column.filter is not None
        ]

    @property
    def asked(self) -> list[tuple[str, str, str]]:
        """What narrows the list: label, value as people read it, and the address without it."""
        found = []
        if self.question.q:
            found.append((gettext("Search"), self.question.q, self._url_without("q")))
        for label, fields in self.fields:
            for field in fields:
                if field.value:
                    ending = {"from": gettext("from"), "to": gettext("to")}.get(field.ending, "")
                    shown = say(dict(field.options).get(field.value, _date_shown(field)))
                    found.append((f"{label} {ending}".strip(), shown, self._url_without(field.name)))
        return found

    def _url_without(self, name: str) -> str:
        question = self.question
        kept = Question(
            q="" if name == "q" else question.q,
            filters={key: value for key, value in question.filters.items() if key != name},
            sort=question.sort,
            size=question.size,
            default_sort=question.default_sort,
        ).query_string()
        return f"{request.path}?{kept}" if kept else request.path

    # Its cells

    @cached_property
    def _cells(self) -> Any:
        return current_app.jinja_env.get_template(self.grid.cells).module if self.grid.cells else None

    def cells_of(self, row: Any) -> Iterator[tuple[Column, str]]:
        """Each column with the content of its cell."""
        for column in self.grid.shown:
            if column.cell is not None:
                yield column, Markup(getattr(self._cells, column.cell)(row))  # noqa: S704 (a macro has escaped it)
            else:
                yield column, column.text_of(row, self._say_once)

    def select_words(self, row: Any) -> str:
        """The name of a row's box: it says the text of the first column."""
        return self._select_words % (self.grid.columns[0].text_of(row, self._say_once) or row.id)

    def once(self, macro: str, of: Any = None) -> str:
        """What a macro of the component draws for this list (and a column or action of it), drawn only once."""
        known = self._drawn.get((macro, id(of)))
        if known is None:
            draw = getattr(_component(), macro)
            known = self._drawn[macro, id(of)] = draw(self) if of is None else draw(self, of)
        return known

    def actions_of(self, row: Any) -> Iterator[tuple[Action, str, str]]:
        """What may be done to this row: the action, its address, and what a macro draws instead of a plain icon."""
        for action in self.actions:
            if action.when is None or action.when(row):
                url = self._action_url(action, row) if action.endpoint else ""
                drawn = Markup(getattr(self._cells, action.cell)(row)) if action.cell else ""  # noqa: S704
                yield action, url, drawn

    @cached_property
    def _select_words(self) -> str:
        return gettext("Select %(name)s").replace("%(name)s", "%s")

    @cached_property
    def _say_once(self) -> Callable[[Any], str]:
        return cache(say)

    def _action_url(self, action: Action, row: Any) -> str:
        return url_for(_endpoint(action.endpoint), **{name: getattr(row, of) for name, of in action.arguments.items()})


def say(label: Any) -> str:
    """A label in the reader's language: lazy texts know how, plain ones are looked up in the catalogue."""
    return gettext(label) if type(label) is str else str(label)


def _parameters() -> list[tuple[str, str]]:
    return _parameters_of(request.query_string)


def _parameters_of(told: bytes) -> list[tuple[str, str]]:
    # Werkzeug would quietly keep bytes that are no UTF-8 as "%FF"; surrogates let the engine refuse them.
    query = told.decode("utf-8", "surrogateescape")
    try:
        return parse_qsl(query, keep_blank_values=True, errors="surrogateescape", max_num_fields=MOST_PARAMETERS)
    except ValueError as error:
        raise BadQuery("That is more than can be asked at once.") from error


def _answer_page(
    view: GridView, parameters: list[tuple[str, str]], seq_of: SeqOf, template: str | None, context: dict[str, Any]
) -> Response:
    view.question = read_question(view.grid, parameters, beside=view.beside)
    if template is not None and any(name == "format" and value for name, value in parameters):
        if view.grid.export:
            raise BadQuery("That this list is taken is recorded. Please use the button below it.", parameter="format")
        return _answer_csv(view)
    _read_seq(view, seq_of)
    view.page = read_page(view.grid, db.session(), view.question, view.actor, **view.within)
    return _html(view, template, context)


def _answer_rows(view: GridView, parameters: list[tuple[str, str]], seq_of: SeqOf) -> Response:
    asked = next((value for name, value in parameters if name == "ids"), "")
    view.question = read_question(view.grid, [p for p in parameters if p[0] != "ids"], beside=view.beside)
    ids = read_keys(view.grid.key, asked, most=MOST_ROWS)
    _read_seq(view, seq_of)
    found = read_rows(view.grid, db.session(), view.question, ids, view.actor, **view.within)
    draw = _component().row
    return jsonify(rows={str(key): str(draw(view, found[key])) if key in found else None for key in ids}, seq=view.seq)


def _answer_count(view: GridView, parameters: list[tuple[str, str]]) -> Response:
    view.question = read_question(view.grid, parameters, beside=view.beside)
    counted, newest = count_all(view.grid, db.session(), view.question, view.actor, **view.within)
    thing = say(view.grid.thing if counted == 1 else view.grid.things)
    return jsonify(count=counted, things=f"{counted:,} {thing}", upto=newest, query=view.question.what_matches())


def _answer_csv(view: GridView, *, upto: int | None = None) -> Response:
    pieces = _csv_pieces(view, upto)
    # The first piece is made here: a fault of the database is then an error page, not a broken file.
    first = next(pieces)
    response = Response(stream_with_context(chain([first], pieces)), mimetype="text/csv")
    name = f"{view.grid.name}-{clock.today().isoformat()}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _csv_pieces(view: GridView, upto: int | None) -> Iterator[bytes]:
    # A session of its own: the one of the request ends with the view, long before the last row is sent, and PostgreSQL
    # keeps a cursor no longer than its transaction.
    session = db.session.session_factory()
    try:
        rows = stream(view.grid, session, view.question, view.actor, upto=upto, **view.within)
        yield from as_csv(view.grid, rows, say=say)
    finally:
        session.close()


def _answer_error(view: GridView, error: BadQuery, shape: str, template: str, context: dict[str, Any]) -> Response:
    view.error = gettext(error.pattern, **error.values)
    if shape not in ("", "fragment"):
        response: Response = jsonify(error=view.error)
    else:
        view.question = _as_typed(view.grid)
        response = _html(view, template if not shape else None, context)
    response.status_code = 422
    return response


def _as_typed(grid: Grid) -> Question:
    """What was typed, fit to be shown again so that it can be mended; it is never asked of the database."""
    typed = {
        name: "".join(c if c.isprintable() else "\ufffd" for c in value[:LONGEST_TEXT])
        for name, value in reversed(list(request.args.items(multi=True)))
    }
    return Question(
        q=typed.get("q", ""),
        filters={name: typed[name] for name in grid.filter_parameters if name in typed},
        sort=grid.default_sort,
        size=SIZE,
        default_sort=grid.default_sort,
    )


def _html(view: GridView, template: str | None, context: dict[str, Any]) -> Response:
    if template is None:
        return Response(str(_component().fragment(view)), mimetype="text/html")
    return Response(render_template(template, grid=view, **context), mimetype="text/html")


def _component() -> Any:
    """The macros of the grid; Jinja keeps the module, so importing it again costs nothing."""
    return current_app.jinja_env.get_template(COMPONENT).module


def _read_seq(view: GridView, seq_of: SeqOf) -> None:
    # Read before the rows: a change between the two is told again, which is harmless, and never missed.
    if view.room:
        view.seq = seq_of([view.room])[view.room]


def _endpoint(name: str) -> str:
    return f"{request.blueprint}{name}" if name.startswith(".") else name


def _date_shown(field: Field) -> str:
    day = read_date(field.value) if field.kind == "date" else None
    return day.strftime("%d/%m/%Y") if day else field.value


def _with_gaps(numbers: list[int]) -> list[int | None]:
    shown: list[int | None] = []
    for before, number in zip([0, *numbers], numbers, strict=False):
        if number - before == 2:
            shown.append(number - 1)
        elif number - before > 2:
            shown.append(None)
        shown.append(number)
    return shown
