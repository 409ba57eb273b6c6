"""Noting which sessions are in use, and deleting sessions, links and throttles whose time is over."""

import logging
from datetime import timedelta

from sqlalchemy import delete, update
from sqlalchemy.exc import SQLAlchemyError

from portal import clock
from portal.access.actor import SYSTEM
from portal.database import Busy, db
from portal.models.sign_in import OneTimeToken, Throttle, UserSession
from portal.unit_of_work import unit_of_work

log = logging.getLogger(__name__)

SEEN_EVERY = timedelta(minutes=5)
"""How exactly it is known when a session was last in use: a row is written that seldom only."""


def forget_old() -> None:
    """Delete them (call inside a unit of work)."""
    moment = clock.now()
    db.session.execute(delete(UserSession).where(UserSession.expires_at < moment))
    db.session.execute(delete(OneTimeToken).where(OneTimeToken.expires_at < moment - timedelta(days=7)))
    db.session.execute(delete(Throttle).where(Throttle.window_start < moment - timedelta(days=1)))


def note_seen(session_id: int) -> None:
    """Note that a session is in use now; a page that is looked at must not fail because this could not be kept."""
    moment = clock.now()
    try:
        with unit_of_work(SYSTEM):
            db.session.execute(
                update(UserSession)
                .where(UserSession.id == session_id, UserSession.seen_at < moment)
                .values(seen_at=moment)
            )
    except (SQLAlchemyError, Busy) as error:
        log.warning("that a session is in use was not noted: %s", type(error).__name__)
