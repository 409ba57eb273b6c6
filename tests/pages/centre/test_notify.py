"""Notify: the dialog as a page, a selection, a whole job, and whom to chase."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import select, update

from portal import clock
from portal.access.actor import SYSTEM
from portal.blueprints.centre.notices import _counted, _counts
from portal.database import db
from portal.grid import selection
from portal.models.documents import Document
from portal.models.mails import Mail
from portal.models.notices import Notice
from portal.models.records import Record
from portal.services import documents, mails, notices
from portal.unit_of_work import unit_of_work
from portal.web.bodies import LARGEST_FORM

ADDRESS = "learner@home.org.uk"


def cell(body: str, column: str) -> str:
    found = re.search(rf'<td[^>]*data-column="{column}"[^>]*>(.*?)</td>', body, re.S)
    return " ".join(re.sub(r"<[^>]*>", " ", found[1]).split())


@pytest.fixture
def record_ids(app, drawn) -> list[int]:
    with app.app_context():
        return list(db.session.scalars(select(Record.id).where(Record.job_id == drawn.job_id).order_by(Record.id)))


@pytest.fixture
def sent(app) -> Any:
    """A function that lets every mail that waits be taken by the server, and gives their recipients."""

    def act() -> list[str]:
        told = []
        with app.app_context():
            for mail_id in mails.list_due():
                taken, mail = mails.claim(mail_id)
                mails.begin_data(taken)
                mails.settle_sent(taken)
                told.append(mail.recipient)
            db.session.close()
        return told

    return act


def state(app, model, **which) -> list[Any]:
    with app.app_context():
        rows = db.session.scalars(select(model).filter_by(**which).order_by(model.id)).all()
        db.session.expunge_all()
        return list(rows)


def test_the_dialog_is_the_guides(michael, record_ids) -> None:
    body = michael.get(f"/centre/records/{record_ids[0]}/notify").get_data(as_text=True)
    assert "<h1" in body and "Notify Student" in body
    assert re.search(r'<label[^>]*for="email"[^>]*>Email', body)
    buttons = re.findall(r'class="button__label">([^<]+)<', body[body.index("dialog__actions") :])
    assert [unescape(one) for one in buttons[:3]] == ["Cancel", "Save", "Save & Notify"]


def test_save_keeps_the_address_and_save_and_notify_sends_one_mail(app, michael, record_ids, sent, drawn) -> None:
    url = f"/centre/records/{record_ids[0]}/notify?back=job"
    answer = michael.submit(url, {"email": ADDRESS, "act": "save"})
    assert answer.status_code == 302 and answer.location.endswith(f"/centre/jobs/{drawn.job_id}")
    assert state(app, Record, id=record_ids[0])[0].email == ADDRESS
    assert not state(app, Notice)
    for _ in range(5):
        answer = michael.submit(url, {"email": ADDRESS, "act": "notify", "seen": "0"})
    assert answer.status_code == 422, "clicks after the first are told that it was done"
    assert "already on its way" in answer.get_data(as_text=True)
    assert len(state(app, Notice)) == 1
    page = michael.get(f"/centre/jobs/{drawn.job_id}").get_data(as_text=True)
    assert cell(page, "notified").startswith("Queued")
    assert sent() == [ADDRESS]
    page = michael.get(f"/centre/jobs/{drawn.job_id}").get_data(as_text=True)
    answer = michael.submit(url, {"email": ADDRESS, "act": "notify", "seen": ""})
    assert "notified already" in answer.get_data(as_text=True) and 'name="again"' in answer.get_data(as_text=True)
    assert re.match(r"Email ✓ ?\d\d/\d\d/\d{4} \d\d:\d\d:\d\d", cell(page, "notified"))
    page = michael.get("/centre/jobs").get_data(as_text=True)
    with app.app_context():
        mine = len(db.session.scalars(select(Document.id).where(Document.record_id == record_ids[0])).all())
    assert cell(page, "notified") == f"{mine}/{len(drawn.document_ids)}"


def test_the_dialog_says_what_was_sent_before_and_sends_again_when_that_is_ticked(
    app, michael, record_ids, sent
) -> None:
    url = f"/centre/records/{record_ids[0]}/notify"
    michael.submit(url, {"email": ADDRESS, "act": "notify", "seen": "0"})
    sent()
    body = michael.get(url).get_data(as_text=True)
    assert ADDRESS in body and "sent on" in body and "asked for by Michael White" in body
    seen = re.search(r'name="seen" value="([^"]*)"', body)[1]
    assert seen == f"{record_ids[0]}-1"
    again = {"email": ADDRESS, "act": "notify", "again": "y", "seen": seen}
    assert michael.submit(url, again).status_code == 302
    assert michael.submit(url, again).status_code == 422, "the same confirmation counts once"
    assert sent() == [ADDRESS]
    assert len(state(app, Notice)) == 2


def test_why_a_mail_did_not_arrive_is_on_the_row_and_on_the_record(app, michael, record_ids, sent, drawn) -> None:
    michael.submit(f"/centre/records/{record_ids[0]}/notify", {"email": ADDRESS, "act": "notify"})
    sent()
    with app.app_context():
        name = db.session.scalars(select(Mail.message_id).join(Notice, Notice.mail_id == Mail.id)).one()
        mails.bounce([name], reason="The mailbox is full (552 <script>).")
    for url in (f"/centre/jobs/{drawn.job_id}", "/centre/records", f"/centre/records/{record_ids[0]}"):
        body = michael.get(url).get_data(as_text=True)
        assert "Bounced" in body, url
        assert "The mailbox is full (552 &lt;script&gt;)." in body, url
        assert "<script>)" not in body


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"email": "", "act": "notify"}, "Enter the learner’s email address"),
        ({"email": "a@b.example, c@d.example", "act": "notify"}, "spaces or line breaks"),
        ({"email": "a@b.example\r\nBcc: x@y.example", "act": "save"}, "spaces or line breaks"),
        ({"email": f"{'a' * 250}@b.example", "act": "save"}, "too long"),
        ({"email": "é@b.example", "act": "save"}, "accents"),
        ({"email": ADDRESS}, "Press Save"),
        ({"email": ADDRESS, "act": "else"}, "Press Save"),
    ],
)
def test_what_cannot_be_is_said_at_the_field(app, michael, record_ids, values, words) -> None:
    before = state(app, Record, id=record_ids[0])[0].email
    with app.app_context(), unit_of_work(SYSTEM):
        db.session.execute(update(Record).values(email=before))
    answer = michael.submit(f"/centre/records/{record_ids[0]}/notify", values)
    assert answer.status_code == 422
    assert words in answer.get_data(as_text=True)
    assert state(app, Record, id=record_ids[0])[0].email == before
    assert not state(app, Notice)


def test_a_selection_is_counted_then_told(app, michael, record_ids, sent) -> None:
    with app.app_context(), unit_of_work(SYSTEM):
        db.session.execute(update(Record).where(Record.id == record_ids[0]).values(email=ADDRESS))
        db.session.execute(update(Record).where(Record.id == record_ids[1]).values(email=""))
    confirm = michael.submit("/centre/records/notify", {"selection": "all", "query": "", "upto": str(record_ids[-1])})
    body = confirm.get_data(as_text=True)
    assert confirm.status_code == 200
    assert 'data-notify-count="1"' in body and "1 learner will be notified" in body
    assert 'data-skip="no_address"' in body and "No email address is known" in body
    assert not state(app, Notice), "a question tells nobody"
    decided = dict(re.findall(r'name="(ids|seen|decided)" value="([^"]*)"', body))
    assert michael.submit("/centre/records/notify", decided).location.endswith("/centre/records")
    michael.submit("/centre/records/notify", decided)
    assert sent() == [ADDRESS]
    flashes = michael.get("/centre/records").get_data(as_text=True)
    assert "1 learner is being notified." in flashes and "Nobody was notified" in flashes


def test_a_whole_job_and_some_of_its_documents(app, michael, record_ids, sent, drawn) -> None:
    with app.app_context(), unit_of_work(SYSTEM):
        for number, ident in enumerate(record_ids):
            db.session.execute(update(Record).where(Record.id == ident).values(email=f"l{number}@home.org.uk"))
    whole = michael.get(f"/centre/jobs/{drawn.job_id}/notify").get_data(as_text=True)
    assert f'data-notify-count="{len(record_ids)}"' in whole
    first = [one.id for one in state(app, Document, record_id=record_ids[0])]
    some = michael.submit(f"/centre/jobs/{drawn.job_id}/notify", {"ids": ",".join(map(str, first))})
    body = some.get_data(as_text=True)
    assert 'data-notify-count="1"' in body, "one record is one notice, however many of its documents are ticked"
    decided = dict(re.findall(r'name="(ids|seen|decided|job_id)" value="([^"]*)"', body))
    assert michael.submit("/centre/records/notify", decided).location.endswith(f"/centre/jobs/{drawn.job_id}")
    assert sent() == ["l0@home.org.uk"]
    whole = michael.get(f"/centre/jobs/{drawn.job_id}/notify").get_data(as_text=True)
    assert f'data-notify-count="{len(record_ids) - 1}"' in whole and 'data-skip="already"' in whole
    decided = dict(re.findall(r'name="(whole|seen|decided|job_id|again)"[^>]* value="([^"]*)"', whole))
    michael.submit("/centre/records/notify", decided | {"again": "1"})
    assert sorted(sent()) == ["l0@home.org.uk", "l1@home.org.uk"]


def test_a_whole_job_is_told_though_it_is_more_than_can_be_selected(
    app, michael, rita, record_ids, sent, drawn, monkeypatch
) -> None:
    monkeypatch.setattr(selection, "MOST_SELECTED", len(record_ids))
    with app.app_context():
        for number, ident in enumerate(record_ids):
            notices.save_address(ident, f"l{number}@home.org.uk", actor=SYSTEM)
        first = db.session.scalars(select(Document.id).where(Document.record_id == record_ids[0])).first()
        documents.replace(first, corrections={"grade": "Merit"}, actor=SYSTEM)
    whole = michael.get(f"/centre/jobs/{drawn.job_id}/notify").get_data(as_text=True)
    decided = dict(re.findall(r'name="(whole|ids|seen|decided|job_id)" value="([^"]*)"', whole))
    assert rita.submit("/centre/records/notify", decided).status_code == 404
    assert michael.submit("/centre/records/notify", decided).location.endswith(f"/centre/jobs/{drawn.job_id}")
    assert sorted(sent()) == [f"l{number}@home.org.uk" for number in range(len(record_ids))]


def test_a_question_about_as_many_as_can_be_selected_fits_into_a_form() -> None:
    numbers = range(987_654_321, 987_654_321 + selection.MOST_SELECTED)
    seen = _counted(dict.fromkeys(numbers, 4))
    assert _counts(seen) == dict.fromkeys(numbers, 4)
    form = {"csrf_token": "x" * 100, "ids": ",".join(map(str, numbers)), "seen": seen, "decided": "1", "again": "1"}
    assert len(urlencode(form)) < LARGEST_FORM


@pytest.mark.parametrize("text", [None, "", "7", "-", "x-y", "7-x", "7-1-1", "7:1", "\x00", "7-²", "7-" + "9" * 30])
def test_what_no_question_wrote_confirms_nothing(text) -> None:
    assert not any(_counts(text).values())


def test_those_who_did_not_come_are_listed_and_told_again(app, michael, rita, record_ids, sent) -> None:
    for ident in record_ids:
        michael.submit(f"/centre/records/{ident}/notify", {"email": f"l{ident}@home.org.uk", "act": "notify"})
    sent()
    with app.app_context(), unit_of_work(SYSTEM):
        past = clock.now() - timedelta(days=15)
        db.session.execute(update(Record).where(Record.id == record_ids[0]).values(notified_at=past))
        db.session.execute(update(Notice).values(requested_at=past))
    page = michael.get("/centre/records?notified=chase").get_data(as_text=True)
    assert re.findall(r'<tr[^>]*data-id="(\d+)"', page) == [str(record_ids[0])]
    assert "/centre/records/chase" in page and "To chase" in page
    confirm = michael.get("/centre/records/chase").get_data(as_text=True)
    assert 'data-notify-count="1"' in confirm
    decided = dict(re.findall(r'name="(ids|seen|decided|again)" value="([^"]*)"', confirm))
    assert decided["again"] == "1"
    michael.submit("/centre/records/notify", decided)
    assert sent() == [f"l{record_ids[0]}@home.org.uk"]
    assert 'data-notify-count="0"' in rita.get("/centre/records/chase").get_data(as_text=True)
    assert "data-id=" not in michael.get("/centre/records?notified=chase").get_data(as_text=True)


def test_whoever_comes_before_the_chase_is_confirmed_is_not_chased(app, michael, record_ids, sent) -> None:
    for ident in record_ids:
        michael.submit(f"/centre/records/{ident}/notify", {"email": f"l{ident}@home.org.uk", "act": "notify"})
    sent()
    with app.app_context(), unit_of_work(SYSTEM):
        past = clock.now() - timedelta(days=15)
        db.session.execute(update(Record).where(Record.id.in_(record_ids)).values(notified_at=past))
        db.session.execute(update(Notice).values(requested_at=past, settled_at=past))
    confirm = michael.get("/centre/records/chase").get_data(as_text=True)
    assert f'data-notify-count="{len(record_ids)}"' in confirm
    with app.app_context(), unit_of_work(SYSTEM) as tell:
        notices.first_view(tell, record_ids[0])
    michael.submit("/centre/records/notify", dict(re.findall(r'name="(\w+)" value="([^"]*)"', confirm)))
    assert sent() == [f"l{ident}@home.org.uk" for ident in record_ids[1:]]


def test_a_rivals_records_and_jobs_are_not_there(rita, record_ids, drawn) -> None:
    assert rita.submit("/centre/records/notify", {"ids": str(record_ids[0])}).status_code == 404
    assert rita.submit("/centre/records/notify", {"ids": str(record_ids[0]), "decided": "1"}).status_code == 404
    assert rita.submit(f"/centre/jobs/{drawn.job_id}/notify", {"ids": str(drawn.document_ids[0])}).status_code == 404
    assert rita.get(f"/centre/records/{record_ids[0]}/notify").status_code == 404
    nothing = {"ids": str(record_ids[0]), "decided": "1", "job_id": "987654"}
    assert rita.submit("/centre/records/notify", nothing).status_code == 404
