"""The page of a list: what it shows, and what it costs."""

from __future__ import annotations

import html5lib
from sqlalchemy import event

from portal.database import db
from tests.grid.library import Librarian, book, fill


def page(client, url="/books", **headers):
    answer = client.get(url, headers=headers)
    document = html5lib.HTMLParser(strict=False, namespaceHTMLElements=False).parse(answer.text)
    return answer, document


def ids(document):
    return [row.get("data-id") for row in document.iterfind(".//tr[@data-id]")]


def test_newest_first_and_only_what_the_actor_may_see(client, session):
    fill(session, *(book(n) for n in range(1, 4)), book(9, library_id=2))
    answer, document = page(client)
    assert answer.status_code == 200
    assert ids(document) == ["3", "2", "1"]
    assert "3 books" in answer.text


def test_a_page_is_strict_html(client, session):
    fill(session, *(book(n) for n in range(1, 200)))
    for url in ("/books", "/books?q=none", "/books?page=3&status=x", "/books?state=out&pages_from=1", "/books?page=3"):
        text = client.get(url).text
        html5lib.HTMLParser(strict=True).parse(text)
