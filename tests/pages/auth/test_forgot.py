"""Forgot my password: one answer for everybody, a link for those who have an account."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal import clock
from portal.blueprints.auth import forgot
from portal.database import db
from portal.models.audit import AuditEntry
from tests.pages.auth.conftest import MICHAEL, errors_in, without_tokens


@pytest.fixture(autouse=True)
def at_once(request, monkeypatch):
    """Do not wait, but where the waiting is what is tested."""
    if "alone" not in request.keywords:
        monkeypatch.setattr(forgot, "AT_LEAST", 0.0)


@pytest.mark.parametrize("door", ["centre", "issuer", "learner"])
def test_every_door_has_the_page(client, door):
    page = client.get(f"/{door}/forgot")
    assert page.status_code == 200
    assert f'href="/{door}/login"' in page.text


@pytest.mark.parametrize("door", ["verify", "admin", "CENTRE"])
def test_no_other_door_has_it(client, door):
    assert client.get(f"/{door}/forgot").status_code == 404


def test_the_answer_does_not_tell_whether_there_is_an_account(app, cast, change, mails):
    change(cast.rita, active=False)
    change(cast.anew, deleted_at=clock.now())
    pages = []
    for email in (MICHAEL, "nobody@portal.example", "rita.rival@portal.example", "anew.user@portal.example"):
        answer = app.test_client().submit("/centre/forgot", {"email": email})
        assert answer.status_code == 200
        assert email not in answer.text
        pages.append(without_tokens(answer.text))
    assert all(page == pages[0] for page in pages)
    assert [mail.recipient for mail in mails()] == [MICHAEL]


def test_at_most_three_mails_an_hour_and_always_the_same_page(client, mails):
    pages = {without_tokens(client.submit("/centre/forgot", {"email": MICHAEL}).text) for _ in range(6)}
    assert len(pages) == 1
    assert len(mails()) == 3


def test_links_are_built_from_our_own_address(app, client, mails, link_of):
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    client.get("/centre/forgot")
    client.submit("/centre/forgot", {"email": MICHAEL}, headers={"X-Forwarded-Host": "evil.example"})
    (mail,) = mails()
    assert "evil" not in str(mail.values)
    assert "evil" not in client.get(link_of(mail), headers=forged).headers.get("Location", "")


def test_it_is_in_the_audit_trail_without_the_link(app, client, mails, link_of):
    client.submit("/centre/forgot", {"email": MICHAEL})
    token = link_of(mails()[0]).rsplit("/", 1)[1]
    with app.app_context():
        (entry,) = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "PasswordResetRequested")).all()
        assert token.split(".")[1] not in str(entry.detail)


@pytest.mark.parametrize(
    ("email", "sentence"),
    [
        ("", "Enter your email address."),
        ("   ", "Enter your email address."),
        ("x" * 255, "This is not an email address."),
        ("a\0b", "This is not an email address."),
        ("a@b.uk\r\nBcc: c@d.uk", "This is not an email address."),
    ],
)
def test_bad_input_gets_a_clear_sentence(client, mails, email, sentence):
    answer = client.submit("/centre/forgot", {"email": email})
    assert answer.status_code == 422
    assert sentence in errors_in(answer)
    assert mails() == []


@pytest.mark.parametrize("email", ["' OR 1=1--", "<b>x</b>", "{{7*7}}", "%", "🦊", "a@b", "x" * 254])
def test_odd_input_is_answered_like_any_other(client, mails, email):
    answer = client.submit("/centre/forgot", {"email": email})
    assert answer.status_code == 200
    assert mails() == []


def test_a_network_that_asks_for_very_many_waits(client):
    codes = [client.submit("/centre/forgot", {"email": f"n{n}@portal.example"}).status_code for n in range(31)]
    assert codes == [200] * 30 + [429]
