"""Leading: of several processes that could do a thing, one does it, and another takes over when it dies."""

from __future__ import annotations

import secrets
from datetime import timedelta

from portal.access.actor import SYSTEM
from portal.database import database_now, db
from portal.models.leadership import Leadership
from portal.unit_of_work import unit_of_work

LEASE = timedelta(seconds=12)
"""After so long without renewal another process takes over."""

_ME = secrets.token_hex(16)


def lead(name: str) -> bool:
    """Take or renew the lead; say whether this process has it."""
    with unit_of_work(SYSTEM):
        moment = database_now()
        row = db.session.get(Leadership, name, with_for_update=True)
        if row is None:
            db.session.add(Leadership(name=name, holder=_ME, until=moment + LEASE))
            return True
        if row.holder != _ME and row.until > moment:
            return False
        row.holder, row.until = _ME, moment + LEASE
    return True
