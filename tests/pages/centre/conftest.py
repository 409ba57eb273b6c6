"""What the tests of the centre's pages share: who looks, what they look at, and how often the database is asked."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select

from portal.access.actor import SYSTEM
from portal.database import db
from portal.models.documents import Document
from portal.services import documents
from tests.services.people import People
from tests.world import Client


@pytest.fixture
def michael(browser_of: Callable[[int], Client], cast: People) -> Client:
    """The browser of Riverside's admin."""
    return browser_of(cast.michael)


@pytest.fixture
def anew(browser_of: Callable[[int], Client], cast: People) -> Client:
    """The browser of a user of Riverside."""
    return browser_of(cast.anew)


@pytest.fixture
def rita(browser_of: Callable[[int], Client], cast: People) -> Client:
    """The browser of the rival at Hillside."""
    return browser_of(cast.rita)


@pytest.fixture
def facts_of(app: Flask) -> Callable[[int], Document]:
    """A function that reads the row of a document."""

    def act(document_id: int) -> Document:
        with app.app_context():
            return db.session.scalars(select(Document).where(Document.id == document_id)).one()

    return act


@pytest.fixture
def cancel(app: Flask) -> Callable[..., None]:
    """A function that cancels a document."""

    def act(document_id: int, reason: str = "Issued in error.") -> None:
        with app.app_context():
            documents.cancel([document_id], reason=reason, actor=SYSTEM)

    return act


@pytest.fixture
def replace(app: Flask) -> Callable[..., int]:
    """A function that replaces a document and gives the id of the new one."""

    def act(document_id: int, **corrections: Any) -> int:
        with app.app_context():
            return documents.replace(document_id, corrections=corrections or {"first_name": "Donna"}, actor=SYSTEM)

    return act


@pytest.fixture
def queries(app: Flask) -> Callable[[], Any]:
    """A context manager that gathers the statements sent to the database inside it."""

    @contextmanager
    def gather() -> Iterator[list[str]]:
        seen: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            seen.append(statement)

        with app.app_context():
            engine = db.engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(engine, "before_cursor_execute", note)

    return gather


@pytest.fixture
def words() -> Callable[[Any], str]:
    """A function that gives what people read on a page: no tags, single spaces."""

    def act(response: Any) -> str:
        body = re.sub(r"<(script|style|template)\b.*?</\1>", " ", response.get_data(as_text=True), flags=re.S)
        return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())

    return act


@pytest.fixture
def same_page() -> Callable[[Any], str]:
    """A function that gives a page without what differs at every request (the token of its forms)."""

    def act(response: Any) -> str:
        return re.sub(r'name="csrf_token" value="[^"]*"', "", response.get_data(as_text=True))

    return act
