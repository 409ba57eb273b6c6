"""A long list answers as every list does, whichever way its rows are found."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl

import pytest

from portal.database import db
from portal.grid import read_page, reading
from portal.grid.question import read_question
from tests.grid.library import BOOKS, Librarian, book, fill

LONG = replace(BOOKS, long=True)
ME = Librarian(1)

QUESTIONS = (
    "",
    "page=2",
    "page=4",
    "page=99",
    "q=book",
    "q=book&page=3",
    "q=book&page=99",
    "q=0007",
    "q=reader+3",
    "q=nothing",
    "q=reader&sort=reader&page=2",
    "q=reader+5&sort=-pages",
    "state=back&sort=title&size=10&page=2",
    "state=out&sort=-due_on&size=7&page=3",
    "pages_from=70&pages_to=71",
    "pages_to=5",
    "precious=yes&sort=due_on",
    "lent_at_to=2026-06-01&sort=-lent_at&size=10",
    "shelf=1&q=book",
    "shelf=2",
)


def page_of(grid, query, actor=ME):
    page = read_page(grid, db.session(), read_question(grid, parse_qsl(query)), actor)
    return [row.id for row in page.rows], page.counted, page.more_than_counted, page.has_next, page.newest


@pytest.fixture
def books(session):
    fill(session, *(book(n) for n in range(1, 91)), *(book(n, library_id=2) for n in range(91, 121)))


@pytest.mark.parametrize("looked", [5, 2_000], ids=["found by gathering", "found by looking through"])
@pytest.mark.parametrize("query", QUESTIONS)
def test_every_way_gives_the_same_page(books, monkeypatch, query, looked):
    monkeypatch.setattr(reading, "LOOKED_THROUGH", looked)
    assert page_of(LONG, query) == page_of(BOOKS, query)


@pytest.mark.parametrize("query", QUESTIONS)
def test_a_page_left_to_the_plan_of_the_database_is_the_same(books, monkeypatch, query):
    monkeypatch.setattr(reading, "LOOKED_THROUGH", 5)
    monkeypatch.setattr(reading, "_estimate", lambda *_anything: reading.GATHERED + 1)
    assert page_of(LONG, query) == page_of(BOOKS, query)


def test_a_rivals_rows_are_in_no_way(books, monkeypatch):
    for looked in (5, 2_000):
        monkeypatch.setattr(reading, "LOOKED_THROUGH", looked)
        assert page_of(LONG, "q=0100") == ([], 0, False, False, 120)
        assert len(page_of(LONG, "q=0100", Librarian(2))[0]) == 1


@pytest.mark.parametrize("looked", [5, 2_000])
def test_a_long_page_costs_at_most_five_statements(books, monkeypatch, statements, looked):
    monkeypatch.setattr(reading, "LOOKED_THROUGH", looked)
    for query in QUESTIONS:
        db.session.rollback()
        statements.clear()
        page_of(LONG, query)
        assert len([one for one in statements if not one.startswith(("BEGIN", "PRAGMA"))]) <= 5, query


def test_counting_stops_where_it_stops_elsewhere(session, monkeypatch):
    monkeypatch.setattr(reading, "COUNTED", 20)
    fill(session, *(book(n) for n in range(1, 41)))
    assert page_of(LONG, "q=book")[1:3] == (20, True)
    monkeypatch.setattr(reading, "LOOKED_THROUGH", 2)
    assert page_of(LONG, "q=book")[1:3] == (20, True)


def test_a_filter_without_a_column_is_in_the_panel_and_not_in_the_table(client, books):
    text = client.get("/books?shelf=1").text
    assert '<input type="hidden" name="shelf" value="1">' in text
    assert 'data-column="shelf"' not in text
    assert "Shelf" not in client.get("/books?format=csv").text.splitlines()[0]


@pytest.mark.parametrize("query", ["shelf=one", "shelf=-1", "shelf=1.5", "shelf=9999999999999999999"])
def test_a_key_is_a_whole_number(client, query):
    assert client.get(f"/books?{query}").status_code == 422
