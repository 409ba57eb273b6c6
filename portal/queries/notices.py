"""Reading notices: what a learner was told, whose record is to be chased, and which records a selection means."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from portal.access import scope
from portal.access.actor import Actor
from portal.database import db
from portal.grid import Selection, selected
from portal.models.documents import Document
from portal.models.notices import Notice
from portal.models.records import Record
from portal.queries.chase import TO_CHASE
from portal.queries.jobs import JOB_DOCUMENTS
from portal.queries.records import RECORDS

MOST_SHOWN = 20
"""Notices of a record that its page shows."""


def count_to_chase(*, actor: Actor) -> int:
    """How many records are to be chased."""
    return db.session.scalar(scope.records(actor).where(TO_CHASE).with_only_columns(func.count(Record.id))) or 0


def list_to_chase(*, actor: Actor, most: int = 10_000) -> list[int]:
    """The records that are to be chased, those longest notified first."""
    return list(
        db.session.scalars(
            scope.records(actor)
            .where(TO_CHASE)
            .with_only_columns(Record.id)
            .order_by(Record.notified_at, Record.id)
            .limit(most)
        )
    )


def list_notices(record_id: int, *, actor: Actor) -> Sequence[Notice]:
    """What the learner of a record was told, newest first."""
    return db.session.scalars(
        select(Notice)
        .where(
            Notice.record_id == record_id,
            Notice.record_id.in_(scope.records(actor).with_only_columns(Record.id)),
        )
        .order_by(Notice.id.desc())
        .limit(MOST_SHOWN)
    ).all()


def records_of_job(job_id: int, *, upto: int | None = None, actor: Actor) -> list[int]:
    """The records of a job, replacements among them; up to one of them, when those that came later are not meant."""
    records = scope.records(actor).where(Record.job_id == job_id)
    if upto is not None:
        records = records.where(Record.id <= upto)
    return list(db.session.scalars(records.with_only_columns(Record.id).order_by(Record.id)))


def records_of_selection(chosen: Selection, *, actor: Actor) -> list[int]:
    """The records that were selected in the list of records."""
    return selected(RECORDS, db.session(), chosen, actor)


def records_of_documents(chosen: Selection, *, job_id: int, actor: Actor) -> list[int]:
    """The records of the documents that were selected on the page of a job; each once."""
    ids = selected(JOB_DOCUMENTS, db.session(), chosen, actor, job_id=job_id)
    return list(
        db.session.scalars(
            scope.documents(actor)
            .where(Document.id.in_(ids))
            .with_only_columns(Document.record_id)
            .distinct()
            .order_by(Document.record_id)
        )
    )
