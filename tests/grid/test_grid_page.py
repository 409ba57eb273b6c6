"""The page of a list: what it shows, how it is asked, and what it costs."""

from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime
from urllib.parse import quote

import html5lib
import pytest

from portal.web import grids
from tests.grid.library import BOOKS, Librarian, Loan, book, fill


def tree(answer):
    return html5lib.HTMLParser(namespaceHTMLElements=False).parse(answer.text)


def ids(answer):
    return re.findall(r'<tr class="grid__row" data-id="(\d+)"', answer.text)


def part(answer, name):
    found = tree(answer).find(f".//*[@data-part='{name}']")
    return " ".join("".join(found.itertext()).split())


def test_newest_first_and_only_what_the_actor_may_see(client, session):
    fill(session, *(book(n) for n in range(1, 4)), book(9, library_id=2))
    answer = client.get("/books")
    assert answer.status_code == 200
    assert ids(answer) == ["3", "2", "1"]
    assert part(answer, "count") == "3 books"


def test_every_state_of_the_page_is_strict_html(client, session):
    for filled in (False, True):
        if filled:
            fill(session, *(book(n, title="<i>\"&' " + str(n)) for n in range(1, 200)))
        for query in ("", "?q=none", "?page=3&status=x", "?state=out&pages_from=1&q=Reader", "?page=3", "?page=999"):
            html5lib.HTMLParser(strict=True).parse(client.get(f"/books{query}").text)


def test_a_page_costs_the_same_for_one_row_and_thirty(app, client, session, statements):
    def cost():
        statements.clear()
        assert client.get("/books?size=50").status_code == 200
        return len([s for s in statements if s.lstrip().upper().startswith("SELECT")])

    fill(session, book(1))
    one = cost()
    fill(session, *(book(n) for n in range(2, 31)))
    assert cost() == one == 2


def test_cells_say_what_the_data_is(client, session):
    fill(session, book(5, title="A <b>&", reader=None, state=Loan.BACK))
    text = client.get("/books").text
    assert '<td class="grid__cell grid__cell--text" data-column="title" data-label="Title">' in text
    assert "A &lt;b&gt;&amp;" in text and "<b>&" not in text.replace("&amp;", "")
    assert '<b class="state">back</b>' in text
    assert "01/06/2026 13:05:00" in text  # 12:05 UTC is 13:05 on a British summer clock.
    assert ">Yes<" in text and ">Riverside<" in text and ">06/07/2026<" in text


def test_text_in_a_cell_is_text(client, session):
    fill(session, book(1, title="{{7*7}}<script>alert(1)</script>", reader='"><img src=x>'))
    text = client.get("/books").text
    assert "<script>alert" not in text and "<img src=x" not in text and "{{7*7}}" in text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sort=pages", ["1", "2", "3", "4"]),
        ("sort=-pages", ["4", "3", "2", "1"]),
        ("sort=title", ["2", "4", "1", "3"]),  # apple, Birch, cherry, Damson: case does not count
        ("sort=reader", ["1", "2", "3", "4"]),
        ("sort=-due_on", ["4", "2", "1", "3"]),  # none comes last in both directions
        ("sort=due_on", ["1", "2", "4", "3"]),
    ],
)
def test_sorts_alike_on_both_databases(client, session, query, expected):
    fill(
        session,
        book(1, title="cherry", due_on=date(2026, 1, 1), reader="a"),
        book(2, title="apple", due_on=date(2026, 1, 1), reader="b"),
        book(3, title="Damson", due_on=None, reader="c"),
        book(4, title="Birch", due_on=date(2026, 1, 2), reader=None),
    )
    assert ids(client.get(f"/books?{query}")) == expected


def test_equal_values_keep_one_order_over_all_pages(client, session):
    fill(session, *(book(n, reader="same") for n in range(1, 61)))
    for direction in ("", "-"):
        seen = [i for page in (1, 2, 3) for i in ids(client.get(f"/books?sort={direction}reader&page={page}"))]
        assert len(seen) == len(set(seen)) == 60


NAMES = [
    "MÜLLER",
    "müller",
    "Müller",
    "Ελένη ΠΑΠΑΔΟΠΟΥΛΟΣ",
    "ИВАНОВ",
    "O'Brien",
    "100% pure_gold\\",
    "[abc]*?",
    "陈伟",
    "Łukasz",
    "été",
    "ü*[ö]?",
]


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("müller", {0, 1, 2}),
        ("MÜLLER", {0, 1, 2}),
        ("mÜLL", {0, 1, 2}),
        ("ller", {0, 1, 2}),
        ("παπαδόπουλοσ", set()),
        ("παπαδοπουλος", {3}),
        ("παπαδοπουλοσ", {3}),
        ("ελένη", {3}),
        ("иванов", {4}),
        ("Иванов", {4}),
        ("o'bRIEN", {5}),
        ("%", {6}),
        ("_", {6}),
        ("\\", {6}),
        ("100%", {6}),
        ("*", {7, 11}),
        ("?", {7, 11}),
        ("[abc]", {7}),
        ("[a-z]", set()),
        ("é*", set()),
        ("é?é", set()),
        ("É*É", set()),
        ("é[t]é", set()),
        ("É", {10}),
        ("Ü*[Ö]?", {11}),
        ("伟", {8}),
        ("ŁUKASZ", {9}),
        ("(a+)+$", set()),
        ("'; DROP TABLE grid_test_book;--", set()),
        ('")', set()),
        ("müller  MÜLLER", {0, 1, 2}),
        ("müller brien", set()),
    ],
)
def test_a_word_is_found_in_any_case_and_is_only_text(client, session, word, found):
    fill(session, *(book(n, title=name, reader=None) for n, name in enumerate(NAMES, start=1)))
    for parameter in ("q", "title"):
        answer = client.get(f"/books?{parameter}={quote(word)}")
        assert answer.status_code == 200
        assert {int(i) - 1 for i in ids(answer)} == found


def test_every_word_must_match_but_anywhere(client, session):
    fill(session, book(1, title="Green walls", reader="Ann"), book(2, title="Green doors", reader="Bob"))
    assert ids(client.get("/books?q=ann+green")) == ["1"]
    assert ids(client.get("/books?q=green")) == ["2", "1"]


def test_composed_and_decomposed_letters_are_the_same_word(client, session):
    fill(session, book(1, title="Zoë"))
    assert ids(client.get("/books?q=" + quote("zoe\u0308"))) == ["1"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=back", ["4", "2"]),
        ("precious=yes", ["5"]),
        ("precious=no&state=out", ["3", "1"]),
        ("pages_from=2&pages_to=3", ["3", "2"]),
        ("pages_to=1", ["1"]),
        ("due_on_from=2026-07-05", ["5", "4"]),
        ("due_on_from=05%2F07%2F2026&due_on_to=2026-07-05", ["4"]),
        ("reader=reader+3", ["3"]),
        ("state=&q=&page=", ["5", "4", "3", "2", "1"]),
        ("utm_source=mail&gclid=1", ["5", "4", "3", "2", "1"]),
        ("q=0001&q=0002", ["1"]),  # of a repeated parameter the first counts
    ],
)
def test_filters(client, session, query, expected):
    fill(session, *(book(n) for n in range(1, 6)))
    answer = client.get(f"/books?{query}")
    assert answer.status_code == 200
    assert ids(answer) == expected


def test_a_day_is_a_day_on_a_uk_calendar(client, session):
    # 23:30 UTC on 30 June is half past midnight on 1 July in London.
    fill(
        session,
        book(1, lent_at=datetime(2026, 6, 30, 22, 59, tzinfo=UTC)),
        book(2, lent_at=datetime(2026, 6, 30, 23, 30, tzinfo=UTC)),
        book(3, lent_at=datetime(2026, 7, 1, 22, 59, 59, tzinfo=UTC)),
        book(4, lent_at=datetime(2026, 7, 1, 23, 0, tzinfo=UTC)),
    )
    assert ids(client.get("/books?lent_at_from=2026-07-01&lent_at_to=2026-07-01")) == ["3", "2"]


def test_a_long_list_is_counted_to_a_thousand_and_pages_go_on(client, session):
    fill(session, *(book(n) for n in range(1, 1102)))
    answer = client.get("/books")
    assert part(answer, "count") == "1–25 of 1,000+ books"
    assert 'aria-label="Page 40"' in answer.text
    last = client.get("/books?page=45")
    assert ids(last) == ["1"]
    assert 'rel="next"' not in last.text
    assert 'rel="next"' in client.get("/books?page=44").text
    assert client.get("/books?size=100&page=11").text.count("<tr class=") == 100
    assert client.get("/books", headers={"X-Grid": "count"}).json["count"] == 1101


def test_a_page_far_beyond_is_empty_and_fast(client, session):
    fill(session, *(book(n) for n in range(1, 30)))
    client.get("/books")
    times = []
    for _ in range(3):
        began = time.perf_counter()
        answer = client.get("/books?page=1000000000")
        times.append(time.perf_counter() - began)
    assert min(times) < 0.25
    assert answer.status_code == 200
    assert ids(answer) == []
    assert "First page" in answer.text and "too far" in answer.text


def test_at_most_a_hundred_rows(client, session):
    fill(session, *(book(n) for n in range(1, 131)))
    for size in ("100", "101", "100000", "9" * 30):
        assert len(ids(client.get(f"/books?size={size}"))) == 100
    assert len(ids(client.get("/books"))) == 25


def test_an_empty_list_says_so_and_no_match_offers_a_way_out(client, session):
    fill(session)
    answer = client.get("/books")
    assert "No books have been bought yet." in answer.text and 'data-state="empty"' in answer.text
    fill(session, book(1))
    answer = client.get("/books?q=nowhere&sort=pages")
    assert 'data-state="nothing"' in answer.text and "Clear filters" in part(answer, "empty")
    assert 'href="/books?sort=pages"' in answer.text


def test_the_whole_state_is_in_every_link(client, session):
    fill(session, *(book(n) for n in range(1, 61)))
    text = client.get("/books?q=book&pages_from=2&sort=-pages&size=50").text
    assert 'href="/books?q=book&amp;pages_from=2&amp;sort=-pages&amp;size=50&amp;page=2"' in text
    assert 'href="/books?q=book&amp;pages_from=2&amp;sort=title&amp;size=50"' in text
    assert 'href="/books?q=book&amp;pages_from=2&amp;sort=-pages&amp;size=50&amp;format=csv"' in text
    assert 'aria-sort="descending"' in text
    assert 'href="/books?q=book&amp;pages_from=2&amp;sort=pages&amp;size=50"' in text
    assert 'href="/books?pages_from=2&amp;sort=-pages&amp;size=50"' in text  # the chip that removes the search


def test_actions_are_offered_where_they_may_be_done(app, client, session):
    fill(session, book(1), book(2))
    text = client.get("/books").text
    assert 'href="/books/2"' in text
    assert text.count('data-action="retry"') == 1 and 'formaction="/books/2/lend"' in text
    assert text.count('data-action="delete"') == 2 and "Export" in text
    app.extensions["grid_test_actor"] = Librarian(1, may_lend=False)
    text = client.get("/books").text
    assert "delete" not in text.split("<tbody")[1] and "Export" not in text and 'type="checkbox"' not in text


def test_a_page_carries_its_room_and_how_far_the_room_was(client, session):
    fill(session, book(7))
    text = client.get("/books").text
    assert 'data-room="library:1"' in text and 'data-seq="41"' in text and 'data-newest="1"' in text


def test_the_sequence_is_read_before_the_rows(app, client, session, statements):
    fill(session, book(1))
    asked_before = []

    def seq_of(rooms):
        # A row that is published between the two must be announced again, never missed.
        asked_before.extend(statements)
        return dict.fromkeys(rooms, 1)

    statements.clear()
    with app.test_request_context("/books"):
        grids.answer(BOOKS, Librarian(1), template="page.html", seq_of=seq_of, sheets=[])
    assert asked_before == [] and len([s for s in statements if s.startswith("SELECT")]) == 2
