"""Reading jobs: one of them with its figures, the list of those issued to a centre, and the documents in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, case, func, literal, type_coerce

from portal.access import scope
from portal.access.actor import Actor
from portal.database import WordColumn, db
from portal.events import rooms
from portal.grid import Action, Column, DateRange, Grid, NumberRange, OneOf, Text
from portal.grid.wording import N_
from portal.models.documents import Document
from portal.models.jobs import Job
from portal.models.records import Record
from portal.queries.chase import NOTICE_AT, NOTICE_REASON
from portal.queries.records import EXPORT, FULL_NAME, NOTIFY, NOTIFY_MANY, VALIDITY_TODAY, reference_contains
from portal.vocabulary import Form, Kind, NoticeState, Production

LATEST = 5
"""Jobs that a dashboard shows."""

STATUS = type_coerce(
    case(
        (Job.pending > 0, Production.PENDING.value),
        (Job.failed > 0, Production.FAILED.value),
        else_=Production.COMPLETED.value,
    ),
    WordColumn(Production),
)
"""A job is Pending while a document of it is, then Failed if one of them failed, else Completed."""


def get_job(job_id: int, *, actor: Actor) -> Job:
    """A job that the actor may see. Raises ``NotFound``."""
    return scope.load(scope.jobs(actor), job_id)


def figures_of(job: Job) -> dict[str, int]:
    """The figures of the summary bar by name."""
    return {
        "requested": job.requested,
        "pending": job.pending,
        "failed": job.failed,
        "completed": job.completed,
    }


def list_latest(*, actor: Actor) -> Sequence[Any]:
    """The newest jobs that the actor may see, with the columns of the list."""
    newest = scope.jobs(actor).with_only_columns(*JOBS.selected).order_by(Job.created_at.desc(), Job.id.desc())
    return db.session.execute(newest.limit(LATEST)).all()


def _jobs(actor: Actor, **_within: Any) -> Select[Any]:
    return scope.jobs(actor)


def _documents_of_job(actor: Actor, *, job_id: int) -> Select[Any]:
    return scope.documents(actor).where(Document.job_id == job_id).join(Record, Record.id == Document.record_id)


def _is_drawn(row: Any) -> bool:
    return row.status is Production.COMPLETED


JOBS = Grid(
    name="jobs",
    title=N_("Jobs Issued"),
    thing=N_("job"),
    things=N_("jobs"),
    key=Job.id,
    select=_jobs,
    room=lambda actor: rooms.centre_jobs(actor.centre_id or 0),
    default_sort="-created_on",
    cells="grids/jobs.html",
    also={"pending": Job.pending, "failed": Job.failed, "completed": Job.completed},
    columns=[
        Column("reference", N_("Reference"), Job.reference, sort=True, search=True, cell="reference"),
        Column("created_by", N_("Created by"), Job.created_by, sort=True, search=True, filter=Text()),
        Column("records", N_("Records"), Job.requested, sort=True, filter=NumberRange(), kind="number"),
        Column(
            "notified",
            N_("Notified"),
            Job.notified,
            sort=True,
            kind="number",
            text=lambda row: f"{row.notified}/{row.records}",
        ),
        Column("status", N_("Status"), STATUS, sort=True, filter=OneOf(Production), cell="job_status", kind="status"),
        Column("created_on", N_("Created on"), Job.created_at, sort=(Job.created_at,), filter=DateRange(), kind="date"),
    ],
    actions=[Action("view", N_("View"), "view", "centre.job", {"job_id": "id"})],
    empty=N_("No job has been issued to your centre yet. A job appears here the moment it is published."),
)

JOB_DOCUMENTS = Grid(
    name="job_documents",
    title=N_("Documents"),
    thing=N_("document"),
    things=N_("documents"),
    key=Document.id,
    select=_documents_of_job,
    room=lambda _actor, *, job_id: rooms.job(job_id),
    default_sort="student",
    cells="grids/job_documents.html",
    search=[Record.enrolment_number, Record.qualification_number],
    also={
        "record_id": Document.record_id,
        "form": literal(Form.PRINT.value),
        "qualification_number": Record.qualification_number,
        "enrolment_number": Record.enrolment_number,
        "failure": Document.failure,
        "validity": VALIDITY_TODAY,
        "notice_at": NOTICE_AT,
        "notice_reason": NOTICE_REASON,
        "back": literal("job"),
    },
    columns=[
        Column(
            "qualification",
            N_("Qualification"),
            Record.qualification_title,
            sort=True,
            search=True,
            filter=Text(),
            cell="qualification",
        ),
        Column("kind", N_("Record type"), Document.kind, sort=True, filter=OneOf(Kind), cell="kind"),
        Column(
            "student",
            N_("Student"),
            FULL_NAME,
            sort=(func.lower(Record.last_name), func.lower(Record.first_name)),
            search=True,
            filter=Text(),
            cell="student",
        ),
        Column(
            "reference",
            N_("Reference"),
            Document.reference,
            search=reference_contains,
            cell="document_reference",
            kind="code",
        ),
        Column(
            "notified",
            N_("Notified"),
            Record.notice,
            sort=True,
            filter=OneOf(NoticeState),
            cell="notice",
            kind="status",
        ),
        Column(
            "status",
            N_("Status"),
            Document.production,
            sort=True,
            filter=OneOf(Production),
            cell="document_status",
            kind="status",
        ),
    ],
    actions=[
        Action("view", N_("View"), "view", "centre.record", {"record_id": "record_id"}),
        Action(
            "preview",
            N_("Preview"),
            "preview",
            "centre.preview",
            {"document_id": "id", "form": "form"},
            when=_is_drawn,
            data={"dialog-load": "full"},
        ),
        NOTIFY,
    ],
    bulk=[
        replace(EXPORT, endpoint="centre.export_job_documents"),
        replace(NOTIFY_MANY, endpoint="centre.notify_documents"),
    ],
    empty=N_("This job holds no documents."),
)
