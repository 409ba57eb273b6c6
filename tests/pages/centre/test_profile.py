"""My Profile: details, password and sessions, at both doors."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal import clock
from portal.database import db
from portal.models.mails import Mail
from portal.models.sign_in import UserSession
from portal.models.users import User
from portal.queries.sessions import device_of
from portal.services import throttles
from portal.unit_of_work import unit_of_work
from tests.services.people import PASSWORD, VISITOR

NEW = "thimble lantern harbour 7"
DETAILS = {"first_name": "Michael", "last_name": "White", "email": "michael.white@portal.example"}


@pytest.fixture
def user(app):
    """A function that reads the row of a user."""

    def read(user_id: int) -> User:
        with app.app_context():
            return db.session.get_one(User, user_id)

    return read


@pytest.fixture
def sessions_of(app):
    """A function that reads the ids of a user's sessions."""

    def read(user_id: int) -> list[int]:
        with app.app_context():
            return list(
                db.session.scalars(
                    select(UserSession.id).where(UserSession.user_id == user_id).order_by(UserSession.id)
                )
            )

    return read


class TestDetails:
    def test_the_card_and_the_fields_are_those_of_the_guide(self, michael, words):
        page = michael.get("/centre/profile")
        said = words(page)
        for word in ("Michael White", "Personal Details", "Change Password", "Riverside College", "Centre admin"):
            assert word in said
        labels = ("First Name*", "Middle name", "Last Name*", "User name*", "Phone number", "Email address*")
        assert [label for label in labels if label not in said.replace(" *", "*")] == []
        assert 'href="/centre/profile" aria-current="page"' in page.text

    def test_nobody_else_is_shown(self, rita, words):
        assert "Michael" not in words(rita.get("/centre/profile"))

    def test_saving_changes_the_names_and_nothing_that_was_smuggled_in(self, michael, user, cast):
        before = user(cast.michael)
        smuggled = {"role": "issuer", "is_admin": "1", "centre_id": cast.hillside, "username": "boss", "active": ""}
        smuggled |= {"email_confirmed_at": "", "picture_sha256": "0" * 64, "id": "1", "auth_epoch": "9", "user_id": "1"}
        answer = michael.submit("/centre/profile", DETAILS | {"first_name": " Mike ", "phone": "01234"} | smuggled)
        assert (answer.status_code, answer.location) == (302, "/centre/profile")
        after = user(cast.michael)
        assert (after.first_name, after.phone) == ("Mike", "01234")
        for name in ("role", "centre_id", "username", "active", "email_confirmed_at", "picture_sha256", "auth_epoch"):
            assert getattr(after, name) == getattr(before, name), name

    @pytest.mark.parametrize("field", ["first_name", "last_name", "email"])
    def test_what_is_needed_and_missing_is_said_at_its_field(self, michael, field):
        answer = michael.submit("/centre/profile", DETAILS | {field: ""})
        assert answer.status_code == 422
        assert f'id="{field}-error"' in answer.text

    @pytest.mark.parametrize("value", ["a\x00b", "a\u202eb", "x" * 101])
    def test_names_that_cannot_be_are_refused(self, michael, value, user, cast):
        assert michael.submit("/centre/profile", DETAILS | {"last_name": value}).status_code == 422
        assert user(cast.michael).last_name == "White"


class TestEmail:
    def test_another_address_needs_the_password(self, michael, user, cast):
        for current in ("", "not the password"):
            answer = michael.submit("/centre/profile", DETAILS | {"email": "mw@new.example", "current": current})
            assert answer.status_code == 422
            assert 'id="current-error"' in answer.text
        assert user(cast.michael).email == DETAILS["email"]

    def test_another_address_ends_the_session_and_tells_both(self, app, michael, user, cast, words):
        answer = michael.submit("/centre/profile", DETAILS | {"email": "MW@new.example ", "current": PASSWORD})
        assert answer.location == "/centre/login"
        assert "mw@new.example" in words(michael.get("/centre/login"))
        assert michael.get("/centre/profile").location.startswith("/centre/login")
        assert user(cast.michael).email_confirmed_at is None
        with app.app_context():
            sent = {(mail.recipient, mail.letter) for mail in db.session.scalars(select(Mail))}
        assert {("mw@new.example", "email_confirmation"), (DETAILS["email"], "email_changed")} <= sent

    def test_the_address_of_somebody_else_is_taken(self, michael):
        answer = michael.submit(
            "/centre/profile", DETAILS | {"email": "rita.rival@portal.example", "current": PASSWORD}
        )
        assert answer.status_code == 422
        assert 'id="email-error"' in answer.text

    def test_a_refused_address_saves_nothing_and_loses_nothing(self, michael, user, cast):
        typed = {"first_name": "Mike", "phone": "01234", "email": "rita.rival@portal.example", "current": PASSWORD}
        answer = michael.submit("/centre/profile", DETAILS | typed)
        assert answer.status_code == 422
        assert 'value="Mike"' in answer.text and 'value="01234"' in answer.text
        assert (user(cast.michael).first_name, user(cast.michael).phone) == ("Michael", "")

    def test_too_many_new_addresses_are_answered_at_the_form(self, michael, user, cast, words, monkeypatch):
        monkeypatch.setattr(throttles, "ACCOUNTS", replace(throttles.ACCOUNTS, most=0))
        typed = {"first_name": "Mike", "email": "mw@new.example", "current": PASSWORD}
        answer = michael.submit("/centre/profile", DETAILS | typed)
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 60
        assert throttles.ACCOUNTS.sentence in words(answer)
        assert 'value="Mike"' in answer.text and user(cast.michael).first_name == "Michael"


class TestPassword:
    def test_this_browser_stays_and_all_others_end(self, michael, browser_of, cast, sessions_of):
        other = browser_of(cast.michael)
        answer = michael.submit("/centre/profile/password", {"current": PASSWORD, "new": NEW, "confirm": NEW})
        assert (answer.status_code, answer.location) == (302, "/centre/profile/password")
        assert michael.get("/centre/profile").status_code == 200
        assert other.get("/centre/profile").status_code == 302
        assert len(sessions_of(cast.michael)) == 1

    @pytest.mark.parametrize(
        ("current", "new", "confirm", "wrong"),
        [
            ("not the password", NEW, NEW, "current"),
            (PASSWORD, "short", "short", "new"),
            (PASSWORD, NEW, NEW + "x", "confirm"),
            ("", NEW, NEW, "current"),
            (PASSWORD, "michael white 42", "michael white 42", "new"),
        ],
    )
    def test_what_is_wrong_is_said_at_its_field(self, michael, current, new, confirm, wrong):
        answer = michael.submit("/centre/profile/password", {"current": current, "new": new, "confirm": confirm})
        assert answer.status_code == 422
        assert f'id="{wrong}-error"' in answer.text
        assert NEW not in answer.text and PASSWORD not in answer.text

    def test_guessing_the_present_one_comes_to_an_end(self, michael):
        codes = [
            michael.submit("/centre/profile/password", {"current": f"{PASSWORD}{n}", "new": NEW, "confirm": NEW})
            for n in range(6)
        ]
        assert [answer.status_code for answer in codes] == [422] * 5 + [429]
        assert int(codes[-1].headers["Retry-After"]) > 0


class TestSessions:
    def test_the_list_says_where_and_this_one_first(self, app, michael, browser_of, cast, words):
        browser_of(cast.michael)
        with app.app_context(), unit_of_work(VISITOR):
            row = db.session.scalars(select(UserSession).order_by(UserSession.id.desc())).first()
            row.agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Gecko/20100101 Firefox/130.0"
            row.address = "192.0.2.44"
        said = words(michael.get("/centre/profile/sessions"))
        assert said.index("This browser") < said.index("Firefox on Windows")
        assert "192.0.2.44" in said

    def test_one_is_ended_and_it_alone(self, michael, browser_of, cast, sessions_of):
        other, third = browser_of(cast.michael), browser_of(cast.michael)
        ident = sessions_of(cast.michael)[1]
        assert michael.submit(f"/centre/profile/sessions/{ident}/end").location == "/centre/profile/sessions"
        assert other.get("/centre/profile").status_code == 302
        assert third.get("/centre/profile").status_code == michael.get("/centre/profile").status_code == 200

    def test_the_session_of_somebody_else_is_not_there(self, michael, rita, sessions_of, cast):
        theirs = sessions_of(cast.rita)[0]
        foreign = michael.submit(f"/centre/profile/sessions/{theirs}/end")
        absent = michael.submit("/centre/profile/sessions/987654/end")
        assert foreign.status_code == absent.status_code == 404
        assert foreign.text == absent.text
        assert rita.get("/centre/profile").status_code == 200

    def test_everywhere_is_everywhere(self, michael, browser_of, cast, sessions_of):
        other = browser_of(cast.michael)
        assert michael.submit("/centre/profile/sessions/end").location == "/centre/login"
        assert other.get("/centre/profile").status_code == michael.get("/centre/profile").status_code == 302
        assert sessions_of(cast.michael) == []

    def test_a_session_in_use_is_noted_now_and_then(self, app, michael, cast):
        long_ago = clock.now() - timedelta(hours=2)
        with app.app_context(), unit_of_work(VISITOR):
            db.session.scalars(select(UserSession)).one().seen_at = long_ago
        michael.get("/centre/profile")
        with app.app_context():
            assert db.session.scalars(select(UserSession)).one().seen_at > long_ago + timedelta(hours=1)


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", ("Edge", "Windows")),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) Version/18.0 Safari/605.1.15", ("Safari", "Mac")),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) CriOS/140.0 Safari/604.1", ("Chrome", "iPhone")),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Mobile Safari/537.36", ("Chrome", "Android")),
        ("curl/8.5.0", ("", "")),
        ("", ("", "")),
    ],
)
def test_a_browser_is_named_as_people_name_it(agent, device):
    assert device_of(agent) == device


def test_the_back_office_has_the_same_pages(browser_of, cast, words):
    issuer = browser_of(cast.issuer)
    for path in ("", "/password", "/picture", "/sessions", "/second-step"):
        page = issuer.get(f"/issuer/profile{path}")
        assert page.status_code == 200
        assert not re.search(r'(href|action)="/centre/', page.text.partition("<main")[2].partition("</main>")[0])
    assert "Ida Issuer" in words(issuer.get("/issuer/profile"))


def test_an_ordinary_user_is_not_offered_a_second_step(anew):
    assert "second-step" not in anew.get("/centre/profile").text
    assert anew.get("/centre/profile/second-step").status_code == 403
