"""The audit trail: one line for each fact that people may want to find again, in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from portal import clock
from portal.events.catalogue import Fact
from portal.models.audit import AuditEntry

if TYPE_CHECKING:
    from portal.access.actor import Actor


def write(session: Session, facts: Sequence[Fact], actor: Actor) -> None:
    """Add a line for every audited fact."""
    for fact in facts:
        if fact.audited:
            values: dict[str, Any] = fact.values()
            session.add(
                AuditEntry(
                    at=clock.now(),
                    actor_id=actor.user_id,
                    actor_name=actor.name,
                    role=actor.role or "",
                    centre_id=values.get("centre_id") or actor.centre_id,
                    action=type(fact).__name__,
                    subject=fact.subject(),
                    detail=values,
                    address=actor.address,
                )
            )
