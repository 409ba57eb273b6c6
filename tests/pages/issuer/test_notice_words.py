"""The words of the notice: written with placeholders, previewed in a frame that can do nothing, and taken back."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from sqlalchemy import select

from portal.access.actor import SYSTEM
from portal.database import db
from portal.models.brands import Brand
from portal.models.mails import Mail
from portal.services import mails
from portal.unit_of_work import unit_of_work
from portal.vocabulary import MailState

URL = "/issuer/brands/1/notice"
GOOD = {
    "subject": "News <b>for</b> you",
    "text": "Dear {learner_name},\n\n{portal_link}\n\nNumber: {enrolment_number} <script>alert(1)</script>",
    "sign_off": "The Office",
    "guide_url": "https://guide.example/",
}


@pytest.fixture
def issuer(browser_of, cast) -> Any:
    return browser_of(cast.issuer)


def brand(app) -> Brand:
    with app.app_context():
        found = db.session.get_one(Brand, 1)
        db.session.expunge(found)
        return found


def test_words_are_kept_and_the_standard_ones_come_back(app, issuer) -> None:
    page = issuer.get(URL).get_data(as_text=True)
    standard = unescape(re.search(r"<textarea[^>]*>\s*(.*?)</textarea>", page, re.S)[1])
    assert "{portal_link}" in standard and "{enrolment_number}" in standard and "Secure Portal" in standard
    assert "Back to the standard words" not in page
    assert issuer.submit(URL, GOOD).status_code == 302
    assert brand(app).notice_text == GOOD["text"]
    page = issuer.get(URL).get_data(as_text=True)
    assert "Back to the standard words" in page and "<script>alert(1)" not in page
    issuer.submit(URL, {"act": "standard"})
    found = brand(app)
    assert (found.notice_subject, found.notice_text, found.notice_sign_off) == ("", "", "")
    assert found.guide_url == GOOD["guide_url"], "where the guide is has nothing to do with the words"


def test_what_was_left_as_it_was_follows_the_portals_words(app, issuer) -> None:
    page = issuer.get(URL).get_data(as_text=True)
    standard = unescape(re.search(r"<textarea[^>]*>\s*(.*?)</textarea>", page, re.S)[1])
    issuer.submit(URL, GOOD | {"text": standard.replace("\n", "\r\n")})
    assert brand(app).notice_text == ""
    assert brand(app).notice_subject == GOOD["subject"]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("text", "", "go back to the standard words"),
        ("text", "{portal_link}", "Without {enrolment_number}"),
        ("text", GOOD["text"] + "{first_name}", "{first_name} is no placeholder"),
        ("subject", " ", "Write a subject"),
        ("subject", "{learner_name}", "no placeholders"),
        ("guide_url", "ftp://guide.example", "beginning with https"),
    ],
)
def test_a_fault_is_said_at_its_field(app, issuer, field, value, words) -> None:
    answer = issuer.submit(URL, GOOD | {field: value})
    body = unescape(answer.get_data(as_text=True))
    assert answer.status_code == 422
    assert words in body[body.index(f'id="{field}-error"') :][:600]
    assert brand(app).notice_subject == ""


def test_the_preview_is_the_mail_and_can_do_nothing(app, issuer) -> None:
    answer = issuer.submit(f"{URL}/preview", GOOD | {"show": "html"})
    body = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "script-src" not in answer.headers["Content-Security-Policy"], "default-src 'none' forbids every script"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "<script>" not in body and "&lt;script&gt;" in body
    assert "Donald Duck" in body and "AMS00009824708" in body and "The Office" in body
    plain = issuer.submit(f"{URL}/preview", GOOD | {"show": "plain"})
    assert plain.mimetype == "text/plain"
    assert plain.get_data(as_text=True).startswith("News <b>for</b> you\n\nDear Donald Duck,\n\nhttp")
    assert brand(app).notice_text == "", "looking keeps nothing"
    wrong = issuer.submit(f"{URL}/preview", GOOD | {"text": "{nonsense}"})
    assert wrong.status_code == 422 and "no placeholder" in wrong.get_data(as_text=True)


def test_somebody_says_what_became_of_a_mail(app, issuer, browser_of, cast) -> None:
    with app.app_context():
        with unit_of_work(SYSTEM) as record:
            mail = mails.queue(
                record, "email_changed", key="k", to="a@b.example", values={"name": "A", "changed_at": "2026-01-01"}
            )
            mail.state = MailState.UNKNOWN
        mail_id = mail.id
    page = issuer.get("/issuer/mails?state=unknown").get_data(as_text=True)
    assert "It arrived" in page and "Send again" in page
    assert browser_of(cast.michael).submit(f"/issuer/mails/{mail_id}/arrived").status_code == 403
    assert issuer.submit(f"/issuer/mails/{mail_id}/again").status_code == 302
    with app.app_context():
        assert db.session.scalars(select(Mail.state).where(Mail.id == mail_id)).one() is MailState.QUEUED
    issuer.submit(f"/issuer/mails/{mail_id}/arrived")
    assert "fate of this mail is known" in issuer.get("/issuer/mails").get_data(as_text=True)
    assert "It arrived" not in issuer.get("/issuer/mails?state=queued").get_data(as_text=True)
