"""Smart Verify: every look is read anew, in one question to the database, and the page wears today's brand."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, text, update

from portal import reference
from portal.access.actor import SYSTEM
from portal.database import db
from portal.models.brands import Brand
from portal.models.centres import Centre
from portal.models.documents import Document
from portal.services import documents
from tests.conftest import Batch
from tests.services.people import People
from tests.world import Client


@pytest.fixture
def drawn_reference(app: Flask, drawn: Batch) -> str:
    with app.app_context():
        return db.session.get_one(Document, drawn.document_ids[0]).reference


@pytest.fixture
def asked(app: Flask) -> Callable[[], Any]:
    """A context manager that gathers the questions to the database inside it."""

    @contextmanager
    def gather() -> Iterator[list[str]]:
        seen: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if statement != "BEGIN":
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
def elsewhere(app: Flask) -> Callable[..., None]:
    """A function that changes rows as another process does: past everything that this one could remember."""

    def act(table: Any, **values: Any) -> None:
        with app.app_context(), db.engine.connect().execution_options(portal_write=True) as connection:
            connection.execute(update(table).values(**values))
            connection.commit()

    return act


def verdict(page: Any) -> str:
    found = re.search(r'data-verdict data-status="(\w+)"', page.text)
    assert found
    return found[1]


def test_the_page_and_its_json_cost_one_question(client: Client, drawn_reference: str, asked: Any) -> None:
    for _ in range(2):
        for path, headers in (
            (f"/v/{drawn_reference}", {}),
            (f"/v/{drawn_reference}", {"X-Fragment": "answer"}),
            (f"/v/{drawn_reference}.json", {}),
        ):
            with asked() as questions:
                assert client.get(path, headers=headers).status_code == 200
            assert len(questions) == 1, (path, headers, questions)


def test_what_cannot_be_a_reference_costs_no_question_but_for_the_frame(client: Client, asked: Any) -> None:
    for text_, of_page, of_json in (("nonsense", 1, 0), (reference.new(), 2, 1)):
        for path, most in ((f"/v/{text_}", of_page), (f"/v/{text_}.json", of_json)):
            with asked() as questions:
                assert client.get(path).status_code == 404
            assert len(questions) == most, (path, questions)


def test_what_another_process_cancelled_is_told_at_the_next_request(
    client: Client, drawn_reference: str, elsewhere: Callable[..., None]
) -> None:
    for _ in range(2):
        assert verdict(client.get(f"/v/{drawn_reference}")) == "valid"
        assert client.get(f"/v/{drawn_reference}.json").get_json()["status"] == "valid"
    elsewhere(Document, validity="cancelled", reason="Issued in error.", cancelled_at=text("CURRENT_TIMESTAMP"))
    assert client.get(f"/v/{drawn_reference}.json").get_json()["status"] == "cancelled"
    page = client.get(f"/v/{drawn_reference}")
    assert verdict(page) == "cancelled" and "Issued in error." in page.text
    assert verdict(client.get(f"/v/{drawn_reference}", headers={"X-Fragment": "answer"})) == "cancelled"


def test_a_change_of_the_brand_shows_at_the_next_request(
    client: Client, drawn_reference: str, elsewhere: Callable[..., None]
) -> None:
    before = client.get(f"/v/{drawn_reference}").text
    for name in ("portal_name", "name", "logo", "slug"):
        shown = f"larkspur-{name}-".replace("_", "-")
        assert shown not in before
        elsewhere(Brand.__table__, **{name: text(f"'{shown}' || id")})
        assert shown in client.get(f"/v/{drawn_reference}").text, name


def test_the_next_brand_is_worn_when_the_first_is_archived(
    app: Flask, client: Client, drawn_reference: str, elsewhere: Callable[..., None]
) -> None:
    footer = re.compile(r'class="site-footer__brand">([^<]*)<')
    first = footer.search(client.get(f"/v/{drawn_reference}").text)
    elsewhere(Brand.__table__, archived=text("id = (SELECT min(id) FROM brand)"))
    second = footer.search(client.get(f"/v/{drawn_reference}").text)
    assert first and second and first[1] != second[1] == "BIIAB Qualifications Ltd"


def test_a_page_drawn_for_somebody_is_shown_to_nobody_else(
    app: Flask, cast: People, browser_of: Callable[[int], Client], drawn_reference: str, elsewhere: Callable[..., None]
) -> None:
    elsewhere(Centre.__table__, brand_id=text("(SELECT max(id) FROM brand)"))
    michael, noticed, visitor = browser_of(cast.michael), app.test_client(), app.test_client()
    with noticed.session_transaction() as session:
        session["_flashes"] = [("info", "This is for one pair of eyes.")]
    pages = [browser.get(f"/v/{drawn_reference}").text for browser in (michael, noticed, visitor, michael, noticed)]
    worn = [page.split('class="site-footer__brand">')[1].split("<")[0] for page in pages]
    assert [one == "BIIAB Qualifications Ltd" for one in worn] == [True, False, False, True, False]
    assert ["one pair of eyes" in page for page in pages] == [False, True, False, False, False]


def test_what_is_written_cannot_take_the_place_of_the_answer(
    client: Client, drawn_reference: str, elsewhere: Callable[..., None]
) -> None:
    from portal.blueprints.verify.surround import PLACE

    elsewhere(Brand.__table__, portal_name=str(PLACE))
    for _ in range(2):
        page = client.get(f"/v/{drawn_reference}").text
        assert page.count('data-verdict data-status="valid"') == 1
        assert html.escape(str(PLACE)) in page and str(PLACE) not in page
        assert page.index("<main") < page.index("data-verdict ") < page.index("</main>")


def test_the_page_carries_the_step_that_it_was_read_at(app: Flask, client: Client, drawn: Batch) -> None:
    with app.app_context():
        written = db.session.get_one(Document, drawn.document_ids[0]).reference

    def step() -> int:
        found = re.search(rf'data-room="verify:{written}" data-seq="(\d+)"', client.get(f"/v/{written}").text)
        assert found
        return int(found[1])

    before = step()
    with app.app_context():
        documents.cancel([drawn.document_ids[0]], reason="Issued in error.", actor=SYSTEM)
    assert step() == before + 1
