"""Reading one's own profile: how the second step stands. The details come with the session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from portal.access.actor import Actor
from portal.database import db
from portal.models.second_step import RecoveryCode, SecondStep


@dataclass(frozen=True, slots=True)
class SecondStepState:
    """Whether the second step is on, and since when; whether it is being set up; how many recovery codes are left."""

    on_since: datetime | None = None
    begun: bool = False
    codes_left: int = 0


def second_step_of(actor: Actor) -> SecondStepState:
    """How the actor's own second step stands."""
    left = (
        select(func.count())
        .where(RecoveryCode.user_id == SecondStep.user_id, RecoveryCode.used_at.is_(None))
        .scalar_subquery()
    )
    row = db.session.execute(
        select(SecondStep.confirmed_at, left.label("left")).where(SecondStep.user_id == actor.user_id)
    ).one_or_none()
    if row is None:
        return SecondStepState()
    return SecondStepState(row.confirmed_at, row.confirmed_at is None, row.left)
