"""A selection: the ticked rows, or all that matched at the click, within what the actor may see."""

from __future__ import annotations

import pytest

from portal.errors import NotFound
from portal.grid import BadQuery, selected
from portal.grid.selection import read_selection
from tests.grid.library import BOOKS, Librarian, book, fill

ME = Librarian(1)


def chosen(session, *fields, most=10_000):
    return selected(BOOKS, session, read_selection(BOOKS, fields), ME, most=most)


def test_ticked_rows(session):
    fill(session, *(book(n) for n in range(1, 6)))
    assert sorted(chosen(session, ("id", "2"), ("id", "4"), ("id", "2"))) == [2, 4]
    assert sorted(chosen(session, ("ids", "1,5,1"))) == [1, 5]


def test_all_that_match_is_all_pages_of_the_query(session):
    fill(session, *(book(n) for n in range(1, 61)), book(61, library_id=2))
    assert len(chosen(session, ("selection", "all"), ("query", ""))) == 60
    assert len(chosen(session, ("selection", "all"), ("query", "state=out&page=3&size=25&sort=title"))) == 30


def test_all_but_those_unticked(session):
    fill(session, *(book(n) for n in range(1, 6)))
    assert sorted(chosen(session, ("selection", "all"), ("but", "2,3"), ("query", "pages_to=4"))) == [1, 4]


def test_what_is_published_after_the_click_is_not_part_of_it(client, session):
    fill(session, *(book(n) for n in range(1, 6)))
    click = client.get("/books?q=book", headers={"X-Grid": "count"}).json
    assert click == {"count": 5, "things": "5 books", "upto": 5, "query": "q=book"}
    fill(session, *(book(n) for n in range(6, 9)))
    fields = (("selection", "all"), ("query", click["query"]), ("upto", str(click["upto"])))
    assert len(chosen(session, *fields)) == click["count"]


def test_the_order_is_that_of_the_list(session):
    fill(session, *(book(n) for n in range(1, 5)))
    assert chosen(session, ("selection", "all"), ("query", "sort=pages")) == [1, 2, 3, 4]
    assert chosen(session, ("selection", "all"), ("query", "")) == [4, 3, 2, 1]


@pytest.mark.parametrize("ids", ["3", "999", "1,3"])
def test_a_foreign_row_and_a_row_that_is_not_there_look_the_same(session, ids):
    fill(session, book(1), book(2), book(3, library_id=2))
    with pytest.raises(NotFound) as caught:
        chosen(session, ("ids", ids))
    assert caught.value.message == ""


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [("id", "")],
        [("ids", "")],
        [("selection", "some")],
        [("selection", "all"), ("query", "q=nothing+like+this")],
        [("selection", "all"), ("query", "sort=secret")],
        [("selection", "all"), ("query", "library_id=2")],
        [("selection", "all"), ("query", "q=" + "x" * 9000)],
        [("selection", "all"), ("query", "q=%ED%A0%80")],
        [("selection", "all"), ("upto", "soon")],
        [("selection", "all"), ("but", "x")],
        [("id", "1"), ("id", "two")],
        [("ids", ",".join(map(str, range(1, 10_002))))],
    ],
)
def test_what_cannot_be_read_is_a_sentence(session, fields):
    fill(session, book(1))
    with pytest.raises(BadQuery) as caught:
        chosen(session, *fields)
    assert caught.value.message.endswith(".")


def test_too_many_are_refused_not_cut(session):
    fill(session, *(book(n) for n in range(1, 12)))
    assert len(chosen(session, ("selection", "all"), most=11)) == 11
    with pytest.raises(BadQuery, match="At most 10 rows"):
        chosen(session, ("selection", "all"), most=10)


def test_ten_thousand_rows_are_taken(session):
    fill(session, *(book(n) for n in range(1, 10_001)))
    assert len(chosen(session, ("selection", "all"))) == 10_000
    assert len(chosen(session, ("ids", ",".join(map(str, range(1, 10_001)))))) == 10_000


def test_the_page_carries_the_frozen_query(client, session):
    fill(session, *(book(n) for n in range(1, 31)))
    text = client.get("/books?q=book&sort=title&page=2").text
    assert '<input type="hidden" name="query" value="q=book" form="grid-books-bulk">' in text
    assert "Select all 30 books that match" in text and 'name="selection" value="all"' in text
    assert 'formaction="/books/export"' in text
