"""The CSV of what matches: whole, in order, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import tracemalloc

import pytest

from portal.grid import read_page
from portal.grid.question import read_question
from portal.grid.reading import stream
from portal.grid.spreadsheet import as_csv, safe_cell
from tests.grid.library import BOOKS, Librarian, book, fill


def lines(answer):
    return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))


def test_all_that_matches_in_the_order_asked(client, session):
    fill(session, *(book(n) for n in range(1, 61)), book(99, library_id=2))
    answer = client.get("/books?format=csv&state=back&sort=pages&page=2&size=25")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="books-2')
    assert answer.data.startswith(b"\xef\xbb\xbfTitle,Reader,State,Pages,Precious,Due on,Lent at,Library\r\n")
    table = lines(answer)
    assert [row[3] for row in table[1:]] == [str(n) for n in range(2, 61, 2)]
    assert table[1] == [
        "Book 0002",
        "Reader 2",
        "Returned",
        "2",
        "No",
        "03/07/2026",
        "01/06/2026 13:02:00",
        "Riverside",
    ]


def test_nothing_that_a_spreadsheet_would_run(client, session):
    evil = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1"]
    fill(session, *(book(n, title=title, pages=-n) for n, title in enumerate(evil, start=1)))
    table = lines(client.get("/books?format=csv&sort=-pages"))
    assert [row[0] for row in table[1:]] == ["'" + title for title in evil]
    assert table[1][3] == "-1"  # our own number below nought is a number
    assert safe_cell("O'Brien") == "O'Brien" and safe_cell("") == ""


def test_quotes_commas_and_lines_survive(client, session):
    title = 'He said "no", then\r\nleft; ok'
    fill(session, book(1, title=title, reader="Zoë 陈"))
    table = lines(client.get("/books?format=csv"))
    assert table[1][:2] == [title, "Zoë 陈"]


def test_an_empty_list_has_a_header(client, session):
    fill(session)
    assert len(lines(client.get("/books?format=csv"))) == 1


def test_a_bad_question_is_no_file(client, session):
    fill(session)
    answer = client.get("/books?format=csv&sort=secret")
    assert answer.status_code == 422 and answer.mimetype == "text/html"


def test_many_rows_need_little_memory(client, session):
    fill(session, *(book(n, title="x" * 150) for n in range(1, 20_001)))
    question = read_question(BOOKS, [])
    read_page(BOOKS, session, question, Librarian(1))
    tracemalloc.start()
    size = sum(len(piece) for piece in as_csv(BOOKS, stream(BOOKS, session, question, Librarian(1))))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 4_000_000
    # The driver of PostgreSQL sends a cursor's rows in batches, SQLite row by row.
    assert peak < 3_000_000


def test_a_fault_of_the_database_is_no_half_file(app, client, session, monkeypatch):
    fill(session, book(1))

    def broken(row):
        raise RuntimeError("the cell cannot be made")

    monkeypatch.setattr(BOOKS.by_name["title"].__class__, "text_of", lambda *_: broken(None))
    app.testing = False
    app.config["PROPAGATE_EXCEPTIONS"] = False
    with pytest.raises(RuntimeError):
        list(as_csv(BOOKS, stream(BOOKS, session, read_question(BOOKS, []), Librarian(1))))
    assert client.get("/books?format=csv").status_code == 500
