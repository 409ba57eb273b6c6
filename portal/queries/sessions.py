"""Reading one's own sessions: which browsers are signed in, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from portal import clock
from portal.access.actor import Actor
from portal.database import db
from portal.models.sign_in import UserSession
from portal.models.users import User

BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
"""What a browser calls itself, and what people call it; several name others besides themselves, so the order counts."""

SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True)
class SignedInBrowser:
    """One browser that is signed in; ``browser`` and ``system`` are empty where it does not say."""

    id: int
    browser: str
    system: str
    address: str
    since: datetime
    seen_at: datetime
    here: bool
    """The browser that asks."""


def list_own(actor: Actor, *, here: int) -> list[SignedInBrowser]:
    """The actor's good sessions, the present one first, then by when they were last seen."""
    rows = db.session.scalars(
        select(UserSession)
        .join(User, User.id == UserSession.user_id)
        .where(
            UserSession.user_id == actor.user_id,
            UserSession.auth_epoch == User.auth_epoch,
            UserSession.expires_at > clock.now(),
        )
        .order_by((UserSession.id == here).desc(), UserSession.seen_at.desc(), UserSession.id.desc())
    )
    return [
        SignedInBrowser(row.id, *device_of(row.agent), row.address, row.created_at, row.seen_at, here=row.id == here)
        for row in rows
    ]


def device_of(agent: str) -> tuple[str, str]:
    """Browser and system by what a browser says of itself: coarse, for recognising one's own."""
    browser = next((name for sign, name in BROWSERS if f"{sign}/" in agent), "")
    system = next((name for sign, name in SYSTEMS if sign in agent), "")
    return browser, system
