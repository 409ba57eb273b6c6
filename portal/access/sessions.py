"""Which session a token belongs to, and whether its user may come in at this moment."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import String, cast, literal, select
from sqlalchemy.orm import joinedload

from portal import clock
from portal.access.actor import Actor
from portal.database import db
from portal.models.centres import Centre
from portal.models.facts import Room
from portal.models.sign_in import UserSession
from portal.models.users import User

# Read with the session, so that no page asks once more for what its top bar follows (``events.rooms.desk``).
DESK_SEQ = (
    select(Room.seq)
    .where(Room.name == literal("desk:") + cast(UserSession.user_id, String))
    .scalar_subquery()
    .label("desk_seq")
)


@dataclass(frozen=True, slots=True)
class Current:
    """Who is signed in: the user with centre and brand loaded, and the id of the session."""

    session_id: int
    user: User
    seen_at: datetime | None = None
    """When the session was last noted to be in use."""
    desk_seq: int = 0
    """How far the room of the user's own desk had come before the page was read."""


def token_hash(token: str) -> str:
    """What the database keeps of a session token."""
    return hashlib.sha256(token.encode()).hexdigest()


def find(token: object) -> Current | None:
    """The live session of a token; ``None`` when it ended, or its user may not come in any more. One query."""
    if not isinstance(token, str) or not 0 < len(token) <= 200:
        return None
    found = db.session.execute(
        select(UserSession, DESK_SEQ)
        .where(UserSession.token_hash == token_hash(token))
        .options(joinedload(UserSession.user).joinedload(User.centre).joinedload(Centre.brand))
    ).one_or_none()
    moment = clock.now()
    if found is None or found.UserSession.expires_at <= moment:
        return None
    row = found.UserSession
    if row.auth_epoch != row.user.auth_epoch or not row.user.may_enter_at(moment):
        return None
    return Current(row.id, row.user, row.seen_at, found.desk_seq or 0)


def still_live(session_ids: Iterable[int]) -> dict[int, Current]:
    """Of these sessions the ones that are still good, by id: what keeps a socket open. One query."""
    moment = clock.now()
    rows = db.session.scalars(
        select(UserSession)
        .where(UserSession.id.in_(list(session_ids)), UserSession.expires_at > moment)
        .options(joinedload(UserSession.user))
        .execution_options(populate_existing=True)
    )
    return {
        row.id: Current(row.id, row.user)
        for row in rows
        if row.auth_epoch == row.user.auth_epoch and row.user.may_enter_at(moment)
    }


def actor_of(user: User, *, address: str = "") -> Actor:
    """The actor that a user is."""
    return Actor(
        user_id=user.id,
        name=user.full_name,
        role=user.role,
        centre_id=user.centre_id,
        learner_id=user.learner_id,
        address=address,
    )
