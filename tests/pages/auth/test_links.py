"""The links of mails: a visit changes nothing, the button uses them up, and only once."""

from __future__ import annotations

import logging

import pytest
from sqlalchemy import select

from portal.access.actor import SYSTEM
from portal.blueprints.auth import forgot
from portal.database import db
from portal.models.sign_in import OneTimeToken, UserSession
from portal.models.users import User
from portal.services import tokens, users
from portal.unit_of_work import unit_of_work
from portal.vocabulary import TokenPurpose
from tests.pages.auth.conftest import MICHAEL, errors_in, without_tokens
from tests.services.people import as_actor

NEW = "thimble lantern harbour 7"
BOTH = {"password": NEW, "confirm": NEW}


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(forgot, "AT_LEAST", 0.0)


@pytest.fixture
def reset_link(client, mails, link_of):
    """The link that Michael was sent."""
    client.submit("/centre/forgot", {"email": MICHAEL})
    return link_of(mails(MICHAEL)[-1])


def user(app, user_id):
    with app.app_context():
        return db.session.get_one(User, user_id)


class TestReset:
    def test_a_visit_changes_nothing_however_often(self, app, cast, reset_link):
        before = user(app, cast.michael).password_hash
        for method in ("get", "head", "get", "options", "get"):
            getattr(app.test_client(), method)(reset_link, follow_redirects=True)
        assert user(app, cast.michael).password_hash == before
        with app.app_context():
            assert db.session.scalars(select(OneTimeToken.used_at)).all() == [None]

    def test_the_token_leaves_the_address_with_the_first_visit(self, client, reset_link):
        answer = client.get(reset_link)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/reset")
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        page = client.get("/reset")
        assert page.status_code == 200
        assert reset_link.split("/")[-1] not in page.text
        assert 'action="/reset"' in page.text

    def test_it_works_once(self, app, client, cast, log_in, reset_link, mails):
        elsewhere = app.test_client()
        log_in(elsewhere)
        assert elsewhere.get("/centre/jobs").status_code == 200
        client.get(reset_link)
        answer = client.submit("/reset", BOTH)
        assert answer.headers["Location"] == "/centre/login"
        assert "Your password is set. Please log in." in client.get("/centre/login").text
        # Everybody who was in is out.
        assert "/centre/login" in elsewhere.get("/centre/jobs").headers["Location"]
        with app.app_context():
            assert db.session.scalars(select(UserSession)).all() == []
        assert [mail.letter for mail in mails(MICHAEL)] == ["password_reset", "password_changed"]
        assert log_in(client).status_code == 422
        assert log_in(client, password=NEW).status_code == 302
        for again in (client.get(reset_link), client.submit("/reset", BOTH)):
            assert again.status_code == 410

    def test_the_back_button_and_a_second_window_come_too_late(self, app, client, reset_link):
        second = app.test_client()
        client.get(reset_link)
        second.get(reset_link)
        assert second.get("/reset").status_code == 200
        client.submit("/reset", BOTH)
        assert second.submit("/reset", BOTH).status_code == 410

    @pytest.mark.parametrize(
        ("password", "confirm", "sentence"),
        [
            ("", "", "Enter a new password. Enter the new password again."),
            (NEW, "", "Enter the new password again."),
            (NEW, NEW + "x", "The two passwords are not the same."),
            ("short", "short", "Use at least 12 characters"),
            ("x" * 257, "x" * 257, "at most 256 characters"),
            ("a b" * 10_000, "a b" * 10_000, "at most 256 characters"),
            ("skillsandeducation1", "skillsandeducation1", "words of this portal"),
            ("passwordpassword", "passwordpassword", "tried first"),
            (MICHAEL, MICHAEL, "your email address"),
            ("nul\0nul\0nul\0nul", "nul\0nul\0nul\0nul", "no control characters"),
        ],
    )
    def test_a_password_that_breaks_a_rule_leaves_the_link_good(
        self, app, client, cast, reset_link, password, confirm, sentence
    ):
        before = user(app, cast.michael).password_hash
        client.get(reset_link)
        answer = client.submit("/reset", {"password": password, "confirm": confirm})
        assert answer.status_code == 422
        assert sentence in errors_in(answer)
        assert user(app, cast.michael).password_hash == before
        assert client.submit("/reset", BOTH).status_code == 302

    @pytest.mark.parametrize(
        "password", ["  spaces before and after  ", "🦊 fox and 🦉 owl at night", "naïve café crème"]
    )
    def test_a_password_works_as_it_was_typed(self, client, log_in, reset_link, password):
        client.get(reset_link)
        assert client.submit("/reset", {"password": password, "confirm": password}).status_code == 302
        assert log_in(client, password=password).status_code == 302
        client.submit("/logout")
        if password != password.strip():
            assert log_in(client, password=password.strip()).status_code == 422


class TestNoLink:
    def test_every_link_that_is_not_good_gets_one_page(self, app, client, cast, change, reset_link):
        good = reset_link.rsplit("/", 1)[1]
        with app.app_context(), unit_of_work(SYSTEM):
            confirm = tokens.issue(TokenPurpose.CONFIRM, cast.michael, detail={"email": MICHAEL})
        with app.app_context():
            other = tokens.text_of(confirm.id, app.config["SECRET_KEY"])
        bad = [good[:-1], good + "A", "0" + good, "x", "1.", ".", "%00", "%ED%A0%80", "%FF", "é", "9" * 40, "a" * 5_000]
        pages = {}
        for text in [*bad, other]:
            answer = app.test_client().get(f"/reset/{text}", follow_redirects=True)
            assert answer.status_code == 410, text[:50]
            pages[without_tokens(answer.text)] = text
        change(cast.michael, active=False)
        for text in (good, other):
            stale = app.test_client()
            stale.get(f"/reset/{text}")
            pages[without_tokens(stale.get("/reset").text)] = text
            pages[without_tokens(stale.submit("/reset", BOTH).text)] = text
        nothing = app.test_client()
        for path in ("/reset", "/confirm", "/invite"):
            answer = nothing.get(path)
            assert answer.status_code == 410
            pages[without_tokens(answer.text)] = path
            assert nothing.submit(path, BOTH).status_code == 410
        assert len(pages) == 1
        assert "Ask for a new one" in next(iter(pages))

    def test_slashes_make_another_address(self, client):
        for path in ("/reset/a/b", "/reset/../reset", "/reset/", "/confirm/a/b"):
            assert client.get(path).status_code in (404, 410)

    @pytest.mark.parametrize("kept", [7, None, [], {"a": 1}, "", "x" * 3_000])
    def test_a_cookie_without_a_link_is_no_link(self, client, kept):
        with client.session_transaction() as session:
            for purpose in TokenPurpose:
                session[f"link:{purpose.value}"] = kept
        for path in ("/reset", "/confirm", "/invite"):
            assert client.get(path).status_code == 410

    def test_no_token_is_written_to_the_log(self, client, reset_link, caplog):
        token = reset_link.rsplit("/", 1)[1]
        with caplog.at_level(logging.DEBUG):
            client.get(reset_link)
            client.get("/reset")
            client.submit("/reset", BOTH)
            client.get(reset_link)
        assert token not in caplog.text


class TestInvitation:
    def test_somebody_invited_chooses_a_password_and_gets_in(self, app, client, cast, log_in, mails, link_of):
        with app.app_context():
            person = users.Person("petra.new@portal.example", "Petra", "New")
            users.create_centre_user(cast.riverside, person, actor=as_actor(cast.michael))
        assert log_in(client, "petra.new@portal.example", NEW).status_code == 422
        link = link_of(mails("petra.new@portal.example")[0])
        assert client.get(link).headers["Location"] == "/invite"
        page = client.get("/invite")
        assert "Your account is ready" in page.text
        assert 'action="/invite"' in page.text
        assert client.submit("/invite", BOTH).headers["Location"] == "/centre/login"
        assert log_in(client, "petra.new@portal.example", NEW).status_code == 302
        assert client.get(link).status_code == 410


class TestConfirming:
    def test_a_visit_confirms_nothing_and_the_button_does(self, app, client, cast, log_in, mails, link_of):
        with app.app_context():
            users.change_email(cast.anew, email="a.new@portal.example", actor=as_actor(cast.michael))
        link = link_of(mails("a.new@portal.example")[0])
        for _ in range(5):
            scanner = app.test_client()
            assert "Confirm my email address" in scanner.get(link, follow_redirects=True).text
        assert user(app, cast.anew).email_confirmed_at is None
        client.get(link)
        assert client.submit("/confirm").headers["Location"] == "/centre/login"
        assert "Your email address is confirmed." in client.get("/centre/login").text
        assert log_in(client, "a.new@portal.example").status_code == 302
        assert client.get(link).status_code == 410

    def test_the_link_to_an_earlier_address_is_void(self, app, client, cast, mails, link_of):
        with app.app_context():
            users.change_email(cast.anew, email="first@portal.example", actor=as_actor(cast.michael))
        first = link_of(mails("first@portal.example")[0])
        client.get(first)
        with app.app_context():
            users.change_email(cast.anew, email="second@portal.example", actor=as_actor(cast.michael))
        assert client.submit("/confirm").status_code == 410
        assert client.get(first).status_code == 410
        assert user(app, cast.anew).email_confirmed_at is None
