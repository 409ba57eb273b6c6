"""Centres, their first admins, brands, users and the audit trail."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal import clock
from portal.database import db
from portal.models.brands import Brand
from portal.models.centres import Centre
from portal.models.mails import Mail
from portal.models.users import User
from portal.vocabulary import Role, UserStatus
from tests.conftest import Batch
from tests.pages.issuer.conftest import words_of
from tests.services.people import People
from tests.world import Client

Row = Callable[[type, int], Any]
Counts = Callable[[], dict[str, int]]

LAKE = {"number": "10099", "name": "Lake College", "brand": "1", "address": "1 Shore\nLake", "contact_email": ""}
ADMIN = {"first_name": "Lara", "last_name": "Lake", "email": "lara@lake.example", "way": "invite", "password": ""}


def test_a_centre_is_created_and_its_first_admin_is_invited(isla: Client, row: Row, app: Flask) -> None:
    answer = isla.submit("/issuer/centres/new", LAKE)
    assert answer.status_code == 302
    centre_id = int(re.search(r"/centres/(\d+)/admins/new", answer.location)[1])  # type: ignore[index]
    found = row(Centre, centre_id)
    assert (found.number, found.name, found.brand_id) == ("10099", "Lake College", 1)
    answer = isla.submit(f"/issuer/centres/{centre_id}/admins/new", ADMIN, follow_redirects=True)
    assert "The invitation is on its way to lara@lake.example." in words_of(answer)
    assert "Lara Lake" in words_of(answer)
    with app.app_context():
        user = db.session.scalars(select(User).where(User.email == "lara@lake.example")).one()
        assert (user.role, user.centre_id, user.email_confirmed_at) == (Role.CENTRE_ADMIN, centre_id, None)
        assert db.session.scalar(select(func.count(Mail.id)).where(Mail.recipient == "lara@lake.example")) == 1


def test_a_first_password_must_be_changed(isla: Client, cast: People, app: Flask) -> None:
    fields = ADMIN | {"way": "password", "password": "lantern orbit thimble 43"}
    answer = isla.submit(f"/issuer/centres/{cast.hillside}/admins/new", fields, follow_redirects=True)
    assert "Hand over the first password" in words_of(answer)
    with app.app_context():
        user = db.session.scalars(select(User).where(User.email == "lara@lake.example")).one()
        assert user.must_change_password
    page = isla.submit(f"/issuer/centres/{cast.hillside}/admins/new", fields | {"email": "not right"})
    assert "lantern orbit" not in page.text


@pytest.mark.parametrize(
    ("changed", "field", "sentence"),
    [
        ({"number": "10042"}, "number", "There is a centre 10042 already."),
        ({"number": ""}, "number", "Enter the centre's number."),
        ({"number": "no spaces!"}, "number", "letters, digits and dashes"),
        ({"number": "1" * 21}, "number", "At most 20"),
        ({"name": " "}, "name", "Enter the centre's name."),
        ({"name": "x" * 201}, "name", "At most 200"),
        ({"name": "Nul\x00"}, "name", "cannot be shown"),
        ({"brand": "99"}, "brand", "Choose one of the list."),
        ({"brand": "x"}, "brand", "Choose one of the list."),
        ({"contact_email": "nobody"}, "contact_email", "Write an email address"),
        ({"address": "x" * 2001}, "address", "At most 2000"),
    ],
)
def test_a_wrong_centre_is_told_at_its_field(
    isla: Client, counts: Counts, changed: dict[str, str], field: str, sentence: str
) -> None:
    before = counts()
    answer = isla.submit("/issuer/centres/new", LAKE | changed)
    assert answer.status_code == 422
    assert sentence in words_of(answer)
    assert f'id="{field}-error"' in answer.text
    assert counts() == before


def test_a_centre_is_changed_and_keeps_its_number(isla: Client, cast: People, row: Row) -> None:
    path = f"/issuer/centres/{cast.riverside}/edit"
    assert isla.submit(path, LAKE | {"name": "Riverside & Lake"}).status_code == 302
    found = row(Centre, cast.riverside)
    assert (found.number, found.name) == ("10042", "Riverside & Lake")


def test_a_centre_shows_its_users_and_jobs_and_nobody_elses(
    isla: Client, cast: People, publish: Callable[..., Batch]
) -> None:
    here, there = publish(rows=1), publish(rows=1, centre_id=cast.hillside)
    users = words_of(isla.get(f"/issuer/centres/{cast.riverside}"))
    assert "Michael White" in users
    assert "Rita Rival" not in users
    jobs = isla.get(f"/issuer/centres/{cast.riverside}/jobs").text
    assert f'data-id="{here.job_id}"' in jobs
    assert f'data-id="{there.job_id}"' not in jobs


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"email": "michael.white@portal.example"}, "email"),
        ({"email": "nobody"}, "email"),
        ({"email": ""}, "email"),
        ({"first_name": ""}, "first_name"),
        ({"first_name": "Nul\x00"}, "first_name"),
        ({"last_name": "x" * 101}, "last_name"),
        ({"way": "magic"}, "way"),
        ({"way": "password", "password": ""}, "password"),
        ({"way": "password", "password": "short"}, "password"),
        ({"way": "password", "password": "x" * 300}, "password"),
    ],
)
def test_a_wrong_admin_is_told_at_the_field(
    isla: Client, cast: People, counts: Counts, changed: dict[str, str], field: str
) -> None:
    before = counts()
    answer = isla.submit(f"/issuer/centres/{cast.riverside}/admins/new", ADMIN | changed)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert counts() == before


# ── Brands ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _brand(isla: Client, **changed: str) -> Any:
    page = isla.get("/issuer/brands/1").text.partition("<main")[2]
    values = {}
    for tag in re.findall(r"<input[^>]*>", page):
        name, value = re.search(r'name="(\w+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and name[1] != "csrf_token":
            values[name[1]] = value[1].replace("&amp;", "&") if value else ""
    return isla.submit("/issuer/brands/1", values | changed)


def test_a_brand_is_changed(isla: Client, row: Row) -> None:
    answer = _brand(isla, primary_colour="#123456", notice_line="Well done!", validate_from="2021-06-23")
    assert answer.location == "/issuer/brands"
    found = row(Brand, 1)
    assert (found.primary_colour, found.notice_line) == ("#123456", "Well done!")
    assert found.validate_from == date(2021, 6, 23)
    assert "Skills &amp; Education Group" in isla.get("/issuer/brands").text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "BIIAB Qualifications Ltd"),
        ("name", "x" * 201),
        ("portal_name", "Nul\x00"),
        ("recognition_number", "x" * 21),
        ("primary_colour", "red"),
        ("primary_colour", "#12345g"),
        ("primary_colour", "#ffee00"),
        ("accent_colour", "#123456;}"),
        ("contact_email", "nobody"),
        ("validate_from", "31/02/2026"),
        ("validate_from", "0001-01-01"),
        ("notice_line", "x" * 501),
    ],
)
def test_a_wrong_brand_is_told_at_its_field(isla: Client, row: Row, field: str, value: str) -> None:
    before = getattr(row(Brand, 1), field)
    answer = _brand(isla, **{field: value})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert getattr(row(Brand, 1), field) == before


# ── Users ────────────────────────────────────────────────────────────────────────────────────────────────────────


LOCK = {"until": (clock.today() + timedelta(days=9)).isoformat(), "reason": "Staff member has been suspended"}


def test_a_user_is_locked_and_freed(isla: Client, michael: Client, cast: People, row: Row) -> None:
    assert michael.get("/centre/").status_code == 200
    answer = isla.submit(f"/issuer/users/{cast.michael}/lock", LOCK | {"information": "Until the hearing."})
    assert answer.location == "/issuer/users"
    assert row(User, cast.michael).status_at(clock.now()) is UserStatus.LOCKED
    assert michael.get("/centre/").status_code == 302
    page = words_of(isla.get("/issuer/users?status=locked"))
    assert "Michael White" in page
    assert "Staff member has been suspended" in page
    assert "Anew User" not in page
    isla.submit(f"/issuer/users/{cast.michael}/unlock")
    assert row(User, cast.michael).status_at(clock.now()) is UserStatus.ACTIVE


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"until": ""}, "Enter the day"),
        ({"until": clock.today().isoformat()}, "must be in the future"),
        ({"until": "31/02/2030"}, "not in the calendar"),
        ({"until": "9999-12-31"}, "within ten years"),
        ({"reason": ""}, "Choose a reason."),
        ({"reason": "I dislike him"}, "Choose one of the list."),
        ({"information": "x" * 5001}, "At most 5000"),
        ({"information": "Nul\x00"}, "cannot be shown"),
    ],
)
def test_a_wrong_lock_is_told(isla: Client, cast: People, row: Row, changed: dict[str, str], sentence: str) -> None:
    answer = isla.submit(f"/issuer/users/{cast.anew}/lock", LOCK | changed)
    assert answer.status_code == 422
    assert sentence in words_of(answer)
    assert row(User, cast.anew).locked_until is None


def test_nobody_locks_themself(isla: Client, cast: People, row: Row) -> None:
    answer = isla.submit(f"/issuer/users/{cast.issuer}/lock", LOCK)
    assert answer.status_code == 409
    assert "your own account" in words_of(answer)
    assert row(User, cast.issuer).locked_until is None


def test_the_link_is_sent_again_only_to_who_waits_for_it(isla: Client, cast: People, app: Flask) -> None:
    answer = isla.submit(f"/issuer/users/{cast.anew}/invite", follow_redirects=True)
    assert "confirmed already" in words_of(answer)
    isla.submit(f"/issuer/centres/{cast.riverside}/admins/new", ADMIN)
    with app.app_context():
        lara = db.session.scalars(select(User.id).where(User.email == "lara@lake.example")).one()
    answer = isla.submit(f"/issuer/users/{lara}/invite?back=centre", follow_redirects=True)
    assert "The link is on its way to lara@lake.example." in words_of(answer)


# ── The audit trail and the outbox ───────────────────────────────────────────────────────────────────────────────


def test_the_trail_says_who_did_what_newest_first(isla: Client, cast: People, drawn: Batch) -> None:
    document = drawn.document_ids[0]
    isla.submit(f"/issuer/documents/{document}/cancel", {"reason": "Issued in error."})
    isla.submit(f"/issuer/users/{cast.anew}/lock", LOCK)
    words = isla.get("/issuer/audit").text.partition("<tbody")[2]
    assert words.index("Created or changed a user") < words.index("Cancelled a document")
    assert "Ida Issuer" in words
    page = isla.get("/issuer/audit?action=DocumentCancelled&who=ida&role=issuer").text
    assert f'href="/issuer/documents/{document}"' in page
    assert "Created or changed a user" not in page.partition("<tbody")[2]


def test_every_audited_fact_has_words() -> None:
    from portal.events import catalogue
    from portal.queries.audit import ACTIONS

    told = [kind for kind in vars(catalogue).values() if isinstance(kind, type) and issubclass(kind, catalogue.Fact)]
    facts = [kind for kind in told if not kind.__subclasses__()]  # those above them are never told themselves
    audited = {kind.__name__ for kind in facts if kind.audited}
    assert audited == set(ACTIONS)


def test_every_letter_has_words() -> None:
    from pathlib import Path

    from portal.queries.mail_list import LETTERS

    folders = {path.parent.name for path in Path("portal/templates/email").glob("*/subject.txt")}
    assert folders == set(LETTERS)


def test_the_outbox_is_listed_by_state(isla: Client, cast: People) -> None:
    isla.submit(f"/issuer/centres/{cast.riverside}/admins/new", ADMIN)
    assert "lara@lake.example" in words_of(isla.get("/issuer/mails?state=queued"))
    assert "lara@lake.example" not in words_of(isla.get("/issuer/mails?state=failed"))
