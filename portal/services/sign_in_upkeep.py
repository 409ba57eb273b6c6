"""Deleting sessions, links and throttles whose time is over."""

from datetime import timedelta

from sqlalchemy import delete

from portal import clock
from portal.database import db
from portal.models.sign_in import OneTimeToken, Throttle, UserSession


def forget_old() -> None:
    """Delete them (call inside a unit of work)."""
    moment = clock.now()
    db.session.execute(delete(UserSession).where(UserSession.expires_at < moment))
    db.session.execute(delete(OneTimeToken).where(OneTimeToken.expires_at < moment - timedelta(days=7)))
    db.session.execute(delete(Throttle).where(Throttle.window_start < moment - timedelta(days=1)))
