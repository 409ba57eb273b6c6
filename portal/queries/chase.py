"""Whom to chase: learners who were notified a while ago and have not registered. The list of records filters by it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, bindparam

from portal import clock
from portal.database import UtcDateTime
from portal.models.records import Record
from portal.vocabulary import NoticeState


class Chasing:
    """How long learners have to register before they are chased; set once, by ``portal.app``."""

    days = 14


def chase_since() -> datetime:
    """Whoever was notified before this moment and has not registered is chased."""
    return clock.now() - timedelta(days=Chasing.days)


SINCE: ColumnElement[datetime] = bindparam("chase_since", type_=UtcDateTime, callable_=chase_since)

TO_CHASE: ColumnElement[bool] = (Record.notice == NoticeState.SENT) & (Record.notified_at < SINCE)
"""The condition that a record is to be chased: notified a while ago, and the learner has not registered."""
