"""Users of a centre, by the pages: who sees whom, creating, changing, locking, deleting, and bringing back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal import clock
from portal.access.actor import SYSTEM
from portal.database import db
from portal.models.mails import Mail
from portal.models.sign_in import UserSession
from portal.models.users import RESTORABLE_FOR, User
from portal.services import accounts, contacts, throttles, users
from portal.unit_of_work import unit_of_work
from portal.vocabulary import Post, Role, UserStatus
from tests.services.people import PASSWORD, People
from tests.world import Client

Words = Callable[[Any], str]
NEW = "copper meadow window 77"
PETRA = {
    "username": "petra@portal.example",
    "first_name": "Petra",
    "last_name": "New",
    "email": "petra@portal.example",
    "password": NEW,
    "confirm": NEW,
}
LOCK = {"until": (clock.today() + timedelta(days=9)).isoformat(), "reason": users.LOCK_REASONS[2], "information": ""}
EXTRA = {
    "is_admin": "1",
    "role": "issuer",
    "centre_id": "2",
    "email_confirmed": "1",
    "email_confirmed_at": "2020-01-01",
    "password_hash": "x",
    "must_change_password": "",
    "deleted_at": "2020-01-01",
    "auth_epoch": "1",
    "locked_until": "2030-01-01",
    "id": "1",
    "learner_id": "1",
}
"""Twelve fields that no page of users asks for."""


@pytest.fixture
def found(app: Flask) -> Callable[[int | str], User]:
    """A function that reads a user as they are now, by id or address."""

    def act(whom: int | str) -> User:
        with app.app_context():
            column = User.id if isinstance(whom, int) else User.email
            user = db.session.scalars(select(User).where(column == whom)).one()
            db.session.expunge(user)
            return user

    return act


@pytest.fixture
def acting(app: Flask) -> Callable[..., Any]:
    """A function that does something as the portal itself."""

    def act(verb: Callable[..., Any], *args: Any, **values: Any) -> Any:
        with app.app_context():
            return verb(*args, actor=SYSTEM, **values)

    return act


def row_of(answer: Any, user_id: int) -> str:
    part = answer.text.partition(f'<tr class="grid__row" data-id="{user_id}">')[2].partition("</tr>")[0]
    return " ".join(re.sub(r"<[^>]*>", " ", part).split())


def filled(page: Any, **changes: str) -> dict[str, str]:
    """The form of the Edit page as a browser would send it, with changes."""
    values: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", page.text.partition('class="user-form"')[2].partition("</form>")[0]):
        name, value = re.search(r' name="(\w+)"', tag), re.search(r' value="([^"]*)"', tag)
        if name and name[1] != "csrf_token" and ('type="checkbox"' not in tag or " checked" in tag):
            values[name[1]] = value[1] if value else ""
    values |= changes
    return {name: value for name, value in values.items() if value != "OFF"}


# ── The list ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_list_says_of_each_user_what_the_guide_says(michael: Client, cast: People) -> None:
    page = michael.get("/centre/users")
    for heading in ("Name", "Email", "Username", "Status", "Is Admin", "Email Confirmed", "Actions"):
        assert re.search(rf'scope="col"[^>]*>.{{0,300}}{heading}', page.text, re.S), heading
    address = "michael.white@portal.example"
    assert row_of(page, cast.michael).startswith(f"MW Michael White {address} {address} Active Yes Yes Edit")
    assert "Anew User" in row_of(page, cast.anew)
    assert "Rita" not in page.text and "Connor" not in page.text


@pytest.mark.parametrize(
    ("status", "shown"), [("", "Anew Michael"), ("active", "Anew Michael"), ("locked", ""), ("inactive", "")]
)
def test_the_menu_leads_to_four_views(michael: Client, words: Words, status: str, shown: str) -> None:
    page = michael.get("/centre/users" + (f"?status={status}" if status else ""))
    menu = page.text.partition('<nav class="site-menu"')[2].partition("</nav>")[0]
    links = re.findall(r'href="(/centre/users[^"]*)"([^>]*)><span>(\w+)', menu)
    assert [label for _, _, label in links] == ["All", "Active", "Locked", "Inactive"]
    assert [label for _, more, label in links if "aria-current" in more] == [status.capitalize() or "All"]
    names = re.findall(r"<bdi>(\w+)", page.text.partition("<tbody")[2])
    assert " ".join(names) == shown


def test_a_user_without_the_right_is_told_how_to_ask_for_it(
    anew: Client, app: Flask, cast: People, words: Words, acting: Callable[..., Any]
) -> None:
    holder = contacts.Holder("Helen <b>Marsh</b>", "Principal@Riverside.example", "01632 960101")
    acting(contacts.change_contacts, cast.riverside, {Post.CENTRE: holder})
    refused = anew.get("/centre/users")
    assert refused.status_code == 403
    assert 'href="/centre/contacts"' in refused.text
    assert "Users</span>" not in anew.get("/centre/").text.partition("</nav>")[0]
    page = anew.get("/centre/contacts")
    for post in ("Head of Exams", "Head of Finance", "Head of Curriculum", "Head of Centre", "Quality Assurance"):
        assert post in words(page)
    assert "Helen &lt;b&gt;Marsh&lt;/b&gt;" in page.text
    assert "mailto:support@seg.example?subject=Centre%20Portal%20Admin%20Account" in page.text


# ── Creating ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_user_is_created_with_a_password_to_pass_on(
    michael: Client, found: Callable[..., User], words: Words, cast: People
) -> None:
    assert "72 hours" in words(michael.get("/centre/users/new"))
    answer = michael.submit("/centre/users/new", PETRA | EXTRA)
    assert (answer.status_code, answer.location) == (302, "/centre/users")
    petra = found("petra@portal.example")
    assert (petra.role, petra.centre_id, petra.active) == (Role.CENTRE_USER, cast.riverside, True)
    assert petra.must_change_password
    left = petra.password_expires_at - clock.now()  # type: ignore[operator]
    assert timedelta(hours=71) < left <= accounts.HANDED_OVER_FOR
    page = michael.get("/centre/users")
    assert "Pass the password on" in words(page)
    assert "Petra New petra@portal.example petra@portal.example Active No Yes" in row_of(page, petra.id)
    assert NEW not in page.text


def test_a_user_can_be_invited_instead(michael: Client, app: Flask, found: Callable[..., User], words: Words) -> None:
    answer = michael.submit(
        "/centre/users/new", PETRA | {"invite": "y", "password": "", "confirm": ""}, follow_redirects=True
    )
    assert "The invitation is on its way to petra@portal.example." in words(answer)
    petra = found("petra@portal.example")
    assert (petra.password_hash, petra.email_confirmed_at) == ("", None)
    with app.app_context():
        assert db.session.scalars(select(Mail.letter)).all() == ["invitation"]
    assert "Resend confirmation" in row_of(michael.get("/centre/users"), petra.id)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"username": ""}, "username"),
        ({"username": "a b"}, "username"),
        ({"first_name": " "}, "first_name"),
        ({"last_name": "x" * 101}, "last_name"),
        ({"email": "nobody"}, "email"),
        ({"email": "rita.rival@portal.example", "username": "rita.rival@portal.example"}, "email"),
        ({"password": "short", "confirm": "short"}, "password"),
        ({"password": "petra@portal.example", "confirm": "petra@portal.example"}, "password"),
        ({"confirm": "something else"}, "confirm"),
        ({"password": ""}, "password"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(michael: Client, app: Flask, changed: dict[str, str], field: str) -> None:
    with app.app_context():
        before = db.session.scalar(select(func.count(User.id)))
    answer = michael.submit("/centre/users/new", PETRA | changed)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert NEW not in answer.text
    with app.app_context():
        assert db.session.scalar(select(func.count(User.id))) == before


# ── Changing ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_everything_can_be_changed_on_one_page_and_nothing_else(
    michael: Client, cast: People, found: Callable[..., User]
) -> None:
    page = michael.get(f"/centre/users/{cast.anew}")
    changes = {"first_name": "Anya", "middle_name": "Q", "last_name": "Usher", "phone": "01632 960999"}
    answer = michael.submit(f"/centre/users/{cast.anew}", filled(page, **changes, username="anya") | EXTRA)
    assert answer.location == "/centre/users"
    anya = found(cast.anew)
    assert (anya.full_name, anya.phone, anya.username) == ("Anya Q Usher", "01632 960999", "anya")
    assert (anya.role, anya.centre_id, anya.active) == (Role.CENTRE_USER, cast.riverside, True)
    assert (anya.auth_epoch, anya.locked_until, anya.deleted_at) == (1, None, None)
    assert anya.must_change_password is False


def test_a_new_address_waits_until_it_is_confirmed_and_the_username_stays(
    michael: Client, anew: Client, app: Flask, cast: People, found: Callable[..., User], words: Words
) -> None:
    page = michael.get(f"/centre/users/{cast.anew}")
    assert "the new address has to be confirmed" in words(page)
    michael.submit(f"/centre/users/{cast.anew}", filled(page, email="not.anew@portal.example"))
    assert row_of(michael.get("/centre/users"), cast.anew).startswith(
        "AU Anew User not.anew@portal.example anew.user@portal.example Active No No"
    )
    assert anew.get("/centre/").status_code == 302
    with app.app_context():
        letters = db.session.execute(select(Mail.recipient, Mail.letter).order_by(Mail.id)).all()
    assert ("not.anew@portal.example", "email_confirmation") in letters
    assert ("anew.user@portal.example", "email_changed") in letters
    answer = app.test_client().submit("/centre/login", {"email": "anew.user@portal.example", "password": PASSWORD})
    assert "confirm your email address" in words(answer)


def test_an_address_in_use_gets_one_answer_wherever_it_is_used(
    michael: Client, cast: People, found: Callable[..., User]
) -> None:
    answers = []
    for taken in ("michael.white@portal.example", "rita.rival@portal.example", "connor.random@portal.example"):
        page = michael.get(f"/centre/users/{cast.anew}")
        answer = michael.submit(f"/centre/users/{cast.anew}", filled(page, email=taken))
        assert answer.status_code == 422
        answers.append(re.sub(r'name="csrf_token"[^>]*', "", answer.text).replace(taken, ""))
    assert answers[0] == answers[1] == answers[2]
    assert users.TAKEN in answers[0]
    assert found(cast.anew).email == "anew.user@portal.example"


def test_inactive_and_admin_are_ticked_and_end_the_sessions(
    michael: Client, anew: Client, cast: People, found: Callable[..., User]
) -> None:
    path = f"/centre/users/{cast.anew}"
    assert anew.get("/centre/").status_code == 200
    michael.submit(path, filled(michael.get(path), admin="y"))
    assert found(cast.anew).role is Role.CENTRE_ADMIN
    assert anew.get("/centre/").status_code == 302
    michael.submit(path, filled(michael.get(path), active="OFF", admin="OFF"))
    assert (found(cast.anew).active, found(cast.anew).role) == (False, Role.CENTRE_USER)
    assert "Inactive" in row_of(michael.get("/centre/users"), cast.anew)


def test_whoever_was_quicker_is_not_overwritten(
    michael: Client, cast: People, found: Callable[..., User], acting: Callable[..., Any], words: Words
) -> None:
    path = f"/centre/users/{cast.anew}"
    page = michael.get(path)
    acting(users.set_active, cast.anew, False)
    answer = michael.submit(path, filled(page, first_name="Anya"))
    assert answer.status_code == 409
    assert "Somebody changed this user" in words(answer)
    assert 'value="Anya"' in answer.text
    assert (found(cast.anew).active, found(cast.anew).first_name) == (False, "Anew")
    # What was typed is still there, and goes with the next save.
    assert michael.submit(path, filled(answer, active="OFF")).status_code == 302
    assert (found(cast.anew).active, found(cast.anew).first_name) == (False, "Anya")


def test_another_password_is_handed_over_and_the_old_one_is_void(
    michael: Client, anew: Client, app: Flask, cast: People, words: Words
) -> None:
    path = f"/centre/users/{cast.anew}/password"
    assert michael.submit(path, {"password": NEW, "confirm": "another"}).status_code == 422
    assert michael.submit(path, {"password": NEW, "confirm": NEW}).location == f"/centre/users/{cast.anew}"
    assert anew.get("/centre/").status_code == 302
    page = michael.get(f"/centre/users/{cast.anew}")
    assert "has not been changed yet" in words(page) and "Send a link instead" in words(page)
    email = "anew.user@portal.example"
    visitor = app.test_client()
    assert visitor.submit("/centre/login", {"email": email, "password": PASSWORD}).status_code == 422
    assert visitor.submit("/centre/login", {"email": email, "password": NEW}).status_code == 302
    assert michael.submit(f"/centre/users/{cast.anew}/invite").status_code == 302
    with app.app_context():
        assert "invitation" in db.session.scalars(select(Mail.letter).where(Mail.recipient == email)).all()
    assert (
        michael.submit(f"/centre/users/{cast.michael}/password", {"password": NEW, "confirm": NEW}).status_code == 409
    )


def test_the_own_address_and_username_are_changed_elsewhere(
    michael: Client, cast: People, found: Callable[..., User], words: Words
) -> None:
    path = f"/centre/users/{cast.michael}"
    for changed, field in (("email", "email"), ("username", "username")):
        value = "thief@portal.example"
        answer = michael.submit(path, filled(michael.get(path), first_name="Mike", **{changed: value}))
        assert answer.status_code == 409
        assert f'id="{field}-error"' in answer.text
        assert 'value="Mike"' in answer.text and f'value="{value}"' in answer.text
    assert "Change your own email address on your profile." in words(
        michael.submit(path, filled(michael.get(path), email="thief@portal.example"))
    )
    me = found(cast.michael)
    assert (me.first_name, me.email, me.username) == ("Michael", *["michael.white@portal.example"] * 2)


@pytest.mark.parametrize("door", ["centre", "issuer"])
def test_too_many_new_addresses_are_answered_at_the_form(
    michael: Client,
    browser_of: Callable[[int], Client],
    cast: People,
    app: Flask,
    words: Words,
    monkeypatch: pytest.MonkeyPatch,
    door: str,
) -> None:
    monkeypatch.setattr(throttles, "ACCOUNTS", replace(throttles.ACCOUNTS, most=0))
    monkeypatch.setattr(throttles, "LINK_MAILS", replace(throttles.LINK_MAILS, most=0))
    with app.app_context(), unit_of_work(SYSTEM):
        db.session.get_one(User, cast.anew).email_confirmed_at = None
    browser = michael if door == "centre" else browser_of(cast.issuer)
    edit = f"/{door}/users/{cast.anew}"
    answers = {
        edit: filled(browser.get(edit), email="new.address@portal.example", first_name="Anya"),
        f"{edit}/password": {"password": NEW, "confirm": NEW},
    }
    if door == "centre":
        answers["/centre/users/new"] = PETRA | {"first_name": "Anya"}
    else:
        admin = {"email": "petra@portal.example", "first_name": "Anya", "last_name": "New", "way": "invite"}
        answers[f"/issuer/centres/{cast.riverside}/admins/new"] = admin
    for path, values in answers.items():
        answer = browser.submit(path, values)
        assert answer.status_code == 429, path
        assert int(answer.headers["Retry-After"]) > 60
        limit = throttles.LINK_MAILS if path.endswith("/password") else throttles.ACCOUNTS
        assert limit.sentence in words(answer)
        assert path.endswith("/password") or 'value="Anya"' in answer.text


# ── Locking ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_lock_shows_at_once_and_is_told_only_to_who_knows_the_password(
    michael: Client, anew: Client, app: Flask, cast: People, words: Words
) -> None:
    dialog = michael.get(f"/centre/users/{cast.anew}/lock")
    for reason in ("Staff member is on long term sick", "Learner has outstanding debt", users.LOCK_REASONS[2]):
        assert f'<option value="{reason}"' in dialog.text
    assert anew.get("/centre/").status_code == 200
    note = {"information": "Between us."}
    answer = michael.submit(f"/centre/users/{cast.anew}/lock", LOCK | note, follow_redirects=True)
    assert "Anew User is locked." in words(answer)
    assert f"Locked until {clock.uk_date(clock.today() + timedelta(days=9))}" in row_of(answer, cast.anew)
    assert anew.get("/centre/").status_code == 302
    with app.app_context():
        assert db.session.scalar(select(func.count()).where(UserSession.user_id == cast.anew)) == 0
    email, visitor = "anew.user@portal.example", app.test_client()
    told = words(visitor.submit("/centre/login", {"email": email, "password": PASSWORD}))
    assert "Staff member has been suspended" in told and "Between us" not in told
    assert "suspended" not in words(visitor.submit("/centre/login", {"email": email, "password": "wrong words 12"}))
    michael.submit(f"/centre/users/{cast.anew}/unlock")
    assert visitor.submit("/centre/login", {"email": email, "password": PASSWORD}).status_code == 302


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"until": ""}, "until"),
        ({"until": "2020-06-18"}, "until"),
        ({"until": clock.today().isoformat()}, "until"),
        ({"until": "31/02/2030"}, "until"),
        ({"until": "9999-12-31"}, "until"),
        ({"until": "tomorrow"}, "until"),
        ({"reason": ""}, "reason"),
        ({"reason": "Because I say so"}, "reason"),
        ({"information": "x" * 5001}, "information"),
    ],
)
def test_a_wrong_lock_locks_nobody(
    michael: Client, cast: People, found: Callable[..., User], changed: dict[str, str], field: str
) -> None:
    answer = michael.submit(f"/centre/users/{cast.anew}/lock", LOCK | changed)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert found(cast.anew).locked_until is None


def test_the_list_of_reasons_is_configuration(michael: Client, cast: People, app: Flask, found: Any) -> None:
    before, app.config["USER_LOCK_REASONS"] = app.config["USER_LOCK_REASONS"], ("Gone fishing",)
    try:
        assert "Gone fishing" in michael.get(f"/centre/users/{cast.anew}/lock").text
        assert michael.submit(f"/centre/users/{cast.anew}/lock", LOCK).status_code == 422
        done = michael.submit(f"/centre/users/{cast.anew}/lock", LOCK | {"reason": "Gone fishing"})
        assert done.status_code == 302
    finally:
        app.config["USER_LOCK_REASONS"] = before
    assert found(cast.anew).lock_reason == "Gone fishing"


# ── Deleting ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_click_deletes_and_undo_brings_back(
    michael: Client, anew: Client, cast: People, found: Callable[..., User], words: Words
) -> None:
    answer = michael.submit(f"/centre/users/{cast.anew}/delete")
    assert (answer.status_code, answer.location) == (303, f"/centre/users/{cast.anew}/deleted")
    page = michael.get(answer.location)
    assert "Successfully deleted a user" in words(page) and "Undo" in words(page) and "OK" in words(page)
    assert "data-dialog-content" in page.text
    assert anew.get("/centre/").status_code == 302
    assert row_of(michael.get("/centre/users"), cast.anew) == ""
    gone = row_of(michael.get("/centre/users/deleted"), cast.anew)
    assert clock.uk_date(clock.now() + RESTORABLE_FOR) in gone and "Restore" in gone
    assert michael.submit(f"/centre/users/{cast.anew}/delete").status_code == 404
    answer = michael.submit(f"/centre/users/{cast.anew}/restore", follow_redirects=True)
    assert "Anew User is back." in words(answer)
    assert row_of(answer, cast.anew).startswith("AU Anew User")
    assert michael.get("/centre/users/deleted").text.count('class="grid__row"') == 0


def test_a_rival_neither_sees_nor_restores_who_was_deleted(michael: Client, rita: Client, cast: People) -> None:
    michael.submit(f"/centre/users/{cast.anew}/delete")
    assert "Anew" not in rita.get("/centre/users/deleted").text
    assert rita.get(f"/centre/users/{cast.anew}/deleted").status_code == 404
    assert rita.submit(f"/centre/users/{cast.anew}/restore").status_code == 404
    answer = rita.get(f"/centre/users/deleted?ids={cast.anew}", headers={"X-Grid": "rows"})
    assert json.loads(answer.text)["rows"] == {str(cast.anew): None}


OWN_ACTS: dict[str, Callable[[Client, int], Any]] = {
    "lock": lambda browser, whom: browser.submit(f"/centre/users/{whom}/lock", LOCK),
    "delete": lambda browser, whom: browser.submit(f"/centre/users/{whom}/delete"),
    "inactive": lambda browser, whom: browser.submit(
        f"/centre/users/{whom}", filled(browser.get(f"/centre/users/{whom}"), active="OFF", first_name="Mike")
    ),
    "admin right": lambda browser, whom: browser.submit(
        f"/centre/users/{whom}", filled(browser.get(f"/centre/users/{whom}"), admin="OFF", first_name="Mike")
    ),
}


@pytest.mark.parametrize("act", OWN_ACTS)
def test_nobody_does_it_to_themself_and_is_told_why(
    michael: Client, cast: People, found: Callable[..., User], words: Words, acting: Callable[..., Any], act: str
) -> None:
    acting(users.set_admin, cast.anew, True)
    answer = OWN_ACTS[act](michael, cast.michael)
    assert answer.status_code == 409
    assert "You cannot do this to your own account." in words(answer)
    assert "data-dialog-content" in answer.text or 'value="Mike"' in answer.text
    me = found(cast.michael)
    assert (me.first_name, me.role, me.status_at(clock.now())) == ("Michael", Role.CENTRE_ADMIN, UserStatus.ACTIVE)
    assert me.deleted_at is None


@pytest.mark.parametrize("act", ["delete", "admin right"])
def test_the_last_admin_stays_even_for_the_issuer(
    browser_of: Callable[[int], Client], cast: People, words: Words, act: str, found: Callable[..., User]
) -> None:
    isla = browser_of(cast.issuer)
    if act == "delete":
        answer = isla.submit(f"/issuer/users/{cast.michael}/delete")
    else:
        path = f"/issuer/users/{cast.michael}"
        answer = isla.submit(path, filled(isla.get(path), admin="OFF"))
    assert answer.status_code == 409
    assert "This is the last admin." in words(answer)
    assert (found(cast.michael).role, found(cast.michael).deleted_at) == (Role.CENTRE_ADMIN, None)


# ── The issuer ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_issuer_manages_users_of_every_centre_by_the_same_pages(
    browser_of: Callable[[int], Client], cast: People, found: Callable[..., User], words: Words
) -> None:
    isla = browser_of(cast.issuer)
    for who in asdict(cast).items():
        if who[0] in ("michael", "rita", "connor"):
            assert isla.get(f"/issuer/users/{who[1]}").status_code == 200
    page = isla.get(f"/issuer/users/{cast.anew}?back=centre")
    answer = isla.submit(f"/issuer/users/{cast.anew}?back=centre", filled(page, admin="y"))
    assert answer.location == f"/issuer/centres/{cast.riverside}"
    assert found(cast.anew).role is Role.CENTRE_ADMIN
    answer = isla.submit(f"/issuer/users/{cast.anew}/delete?back=centre", follow_redirects=True)
    assert "Successfully deleted a user" in words(answer)
    assert "Anew User" in words(isla.get("/issuer/users/deleted"))
    assert isla.submit(f"/issuer/users/{cast.anew}/restore?back=deleted").location == "/issuer/users/deleted"
    # A learner's account has no admin right to give.
    assert 'name="admin"' not in isla.get(f"/issuer/users/{cast.connor}").text


def test_the_issuer_keeps_the_main_contacts(
    browser_of: Callable[[int], Client], cast: People, words: Words, anew: Client
) -> None:
    isla, path = browser_of(cast.issuer), f"/issuer/centres/{cast.riverside}/contacts"
    wrong = isla.submit(path, {"exams_email": "exams@riverside.example"})
    assert wrong.status_code == 422 and "Enter the name of this contact." in words(wrong)
    said = {"exams_name": "Edith Ames", "exams_email": "Exams@Riverside.example", "quality_name": "Q"}
    assert isla.submit(path, said).location == f"/issuer/centres/{cast.riverside}"
    assert "Head of Exams Edith Ames exams@riverside.example" in words(isla.get(f"/issuer/centres/{cast.riverside}"))
    assert "Edith Ames" in words(anew.get("/centre/contacts"))
    isla.submit(path, said | {"exams_name": "", "exams_email": ""})
    assert "Edith Ames" not in words(anew.get("/centre/contacts"))
    assert anew.get(path).status_code == 403


def test_a_picture_is_shown_where_there_is_one(michael: Client, cast: People, app: Flask) -> None:
    with app.app_context(), unit_of_work(SYSTEM):
        db.session.get_one(User, cast.anew).picture_sha256 = "ab" * 32
    page = michael.get("/centre/users")
    shown = "centre.picture" in app.view_functions
    assert (f'src="/centre/users/{cast.anew}/picture?v=abababababab"' in page.text) is shown
    assert page.text.count("/picture?v=") == int(shown)


def test_a_space_is_no_lockout_date(michael, cast):
    answer = michael.submit(
        f"/centre/users/{cast.anew}/lock", {"until": " ", "reason": "Staff member has been suspended"}
    )
    assert answer.status_code == 422


def test_a_configured_reason_is_text_whatever_it_holds(app: Flask, michael: Client, cast: People) -> None:
    with app.app_context(), unit_of_work(SYSTEM):
        user = db.session.get_one(User, cast.anew)
        user.locked_until, user.lock_reason = clock.now() + timedelta(days=3), "Attendance under 80% <b>this</b> term"
    page = michael.get("/centre/users")
    assert page.status_code == 200
    assert "Attendance under 80% &lt;b&gt;this&lt;/b&gt; term" in page.text
