"""The audit trail of a centre: what its admins read of it, what nobody there may read, and how it is taken away."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, insert, select

import config
from portal import clock
from portal.access.actor import SYSTEM, Actor
from portal.database import db
from portal.events.catalogue import AccessChanged, CentreChanged, ProblemChanged, SignedIn, UserChanged
from portal.models.audit import AuditEntry
from portal.queries.audit import ACTIONS
from portal.reactions import REACTIONS
from portal.services import audit, documents, problems
from portal.unit_of_work import unit_of_work
from portal.vocabulary import Role
from tests.conftest import Batch
from tests.services.people import People, as_actor
from tests.world import Client

HIDDEN = ("Ida", "Issuer", "203.0.113.9")
FORMULA = "=cmd()|' /C calc'!A0"


@pytest.fixture
def trail(app: Flask, cast: People, drawn: Batch) -> int:
    """A trail: what staff of the awarding body, people of both centres and the portal did; a problem's id."""
    issuer = Actor(user_id=cast.issuer, name="Ida Issuer", role=Role.ISSUER, address="203.0.113.9")
    with app.app_context():
        michael = as_actor(cast.michael)
        documents.cancel([drawn.document_ids[0]], reason="Wrong.", actor=issuer)
        made, _ = problems.report_document(
            drawn.document_ids[1], text="Wrong.", key="k" * 20, actor=as_actor(cast.anew)
        )
        problems.answer(made, text="Mended.", key="a" * 20, actor=issuer)
        with unit_of_work(michael) as record:
            record(SignedIn(user_id=cast.michael))
            record(UserChanged(user_id=cast.anew, centre_id=cast.riverside))
            # A line of one's own may name what is not: the name stays where it belongs.
            record(UserChanged(user_id=cast.issuer, centre_id=cast.riverside))
            record(UserChanged(user_id=cast.rita, centre_id=cast.riverside))
        with unit_of_work(as_actor(cast.rita)) as record:
            record(SignedIn(user_id=cast.rita))
        with unit_of_work(issuer) as record:
            record(SignedIn(user_id=cast.issuer))
            record(CentreChanged(centre_id=cast.riverside))
        with unit_of_work(SYSTEM) as record:
            record(AccessChanged(user_id=cast.anew, why="locked"))
        return made


def cells(page: str, column: str) -> list[str]:
    """The plain text of a column."""
    found = re.findall(rf'<td[^>]* data-column="{column}"[^>]*>(.*?)</td>', page, re.S)
    return [" ".join(re.sub(r"<[^>]+>", " ", one).split()) for one in found]


def spreadsheet(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200 and answer.mimetype == "text/csv", answer.text[:300]
    return list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"))))


def test_an_admin_reads_what_was_done_in_the_own_centre(michael: Client, cast: People, trail: int) -> None:
    page = michael.get("/centre/audit").text
    who, what = cells(page, "who"), cells(page, "action")
    assert set(who) == {"Awarding body", "Anew User", "Michael White", "The portal"}
    assert {"Cancelled a document", "Reported a problem", "Answered a problem", "Signed in"} <= set(what)
    assert "Rita" not in page and "Hillside" not in page
    assert f"User {cast.issuer}" in cells(page, "subject")
    told = dict(reversed([*zip(cells(page, "action"), cells(page, "subject"), strict=True)]))
    assert re.fullmatch(r"Certificate (\w{4}-){4}\w{4}, Donald Duck", told["Cancelled a document"])
    assert "User: Anew User" in cells(page, "subject")
    assert told["Answered a problem"].startswith(f"Problem {trail}: Transcript ")
    assert f'href="/centre/problems/{trail}"' in page and "/issuer/" not in page.partition("<main")[2]
    addresses = dict(zip(who, cells(page, "address"), strict=True))
    assert addresses["Awarding body"] == addresses["The portal"] == ""
    assert addresses["Michael White"] == "192.0.2.7"


def test_who_works_at_the_awarding_body_is_told_in_no_way(michael: Client, trail: int) -> None:
    hidden = re.compile("|".join(map(re.escape, HIDDEN)))
    pages = [michael.get("/centre/audit"), michael.get("/centre/audit", headers={"X-Grid": "fragment"})]
    ids = re.findall(r'<tr class="grid__row" data-id="(\d+)"', pages[0].text)
    pages.append(michael.get(f"/centre/audit?ids={','.join(ids)}", headers={"X-Grid": "rows"}))
    for answer in pages:
        assert answer.status_code == 200
        rows = "".join(answer.json["rows"].values()) if answer.is_json else answer.text
        assert not hidden.search(rows.replace("Centre Portal", ""))
    rows = spreadsheet(michael.submit("/centre/audit/csv"))
    assert len(rows) >= len(ids) and not hidden.search(str(rows))
    # Nor by asking: what is not told is not found, filtered or put in order by.
    for query in ("q=Ida", "subject=Issuer", "q=Rival", "subject=Rita", "who=Issuer", "q=203.0.113.9", "address=203.0"):
        assert "grid__row" not in michael.get(f"/centre/audit?{query}").text, query
        assert spreadsheet(michael.submit("/centre/audit/csv", {"query": query})) == []
    for column in ("who", "address"):
        for order in (column, f"-{column}"):
            seen = cells(michael.get(f"/centre/audit?sort={order}&size=100").text, column)
            assert seen == sorted(seen, key=str.lower, reverse=order.startswith("-"))
    assert cells(michael.get("/centre/audit?who=awarding").text, "who")[0] == "Awarding body"


def test_the_awarding_body_reads_all_of_it(browser_of: Callable[[int], Client], cast: People, trail: int) -> None:
    page = browser_of(cast.issuer).get("/issuer/audit?size=100").text
    assert {"Ida Issuer", "Rita Rival", "Anew User"} <= set(cells(page, "who"))
    assert "203.0.113.9" in cells(page, "address")
    assert f'href="/issuer/problems/{trail}"' in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("action=ProblemReported", "Reported a problem"),
        ("who=anew", "Reported a problem"),
        ("subject=problem", "Answered a problem"),
        ("subject=Donald+Duck", "Answered a problem"),
        ("role=issuer&action=DocumentCancelled", "Cancelled a document"),
        ("at_from={today}&action=SignedIn", "Signed in"),
    ],
)
def test_it_can_be_narrowed(michael: Client, trail: int, query: str, found: str) -> None:
    page = michael.get(f"/centre/audit?{query}".format(today=clock.today().isoformat())).text
    assert cells(page, "action")[0] == found
    assert "grid__row" not in michael.get("/centre/audit?at_to=2020-01-01").text


def test_a_document_is_found_by_its_reference(
    michael: Client, isla: Client, trail: int, drawn: Batch, facts_of: Any
) -> None:
    reference = facts_of(drawn.document_ids[0]).reference
    for typed in (reference, f"{reference[:4]}-{reference[4:]}".lower()):
        page = michael.get(f"/centre/audit?subject={typed}").text
        assert cells(page, "action") == ["Cancelled a document"]
        for asked in ("q", "subject"):
            assert "Cancelled a document" in cells(isla.get(f"/issuer/audit?{asked}={typed}").text, "action")
    for words in ("subject=Donald", f"q={reference[4:8]}-{reference[8:12]}"):
        assert "Cancelled a document" in cells(michael.get(f"/centre/audit?{words}").text, "action")


def test_taking_it_away_is_a_line_of_it(app: Flask, michael: Client, cast: People, trail: int) -> None:
    rows = spreadsheet(michael.submit("/centre/audit/csv", {"query": "action=SignedIn"}))
    assert [row["Who"] for row in rows] == ["Michael White"]
    with app.app_context():
        entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
    assert (entry.action, entry.actor_id, entry.centre_id) == ("ListExported", cast.michael, cast.riverside)
    assert entry.detail == {"what": "audit trail", "rows": 1} and entry.address == "127.0.0.1"
    rows = spreadsheet(michael.submit("/centre/audit/csv", {"query": "action=ListExported"}))
    assert len(rows) == 1, "the line about this file is no part of it"


def test_a_long_trail_is_taken_whole(app: Flask, michael: Client, cast: People) -> None:
    """The rows are read after the view has answered, in more than one go."""
    line = {
        "at": clock.now(),
        "centre_id": cast.riverside,
        "action": "SignedIn",
        "actor_name": "Anew User",
        "detail": {},
    }
    with app.app_context(), unit_of_work(SYSTEM):
        db.session.execute(insert(AuditEntry), [line | {"subject": f"user {number}"} for number in range(1_200)])
    rows = spreadsheet(michael.submit("/centre/audit/csv", {"query": "sort=at"}))
    assert [row["To what"] for row in rows[-1_200:]] == [f"User {number}" for number in range(1_200)]


@pytest.mark.parametrize("door", ["centre", "issuer"])
def test_looking_writes_no_line_and_gives_no_file(
    app: Flask, browser_of: Callable[[int], Client], cast: People, trail: int, door: str
) -> None:
    browser = browser_of(cast.issuer if door == "issuer" else cast.michael)
    with app.app_context():
        before = db.session.scalar(select(func.count(AuditEntry.id)))
    answer = browser.get(f"/{door}/audit?format=csv")
    assert answer.status_code == 422 and answer.mimetype == "text/html"
    assert f'action="/{door}/audit/csv"' in browser.get(f"/{door}/audit").text
    with app.app_context():
        assert db.session.scalar(select(func.count(AuditEntry.id))) == before


@pytest.mark.parametrize("query", ["sort=password", "nonsense=1", "at_from=never", "q=%00", "x" * 9_000, "&" * 300])
def test_a_question_that_cannot_be_answered_takes_nothing(app: Flask, michael: Client, trail: int, query: str) -> None:
    with app.app_context():
        before = db.session.scalar(select(func.count(AuditEntry.id)))
    assert michael.submit("/centre/audit/csv", {"query": query}).status_code in (200, 422)
    with app.app_context():
        after = db.session.scalar(select(func.count(AuditEntry.id)))
    assert after == before or query.startswith("&")


def test_a_formula_stays_text_in_the_file(app: Flask, michael: Client, cast: People) -> None:
    with app.app_context(), unit_of_work(SYSTEM):
        values = {"at": clock.now(), "centre_id": cast.riverside, "action": "SignedIn", "role": "centre_user"}
        for text in (FORMULA, "+1", "-1", "@SUM(A1)", "\t=1"):
            db.session.execute(
                insert(AuditEntry).values(actor_name=text, subject=text, address=text, detail={}, **values)
            )
    for row in spreadsheet(michael.submit("/centre/audit/csv")):
        for cell in row.values():
            assert not cell.startswith(("=", "+", "-", "@", "\t"))


def test_a_forged_subject_is_only_words(app: Flask, michael: Client, isla: Client, cast: People, drawn: Batch) -> None:
    """A refused sign-in carries what somebody typed; it must not pass for a document, and must break nothing."""
    with app.app_context(), unit_of_work(SYSTEM):
        for subject in ("document 1", "document x", "job 99999999999999999999", "problem -1", "<img src=x>", "brand ½"):
            db.session.execute(
                insert(AuditEntry).values(
                    at=clock.now(), centre_id=cast.riverside, action="SignInRefused", role="", actor_name="Visitor",
                    subject=subject, detail={"door": "centre", "account": subject}, address="",
                )
            )  # fmt: skip
    for browser, door in ((michael, "centre"), (isla, "issuer")):
        page = browser.get(f"/{door}/audit?action=SignInRefused").text
        shown = page.partition("<tbody")[2].partition("</tbody>")[0]
        assert shown.count("grid__row") == 6 and 'class="row-link" href="/centre/' not in shown
        assert "<img" not in shown and "/issuer/documents/" not in shown


@pytest.fixture
def isla(browser_of: Callable[[int], Client], cast: People) -> Client:
    """The browser of the awarding body's staff."""
    return browser_of(cast.issuer)


def test_a_plain_user_has_no_trail(anew: Client, trail: int) -> None:
    assert anew.get("/centre/audit").status_code == 403
    assert anew.submit("/centre/audit/csv").status_code == 403
    assert 'href="/centre/audit"' not in anew.get("/centre/problems").text


def test_the_outgoing_mails_stay_with_the_awarding_body(app: Flask, cast: People, trail: int) -> None:
    from portal.grid import read_page
    from portal.grid.question import plain_question
    from portal.queries.mail_list import MAILS

    with app.app_context():
        for user, rows in ((cast.issuer, 2), (cast.michael, 0), (cast.anew, 0)):
            page = read_page(MAILS, db.session(), plain_question(MAILS), as_actor(user))
            assert len(page.rows) == rows


def test_every_audited_fact_has_words(app: Flask) -> None:
    audited = {fact.__name__ for fact in REACTIONS if fact.audited}
    assert audited <= ACTIONS.keys(), f"say in portal/queries/audit.py what {audited - ACTIONS.keys()} means"


def test_lines_are_kept_as_long_as_the_setting_says(app: Flask, cast: People) -> None:
    def line(days: int) -> dict[str, Any]:
        at = clock.now() - timedelta(days=days, minutes=1)
        return {
            "at": at,
            "action": f"{days} days",
            "actor_name": "Anew User",
            "detail": {},
            "centre_id": cast.riverside,
        }

    with app.app_context():
        with unit_of_work(SYSTEM):
            db.session.execute(insert(AuditEntry), [line(days) for days in (1, 2_554, 2_555, 4_000)])
        while audit.forget_old(days=app.config["AUDIT_DAYS"]):
            pass
        kept = set(db.session.scalars(select(AuditEntry.action)))
    assert {"1 days", "2554 days"} <= kept and not {"2555 days", "4000 days"} & kept


@pytest.mark.parametrize("text", ["0", "-1", "seven years", "99999", "1e3", "٣"])
def test_a_slip_in_the_setting_stops_the_start(text: str) -> None:
    with pytest.raises(SystemExit, match="AUDIT_DAYS"):
        config.audit_days(text)


def test_what_a_problem_went_through_is_told_apart(app: Flask, michael: Client, cast: People) -> None:
    with app.app_context(), unit_of_work(as_actor(cast.michael)) as record:
        for what in ("replied", "taken", "linked", "closed", "reopened"):
            record(ProblemChanged(problem_id=1, centre_id=cast.riverside, what=what))
    told = cells(michael.get("/centre/audit?action=ProblemChanged&sort=at").text, "action")
    assert told == [
        "Replied to a problem",
        "Set the owner of a problem",
        "Linked a replacement to a problem",
        "Closed a problem",
        "Reopened a problem",
    ]
