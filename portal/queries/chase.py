"""What lists of records ask of the ledger: when a record came as far as it did, why not further, and whom to chase."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, null, select, type_coerce

from portal import clock
from portal.database import UtcDateTime
from portal.models.notices import Notice
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


def _of_the_latest(column: Any) -> Any:
    return (
        select(column)
        .where(Notice.record_id == Record.id)
        .order_by(Notice.id.desc())
        .limit(1)
        .correlate(Record)
        .scalar_subquery()
    )


# The ledger is looked into only where the record itself does not say it.
NOTICE_REASON: ColumnElement[Any] = case(
    (
        Record.notice.in_((NoticeState.QUEUED, NoticeState.FAILED, NoticeState.BOUNCED)),
        _of_the_latest(Notice.reason),
    ),
    else_="",
)
"""Why the latest notice failed or came back, or what it waits for; empty where all is well."""

NOTICE_AT: ColumnElement[Any] = type_coerce(
    case(
        (Record.notice == NoticeState.VIEWED, Record.viewed_at),
        (Record.notice == NoticeState.REGISTERED, Record.registered_at),
        (Record.notice == NoticeState.SENT, Record.notified_at),
        (Record.notice == NoticeState.QUEUED, _of_the_latest(Notice.requested_at)),
        (Record.notice == NoticeState.FAILED, _of_the_latest(Notice.settled_at)),
        (Record.notice == NoticeState.BOUNCED, _of_the_latest(Notice.bounced_at)),
        else_=null(),
    ),
    UtcDateTime,
)
"""When the record came as far as it did."""
