"""The audit trail: that somebody took it away is a line of it, and lines that are too old go.

Not here: writing the lines themselves, which every unit of work does (``portal.events.audit``).
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select

from portal import clock
from portal.access.actor import SYSTEM, Actor
from portal.access.permissions import Permission
from portal.database import db
from portal.events.catalogue import ListExported
from portal.models.audit import AuditEntry
from portal.unit_of_work import unit_of_work

MOST_FORGOTTEN = 2_000
"""Lines deleted in one transaction."""


def note_export(*, rows: int, actor: Actor) -> None:
    """Write down that the trail, or ``rows`` lines of it, are taken away as a file; before the first is sent."""
    actor.require(Permission.AUDIT_SEE)
    with unit_of_work(actor) as record:
        record(ListExported(what="audit trail", rows=rows))


def forget_old(*, days: int) -> int:
    """Delete some of the lines that are older than so many days; say how many, 0 when none is left.

    Few at a time, so that nobody who writes waits long.
    """
    with unit_of_work(SYSTEM):
        old = select(AuditEntry.id).where(AuditEntry.at < clock.now() - timedelta(days=days)).limit(MOST_FORGOTTEN)
        gone: int = db.session.execute(delete(AuditEntry).where(AuditEntry.id.in_(old))).rowcount  # type: ignore[attr-defined]
    return gone
