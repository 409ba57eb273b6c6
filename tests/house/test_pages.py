"""Every page, asked for by everybody: it reads and never writes, it is whole, and it does not slow down."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import html5lib
import pytest
from flask import Flask
from sqlalchemy import event

from portal.database import db
from portal.services import problems
from tests.conftest import Batch
from tests.services.people import People, as_actor

WRITES = re.compile(r"\s*(insert\s+into|update|delete\s+from|replace\s+into)\s+\"?(\w+)", re.IGNORECASE)
# Being there is noted: when a session was last seen, and how often somebody asked.
NOTES = {"user_session", "throttle"}
VISITORS = ("nobody", "anew", "michael", "rita", "connor", "issuer")


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is said to the database meanwhile."""
    said: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        said.append(statement)

    event.listen(db.engine, "before_cursor_execute", listen)
    try:
        yield said
    finally:
        event.remove(db.engine, "before_cursor_execute", listen)


@pytest.fixture
def addresses(app: Flask, cast: People, drawn: Batch) -> list[str]:
    """Every address that answers GET, filled with things of Riverside that exist."""
    values: dict[str, Any] = {
        "form": "digital",
        "number": 1,
        "code": 404,
        "name": "none",
        "token": "none",
        "door": "centre",
    }
    with app.app_context():
        from portal.models.documents import Document

        document = db.session.get_one(Document, drawn.document_ids[0])
        values |= {"job_id": document.job_id, "document_id": document.id, "record_id": document.record_id}
        values |= {"centre_id": document.centre_id, "text": document.reference, "reference": document.reference}
        values |= {"slug": "seg", "user_id": 1, "upload_id": 1, "brand_id": 1, "download_id": 1}
        by_centre = as_actor(cast.anew)
        values["problem_id"], _ = problems.report_document(document.id, text="Wrong.", key="k" * 20, actor=by_centre)
    found = []
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static" or "GET" not in (rule.methods or ()):
            continue
        missing = rule.arguments - values.keys()
        assert not missing, f"say in tests/house/test_pages.py what {sorted(missing)} of {rule.rule} may be"
        found.append(adapter.build(rule.endpoint, {name: values[name] for name in rule.arguments}, method="GET"))
    return sorted(set(found))


@pytest.fixture
def visit(app: Flask, cast: People, browser_of: Callable[[int], Any]) -> Callable[[str], Any]:
    return lambda who: app.test_client() if who == "nobody" else browser_of(asdict(cast)[who])


@pytest.mark.parametrize("who", VISITORS)
def test_reading_changes_nothing_and_never_breaks(app: Flask, addresses: list[str], visit: Any, who: str) -> None:
    browser = visit(who)
    wrong = []
    for address in addresses:
        with app.app_context(), statements() as said:
            answer = browser.get(address)
        if answer.status_code >= 500:
            wrong.append(f"{address} answers {answer.status_code}")
        written = {match.group(2).lower() for match in map(WRITES.match, said) if match} - NOTES
        if written:
            wrong.append(f"{address} writes {sorted(written)}")
        answer.close()
    assert not wrong, f"a page that is only looked at must change nothing (let a POST do it): {wrong}"


@pytest.mark.once
@pytest.mark.parametrize("who", VISITORS)
def test_every_page_is_whole(addresses: list[str], visit: Any, who: str) -> None:
    browser = visit(who)
    wrong = []
    for address in addresses:
        answer = browser.get(address)
        if answer.mimetype == "text/html" and answer.status_code not in (301, 302, 303, 304, 307, 308):
            wrong += [f"{address}: {fault}" for fault in faults_of_page(answer.get_data(as_text=True))]
        answer.close()
    assert not wrong, "\n".join(wrong)


def faults_of_page(html: str) -> Iterator[str]:
    try:
        page = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(html)
    except html5lib.html5parser.ParseError as problem:
        yield f"is no correct HTML: {problem}"
        return
    titles = [" ".join("".join(title.itertext()).split()) for title in page.iter("title")][:1]
    if not titles or not titles[0]:
        yield "has no title"
    if not page.get("lang"):
        yield "does not say its language"
    # What lies in a <template> is no part of the page until a module takes it out.
    spare = {heading for template in page.iter("template") for heading in template.iter("h1")}
    headings = [heading for heading in page.iter("h1") if heading not in spare]
    if len(headings) != 1:
        yield f"has {len(headings)} headings <h1>; it needs one"
    identities = [element.get("id") for element in page.iter() if element.get("id")]
    if doubled := {name for name in identities if identities.count(name) > 1}:
        yield f"uses an id twice: {sorted(doubled)}"


@pytest.mark.parametrize("who", ["michael", "issuer"])
def test_a_list_costs_the_same_for_one_row_and_for_thirty(
    app: Flask, publish: Callable[..., Batch], addresses: list[str], visit: Any, who: str
) -> None:
    for _ in range(4):
        publish(rows=3)
    browser = visit(who)
    dear, lists = [], 0
    for address in addresses:
        answer = browser.get(address)
        if answer.mimetype != "text/html" or 'data-module="grid"' not in answer.get_data(as_text=True):
            answer.close()
            continue
        lists += 1
        costs = []
        for size in (1, 30):
            with app.app_context(), statements() as said:
                assert browser.get(f"{address}?size={size}").status_code == 200, f"{address}?size={size}"
            costs.append(len(said))
        if costs[0] != costs[1]:
            dear.append(f"{address}: {costs[0]} statements for a row, {costs[1]} for thirty")
    assert lists >= 2, "no page with a list was found; has the mark of a grid changed?"
    assert not dear, f"load what the rows show together with them: {dear}"
