"""What learners of the demo were told: some a while ago, one at an address that does not exist, one that came back."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select, update

from portal import clock
from portal.access.actor import Actor
from portal.database import db
from portal.models.jobs import Job
from portal.models.mails import Mail
from portal.models.notices import Notice
from portal.models.records import Record
from portal.services import mails, notices
from portal.unit_of_work import unit_of_work

SENT_LATELY, CHASED, WAITING = 5, 3, 2
"""How many were told today, were told three weeks ago and have not come, and are told when the workers start."""

LONG_AGO = timedelta(days=21)


def tell(file_name: str, *, actor: Actor) -> None:
    """Tell learners of a job, as its centre did; nothing where that was done before."""
    if db.session.scalar(select(func.count(Notice.id))):
        return
    chosen = db.session.scalars(
        select(Record.id)
        .join(Job, Job.id == Record.job_id)
        .where(Job.file_name == file_name, Record.email != "")
        .order_by(Record.id.desc())
        .limit(SENT_LATELY + CHASED + WAITING + 2)
    ).all()
    with unit_of_work(actor) as happened:
        made = notices.plan(chosen, actor=actor)
        # The pages are drawn when the workers start; in the story they were there long before.
        told = [*made.tell, *made.skipped[notices.Skip.NOT_DRAWN]]
        notices.queue(happened, told, actor)
    ids = list(db.session.scalars(select(Mail.id).join(Notice, Notice.mail_id == Mail.id).order_by(Notice.id)))
    for mail_id in ids[WAITING + 1 :]:
        _sent(mail_id)
    _refused(ids[WAITING])
    name = db.session.scalars(select(Mail.message_id).where(Mail.id == ids[WAITING + 1])).one()
    mails.bounce([name], reason="The mailbox is full (552 5.2.2 Over quota).")
    _set_back(ids[-CHASED:], actor)


def _sent(mail_id: int) -> None:
    if claimed := mails.claim(mail_id):
        mails.begin_data(claimed[0])
        mails.settle_sent(claimed[0])


def _refused(mail_id: int) -> None:
    if claimed := mails.claim(mail_id):
        reason = "The mail server refused the address: 550 5.1.1 No such address here."
        mails.settle_rejected(claimed[0], reason)


def _set_back(mail_ids: list[int], actor: Actor) -> None:
    """Let some of it have happened weeks ago, which no service can."""
    then = clock.now() - LONG_AGO
    with unit_of_work(actor):
        records = select(Notice.record_id).where(Notice.mail_id.in_(mail_ids))
        db.session.execute(update(Record).where(Record.id.in_(records)).values(notified_at=then))
        db.session.execute(
            update(Notice).where(Notice.mail_id.in_(mail_ids)).values(requested_at=then, settled_at=then)
        )
        db.session.execute(update(Mail).where(Mail.id.in_(mail_ids)).values(created_at=then, sent_at=then))
