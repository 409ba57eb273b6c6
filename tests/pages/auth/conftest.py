"""What the tests of the doors share: the login form as a browser sends it, and mails as their readers open them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.database import db
from portal.models.mails import Mail
from portal.models.users import User
from portal.services import tokens
from portal.unit_of_work import unit_of_work
from tests.services.people import PASSWORD, VISITOR

MICHAEL = "michael.white@portal.example"


@pytest.fixture
def log_in() -> Callable[..., Any]:
    """A function that fills the login form of a door in."""

    def act(client: Any, email: str = MICHAEL, password: str = PASSWORD, door: str = "centre", query: str = "") -> Any:
        return client.submit(f"/{door}/login{query}", {"email": email, "password": password})

    return act


@pytest.fixture
def change(app: Flask) -> Callable[..., None]:
    """A function that changes columns of a user."""

    def act(user_id: int, **values: Any) -> None:
        with app.app_context(), unit_of_work(VISITOR):
            user = db.session.get_one(User, user_id)
            for name, value in values.items():
                setattr(user, name, value)

    return act


@pytest.fixture
def mails(app: Flask) -> Callable[..., list[Mail]]:
    """A function that lists the outbox, the oldest first."""

    def act(recipient: str | None = None) -> list[Mail]:
        with app.app_context():
            found = db.session.scalars(select(Mail).order_by(Mail.id))
            return [mail for mail in found if recipient in (None, mail.recipient)]

    return act


@pytest.fixture
def link_of(app: Flask) -> Callable[[Mail], str]:
    """A function that gives the address of the link in a mail."""

    def act(mail: Mail) -> str:
        with app.app_context():
            text = tokens.text_of(mail.values["token_id"], app.config["SECRET_KEY"])
        assert text is not None
        return f"{mail.values['path']}/{text}"

    return act


def without_tokens(body: str) -> str:
    """A page without what is different every time."""
    return re.sub(r'(name="csrf_token"[^>]*value=")[^"]*"', r'\1"', body)


def errors_in(response: Any) -> str:
    """The summary of errors of a page, as text."""
    found = re.search(r'class="error-summary".*?</div>', response.text, re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found.group())).strip() if found else ""
