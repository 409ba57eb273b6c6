"""The landing pages of the doors, signing in and logging out."""

from __future__ import annotations

import html
import re
import time
from datetime import timedelta
from urllib.parse import quote

import pytest
from sqlalchemy import func, select

from portal import clock
from portal.blueprints.auth import after
from portal.database import db
from portal.models.audit import AuditEntry
from portal.models.sign_in import UserSession
from portal.services import accounts, users
from portal.vocabulary import Door, Role
from tests.pages.auth.conftest import MICHAEL, errors_in, without_tokens
from tests.services.people import PASSWORD, as_actor

DOORS = {"centre": MICHAEL, "issuer": "ida.issuer@portal.example", "learner": "connor.random@portal.example"}


def words_of(response):
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.text)))


def sessions_in(app):
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(UserSession))


class TestLandingPage:
    def test_the_centre_door_says_what_the_guide_says(self, client):
        page = client.get("/centre/login")
        words = words_of(page)
        assert page.status_code == 200
        for text in (
            "Welcome to the Skills & Education Group Centre Portal",
            "Use the Centre Portal to:",
            "View pending records",
            "View completed print jobs and records",
            "View or manage learner notifications",
            "Place an order for printed documents",
            "email address",
            "Log in",
            "Forgot my password",
            "support@seg.example if you wish to have an account set up.",
        ):
            assert text in words
        assert re.search(r'<label[^>]*for="password"[^>]*>password', page.text)

    def test_the_learner_door_says_what_the_guide_says(self, client):
        words = words_of(client.get("/learner/login"))
        for text in (
            "Use the Learner Verification Portal to:",
            "View electronic qualification and other secure documents",
            "Order printed copies of qualification and other secure documents",
            "Share your electronic documents with third parties by creating connections",
            "Keep your personal details up to date by managing your profile",
            "Registration for learners is not open yet.",
        ):
            assert text in words

    @pytest.mark.parametrize("door", DOORS)
    def test_every_door_has_its_form_and_keeps_no_copy(self, client, door):
        page = client.get(f"/{door}/login")
        assert page.status_code == 200
        assert f'action="/{door}/login"' in page.text
        assert f'href="/{door}/forgot"' in page.text
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "no-referrer"

    @pytest.mark.parametrize("method", ["put", "delete", "trace", "patch"])
    @pytest.mark.parametrize("path", ["/centre/login", "/logout", "/centre/forgot", "/reset", "/confirm", "/invite"])
    def test_other_methods_are_refused(self, client, method, path):
        assert getattr(client, method)(path).status_code == 405

    def test_looking_changes_nothing(self, app, client):
        for door in DOORS:
            for method in (client.get, client.head, client.options):
                assert method(f"/{door}/login").status_code == 200
        assert client.get("/logout").status_code == 405
        with app.app_context():
            assert db.session.scalars(select(AuditEntry).where(AuditEntry.action != "BrandChanged")).all() == []


class TestSigningIn:
    @pytest.mark.parametrize("door", DOORS)
    def test_everybody_gets_in_at_the_own_door(self, app, client, log_in, door):
        answer = log_in(client, DOORS[door], door=door)
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith(f"/{door}/")
        assert sessions_in(app) == 1

    @pytest.mark.parametrize("email", [f"  {MICHAEL.upper()} ", "Michael.White@Portal.Example"])
    def test_case_and_spaces_do_not_matter(self, client, log_in, email):
        assert log_in(client, email).status_code == 302

    def test_the_cookie_holds_a_token_that_scripts_cannot_read(self, app, client, log_in):
        answer = log_in(client)
        cookies = answer.headers.getlist("Set-Cookie")
        assert cookies
        for cookie in cookies:
            assert "HttpOnly" in cookie
            assert "SameSite=Lax" in cookie
        with client.session_transaction() as session, app.app_context():
            kept = db.session.scalars(select(UserSession.token_hash)).one()
            assert session["sid"] not in kept
            assert set(session) <= {"sid", "csrf_token", "_flashes"}

    def test_signing_in_makes_a_new_session_and_a_new_csrf_token(self, client, log_in):
        client.get("/centre/login")
        with client.session_transaction() as session:
            session["sid"] = "chosen by somebody else"
            session["planted"] = "before"
            before = session["csrf_token"]
        log_in(client)
        client.get("/centre/forgot")
        with client.session_transaction() as session:
            assert session["sid"] != "chosen by somebody else"
            assert "planted" not in session
            assert session["csrf_token"] != before

    def test_signing_in_as_another_ends_the_session_of_before(self, app, client, log_in):
        log_in(client)
        with client.session_transaction() as session:
            before = session["sid"]
        log_in(client, "rita.rival@portal.example")
        with client.session_transaction() as session:
            assert session["sid"] != before
        other = app.test_client()
        with other.session_transaction() as session:
            session["sid"] = before
        assert "/centre/login" in other.get("/centre/jobs").headers["Location"]
        assert sessions_in(app) == 1

    def test_whoever_is_in_needs_no_login_page(self, client, log_in):
        log_in(client)
        answer = client.get("/centre/login")
        assert answer.status_code in (200, 302)
        if answer.status_code == 302:
            assert answer.headers["Location"] == "/centre/"
        assert client.get("/issuer/login").status_code == 200

    def test_without_the_csrf_token_nothing_happens(self, app, client):
        for path in ("/centre/login", "/logout", "/centre/forgot", "/reset", "/confirm", "/invite", "/confirm/resend"):
            answer = client.post(path, data={"email": MICHAEL, "password": PASSWORD})
            assert answer.status_code == 400, path
        assert sessions_in(app) == 0

    def test_a_given_password_leads_to_choosing_another_before_anything_else(self, app, client, cast, log_in, change):
        change(cast.michael, must_change_password=True)
        answer = log_in(client)
        assert answer.headers["Location"] == "/reset"
        assert sessions_in(app) == 0
        assert "/centre/login" in client.get("/centre/jobs").headers["Location"]
        page = client.get("/reset")
        assert page.status_code == 200
        assert "good for once" in page.text
        same = client.submit("/reset", {"password": PASSWORD, "confirm": PASSWORD})
        assert same.status_code == 422
        assert "other than the one you were given" in errors_in(same)
        new = {"password": "thimble lantern harbour 7", "confirm": "thimble lantern harbour 7"}
        assert client.submit("/reset", new).headers["Location"] == "/centre/login"
        assert log_in(client, password=new["password"]).headers["Location"] != "/reset"
        assert sessions_in(app) == 1


class TestRefusals:
    def refuse(self, log_in, client, email=MICHAEL, password=PASSWORD, door="centre"):
        answer = log_in(client, email, password, door)
        assert answer.status_code == 422
        return answer

    def test_who_is_refused_learns_nothing(self, app, cast, log_in, change):
        """Unknown, wrong password, another door, inactive, deleted, locked, unconfirmed: one page to the byte."""

        def page(email=MICHAEL, password="a wrong password"):
            answer = self.refuse(log_in, app.test_client(), email, password)
            headers = {name: value for name, value in answer.headers if name not in ("Set-Cookie", "Content-Length")}
            return without_tokens(answer.text).replace(email, "…"), headers

        pages = [page("nobody@portal.example"), page(), page(DOORS["issuer"], PASSWORD)]
        change(cast.anew, active=False)
        pages.append(page("anew.user@portal.example", PASSWORD))
        change(cast.anew, active=True, deleted_at=clock.now())
        pages.append(page("anew.user@portal.example", PASSWORD))
        change(cast.rita, locked_until=clock.now() + timedelta(days=2))
        pages.append(page("rita.rival@portal.example"))
        change(cast.rita, locked_until=None, email_confirmed_at=None)
        pages.append(page("rita.rival@portal.example"))
        for one in pages[1:]:
            assert one == pages[0]
        assert sessions_in(app) == 0

    def test_the_password_is_never_written_back(self, client, log_in):
        answer = self.refuse(log_in, client, password="a wrong <password>")
        assert "a wrong" not in answer.text
        assert MICHAEL in answer.text

    def test_the_owner_of_a_locked_account_is_told(self, client, cast, log_in, change):
        change(cast.michael, locked_until=clock.now() + timedelta(days=2), lock_information="a note for admins")
        change(cast.michael, lock_reason="Staff member has been suspended")
        answer = self.refuse(log_in, client)
        assert f"locked until {clock.uk_date(clock.now() + timedelta(days=2))}" in errors_in(answer)
        assert "Staff member has been suspended" in errors_in(answer)
        assert "a note for admins" not in answer.text

    def test_the_owner_of_an_unconfirmed_address_can_have_the_link_sent_again(
        self, client, cast, log_in, change, mails, link_of
    ):
        change(cast.michael, email_confirmed_at=None)
        answer = self.refuse(log_in, client)
        assert "Send the link again" in answer.text
        assert mails() == []
        again = client.submit("/confirm/resend?door=centre")
        assert again.headers["Location"] == "/centre/login"
        (mail,) = mails(MICHAEL)
        assert mail.letter == "email_confirmation"
        # Pressed a second time, or by a stranger, it does nothing and says the same.
        assert client.submit("/confirm/resend?door=centre").status_code == 302
        assert client.submit("/confirm/resend?door=//evil").headers["Location"] == "/centre/login"
        assert len(mails()) == 1
        client.get(link_of(mail))
        assert client.submit("/confirm").headers["Location"] == "/centre/login"
        assert log_in(client).status_code == 302

    @pytest.mark.parametrize(
        ("email", "password", "sentence"),
        [
            ("", "", "Enter your email address. Enter your password."),
            ("   ", "x", "Enter your email address."),
            (MICHAEL, "", "Enter your password."),
            ("x" * 255, "x", "This is not an email address."),
            ("a\0b@portal.example", "x", "This is not an email address."),
            ("a\r\nb@portal.example", "x", "This is not an email address."),
            (MICHAEL, "x" * 257, "A password has at most 256 characters."),
            (MICHAEL, "x" * 10_000, "A password has at most 256 characters."),
            (MICHAEL, "nul\0nul", "A password holds no control characters."),
            ("' OR 1=1--", "' OR 1=1--", "do not belong to an account"),
            ("{{7*7}}", "${7*7}", "do not belong to an account"),
            ("<script>alert(1)</script>", "x", "do not belong to an account"),
            ("mich\u0430el.white@portal.example", PASSWORD, "do not belong to an account"),
            ("michael.white+1@portal.example", PASSWORD, "do not belong to an account"),
            ("%ED%A0%80", "x", "do not belong to an account"),
            ("\u202emichael", "x", "This is not an email address."),
            ("🦊" * 60, "🦊" * 60, "do not belong to an account"),
        ],
    )
    def test_bad_input_gets_a_clear_sentence(self, app, client, log_in, email, password, sentence):
        answer = self.refuse(log_in, client, email, password)
        assert sentence in errors_in(answer)
        assert "<script>alert" not in answer.text
        assert sessions_in(app) == 0

    def test_a_form_that_is_none_is_refused(self, app, client):
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/centre/login").text).group(1)
        headers = {"X-CSRFToken": token}
        for body in ({"email": MICHAEL, "password": PASSWORD}, [1, 2], "text", None, {"email": [1], "password": {}}):
            assert client.post("/centre/login", json=body, headers=headers).status_code in (415, 422)
        for data in (
            {"email[]": MICHAEL, "password[]": PASSWORD},
            {"email": [MICHAEL, "b@c.uk"], "password": ["", "x"]},
        ):
            assert client.post("/centre/login", data=data, headers=headers).status_code == 422
        raw = {"content_type": "application/x-www-form-urlencoded", "headers": headers}
        for body in (b"email=%FF%FE&password=%ED%A0%80", b"email=\xff&password=\xff", b"&&&===", b"email=%zz"):
            assert client.post("/centre/login", data=body, **raw).status_code in (400, 422)
        assert sessions_in(app) == 0

    @pytest.mark.parametrize("path", ["/centre/login", "/logout", "/reset", "/nothing/here"])
    def test_what_is_far_too_large_is_refused_unread(self, client, path):
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/centre/login").text).group(1)
        large = {"csrf_token": token, "email": MICHAEL, "password": "x" * 5_000_000}
        fields = "a=&" * 7_000_000
        began = time.monotonic()
        for data in (large, fields):
            answer = client.post(path, data=data, content_type="application/x-www-form-urlencoded")
            assert answer.status_code == (404 if path == "/nothing/here" else 413)
        # Taking seven million fields apart takes a quarter of a minute, in which no page is answered.
        assert time.monotonic() - began < 5

    def test_a_form_of_very_many_parts_is_refused(self, client):
        many = {f"field{number}": "x" for number in range(1_001)}
        assert client.post("/centre/login", data=many, content_type="multipart/form-data").status_code == 413
        large = {"email": MICHAEL, "password": "x" * 5_000_000}
        assert client.post("/centre/login", data=large, content_type="multipart/form-data").status_code == 413

    @pytest.mark.parametrize(
        "cookie",
        [
            "",
            "nonsense",
            "eyJzaWQiOiJ4In0.aaaaaa.bbbbbb",
            "x" * 3_000,
            "a=b; portal=c",
            "\u00e9",
            "eyJzaWQiOjF9..",
            ".",
        ],
    )
    def test_a_cookie_that_is_not_ours_is_nobodys(self, client, cookie):
        for name in ("portal", "portal-device"):
            client.set_cookie(name, cookie)
        assert client.get("/centre/login").status_code == 200
        assert "/centre/login" in client.get("/centre/jobs").headers["Location"]

    def test_a_cookie_signed_with_an_old_key_is_nobodys(self, app, client, log_in):
        log_in(client)
        key = app.config["SECRET_KEY"]
        try:
            app.config["SECRET_KEY"] = "another key"
            assert "/centre/login" in client.get("/centre/jobs").headers["Location"]
            assert client.get("/centre/login").status_code == 200
        finally:
            app.config["SECRET_KEY"] = key

    def test_a_cookie_larger_than_browsers_keep_is_nobodys(self, client):
        answer = client.get("/centre/jobs", headers={"Cookie": f"portal={'x' * 5_000}; portal=second; portal-device=y"})
        assert "/centre/login" in answer.headers["Location"]

    @pytest.mark.parametrize("sid", ["", "x", "x" * 2_000, 7, None, [], {"a": 1}, True])
    def test_a_session_that_names_nothing_is_nobodys(self, client, sid):
        with client.session_transaction() as session:
            session["sid"] = sid
        assert "/centre/login" in client.get("/centre/jobs").headers["Location"]

    def test_forged_headers_change_nothing(self, client, log_in):
        forged = {"X-Forwarded-For": "1.2.3.4", "X-Forwarded-Host": "evil.example", "X-Real-Ip": "1.2.3.4"}
        page = client.get("/centre/login", headers=forged | {"Host": "evil.example"})
        assert page.status_code in (200, 400)
        assert "evil" not in page.text
        answer = client.submit(
            "/centre/login", {"email": MICHAEL, "password": PASSWORD}, headers=forged | {"X-Forwarded-Proto": "gopher"}
        )
        assert answer.headers["Location"].startswith("/centre/")


class TestThrottle:
    def test_too_many_tries_wait_and_are_told_how_long(self, app, client, log_in):
        for _ in range(5):
            assert log_in(client, password="wrong").status_code == 422
        answer = log_in(client)
        assert answer.status_code == 429
        assert 0 < int(answer.headers["Retry-After"]) <= 60
        assert "Please wait a minute" in answer.text
        assert log_in(client, "anew.user@portal.example").status_code == 302

    def test_the_limit_is_the_same_for_an_account_that_is_none(self, client, log_in):
        codes = [log_in(client, "nobody@portal.example", "wrong").status_code for _ in range(6)]
        assert codes == [422] * 5 + [429]

    def test_the_limit_counts_at_all_doors_together(self, client, log_in):
        for door in ("centre", "issuer", "learner", "centre", "issuer"):
            assert log_in(client, password="wrong", door=door).status_code == 422
        assert log_in(client).status_code == 429

    def test_a_forged_forwarded_address_does_not_begin_anew(self, client):
        codes = []
        for number in range(6):
            data = {"email": "nobody@portal.example", "password": "wrong"}
            headers = {"X-Forwarded-For": f"198.51.100.{number}"}
            codes.append(client.submit("/centre/login", data, headers=headers).status_code)
        assert codes[-1] == 429

    def test_a_browser_that_was_in_before_is_not_locked_out_by_strangers(self, app, client, log_in):
        assert log_in(client).status_code == 302
        client.submit("/logout")
        stranger = app.test_client()
        for _ in range(6):
            log_in(stranger, password="wrong")
        assert log_in(stranger).status_code == 429
        assert log_in(client).status_code == 302

    def test_a_storm_is_sent_away_quickly(self, client, log_in, monkeypatch):
        def full(*_):
            raise accounts.passwords.Crowded("too many")

        monkeypatch.setattr(accounts.passwords, "matches", full)
        answer = log_in(client)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]


class TestWhereTo:
    def test_a_page_that_was_asked_for_is_shown_after_the_login(self, app, client, log_in):
        answer = client.get("/centre/jobs")
        assert answer.headers["Location"] == "/centre/login?next=centre.jobs"
        page = client.get(answer.headers["Location"])
        assert 'action="/centre/login?next=centre.jobs"' in page.text
        assert log_in(client, query="?next=centre.jobs").headers["Location"] == "/centre/jobs"

    @pytest.mark.parametrize(
        "wanted",
        [
            "//evil.example",
            "////evil.example",
            "/%09/evil.example",
            "/\t/evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https:evil.example",
            "https://evil.example",
            "https:///evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "/%0d%0aSet-Cookie:x",
            "/\r\nX: y",
            "/centre/jobs",
            "centre.jobs//evil",
            "centre.job",
            "centre.nothing",
            "issuer.dashboard",
            "issuer.jobs",
            "auth.logout",
            "auth.centre_login",
            "static",
            "public.home",
            "centre.",
            ".",
            "\0",
            "é\ud7ff",
            "x" * 10_000,
        ],
    )
    def test_anything_else_leads_to_the_dashboard(self, client, log_in, wanted):
        query = "?next=" + quote(wanted)
        page = client.get("/centre/login" + query)
        assert page.status_code == 200
        assert 'action="/centre/login"' in page.text
        answer = log_in(client, query=query)
        assert answer.status_code == 302
        assert answer.headers["Location"] == "/centre/"

    def test_a_page_without_the_right_leads_to_the_dashboard(self, app, client, log_in):
        with app.test_request_context():
            view = app.view_functions["centre.jobs"]
            kept = view.guard
            try:
                view.guard = ("centre", "users:manage")
                assert after.page_for(Door.CENTRE, Role.CENTRE_ADMIN, "centre.jobs") == "/centre/jobs"
                assert after.page_for(Door.CENTRE, Role.CENTRE_USER, "centre.jobs") == after.home_of(Door.CENTRE)
            finally:
                view.guard = kept


class TestLoggingOut:
    def test_the_session_is_over_for_every_copy_of_the_cookie(self, app, client, log_in):
        log_in(client)
        kept = client.get_cookie("portal").value
        assert client.get("/centre/jobs").status_code == 200
        answer = client.submit("/logout")
        assert answer.headers["Location"] == "/centre/login"
        assert "You are logged out." in client.get("/centre/login").text
        thief = app.test_client()
        thief.set_cookie("portal", kept)
        assert "/centre/login" in thief.get("/centre/jobs").headers["Location"]
        assert sessions_in(app) == 0

    @pytest.mark.parametrize("door", DOORS)
    def test_everybody_leaves_by_the_own_door(self, client, log_in, door):
        log_in(client, DOORS[door], door=door)
        assert client.submit("/logout").headers["Location"] == f"/{door}/login"

    def test_a_visitor_may_press_the_button_too(self, client):
        assert client.submit("/logout").headers["Location"] == "/centre/login"

    def test_a_locked_user_is_out_with_the_next_click(self, app, client, cast, log_in):
        log_in(client, "anew.user@portal.example")
        assert client.get("/centre/jobs").status_code == 200
        with app.app_context():
            users.lock(
                cast.anew,
                until=clock.today() + timedelta(days=1),
                reason=users.LOCK_REASONS[0],
                actor=as_actor(cast.michael),
            )
        assert "/centre/login" in client.get("/centre/jobs").headers["Location"]
