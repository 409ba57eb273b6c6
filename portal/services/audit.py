"""The audit trail: that somebody took it away is a line of it, and lines that are too old go.

Not here: writing the lines themselves, which every unit of work does (``portal.events.audit``).
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete

from portal import clock
from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.database import db
from portal.events.catalogue import ListExported
from portal.models.audit import AuditEntry
from portal.unit_of_work import unit_of_work


def note_export(*, rows: int, actor: Actor) -> None:
    """Write down that the trail, or ``rows`` lines of it, are taken away as a file; before the first is sent."""
    actor.require(Permission.AUDIT_SEE)
    with unit_of_work(actor) as record:
        record(ListExported(what="audit trail", rows=rows))


def forget_old(*, days: int) -> None:
    """Delete lines that are older than so many days (call inside a unit of work)."""
    db.session.execute(delete(AuditEntry).where(AuditEntry.at < clock.now() - timedelta(days=days)))
