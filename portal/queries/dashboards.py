"""The figures of dashboards: few numbers, read often, in one statement."""

from __future__ import annotations

from sqlalchemy import func, select

from portal.access import scope
from portal.access.actor import Actor
from portal.database import db
from portal.models.jobs import Job
from portal.models.records import Record
from portal.vocabulary import NoticeState


def centre_figures(*, actor: Actor) -> dict[str, int]:
    """The figures of a centre's dashboard by name; all are counts.

    ``jobs`` and ``records`` issued; documents ``pending`` (still to be drawn), ``failed`` and ``completed``;
    learners ``not_notified`` of at least one record.
    """
    jobs = scope.jobs(actor).with_only_columns(
        func.count(Job.id).label("jobs"),
        func.coalesce(func.sum(Job.pending), 0).label("pending"),
        func.coalesce(func.sum(Job.failed), 0).label("failed"),
        func.coalesce(func.sum(Job.completed), 0).label("completed"),
    )
    records = scope.records(actor)
    of_jobs = jobs.subquery()
    row = db.session.execute(
        select(
            of_jobs,
            records.with_only_columns(func.count(Record.id)).scalar_subquery().label("records"),
            records.where(Record.notice == NoticeState.NONE)
            .with_only_columns(func.count(func.distinct(Record.learner_id)))
            .scalar_subquery()
            .label("not_notified"),
        )
    ).one()
    return {name: int(value) for name, value in row._mapping.items()}
