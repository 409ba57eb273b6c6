"""The ledger of notices: it moves with the mail, in the same transaction, and the records and jobs move with it.

Who is told, and who asks for it, is in ``notices``. What a record shows is worked out here and nowhere else: viewed
before registered, registered before what became of the latest notice.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, select, update

from portal import clock
from portal.database import db
from portal.events.catalogue import NoticesWentOn
from portal.models.documents import Document
from portal.models.jobs import Job
from portal.models.notices import Notice
from portal.models.records import Record
from portal.models.users import User
from portal.unit_of_work import Record as Tell
from portal.vocabulary import MailState, NoticeState

FURTHER = (NoticeState.REGISTERED, NoticeState.VIEWED)

LONGEST_REASON = 500

TOLD: ColumnElement[bool] = or_(Record.notified_at.is_not(None), Record.notice.in_(FURTHER))
"""The condition that a record's learner was told: what ``Job.notified`` counts the documents of."""


def mail_settled(tell: Tell, mail_id: int, state: MailState, *, reason: str = "") -> None:
    """Move the notice of a mail, if it is one, inside the unit of work that moves the mail."""
    notice = db.session.scalars(select(Notice).where(Notice.mail_id == mail_id).with_for_update()).one_or_none()
    # A bounce is the last word on a mail, also when it is read before the server's yes was written down.
    if notice is None or notice.state is NoticeState.BOUNCED:
        return
    if state is MailState.SENT:
        notice.state, notice.reason, notice.settled_at = NoticeState.SENT, "", clock.now()
    elif state is MailState.FAILED:
        notice.state, notice.reason, notice.settled_at = NoticeState.FAILED, reason[:LONGEST_REASON], clock.now()
    else:
        # It waits, or nobody knows: for the learner's list both are queued, and the reason says which.
        notice.reason = reason[:LONGEST_REASON]
    db.session.flush()
    move(tell, [notice.record_id])


def mail_bounced(tell: Tell, mail_id: int, *, reason: str) -> None:
    """The mail was taken and came back."""
    notice = db.session.scalars(select(Notice).where(Notice.mail_id == mail_id).with_for_update()).one_or_none()
    if notice is None or notice.state is NoticeState.BOUNCED:
        return
    notice.state, notice.reason = NoticeState.BOUNCED, reason[:LONGEST_REASON]
    notice.bounced_at = clock.now()
    notice.settled_at = notice.settled_at or notice.bounced_at
    db.session.flush()
    move(tell, [notice.record_id])


def move(tell: Tell, record_ids: Sequence[int]) -> None:
    """Work out anew how far some records have come, move the figures of their jobs, and tell the rooms."""
    records = db.session.scalars(
        select(Record)
        .where(Record.id.in_(record_ids))
        .order_by(Record.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    notices = _notices_of(record_ids)
    registered = _with_an_account([one for one in records if one.registered_at is None and notices[one.id]])
    documents = _documents_of(record_ids)
    told: Counter[int] = Counter()
    by_job: dict[int, list[Record]] = defaultdict(list)
    for record in records:
        before = is_told(record)
        if record.learner_id in registered and any(one.state is NoticeState.SENT for one in notices[record.id]):
            record.registered_at = record.registered_at or clock.now()
        record.notified_at = _last_sent(notices[record.id])
        record.notice = _word(record, notices[record.id])
        told[record.job_id] += (is_told(record) - before) * len(documents[record.id])
        by_job[record.job_id].append(record)
    db.session.flush()
    for job_id, moved in sorted(by_job.items()):
        if told[job_id]:
            db.session.execute(
                update(Job)
                .where(Job.id == job_id)
                .values(notified=Job.notified + told[job_id])
                .execution_options(synchronize_session=False)
            )
        tell(
            NoticesWentOn(
                job_id=job_id,
                centre_id=moved[0].centre_id,
                record_ids=[record.id for record in moved],
                document_ids=[ident for record in moved for ident in documents[record.id]],
            )
        )


def is_told(record: Record) -> bool:
    """Whether the learner of a record was told of it: a notice was sent and did not come back, or they came anyway."""
    return record.notified_at is not None or record.notice in FURTHER


def _word(record: Record, notices: Sequence[Any]) -> NoticeState:
    if record.viewed_at is not None:
        return NoticeState.VIEWED
    if record.registered_at is not None and (record.notified_at or record.notice is NoticeState.REGISTERED):
        return NoticeState.REGISTERED
    return notices[-1].state if notices else NoticeState.NONE


def _last_sent(notices: Iterable[Any]) -> datetime | None:
    return max((one.settled_at for one in notices if one.state is NoticeState.SENT), default=None)


def _notices_of(record_ids: Sequence[int]) -> dict[int, list[Any]]:
    """The notices of each record, oldest first."""
    found: dict[int, list[Any]] = defaultdict(list)
    rows = db.session.execute(
        select(Notice.record_id, Notice.state, Notice.settled_at)
        .where(Notice.record_id.in_(record_ids))
        .order_by(Notice.id)
    )
    for row in rows:
        found[row.record_id].append(row)
    return found


def _documents_of(record_ids: Sequence[int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    rows = db.session.execute(
        select(Document.id, Document.record_id).where(Document.record_id.in_(record_ids)).order_by(Document.id)
    )
    for row in rows:
        found[row.record_id].append(row.id)
    return found


def _with_an_account(records: Sequence[Record]) -> set[int]:
    """The learners among these records who can sign in at the learner door."""
    if not records:
        return set()
    return set(
        db.session.scalars(
            select(User.learner_id).where(
                User.learner_id.in_({record.learner_id for record in records}),
                User.deleted_at.is_(None),
                User.email_confirmed_at.is_not(None),
            )
        )
    )
