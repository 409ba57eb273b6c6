"""A list that has nothing to do with the portal: the loans of two libraries, and the grid over them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import ForeignKey, String, func, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from portal.database import BigInt, UtcDateTime
from portal.grid import Action, Bulk, Column, DateRange, Grid, Key, NumberRange, OneOf, Text, YesNo


class LibraryBase(DeclarativeBase):
    """Tables of their own, so that they never reach the portal's migrations."""


class Loan(StrEnum):
    OUT = "out"
    BACK = "back"

    @property
    def label(self) -> str:
        return {"out": "Borrowed", "back": "Returned"}[self.value]


class Library(LibraryBase):
    __tablename__ = "grid_test_library"
    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))


class Book(LibraryBase):
    __tablename__ = "grid_test_book"
    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    library_id: Mapped[int] = mapped_column(ForeignKey("grid_test_library.id"), index=True)
    title: Mapped[str] = mapped_column(String(200))
    reader: Mapped[str | None] = mapped_column(String(200))
    state: Mapped[Loan] = mapped_column(String(10))
    pages: Mapped[int]
    precious: Mapped[bool] = mapped_column(default=False)
    due_on: Mapped[date | None]
    lent_at: Mapped[datetime] = mapped_column(UtcDateTime)
    library: Mapped[Library] = relationship(lazy="raise")


@dataclass(frozen=True)
class Librarian:
    library_id: int
    may_lend: bool = True


def visible(actor: Librarian, **_within: object) -> object:
    return select(Book).join(Book.library).where(Book.library_id == actor.library_id)


BOOKS = Grid(
    name="books",
    title="Books",
    key=Book.id,
    select=visible,
    room=lambda actor, **_within: f"library:{actor.library_id}",
    columns=[
        Column("title", "Title", Book.title, sort=True, search=True, filter=Text()),
        Column("reader", "Reader", Book.reader, sort=True, search=True, filter=Text()),
        Column("state", "State", Book.state, sort=True, filter=OneOf(Loan), cell="state", kind="status"),
        Column("pages", "Pages", Book.pages, sort=True, filter=NumberRange(), kind="number"),
        Column("precious", "Precious", Book.precious, filter=YesNo()),
        Column("due_on", "Due on", Book.due_on, sort=True, filter=DateRange(), kind="date"),
        Column("lent_at", "Lent at", Book.lent_at, sort=Book.lent_at, filter=DateRange(), kind="date"),
        Column("library", "Library", Library.name),
        Column("read", "Read", cell="read", text=lambda row: row.pages, csv=False),
        Column("shelf", "Shelf", filter=Key(Book.library_id), shown=False),
    ],
    default_sort="-lent_at",
    actions=[
        Action("view", "View", endpoint="show"),
        Action("retry", "Retry", endpoint="lend", method="post", when=lambda row: row.state == Loan.BACK),
        Action("delete", "Delete", endpoint="show", may=lambda actor: actor.may_lend),
    ],
    bulk=[
        Bulk(
            "download",
            "Export",
            icon="download",
            endpoint="export",
            may=lambda actor: actor.may_lend,
            counted="Export %(things)s",
        )
    ],
    cells="grids/test_books.html",
    thing="book",
    things="books",
    empty="No books have been bought yet.",
)

CELLS = """{% from "components/progress.html" import progress %}
{% macro state(row) %}<b class="state">{{ row.state }}</b>{% endmacro %}
{% macro read(row) %}{{ progress(row.pages, 2000, "Read", show="count") }}{% endmacro %}"""

START = datetime(2026, 6, 1, 12, tzinfo=UTC)


def book(number: int, *, library_id: int = 1, **facts: object) -> dict[str, object]:
    """The row of one book; a later number was lent later."""
    return {
        "library_id": library_id,
        "title": f"Book {number:04}",
        "reader": f"Reader {number % 7}",
        "state": Loan.OUT if number % 2 else Loan.BACK,
        "pages": number,
        "precious": number % 5 == 0,
        "due_on": date(2026, 7, 1) + timedelta(days=number % 30),
        "lent_at": START + timedelta(minutes=number),
    } | facts


def fill(session: object, *books: dict[str, object]) -> None:
    """Put two libraries and these books on the shelf."""
    if session.scalar(select(func.count()).select_from(Library)) == 0:
        session.execute(insert(Library), [{"id": 1, "name": "Riverside"}, {"id": 2, "name": "Hillside"}])
    if books:
        session.execute(insert(Book), list(books))
    session.commit()
