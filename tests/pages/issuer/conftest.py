"""What the tests of the back office share: who looks, how forms are read, and what the worker does meanwhile."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.database import db
from tests.services.people import People
from tests.world import Client

Uploader = Callable[..., int]


@pytest.fixture
def isla(browser_of: Callable[[int], Client], cast: People) -> Client:
    """The browser of the awarding body's staff."""
    return browser_of(cast.issuer)


@pytest.fixture
def michael(browser_of: Callable[[int], Client], cast: People) -> Client:
    """The browser of Riverside's admin."""
    return browser_of(cast.michael)


@pytest.fixture
def row(app: Flask) -> Callable[[type, int], Any]:
    """A function that reads a row as it is in the database now."""

    def act(model: type, ident: int) -> Any:
        with app.app_context():
            return db.session.get_one(model, ident)

    return act


@pytest.fixture
def counts(app: Flask) -> Callable[[], dict[str, int]]:
    """A function that counts the rows of everything that people change here."""

    def act() -> dict[str, int]:
        names = ("document", "record", "job", "upload", "centre", "user", "brand", "mail", "audit_entry")
        with app.app_context():
            tables = {table.name: table for table in db.metadata.sorted_tables}
            return {name: db.session.scalar(select(func.count()).select_from(tables[name])) or 0 for name in names}

    return act


@pytest.fixture
def upload(isla: Client, cast: People) -> Uploader:
    """A function that uploads a file as the page does, and gives the id of the upload."""

    def act(data: bytes, *, name: str = "batch.csv", centre_id: int | None = None) -> int:
        answer = isla.submit(
            "/issuer/jobs/new",
            {"centre": str(centre_id or cast.riverside), "file": (io.BytesIO(data), name)},
            content_type="multipart/form-data",
        )
        assert answer.status_code == 302, words_of(answer)
        return int(answer.location.rsplit("/", 1)[1])

    return act


@pytest.fixture
def work(app: Flask) -> Callable[[int], None]:
    """A function that does the next step of a batch file, as a worker does."""
    from portal.tasks import batches

    def act(upload_id: int) -> None:
        with app.app_context():
            batches.run(upload_id)

    return act


def words_of(answer: Any) -> str:
    """The text of a page as people read it."""
    main = answer.text.partition("<main")[2].partition(">")[2].partition("</main>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())
