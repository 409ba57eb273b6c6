"""Report an Issue, and what the centre sees of what it has reported."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask_babel import gettext, ngettext
from sqlalchemy import func, select, update

from portal import clock
from portal.access.actor import SYSTEM
from portal.database import db
from portal.errors import NotAllowed, NotFound
from portal.mail import letters, message
from portal.models.audit import AuditEntry
from portal.models.brands import Brand
from portal.models.downloads import Download
from portal.models.mails import Mail
from portal.models.problems import Problem, ProblemMessage
from portal.models.sign_in import Throttle
from portal.models.users import User
from portal.queries.mails import letter_of
from portal.queries.problems import open_count
from portal.services import problems
from portal.unit_of_work import unit_of_work
from portal.vocabulary import ProblemState
from tests.conftest import Batch
from tests.services.people import People, as_actor
from tests.world import Client

KEY = re.compile(r'name="key" type="hidden" value="([^"]+)"')
HOSTILE = "<img src=x onerror=alert(1)> https://evil.example/ {{7*7}} =cmd()\r\nBcc: everyone@x.example"

Report = Callable[..., Any]


@pytest.fixture
def download(app: Flask, cast: People) -> int:
    """An export of Riverside."""
    with app.app_context(), unit_of_work(SYSTEM):
        row = Download(
            centre_id=cast.riverside,
            name="Autumn awards",
            created_by="Anew User",
            request_key="x",
            created_at=clock.now(),
        )
        db.session.add(row)
        db.session.flush()
        return row.id


@pytest.fixture
def report(anew: Client, drawn: Batch) -> Report:
    """A function that opens the form beside a document and sends it."""

    def act(text: str = "The name is wrong.", *, url: str = "", browser: Client = anew, **fields: str) -> Any:
        url = url or f"/centre/documents/{drawn.document_ids[0]}/report"
        key = KEY.search(browser.get(url).text)
        assert key, "the form carries no key"
        return browser.submit(url, {"text": text, "key": key[1]} | fields)

    return act


@pytest.fixture
def counts(app: Flask) -> Callable[[], dict[str, int]]:
    """A function that counts what reporting writes."""

    def act() -> dict[str, int]:
        tables = {"problem": Problem, "message": ProblemMessage, "mail": Mail, "audit": AuditEntry}
        with app.app_context():
            return {name: db.session.scalar(select(func.count(model.id))) for name, model in tables.items()}

    return act


@pytest.fixture
def rows(app: Flask) -> Callable[..., list[Any]]:
    """A function that reads all rows of a table, oldest first."""

    def act(model: Any) -> list[Any]:
        with app.app_context():
            return list(db.session.scalars(select(model).order_by(model.id)))

    return act


@pytest.fixture
def in_bytes(app: Flask) -> Callable[[Mail], tuple[letters.Letter, str]]:
    """A function that makes the letter of a mail, and its bytes as they go out."""

    def act(mail: Mail) -> tuple[letters.Letter, str]:
        with app.test_request_context():
            letter = letter_of(
                mail,
                token_text=lambda _: None,
                public_url="https://portal.example",
                environment=letters.environment(gettext, ngettext),
            )
        assert letter is not None
        data = message.build(
            letter, message_id=mail.message_id, sender="Team <portal@portal.example>", date=mail.created_at
        )
        return letter, data.decode("ascii")

    return act


def test_a_report_is_a_problem_and_a_mail_to_the_support_address(
    app: Flask, cast: People, drawn: Batch, report: Report, rows: Callable[..., Any], in_bytes: Callable[..., Any]
) -> None:
    with app.app_context(), unit_of_work(SYSTEM):
        db.session.execute(update(Brand).where(Brand.id == 1).values(support_email="support@body.example"))
    answer = report("The name is wrong.\r\nIt should be Donna.")
    [problem] = rows(Problem)
    assert answer.status_code == 302 and answer.location == f"/centre/problems/{problem.id}"
    assert (problem.state, problem.text) == (ProblemState.OPEN, "The name is wrong.\nIt should be Donna.")
    assert (problem.centre_id, problem.reporter_id, problem.reporter) == (cast.riverside, cast.anew, "Anew User")
    assert problem.document_id == drawn.document_ids[0] and problem.record_id is not None
    assert re.match(r"Certificate \w{4}-\w{4}-\w{4}-\w{4}-\w{4} of Donald Duck, ", problem.subject), problem.subject
    [mail] = rows(Mail)
    assert (mail.recipient, mail.reply_to) == ("support@body.example", "anew.user@portal.example")
    letter, raw = in_bytes(mail)
    headers = raw.partition("\r\n\r\n")[0]
    assert "From: Team <portal@portal.example>" in headers
    assert "Reply-To: anew.user@portal.example" in headers
    assert f"Problem {problem.id}" in letter.subject and "Donald" not in letter.subject
    assert f"https://portal.example/issuer/problems/{problem.id}" in letter.text
    assert "> The name is wrong.\n> It should be Donna.\n" in letter.text


def test_the_address_to_answer_is_only_a_confirmed_one(
    app: Flask, cast: People, report: Report, rows: Callable[..., Any]
) -> None:
    with app.app_context():
        actor = as_actor(cast.anew)
        with unit_of_work(SYSTEM):
            db.session.get_one(User, cast.anew).email_confirmed_at = None
        record_id = rows(Problem) or db.session.scalar(select(func.min(Problem.id)))
        assert record_id is None
        from portal.models.records import Record

        ident = db.session.scalar(select(func.min(Record.id)))
        problems.report_record(ident, text="Wrong.", key="k" * 20, actor=actor)
    [mail] = rows(Mail)
    assert mail.reply_to == ""


@pytest.mark.parametrize("what", ["records", "documents", "downloads"])
def test_each_thing_can_be_reported_from_its_form(
    anew: Client, drawn: Batch, download: int, report: Report, rows: Callable[..., Any], facts_of: Any, what: str
) -> None:
    document = facts_of(drawn.document_ids[0])
    ident = {"records": document.record_id, "documents": document.id, "downloads": download}[what]
    form = anew.get(f"/centre/{what}/{ident}/report")
    assert "data-dialog-content" in form.text and "<h1" in form.text
    assert ("Autumn awards" if what == "downloads" else "Donald Duck") in form.text
    report(url=f"/centre/{what}/{ident}/report?back={what}")
    [problem] = rows(Problem)
    expected = {"records": (document.record_id, None, None), "downloads": (None, None, download)}
    assert (problem.record_id, problem.document_id, problem.download_id) == expected.get(
        what, (document.record_id, document.id, None)
    )
    assert problem.brand_id == 1


def test_the_same_form_sent_twice_is_one_problem_and_one_mail(
    anew: Client, michael: Client, drawn: Batch, counts: Callable[[], dict[str, int]]
) -> None:
    url = f"/centre/documents/{drawn.document_ids[0]}/report"
    data = {"text": "Wrong.", "key": "a" * 24}
    first = anew.submit(url, data)
    before = counts()
    again = anew.submit(url, data | {"text": "Wrong, I said."})
    assert first.location == again.location
    assert counts() == before
    # The same key is another intent beside another thing, and for somebody else.
    anew.submit(f"/centre/documents/{drawn.document_ids[1]}/report", data)
    michael.submit(url, data)
    assert (counts()["problem"], counts()["mail"]) == (3, 3)


def test_the_sixth_report_in_an_hour_waits(
    app: Flask, anew: Client, michael: Client, drawn: Batch, report: Report, counts: Callable[[], dict[str, int]]
) -> None:
    for number in range(5):
        assert report(f"Wrong {number}.").status_code == 302
    before = counts()
    refused = report("Wrong again.")
    assert refused.status_code == 429 and int(refused.headers["Retry-After"]) > 3_000
    assert "You have reported 5 issues within an hour." in refused.text and "Wrong again." in refused.text
    assert counts() == before
    # It is counted for each user, and the hour ends.
    assert report("Mine.", browser=michael).status_code == 302
    with app.app_context(), unit_of_work(SYSTEM):
        db.session.execute(update(Throttle).values(window_start=clock.now() - problems.REPORTS.window))
    assert report("An hour later.").status_code == 302


def test_a_form_sent_twice_counts_once(anew: Client, drawn: Batch, report: Report) -> None:
    url = f"/centre/documents/{drawn.document_ids[0]}/report"
    for _ in range(9):
        assert anew.submit(url, {"text": "Wrong.", "key": "a" * 24}).status_code == 302
    for number in range(4):
        assert report(f"Wrong {number}.").status_code == 302
    assert report("One too many.").status_code == 429
    # What was reported before is still answered, however often it is sent.
    assert anew.submit(url, {"text": "Wrong.", "key": "a" * 24}).status_code == 302


BAD = {
    "nothing": "",
    "spaces": "  \r\n\t ",
    "only what cannot be seen": "\u200b\u202e\x00",
    "5,001 characters": "x" * 5_001,
    "20 KB": "<b>wrong</b> " * 1_600,
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_a_report_that_says_nothing_or_too_much_is_refused_at_the_field(
    report: Report, counts: Callable[[], dict[str, int]], text: str
) -> None:
    before = counts()
    answer = report(text)
    assert answer.status_code == 422
    assert re.search(r'<textarea[^>]* aria-invalid="true"', answer.text)
    assert "at most 5,000 characters" in answer.text or "Write what is wrong" in answer.text
    assert counts() == before


@pytest.mark.parametrize("key", ["", "short", "x" * 65, "with spaces in the key", "\x00" * 20, "ключключключключключ"])
def test_a_form_without_its_key_is_refused(report: Report, counts: Callable[[], dict[str, int]], key: str) -> None:
    before = counts()
    answer = report("Wrong.", key=key)
    assert answer.status_code == 422 and "Please send it again" in answer.text
    assert counts() == before
    fresh = KEY.search(answer.text)
    assert fresh and problems.KEY.fullmatch(fresh[1])


def test_the_longest_report_is_whole(report: Report, rows: Callable[..., Any]) -> None:
    text = "é\r\n" * 1_666 + "éé"
    assert report(text).status_code == 302
    assert rows(Problem)[0].text == text.replace("\r\n", "\n") and len(rows(Problem)[0].text) <= 5_000


def test_hostile_words_stay_words_on_every_page_and_in_the_mail(
    anew: Client, isla_at: Client, report: Report, rows: Callable[..., Any], in_bytes: Callable[..., Any]
) -> None:
    location = report(HOSTILE + "\x00\x07\u202e").location
    [problem] = rows(Problem)
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", problem.text)
    anew.submit(location, {"text": HOSTILE, "key": "r" * 20})
    isla_at.submit(f"/issuer/problems/{problem.id}", {"text": HOSTILE, "key": "a" * 20})
    for page in (anew.get(location), isla_at.get(f"/issuer/problems/{problem.id}"), isla_at.get("/issuer/problems")):
        assert page.status_code == 200 and "<img src=x" not in page.text
        assert 'href="https://evil.example' not in page.text
    mails = rows(Mail)
    assert [mail.letter for mail in mails] == ["problem_reported", "problem_answered"]
    for mail in mails:
        letter, raw = in_bytes(mail)
        headers = raw.partition("\r\n\r\n")[0]
        assert "Bcc" not in headers and "evil" not in headers
        assert "<img src=x" not in letter.html and 'href="https://evil.example' not in letter.html


@pytest.fixture
def isla_at(browser_of: Callable[[int], Client], cast: People) -> Client:
    """The browser of the awarding body's staff."""
    return browser_of(cast.issuer)


def test_the_list_and_the_page_show_what_became_of_it(
    app: Flask, anew: Client, michael: Client, isla_at: Client, report: Report, cast: People
) -> None:
    location = report("The name is wrong.").location
    ident = int(location.rsplit("/", 1)[1])
    listed = michael.get("/centre/problems?state=open").text
    assert f'<tr class="grid__row" data-id="{ident}">' in listed and 'data-room="centre:' in listed
    isla_at.submit(f"/issuer/problems/{ident}", {"text": "We issue a new one.", "key": "a" * 20})
    page = michael.get(location).text
    assert "We issue a new one." in page and "The name is wrong." in page
    assert page.index("We issue a new one.") < page.index("The name is wrong.")
    assert "Ida Issuer" in page and 'data-status="answered"' in page
    assert f'data-room="problem:{ident}"' in page
    assert f'data-id="{ident}"' not in michael.get("/centre/problems?state=open").text
    assert f'data-id="{ident}"' in michael.get("/centre/problems?q=Duck").text
    with app.app_context():
        assert open_count(as_actor(cast.michael)) == 1
        assert open_count(as_actor(cast.rita)) == 0


def test_a_reply_opens_an_answered_and_a_closed_problem_again(
    anew: Client, michael: Client, isla_at: Client, report: Report, rows: Callable[..., Any]
) -> None:
    location = report().location
    ident = int(location.rsplit("/", 1)[1])
    isla_at.submit(f"/issuer/problems/{ident}", {"text": "Done.", "key": "a" * 20})
    assert rows(Problem)[0].state is ProblemState.ANSWERED
    assert michael.submit(location, {"text": "Not yet.", "key": "b" * 20}).status_code == 302
    assert rows(Problem)[0].state is ProblemState.OPEN
    isla_at.submit(f"/issuer/problems/{ident}/close")
    assert rows(Problem)[0].closed_at is not None
    assert michael.submit(location, {"text": "Still not.", "key": "c" * 20}).status_code == 302
    assert (rows(Problem)[0].state, rows(Problem)[0].closed_at) == (ProblemState.OPEN, None)
    assert [line.text for line in rows(ProblemMessage)] == ["Done.", "Not yet.", "Still not."]
    assert [line.from_issuer for line in rows(ProblemMessage)] == [True, False, False]


def test_a_reply_sent_twice_is_one_line_and_a_bad_one_keeps_its_words(
    anew: Client, report: Report, counts: Callable[[], dict[str, int]]
) -> None:
    location = report().location
    for _ in range(2):
        assert anew.submit(location, {"text": "And the date.", "key": "a" * 20}).status_code == 302
    before = counts()
    assert before["message"] == 1
    refused = anew.submit(location, {"text": "y" * 5_001, "key": "b" * 20})
    assert refused.status_code == 422 and "y" * 5_001 in refused.text and 'value="' + "b" * 20 in refused.text
    assert counts() == before


def test_replies_have_a_limit_too(app: Flask, anew: Client, report: Report, cast: People) -> None:
    location = report().location
    ident = int(location.rsplit("/", 1)[1])
    with app.app_context():
        actor = as_actor(cast.anew)
        for number in range(30):
            problems.reply(ident, text="More.", key=f"reply-number-{number:03}", actor=actor)
    assert anew.submit(location, {"text": "Too much.", "key": "z" * 20}).status_code == 429


def test_a_rival_finds_no_problem_and_no_form(
    rita: Client, drawn: Batch, download: int, report: Report, facts_of: Any, same_page: Any, counts: Any
) -> None:
    ident = int(report().location.rsplit("/", 1)[1])
    before = counts()
    document = facts_of(drawn.document_ids[0])
    paths = ("problems/{}", "records/{}/report", "documents/{}/report", "downloads/{}/report")
    for path, own in zip(paths, (ident, document.record_id, document.id, download), strict=True):
        seen = rita.get("/centre/" + path.format(own))
        assert seen.status_code == 404
        assert same_page(seen) == same_page(rita.get("/centre/" + path.format(987654)))
        sent = rita.submit("/centre/" + path.format(own), {"text": "Mine now.", "key": "a" * 20})
        assert sent.status_code == 404
    assert counts() == before
    assert "grid__row" not in rita.get("/centre/problems").text


def test_the_services_themselves_know_no_rivals_thing(
    app: Flask, cast: People, drawn: Batch, download: int, report: Report, facts_of: Any, counts: Any
) -> None:
    ident = int(report().location.rsplit("/", 1)[1])
    before = counts()
    document = facts_of(drawn.document_ids[0])
    with app.app_context():
        rita, connor = as_actor(cast.rita), as_actor(cast.connor)
        for act, own in (
            (problems.report_record, document.record_id),
            (problems.report_document, document.id),
            (problems.report_download, download),
            (problems.reply, ident),
        ):
            with pytest.raises(NotFound):
                act(own, text="Mine now.", key="a" * 20, actor=rita)
            with pytest.raises(NotAllowed):
                act(own, text="Mine now.", key="a" * 20, actor=connor)
    assert counts() == before


def test_every_act_is_one_line_of_the_trail_with_the_address(
    anew: Client, isla_at: Client, drawn: Batch, report: Report, rows: Callable[..., Any], facts_of: Any
) -> None:
    seen = len(rows(AuditEntry))

    def lines() -> list[tuple[str, str, str]]:
        nonlocal seen
        new = rows(AuditEntry)[seen:]
        seen += len(new)
        assert all(one.address == "127.0.0.1" and one.subject.startswith("problem ") for one in new)
        return [(one.action, one.detail.get("what", ""), one.actor_name) for one in new]

    location = report().location
    assert lines() == [("ProblemReported", "", "Anew User")]
    url = "/issuer" + location.removeprefix("/centre")
    isla_at.submit(url, {"text": "Why?", "key": "a" * 20})
    assert lines() == [("ProblemAnswered", "", "Ida Issuer")]
    anew.submit(location, {"text": "Because.", "key": "b" * 20})
    assert lines() == [("ProblemChanged", "replied", "Anew User")]
    reference = facts_of(drawn.document_ids[1]).reference
    acts = (("replacement", "linked", {"reference": reference}), ("close", "closed", {}), ("reopen", "reopened", {}))
    for path, what, fields in acts:
        assert isla_at.submit(f"{url}/{path}", fields).status_code == 302
        assert lines() == [("ProblemChanged", what, "Ida Issuer")]
    isla_at.submit(f"{url}/owner", {"owner": "0"})
    assert lines() == [("ProblemChanged", "taken", "Ida Issuer")]
    # What changes nothing is no act.
    isla_at.submit(f"{url}/reopen")
    isla_at.submit(f"{url}/owner", {"owner": "0"})
    assert lines() == []
