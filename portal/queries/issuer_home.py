"""The figures of the back office's dashboard, in one statement, and the batch files that came in last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from portal import clock
from portal.access import scope
from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.database import db
from portal.models.centres import Centre
from portal.models.documents import Document
from portal.models.jobs import Job
from portal.models.mails import Mail
from portal.models.uploads import Upload
from portal.models.users import User
from portal.vocabulary import MailState, UploadState, Validity

RECENT = 10
"""Batch files shown on the page where the next one is chosen."""


def figures(*, actor: Actor) -> dict[str, int]:
    """The figures of the dashboard by name; all are counts.

    Documents ``pending``, ``completed``, ``failed`` and ``cancelled``; ``jobs_today`` and ``jobs`` in all;
    ``centres`` and ``users``; ``uploads`` that wait to be checked or published; ``mails_failed`` and ``mails_unknown``.
    """
    actor.require(Permission.JOBS_PUBLISH)
    begun = datetime.combine(clock.today(), time.min, tzinfo=clock.UK).astimezone(UTC)
    jobs = (
        scope.jobs(actor)
        .with_only_columns(
            func.count(Job.id).label("jobs"),
            func.coalesce(func.sum(Job.pending), 0).label("pending"),
            func.coalesce(func.sum(Job.completed), 0).label("completed"),
            func.coalesce(func.sum(Job.failed), 0).label("failed"),
        )
        .subquery()
    )
    waiting = Upload.state.in_([UploadState.UPLOADED, UploadState.CHECKED, UploadState.PUBLISHING])
    counts = {
        "jobs_today": scope.jobs(actor).where(Job.created_at >= begun).with_only_columns(func.count(Job.id)),
        "cancelled": scope.documents(actor)
        .where(Document.validity == Validity.CANCELLED)
        .with_only_columns(func.count(Document.id)),
        "centres": scope.centres(actor).with_only_columns(func.count(Centre.id)),
        "users": scope.users(actor).with_only_columns(func.count(User.id)),
        "uploads": scope.uploads(actor).where(waiting).with_only_columns(func.count(Upload.id)),
        "mails_failed": select(func.count(Mail.id)).where(Mail.state == MailState.FAILED),
        "mails_unknown": select(func.count(Mail.id)).where(Mail.state == MailState.UNKNOWN),
    }
    row = db.session.execute(
        select(jobs, *(statement.scalar_subquery().label(name) for name, statement in counts.items()))
    ).one()
    return {name: int(value) for name, value in row._mapping.items()}


def list_recent_uploads(*, actor: Actor) -> Sequence[Any]:
    """The batch files that came in last, newest first, each with its centre."""
    return db.session.scalars(
        scope.uploads(actor).options(joinedload(Upload.centre)).order_by(Upload.id.desc()).limit(RECENT)
    ).all()
