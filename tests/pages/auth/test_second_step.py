"""The second step of signing in: setting it up, the page that asks for the code, recovery codes, switching it off."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select, update

from portal import clock
from portal.access.actor import SYSTEM
from portal.access.sessions import actor_of
from portal.database import db
from portal.models.audit import AuditEntry
from portal.models.mails import Mail
from portal.models.second_step import RecoveryCode, SecondStep
from portal.models.sign_in import OneTimeToken, Throttle, UserSession
from portal.models.users import User
from portal.services import accounts, second_step
from portal.unit_of_work import unit_of_work
from portal.vocabulary import Role
from tests.pages.auth.conftest import errors_in
from tests.services.people import PASSWORD, VISITOR

MICHAEL = "michael.white@portal.example"
CODE = re.compile(r"[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}")


@pytest.fixture(autouse=True)
def still(monkeypatch):
    """The middle of a code's half minute, so that no code changes while a test types it."""
    moment = clock.now()
    middle = moment - timedelta(seconds=moment.timestamp() % 30 - 15)
    monkeypatch.setattr(clock, "now", lambda: middle)


class Telephone:
    """An app that shows codes."""

    def __init__(self, app, user_id: int) -> None:
        with app.app_context():
            key = app.config["SECRET_KEY"]
            actor = actor_of(db.session.get_one(User, user_id))
            begun = second_step.begin(user_id, secret_key=key, actor=actor)
            self.secret = second_step.find_shared(user_id, begun, portal="Portal", secret_key=key).secret
            self.codes = second_step.confirm(self.code(-1), begun=begun, session_id=0, secret_key=key, actor=actor)

    def code(self, steps: int = 0) -> str:
        return pyotp.TOTP(self.secret).generate_otp(int(clock.now().timestamp()) // 30 + steps)


@pytest.fixture
def telephone(app, cast) -> Telephone:
    """Michael's."""
    return Telephone(app, cast.michael)


@pytest.fixture
def rows(app):
    """A function that counts or reads rows."""

    def read(statement):
        with app.app_context():
            return list(db.session.scalars(statement))

    return read


def begin(browser, password=PASSWORD):
    return browser.submit("/centre/profile/second-step/begin", {"current": password})


def secret_on(page) -> str | None:
    found = re.search(r'second-step__key">([A-Z2-7 ]+)<', page.text)
    return found.group(1).replace(" ", "") if found else None


def codes_on(page) -> list[str]:
    return CODE.findall(html.unescape(re.sub(r"<form.*?</form>", "", page.text, flags=re.S)))


def is_in(browser, door="centre") -> bool:
    return browser.get(f"/{door}/profile").status_code == 200


class TestSettingUp:
    def test_the_whole_way(self, app, browser_of, cast, rows, log_in, client):
        michael = browser_of(cast.michael)
        page = michael.get("/centre/profile/second-step")
        assert page.status_code == 200 and "<img" not in page.text.partition("<main")[2].partition("profile__main")[2]
        assert begin(michael).location == "/centre/profile/second-step"
        page = michael.get("/centre/profile/second-step")
        secret = secret_on(page)
        assert len(secret) == 32
        drawing = michael.get("/centre/profile/second-step/qr.svg")
        assert (drawing.mimetype, drawing.headers["Cache-Control"]) == ("image/svg+xml", "no-store")
        assert page.headers["Cache-Control"] == "no-store"
        kept = rows(select(SecondStep))[0]
        assert secret not in kept.secret and kept.confirmed_at is None, "kept encrypted, and not counted yet"

        wrong = michael.submit("/centre/profile/second-step/confirm", {"code": "000000"})
        assert wrong.status_code == 422 and "is not right" in errors_in(wrong)
        shown = pyotp.TOTP(secret).at(clock.now())
        done = michael.submit("/centre/profile/second-step/confirm", {"code": f"{shown[:3]} {shown[3:]}"})
        assert done.status_code == 200
        codes = codes_on(done)
        assert len(set(codes)) == 10
        assert not {row.code_hash for row in rows(select(RecoveryCode))} & set(codes)
        assert all(code not in michael.get("/centre/profile/second-step").text for code in codes), "shown once"
        assert michael.get("/centre/profile/second-step/qr.svg").status_code == 404, "the secret is not told again"
        assert [mail.letter for mail in rows(select(Mail))] == ["second_step_set"]
        assert log_in(client).location == "/second-step"

    def test_the_codes_can_be_saved_and_nothing_else_can(self, browser_of, cast, telephone):
        michael = browser_of(cast.michael)
        saved = michael.submit("/centre/profile/second-step/codes.txt", {"code": [*telephone.codes, "<b>AAAAA-AAAAA"]})
        assert saved.mimetype == "text/plain" and "attachment" in saved.headers["Content-Disposition"]
        assert CODE.findall(saved.text) == telephone.codes
        assert "<b>" not in saved.text
        rita = browser_of(cast.rita)
        assert rita.submit("/centre/profile/second-step/codes.txt", {"code": telephone.codes}).status_code == 422

    def test_the_qr_code_holds_the_secret(self, browser_of, cast):
        import zxingcpp
        from PIL import Image, ImageDraw

        michael = browser_of(cast.michael)
        begin(michael)
        drawing = michael.get("/centre/profile/second-step/qr.svg").text
        side = int(re.search(r'viewBox="0 0 (\d+)', drawing).group(1))
        picture = Image.new("L", (side * 4, side * 4), 255)
        pen = ImageDraw.Draw(picture)
        for left, top, width, height in re.findall(r"M(\d+) (\d+)h(\d+)v(\d+)h-", drawing):
            x, y = int(left) * 4, int(top) * 4
            pen.rectangle((x, y, x + int(width) * 4 - 1, y + int(height) * 4 - 1), fill=0)
        found = zxingcpp.read_barcodes(picture)
        assert found and found[0].text.startswith("otpauth://totp/") and "secret=" in found[0].text

    @pytest.mark.parametrize("password", ["", "not the password"])
    def test_setting_up_takes_the_password(self, browser_of, cast, rows, password):
        michael = browser_of(cast.michael)
        answer = begin(michael, password)
        assert answer.status_code == 422 and 'id="current-error"' in answer.text
        assert rows(select(SecondStep)) == []
        assert secret_on(michael.get("/centre/profile/second-step")) is None

    def test_wrong_passwords_there_are_counted_like_those_of_signing_in(self, browser_of, cast, rows):
        michael = browser_of(cast.michael)
        answers = [begin(michael, "not the password").status_code for _ in range(6)]
        assert (answers[0], answers[-1], begin(michael).status_code) == (422, 429, 429)
        assert rows(select(SecondStep)) == []

    def test_what_one_browser_began_no_other_one_reads_or_confirms(self, browser_of, cast, rows):
        here, there = browser_of(cast.michael), browser_of(cast.michael)
        begin(here)
        secret = secret_on(here.get("/centre/profile/second-step"))
        assert secret and secret_on(there.get("/centre/profile/second-step")) is None
        assert there.get("/centre/profile/second-step/qr.svg").status_code == 404
        code = {"code": pyotp.TOTP(secret).at(clock.now())}
        refused = there.submit("/centre/profile/second-step/confirm", code)
        assert refused.status_code == 422 and "Begin with setting up" in errors_in(refused)
        begin(there)
        assert secret_on(there.get("/centre/profile/second-step")) not in (secret, None)
        assert secret_on(here.get("/centre/profile/second-step")) is None, "made anew, and of the other browser now"
        assert here.submit("/centre/profile/second-step/confirm", code).status_code == 422
        assert rows(select(SecondStep))[0].confirmed_at is None

    def test_switching_it_on_ends_every_other_session_and_says_so(self, browser_of, cast, rows):
        there, rita, here = browser_of(cast.michael), browser_of(cast.rita), browser_of(cast.michael)
        begin(here)
        page = here.get("/centre/profile/second-step")
        assert "every other browser" in page.text
        done = here.submit("/centre/profile/second-step/confirm", {"code": pyotp.TOTP(secret_on(page)).at(clock.now())})
        assert done.status_code == 200 and "Every other browser is logged out." in done.text
        assert (is_in(here), is_in(there), is_in(rita)) == (True, False, True)
        assert here.submit("/centre/profile/second-step/codes.txt", {"code": codes_on(done)}).status_code == 200
        actions = [entry.action for entry in rows(select(AuditEntry).order_by(AuditEntry.id))]
        assert actions[-2:] == ["SecondStepChanged", "SignedOut"]


class TestSigningIn:
    def test_after_the_password_there_is_no_session_yet(self, client, log_in, telephone, rows):
        answer = log_in(client)
        assert (answer.status_code, answer.location) == (302, "/second-step")
        assert rows(select(UserSession)) == []
        assert not is_in(client)
        page = client.submit("/second-step", {"code": telephone.code()})
        assert (page.status_code, page.location) == (302, "/centre/")
        assert is_in(client)

    def test_one_goes_where_one_wanted_to_go(self, client, log_in, telephone):
        log_in(client, query="?next=centre.records")
        assert client.submit("/second-step", {"code": telephone.code()}).location == "/centre/records"

    def test_nothing_of_the_time_before_is_taken_along(self, client, log_in, telephone):
        with client.session_transaction() as session:
            session["planted"] = "yes"
        log_in(client)
        with client.session_transaction() as session:
            before = dict(session)
        client.submit("/second-step", {"code": telephone.code()})
        with client.session_transaction() as session:
            assert "planted" not in session and "second-step" not in session
            assert session.get("csrf_token") != before.get("csrf_token", "")

    @pytest.mark.parametrize("steps", [-1, 0, 1])
    def test_clocks_may_differ_by_one_step(self, app, client, log_in, cast, telephone, steps):
        with app.app_context(), unit_of_work(SYSTEM):
            db.session.get_one(SecondStep, cast.michael).last_counter = 0
        log_in(client)
        assert client.submit("/second-step", {"code": telephone.code(steps)}).status_code == 302

    @pytest.mark.parametrize("steps", [-2, 2])
    def test_but_not_by_two(self, app, client, log_in, cast, telephone, steps):
        with app.app_context(), unit_of_work(SYSTEM):
            db.session.get_one(SecondStep, cast.michael).last_counter = 0
        log_in(client)
        assert client.submit("/second-step", {"code": telephone.code(steps)}).status_code == 422

    def test_a_code_counts_once(self, app, log_in, telephone, rows):
        code = telephone.code(1)
        for expected in (302, 422):
            browser = app.test_client()
            log_in(browser)
            assert browser.submit("/second-step", {"code": code}).status_code == expected
        browser = app.test_client()
        log_in(browser)
        assert browser.submit("/second-step", {"code": telephone.code()}).status_code == 422, "nor one before it"

    def test_a_recovery_code_lets_in_once_however_it_is_typed(self, app, log_in, telephone, rows):
        code = telephone.codes[3]
        for expected in (302, 422):
            browser = app.test_client()
            log_in(browser)
            answer = browser.submit("/second-step", {"code": f" {code.lower().replace('-', ' ')} "})
            assert answer.status_code == expected
        used = [row for row in rows(select(RecoveryCode)) if row.used_at]
        assert len(used) == 1
        what = [
            row.detail.get("what") for row in rows(select(AuditEntry).where(AuditEntry.action == "SecondStepChanged"))
        ]
        assert "used a recovery code" in what

    def test_the_recovery_code_of_somebody_else_is_none(self, app, client, log_in, cast, telephone):
        theirs = Telephone(app, cast.rita)
        log_in(client)
        assert client.submit("/second-step", {"code": theirs.codes[0]}).status_code == 422

    @pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "0" * 5000, "<b>", "\x00", "12 34 5"])
    def test_what_is_no_code_is_said_at_the_field(self, client, log_in, telephone, code):
        log_in(client)
        answer = client.submit("/second-step", {"code": code})
        assert answer.status_code == 422
        assert 'id="code-error"' in answer.text
        assert not is_in(client)

    def test_five_wrong_codes_and_one_has_to_wait_even_with_a_right_one(self, app, log_in, telephone, rows):
        browser = app.test_client()
        log_in(browser)
        answers = [browser.submit("/second-step", {"code": "000000"}).status_code for _ in range(5)]
        refused = browser.submit("/second-step", {"code": telephone.code()})
        assert [*answers, refused.status_code] == [422] * 5 + [429]
        assert int(refused.headers["Retry-After"]) > 60
        other = app.test_client()
        log_in(other)
        assert other.submit("/second-step", {"code": telephone.code()}).status_code == 429, "counted for the account"
        assert any(row.key.startswith("second-step:") for row in rows(select(Throttle)))

    def test_wrong_codes_are_in_the_trail_and_no_code_is(self, client, log_in, telephone, rows):
        log_in(client)
        client.submit("/second-step", {"code": "000000"})
        entries = rows(select(AuditEntry).where(AuditEntry.action == "SignInRefused"))
        assert [entry.subject for entry in entries] == [MICHAEL]
        assert "000000" not in repr([entry.detail for entry in entries])

    def test_the_waiting_ends_after_ten_minutes(self, app, client, log_in, telephone):
        log_in(client)
        with app.app_context(), unit_of_work(SYSTEM):
            waiting = db.session.scalars(select(OneTimeToken)).one()
            assert waiting.expires_at - waiting.created_at == timedelta(minutes=10)
            waiting.expires_at = clock.now() - timedelta(minutes=1)
        assert client.submit("/second-step", {"code": telephone.code()}).status_code == 410

    def test_another_browser_without_the_cookie_gets_nothing(self, app, client, log_in, telephone):
        log_in(client)
        stranger = app.test_client()
        assert stranger.get("/second-step").status_code == 410
        assert stranger.submit("/second-step", {"code": telephone.code()}).status_code == 410

    def test_the_cookie_of_the_waiting_is_worth_nothing_afterwards(self, app, client, log_in, telephone):
        log_in(client)
        copied = client.get_cookie("portal").value
        client.submit("/second-step", {"code": telephone.code()})
        thief = app.test_client()
        thief.set_cookie("portal", copied)
        assert thief.submit("/second-step", {"code": telephone.code(1)}).status_code == 410
        assert not is_in(thief)

    def test_a_lock_meanwhile_keeps_out(self, app, client, log_in, cast, telephone):
        log_in(client)
        with app.app_context(), unit_of_work(SYSTEM):
            user = db.session.get_one(User, cast.michael)
            user.locked_until = clock.now() + timedelta(days=1)
        answer = client.submit("/second-step", {"code": telephone.code()})
        assert answer.status_code == 422 and "locked until" in errors_in(answer)
        assert not is_in(client)

    def test_rights_that_changed_meanwhile_end_the_waiting(self, app, client, log_in, cast, telephone):
        log_in(client)
        with app.app_context(), unit_of_work(SYSTEM) as record:
            accounts.end_access(record, db.session.get_one(User, cast.michael), why="test")
        assert client.submit("/second-step", {"code": telephone.code()}).status_code == 410

    def test_a_new_password_leaves_the_second_step_on(self, app, client, log_in, cast, telephone):
        with app.app_context(), unit_of_work(SYSTEM) as record:
            user = db.session.get_one(User, cast.michael, with_for_update=True)
            accounts.set_password(record, user, user.password_hash, must_change=False, why="test")
        assert log_in(client).location == "/second-step"

    def test_a_wrong_password_says_nothing_of_a_second_step(self, app, log_in, telephone):
        known, other = app.test_client(), app.test_client()
        first = log_in(known, password="wrong horse battery 1")
        second = log_in(other, email="rita.rival@portal.example", password="wrong horse battery 1")
        assert (first.status_code, errors_in(first)) == (second.status_code, errors_in(second))

    def test_another_secret_key_makes_no_code_right(self, app, client, log_in, cast, telephone):
        with app.app_context(), unit_of_work(SYSTEM):
            db.session.execute(
                update(SecondStep).values(secret=second_step._locker("other").encrypt(b"A" * 32).decode())
            )
        log_in(client)
        assert client.submit("/second-step", {"code": telephone.code()}).status_code == 422


class TestSwitchingOff:
    def test_it_takes_the_password_and_a_code(self, browser_of, cast, telephone, rows, client, log_in):
        michael = browser_of(cast.michael)
        for data, wrong in (
            ({"current": PASSWORD, "code": "000000"}, "code"),
            ({"current": "not the password", "code": telephone.code()}, "current"),
            ({"current": "", "code": telephone.code()}, "current"),
        ):
            answer = michael.submit("/centre/profile/second-step/off", data)
            assert answer.status_code == 422
            assert re.search(f'id="(off-)?{wrong}-error"', answer.text)
        answer = michael.submit("/centre/profile/second-step/off", {"current": PASSWORD, "code": telephone.code()})
        assert answer.status_code == 302
        assert rows(select(SecondStep)) == rows(select(RecoveryCode)) == []
        assert rows(select(Mail))[-1].letter == "second_step_removed"
        assert log_in(client).location == "/centre/"

    def test_new_recovery_codes_make_the_older_ones_worthless(self, app, browser_of, cast, telephone, log_in):
        michael = browser_of(cast.michael)
        assert michael.submit("/centre/profile/second-step/codes", {"code": "000000"}).status_code == 422
        page = michael.submit("/centre/profile/second-step/codes", {"code": telephone.code()})
        fresh = codes_on(page)
        assert len(fresh) == 10 and not set(fresh) & set(telephone.codes)
        for code, expected in ((telephone.codes[0], 422), (fresh[0], 302)):
            browser = app.test_client()
            log_in(browser)
            assert browser.submit("/second-step", {"code": code}).status_code == expected

    def test_the_awarding_body_takes_it_off_and_tells(self, app, browser_of, cast, telephone, rows):
        issuer = browser_of(cast.issuer)
        assert issuer.submit(f"/issuer/users/{cast.michael}/second-step/remove").status_code == 302
        assert rows(select(SecondStep)) == []
        mail = rows(select(Mail))[-1]
        assert (mail.recipient, mail.letter, mail.values["by_others"]) == (MICHAEL, "second_step_removed", True)
        entry = rows(select(AuditEntry).where(AuditEntry.action == "SecondStepChanged"))[-1]
        assert (entry.actor_name, entry.subject) == ("Ida Issuer", f"user {cast.michael}")
        again = issuer.submit(f"/issuer/users/{cast.michael}/second-step/remove")
        assert again.status_code == 302, "said, and nothing done"

    def test_nobody_takes_off_the_own_one_that_way(self, app, browser_of, cast, rows):
        Telephone(app, cast.issuer)
        browser_of(cast.issuer).submit(f"/issuer/users/{cast.issuer}/second-step/remove")
        assert len(rows(select(SecondStep))) == 1


class TestCompulsory:
    @pytest.fixture(autouse=True)
    def required(self, app, monkeypatch):
        monkeypatch.setitem(app.config, "TWO_STEP_REQUIRED", frozenset({"issuer", "centre_admin"}))

    def test_it_is_set_up_before_anything_else_opens(self, app, client, log_in, cast, rows):
        assert log_in(client).location == "/second-step"
        assert client.get("/second-step").location == "/second-step/set-up"
        for path in ("/centre/", "/centre/profile", "/centre/profile/second-step", "/centre/jobs"):
            assert client.get(path).location.startswith("/centre/login"), path
        assert rows(select(UserSession)) == []
        assert client.get("/second-step/qr.svg").status_code == 404
        assert client.submit("/second-step/begin").location == "/second-step/set-up"
        page = client.get("/second-step/set-up")
        secret = re.search(r'second-step__key">([A-Z2-7 ]+)<', page.text).group(1).replace(" ", "")
        assert client.get("/second-step/qr.svg").mimetype == "image/svg+xml"
        assert client.submit("/second-step/set-up", {"code": "000000"}).status_code == 422
        assert not is_in(client)
        done = client.submit("/second-step/set-up", {"code": pyotp.TOTP(secret).at(clock.now())})
        assert done.status_code == 200 and len(codes_on(done)) == 10
        assert is_in(client)

    def test_a_secret_that_was_read_before_is_worth_nothing_to_whoever_has_the_password(
        self, app, client, log_in, rows
    ):
        thief = app.test_client()
        log_in(thief)
        thief.submit("/second-step/begin")
        stolen = secret_on(thief.get("/second-step/set-up"))
        assert stolen
        log_in(client)
        assert rows(select(SecondStep)) == [], "each sign-in makes its own"
        assert secret_on(client.get("/second-step/set-up")) is None
        code = {"code": pyotp.TOTP(stolen).at(clock.now())}
        assert client.submit("/second-step/set-up", code).status_code == 422
        client.submit("/second-step/begin")
        assert secret_on(client.get("/second-step/set-up")) not in (stolen, None)
        assert client.submit("/second-step/set-up", code).status_code == 422
        assert thief.submit("/second-step/set-up", code).status_code == 410

    def test_a_session_of_the_time_before_neither_reads_the_secret_nor_outlives_it(
        self, browser_of, cast, client, log_in
    ):
        older = browser_of(cast.michael)
        begin(older)
        log_in(client)
        client.submit("/second-step/begin")
        secret = secret_on(client.get("/second-step/set-up"))
        assert secret and secret_on(older.get("/centre/profile/second-step")) is None
        done = client.submit("/second-step/set-up", {"code": pyotp.TOTP(secret).at(clock.now())})
        assert done.status_code == 200
        assert (is_in(client), is_in(older)) == (True, False)

    def test_ordinary_users_are_not_asked(self, client, log_in):
        assert log_in(client, email="anew.user@portal.example").location == "/centre/"

    def test_it_cannot_be_switched_off(self, browser_of, cast, telephone, rows):
        michael = browser_of(cast.michael)
        answer = michael.submit("/centre/profile/second-step/off", {"current": PASSWORD, "code": telephone.code()})
        assert answer.status_code == 422
        assert len(rows(select(SecondStep))) == 1

    def test_whoever_has_one_gives_the_code_and_sets_up_nothing(self, client, log_in, telephone):
        log_in(client)
        assert client.get("/second-step/set-up").location == "/second-step"
        assert client.submit("/second-step/begin").status_code == 410


class TestDemoted:
    @pytest.fixture(autouse=True)
    def demoted(self, app, cast, telephone):
        with app.app_context(), unit_of_work(VISITOR):
            db.session.get_one(User, cast.michael).role = Role.CENTRE_USER

    def test_a_demoted_admin_still_gives_the_code(self, client, log_in):
        assert log_in(client).location == "/second-step"

    def test_and_makes_new_recovery_codes(self, browser_of, cast, telephone):
        michael = browser_of(cast.michael)
        assert "/centre/profile/second-step" in michael.get("/centre/profile").text
        assert michael.get("/centre/profile/second-step").status_code == 200
        page = michael.submit("/centre/profile/second-step/codes", {"code": telephone.code()})
        assert len(codes_on(page)) == 10
        assert michael.submit("/centre/profile/second-step/codes.txt", {"code": codes_on(page)}).status_code == 200

    def test_and_switches_it_off_for_good(self, browser_of, cast, telephone, rows, client, log_in):
        michael = browser_of(cast.michael)
        wrong = michael.submit("/centre/profile/second-step/off", {"current": PASSWORD, "code": "000000"})
        assert wrong.status_code == 422 and len(rows(select(SecondStep))) == 1
        answer = michael.submit("/centre/profile/second-step/off", {"current": PASSWORD, "code": telephone.code()})
        assert (answer.status_code, answer.location) == (302, "/centre/profile")
        assert rows(select(SecondStep)) == rows(select(RecoveryCode)) == []
        assert michael.get("/centre/profile/second-step").status_code == 403
        assert begin(michael).status_code == 403, "an ordinary user sets none up"
        assert log_in(client).location == "/centre/"
