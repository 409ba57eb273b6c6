"""Answers from the database: pages, single rows, counts, selections and streams, always within ``grid.select``.

Rows are plain columns, never entities, so no relationship can be loaded by a cell. A page costs two queries, whatever
it shows: one for the count (capped) with the newest key, one for the rows. A long list costs at most four: its keys are
found first, in one of three ways that stay cheap however the matches are spread (docs/decisions/0008).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ClauseElement, ColumnElement, Executable, Select, func, null, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session

from portal.errors import NotFound
from portal.grid.declaration import Asked
from portal.grid.question import BadQuery, Question
from portal.grid.searching import matches_somewhere
from portal.grid.selection import MOST_SELECTED, Selection
from portal.grid.wording import N_

if TYPE_CHECKING:
    from portal.grid.declaration import Grid

LOOKED_THROUGH = 2_000
"""Rows of a long list that are looked through in its order before the matches are gathered and sorted."""

GATHERED = 50_000
"""Matches, as PostgreSQL estimates them, that are gathered and sorted; for more its own plan is taken."""

NEAR = 500
"""Rows before a page that is looked for in that way; a deeper page is left to the plan of the database."""

COUNTED = 1_000
"""Matches are counted up to here; more are "1,000+". Counting is what costs most in a long list."""

REACHED = 100_000
"""Rows that can be paged through. OFFSET walks over all rows before it; search, filters and CSV reach the rest."""

BATCH = 500


@dataclass(frozen=True)
class Page:
    """Rows of a page. ``counted`` stops at 1,000, then ``more_than_counted``. ``newest`` is the greatest key there
    was before the rows were read: a greater one is new."""

    rows: Sequence[Any]
    counted: int
    more_than_counted: bool
    has_next: bool
    newest: int | None
    out_of_reach: bool = False


def read_page(grid: Grid, session: Session, question: Question, actor: Any, **within: Any) -> Page:
    """The page that was asked for."""
    whole: Select[Any] = grid.select(actor, **within).order_by(None)
    asked = Asked(question.words, dict(question.wanted), actor, session, session.get_bind().dialect.name)
    conditions = _conditions(grid, asked)
    if grid.long and question.offset < REACHED:
        return _read_long_page(grid, session, question, whole, conditions, few=asked.few)
    matching = whole.where(*conditions)
    # The newest key is read before the rows: a row that arrives between the two is then announced, never missed.
    counted, newest = session.execute(_capped_count(grid, matching)).one()
    out_of_reach = question.offset >= REACHED
    rows: Sequence[Any] = ()
    if not out_of_reach:
        ordered = _ordered(grid, matching.with_only_columns(*grid.selected, maintain_column_froms=True), question)
        rows = session.execute(ordered.limit(question.size + 1).offset(question.offset)).all()
    return Page(
        rows=rows[: question.size],
        counted=min(counted, COUNTED),
        more_than_counted=counted > COUNTED,
        has_next=len(rows) > question.size and question.offset + question.size < REACHED,
        newest=newest,
        out_of_reach=out_of_reach,
    )


def _read_long_page(
    grid: Grid,
    session: Session,
    question: Question,
    whole: Select[Any],
    conditions: Sequence[ColumnElement[bool]],
    *,
    few: bool,
) -> Page:
    matching = whole.where(*conditions)
    newest = session.scalar(select(func.max(grid.key))) if grid.counts_up else None
    keys: Sequence[Any] = ()
    counted: int | None = None
    if not question.narrows or question.offset > NEAR:
        asked = _ordered(grid, _only_key(grid, matching), question)
        keys = session.scalars(asked.limit(question.size + 1).offset(question.offset)).all()
    else:
        if not few:
            keys = _look_through(grid, session, question, whole, conditions)
        if len(keys) <= question.size:
            if not few and _estimate(session, _only_key(grid, matching)) > GATHERED:
                asked = _ordered(grid, _only_key(grid, matching), question)
                keys = session.scalars(asked.limit(question.size + 1).offset(question.offset)).all()
            else:
                keys, counted = _gather(grid, session, question, matching)
    if counted is None:
        counted = session.scalar(_capped_count(grid, matching).with_only_columns(func.count())) or 0
    shown = keys[: question.size]
    rows = {}
    if shown:
        found = whole.where(grid.key.in_(shown)).with_only_columns(*grid.selected, maintain_column_froms=True)
        rows = {row.id: row for row in session.execute(found)}
    return Page(
        rows=[rows[key] for key in shown if key in rows],
        counted=min(counted, COUNTED),
        more_than_counted=counted > COUNTED,
        has_next=len(keys) > question.size and question.offset + question.size < REACHED,
        newest=newest,
    )


def _look_through(
    grid: Grid, session: Session, question: Question, whole: Select[Any], conditions: Sequence[ColumnElement[bool]]
) -> Sequence[Any]:
    """The keys of a page, looked for among the first rows of the list only: enough when many rows match."""
    first = _ordered(grid, _only_key(grid, whole), question).limit(LOOKED_THROUGH)
    # The first rows are within the scope. Without its condition once more no index is left but that of the keys.
    among = select(grid.key).select_from(*whole.get_final_froms()).where(grid.key.in_(first), *conditions)
    asked = _ordered(grid, among, question)
    return session.scalars(asked.limit(question.size + 1).offset(question.offset)).all()


def _gather(grid: Grid, session: Session, question: Question, matching: Select[Any]) -> tuple[Sequence[Any], int]:
    """The keys of a page, by finding all that match and sorting them: cheap when few rows match. And how many."""
    order = grid.by_name[question.sort_name].sort_expressions()
    columns = [grid.key.label("id"), *(one.label(f"by_{place}") for place, one in enumerate(order))]
    found = matching.with_only_columns(*columns, maintain_column_froms=True).cte("found").prefix_with("MATERIALIZED")
    # The database must not walk through the list in its order instead: that is what has just found too little.
    directed = [_directed(found.c[f"by_{place}"], one, question.descending) for place, one in enumerate(order)] + [
        _directed(found.c.id, grid.key, question.descending)
    ]
    total = select(func.count()).select_from(found).scalar_subquery()
    asked = select(found.c.id, total).order_by(*directed).limit(question.size + 1).offset(question.offset)
    rows = session.execute(asked).all()
    if not rows and question.offset:
        return (), session.scalar(select(func.count()).select_from(found)) or 0
    return [row[0] for row in rows], rows[0][1] if rows else 0


class _Explained(Executable, ClauseElement):
    """The plan of a statement."""

    inherit_cache = False

    def __init__(self, statement: Any) -> None:
        self.statement = statement


@compiles(_Explained)
def _explain(element: _Explained, compiler: Any, **options: Any) -> str:
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.statement, **options)}"


def _estimate(session: Session, statement: Any) -> int:
    """How many rows the planner of PostgreSQL expects; SQLite expects nothing, and its lists are shorter."""
    if session.get_bind().dialect.name != "postgresql":
        return 0
    (plan,) = session.execute(_Explained(statement)).scalar_one()
    return int(plan["Plan"]["Plan Rows"])


def _only_key(grid: Grid, statement: Select[Any]) -> Select[Any]:
    return statement.with_only_columns(grid.key.label("id"), maintain_column_froms=True)


def read_rows(
    grid: Grid, session: Session, question: Question, ids: Sequence[Any], actor: Any, **within: Any
) -> dict[Any, Any]:
    """Those of the rows that this actor may see and that still match, by key."""
    if not ids:
        return {}
    matching = _matching(grid, session, question, actor, within).where(grid.key.in_(ids))
    rows = session.execute(matching.with_only_columns(*grid.selected, maintain_column_froms=True)).all()
    return {row.id: row for row in rows}


def count(grid: Grid, session: Session, question: Question, actor: Any, **within: Any) -> tuple[int, int | None]:
    """The exact number of matches, and the greatest key among them (None where keys do not count up)."""
    matching = _matching(grid, session, question, actor, within).with_only_columns(
        grid.key.label("id"), maintain_column_froms=True
    )
    inner = matching.subquery()
    counted, newest = session.execute(
        select(func.count(), func.max(inner.c.id) if grid.counts_up else null()).select_from(inner)
    ).one()
    return counted, newest


def selected(
    grid: Grid, session: Session, selection: Selection, actor: Any, *, most: int = MOST_SELECTED, **within: Any
) -> list[Any]:
    """The keys of a selection, all within what this actor may see, in one statement and so in one moment.

    Raises ``NotFound`` when a ticked row is gone or is not theirs, ``BadQuery`` for none or more than ``most``.
    """
    matching = _matching(grid, session, selection.question, actor, within)
    if selection.ids is not None:
        matching = matching.where(grid.key.in_(selection.ids))
    if selection.but:
        matching = matching.where(grid.key.not_in(selection.but))
    if selection.upto is not None:
        matching = matching.where(grid.key <= selection.upto)
    ordered = _ordered(
        grid, matching.with_only_columns(grid.key.label("id"), maintain_column_froms=True), selection.question
    )
    keys = list(session.scalars(ordered.limit(most + 1)))
    if len(keys) > most:
        raise BadQuery(
            N_("At most %(most)s rows can be taken at once. Please search or filter for fewer."),
            parameter="selection",
            most=f"{most:,}",
        )
    if selection.ids is not None and len(keys) != len(selection.ids):
        raise NotFound
    if not keys:
        raise BadQuery(N_("Please select at least one row."), parameter="selection")
    return keys


def stream(
    grid: Grid, session: Session, question: Question, actor: Any, *, upto: int | None = None, **within: Any
) -> Iterator[Any]:
    """Every row that matches, in order, read in batches, as of one moment; none with a greater key than ``upto``."""
    matching = _matching(grid, session, question, actor, within)
    if upto is not None:
        matching = matching.where(grid.key <= upto)
    asked = _ordered(grid, matching.with_only_columns(*grid.selected, maintain_column_froms=True), question)
    yield from session.execute(asked, execution_options={"yield_per": BATCH})


def _matching(grid: Grid, session: Session, question: Question, actor: Any, within: Mapping[str, Any]) -> Select[Any]:
    whole: Select[Any] = grid.select(actor, **within).order_by(None)
    asked = Asked(question.words, dict(question.wanted), actor, session, session.get_bind().dialect.name)
    return whole.where(*_conditions(grid, asked))


def _conditions(grid: Grid, asked: Asked) -> list[ColumnElement[bool]]:
    if grid.narrow is not None:
        conditions = list(grid.narrow(asked))
    else:
        conditions = [matches_somewhere(grid.searchables, word, dialect=asked.dialect) for word in asked.words]
    for name, wanted in asked.wanted.items():
        kind, expression = grid.filters[name]
        conditions.append(kind.condition(expression, wanted, dialect=asked.dialect))
    return conditions


def _ordered(grid: Grid, statement: Select[Any], question: Question) -> Select[Any]:
    order = []
    for expression in (*grid.by_name[question.sort_name].sort_expressions(), grid.key):
        order.append(_directed(expression, expression, question.descending))
    return statement.order_by(*order)


def _directed(expression: Any, kind: Any, descending: bool) -> Any:
    directed = expression.desc() if descending else expression.asc()
    # PostgreSQL and SQLite disagree where nothing stands; where nothing can be missing an index serves the order.
    return directed.nulls_last() if getattr(kind, "nullable", True) else directed


def _capped_count(grid: Grid, matching: Select[Any]) -> Select[Any]:
    inner = matching.with_only_columns(grid.key.label("id"), maintain_column_froms=True).limit(COUNTED + 1).subquery()
    newest = select(func.max(grid.key)).scalar_subquery() if grid.counts_up else null()
    return select(func.count(), newest).select_from(inner)
