"""Claims: taking work by a conditional UPDATE with a fencing token and a lease. Running twice is running once."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_, select, update

from portal import fault
from portal.database import database_now, db
from portal.errors import Fenced

LEASE = fault.wait("LEASE", 30)
"""How long a claim holds without a heartbeat."""

MOST_ATTEMPTS = 3
"""So many times work is begun before it counts as failed."""

BACK_OFF = (timedelta(seconds=2), timedelta(seconds=10), timedelta(seconds=60))
"""How long to wait after the first, second, … failed attempt."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Some rows that are ours as long as they carry our token."""

    model: Any
    ids: tuple[int, ...]
    token: int

    def holds(self) -> ColumnElement[bool]:
        """The condition of every later write."""
        return self.model.claim_token == self.token


def due(model: Any) -> ColumnElement[bool]:
    """Nobody has it, and its time has come (by the database's clock)."""
    moment = database_now()
    return or_(model.lease_until.is_(None), model.lease_until < moment) & or_(
        model.next_attempt_at.is_(None), model.next_attempt_at <= moment
    )


def take(model: Any, *conditions: ColumnElement[bool], most: int = 1, lease: timedelta = LEASE) -> Claim | None:
    """Claim up to ``most`` due rows, oldest first; ``None`` when there is nothing. Call inside a unit of work."""
    session = db.session
    wanted = (
        select(model.id).where(*conditions, due(model)).order_by(model.id).limit(most).with_for_update(skip_locked=True)
    )
    ids = tuple(session.scalars(wanted))
    if not ids:
        return None
    token = secrets.randbits(62)
    session.execute(
        update(model)
        .where(model.id.in_(ids))
        .values(claim_token=token, lease_until=database_now() + lease, attempts=model.attempts + 1)
        .execution_options(synchronize_session=False)
    )
    return Claim(model, ids, token)


def beat(claim: Claim, ids: Sequence[int] | None = None) -> None:
    """Renew the lease of the rows that are still ours; ``Fenced`` when none is. Call inside a unit of work."""
    held = db.session.execute(  # type: ignore[attr-defined]
        update(claim.model)
        .where(claim.model.id.in_(claim.ids if ids is None else ids), claim.holds())
        .values(lease_until=database_now() + LEASE)
        .execution_options(synchronize_session=False)
    ).rowcount
    if not held:
        raise Fenced("Somebody else has taken this over.")


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts."""
    return BACK_OFF[min(attempts, len(BACK_OFF)) - 1]
