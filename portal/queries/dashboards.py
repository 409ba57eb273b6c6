"""The figures of a centre's dashboard: few numbers, read often, in one statement; and what was issued this month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import func, select

from portal import clock
from portal.access import scope
from portal.access.actor import Actor
from portal.database import db
from portal.models.downloads import Download
from portal.models.jobs import Job
from portal.models.problems import Problem
from portal.models.records import Record
from portal.queries import downloads
from portal.vocabulary import NoticeState, ProblemState

MOST_IN_PROGRESS = 4
"""Jobs whose bars the dashboard shows; the list of jobs has the rest."""


def centre_figures(*, actor: Actor) -> dict[str, int]:
    """The figures of a centre's dashboard by name; all are counts.

    ``jobs`` and ``records`` issued; documents ``pending`` (still to be drawn), ``failed`` and
    ``completed``; learners ``not_notified`` of at least one record; ``downloads`` ready to be fetched; ``problems``
    that wait for an answer.
    """
    jobs = scope.jobs(actor).with_only_columns(
        func.count(Job.id).label("jobs"),
        func.coalesce(func.sum(Job.pending), 0).label("pending"),
        func.coalesce(func.sum(Job.failed), 0).label("failed"),
        func.coalesce(func.sum(Job.completed), 0).label("completed"),
    )
    records = scope.records(actor)
    counts = {
        "records": records.with_only_columns(func.count(Record.id)),
        "not_notified": records.where(Record.notice == NoticeState.NONE).with_only_columns(
            func.count(func.distinct(Record.learner_id))
        ),
        "downloads": downloads.ready(actor).with_only_columns(func.count(Download.id)),
        "problems": scope.problems(actor)
        .where(Problem.state == ProblemState.OPEN)
        .with_only_columns(func.count(Problem.id)),
    }
    row = db.session.execute(
        select(jobs.subquery(), *(statement.scalar_subquery().label(name) for name, statement in counts.items()))
    ).one()
    return {name: int(value) for name, value in row._mapping.items()}


def jobs_in_progress(*, actor: Actor) -> Sequence[Job]:
    """The newest jobs that are being drawn."""
    return db.session.scalars(
        scope.jobs(actor).where(Job.pending > 0).order_by(Job.created_at.desc(), Job.id.desc()).limit(MOST_IN_PROGRESS)
    ).all()


@dataclass(frozen=True, slots=True)
class Day:
    """How many documents were issued on a day (UK time), and where that goes in a chart."""

    day: date
    documents: int
    share: float
    """Of the busiest day of the month, 0 to 1."""
    yet_to_come: bool


def issued_this_month(*, actor: Actor) -> list[Day]:
    """Each day of this month, UK time, with the documents that were completed of the jobs published on it."""
    today = clock.today()
    first = today.replace(day=1)
    after = (first + timedelta(days=32)).replace(day=1)
    rows: Sequence[Any] = db.session.execute(
        scope.jobs(actor)
        .where(Job.created_at >= _begins(first), Job.created_at < _begins(after))
        .with_only_columns(Job.created_at, Job.completed)
    ).all()
    of_day: dict[date, int] = {}
    for row in rows:
        day = row.created_at.astimezone(clock.UK).date()
        of_day[day] = of_day.get(day, 0) + row.completed
    busiest = max(of_day.values(), default=0) or 1
    days = [first + timedelta(days=number) for number in range((after - first).days)]
    return [Day(day, of_day.get(day, 0), of_day.get(day, 0) / busiest, day > today) for day in days]


def _begins(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=clock.UK).astimezone(UTC)
