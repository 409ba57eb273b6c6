"""Single rows, for what changes while a list is open: the same scope, the same question, the same macro."""

from __future__ import annotations

from sqlalchemy import event, update

from portal.database import db
from tests.grid.library import Book, Librarian, Loan, book, fill

ROWS = {"X-Grid": "rows"}


def rows(client, query):
    answer = client.get(f"/books?{query}", headers=ROWS)
    assert answer.status_code == 200
    return answer.json


def test_a_row_is_drawn_as_on_the_page(client, session):
    fill(session, *(book(n) for n in range(1, 4)))
    page = client.get("/books").text
    for html in rows(client, "ids=1,2,3")["rows"].values():
        assert html in page


def test_what_is_not_theirs_is_gone_or_does_not_match_looks_the_same(client, session):
    fill(session, book(1), book(2), book(3, library_id=2))
    answer = rows(client, "state=out&ids=1,2,3,4,9223372036854775807")
    assert [key for key, html in answer["rows"].items() if html] == ["1"]
    assert set(answer["rows"]) == {"1", "2", "3", "4", "9223372036854775807"}


def test_rows_carry_how_far_the_room_was(client, session):
    fill(session)
    assert rows(client, "ids=1")["seq"] == 41


def test_rows_cost_one_query_for_one_and_for_two_hundred(client, session, statements):
    fill(session, *(book(n) for n in range(1, 201)))
    for ids in ("1", ",".join(map(str, range(1, 201)))):
        statements.clear()
        assert all(rows(client, f"ids={ids}")["rows"].values())
        assert len([s for s in statements if s.startswith("SELECT")]) == 1


def test_at_most_two_hundred_rows_and_only_keys(client, session):
    fill(session)
    too_many = ",".join(map(str, range(1, 202)))
    for ids in (too_many, "abc", "-1", "1;2", "1.5", "9223372036854775808", "٣", "1,,x", "%00"):
        answer = client.get("/books", query_string={"ids": ids}, headers=ROWS)
        assert answer.status_code == 422 and answer.json["error"]
    assert rows(client, "ids=")["rows"] == {}
    assert len(rows(client, "ids=2,2,,1")["rows"]) == 2


def test_a_fragment_is_the_parts_that_a_question_changes(client, session):
    fill(session, *(book(n) for n in range(1, 40)))
    answer = client.get("/books?page=2&q=book", headers={"X-Grid": "fragment"})
    assert "<html" not in answer.text and "<form" not in answer.text
    for name in ("all", "frozen", "count", "asked", "error", "empty", "foot", "head", "rows"):
        assert f'data-part="{name}"' in answer.text and f'data-part="{name}"' in client.get("/books").text
    assert "26–39 of 39 books" in answer.text
    page = client.get("/books?page=2&q=book").text
    assert answer.text[answer.text.index("<table") : answer.text.index("</table>")] in page


def test_no_cache_keeps_a_list_and_shapes_are_told_apart(client, session):
    fill(session, book(1))
    for shape in ("", "fragment", "rows", "count"):
        answer = client.get("/books", headers={"X-Grid": shape} if shape else {})
        assert answer.headers["Cache-Control"] == "no-store"
        assert "X-Grid" in answer.headers["Vary"]
    assert "X-Grid" in client.get("/books?page=0").headers["Vary"]


def test_a_list_hides_itself_from_others_at_every_shape(app, client, session):
    fill(session, book(1, title="Secret"))
    app.extensions["grid_test_actor"] = Librarian(2)
    assert "Secret" not in client.get("/books?q=secret").text.replace('value="secret"', "")
    assert rows(client, "ids=1")["rows"] == {"1": None}
    assert client.get("/books", headers={"X-Grid": "count"}).json["count"] == 0
    assert "Secret" not in client.get("/books?format=csv").text


def test_a_change_shows_at_once(client, session):
    fill(session, book(1))
    before = rows(client, "ids=1")["rows"]["1"]
    session.execute(update(Book).values(state=Loan.BACK))
    session.commit()
    after = rows(client, "ids=1")["rows"]["1"]
    assert before != after and ">back<" in after


def test_no_statement_loads_an_entity(app, client, session):
    fill(session, book(1))
    loaded = []

    def note(*_rest):
        loaded.append(1)

    event.listen(Book, "load", note)
    try:
        client.get("/books")
        db.session.remove()
    finally:
        event.remove(Book, "load", note)
    assert loaded == []
