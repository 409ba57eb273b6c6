"""Jobs as the awarding body sees them: those of every centre, and the documents in one with all that can be done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, literal
from sqlalchemy.orm import joinedload

from portal.access import scope
from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.database import db
from portal.events import rooms
from portal.grid import Action, Column, DateRange, Grid, NumberRange, OneOf, Text
from portal.grid.wording import N_
from portal.models.centres import Centre
from portal.models.documents import Document
from portal.models.jobs import Job
from portal.models.records import Record
from portal.queries.chase import NOTICE_AT, NOTICE_REASON
from portal.queries.jobs import STATUS
from portal.queries.records import FULL_NAME, VALIDITY_TODAY, reference_contains
from portal.vocabulary import Kind, Production, Validity

LATEST = 6
"""Jobs that the dashboard shows."""

CENTRE_NAME = Centre.name + literal(" ") + Centre.number
"""What people look for when they look for a centre: its name or its number."""

BY_NAME = (func.lower(Record.last_name), func.lower(Record.first_name))
"""Learners in the order of a register."""


def get_job(job_id: int, *, actor: Actor) -> Job:
    """A job that the actor may see, with its centre. Raises ``NotFound``."""
    return scope.load(scope.jobs(actor).options(joinedload(Job.centre)), job_id)


def list_latest(*, actor: Actor) -> Sequence[Any]:
    """The newest jobs of all centres, with the columns of the list."""
    newest = _jobs(actor).with_only_columns(*ISSUER_JOBS.selected, maintain_column_froms=True)
    return db.session.execute(newest.order_by(Job.created_at.desc(), Job.id.desc()).limit(LATEST)).all()


def _jobs(actor: Actor, **_within: Any) -> Select[Any]:
    return scope.jobs(actor).join(Centre, Centre.id == Job.centre_id)


def _jobs_of_centre(actor: Actor, *, centre_id: int) -> Select[Any]:
    return _jobs(actor).where(Job.centre_id == centre_id)


def _documents_of_job(actor: Actor, *, job_id: int) -> Select[Any]:
    return scope.documents(actor).where(Document.job_id == job_id).join(Record, Record.id == Document.record_id)


def is_drawn(row: Any) -> bool:
    """Whether there is anything to look at."""
    return row.status is Production.COMPLETED


def can_be_retried(row: Any) -> bool:
    """Whether drawing failed for good."""
    return row.status is Production.FAILED


def can_be_cancelled(row: Any) -> bool:
    """Whether cancelling would change anything: an expired document can still be cancelled."""
    return row.validity in (Validity.VALID, Validity.EXPIRED)


def can_be_replaced(row: Any) -> bool:
    """Whether no newer document stands in its place."""
    return row.validity is not Validity.REPLACED


_COLUMNS = (
    Column("reference", N_("Reference"), Job.reference, sort=(Job.created_at,), search=True, cell="job_reference"),
    Column(
        "centre",
        N_("Centre"),
        Centre.name,
        sort=True,
        search=CENTRE_NAME,
        filter=Text(CENTRE_NAME),
        cell="job_centre",
    ),
    Column("created_by", N_("Created by"), Job.created_by, sort=True, search=True, filter=Text()),
    Column("file_name", N_("File"), Job.file_name, sort=True, search=True, filter=Text()),
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
)

_JOB_ALSO = {
    "centre_id": Job.centre_id,
    "centre_number": Centre.number,
    "pending": Job.pending,
    "failed": Job.failed,
    "completed": Job.completed,
}

ISSUER_JOBS = Grid(
    name="jobs",
    title=N_("Jobs"),
    thing=N_("job"),
    things=N_("jobs"),
    key=Job.id,
    select=_jobs,
    room=lambda _actor: rooms.ISSUER_JOBS,
    default_sort="-created_on",
    cells="grids/issuer_jobs.html",
    also=_JOB_ALSO,
    columns=_COLUMNS,
    actions=[Action("view", N_("View"), "view", "issuer.job", {"job_id": "id"})],
    empty=N_("No job has been published yet."),
)

CENTRE_JOBS = Grid(
    name="jobs",
    title=N_("Jobs"),
    thing=N_("job"),
    things=N_("jobs"),
    key=Job.id,
    select=_jobs_of_centre,
    room=lambda _actor, *, centre_id: rooms.ISSUER_JOBS,
    default_sort="-created_on",
    cells="grids/issuer_jobs.html",
    also=_JOB_ALSO | {"centre": Centre.name},
    columns=[column for column in _COLUMNS if column.name not in ("centre", "file_name")],
    actions=ISSUER_JOBS.actions,
    empty=N_("No job has been published to this centre yet."),
)

DOCUMENT_ACTIONS = (
    Action("view", N_("View"), "view", "issuer.document", {"document_id": "id"}),
    Action("preview", N_("Preview"), cell="preview", when=is_drawn),
    Action(
        "retry",
        N_("Retry"),
        "retry",
        "issuer.retry_document",
        {"document_id": "id", "back": "back"},
        method="post",
        when=can_be_retried,
        may=lambda actor: actor.may(Permission.DOCUMENTS_RETRY),
    ),
    Action(
        "replace",
        N_("Replace"),
        "replaced",
        "issuer.replace_document",
        {"document_id": "id"},
        when=can_be_replaced,
        may=lambda actor: actor.may(Permission.DOCUMENTS_REPLACE),
    ),
    Action(
        "cancel",
        N_("Cancel"),
        cell="cancel",
        when=can_be_cancelled,
        may=lambda actor: actor.may(Permission.DOCUMENTS_CANCEL),
    ),
)
"""What the issuer may do to a document, in every list of documents."""

JOB_DOCUMENTS = Grid(
    name="job-documents",
    title=N_("Documents"),
    thing=N_("document"),
    things=N_("documents"),
    key=Document.id,
    select=_documents_of_job,
    room=lambda _actor, *, job_id: rooms.job(job_id),
    default_sort="student",
    cells="grids/issuer_documents.html",
    search=[Record.enrolment_number, Record.qualification_number],
    also={
        "job_id": Document.job_id,
        "qualification_number": Record.qualification_number,
        "enrolment_number": Record.enrolment_number,
        "failure": Document.failure,
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
        Column("student", N_("Student"), FULL_NAME, sort=BY_NAME, search=True, filter=Text(), cell="student"),
        Column("reference", N_("Reference"), Document.reference, search=reference_contains, cell="ref", kind="code"),
        Column("notified", N_("Notified"), Record.notice, sort=True, cell="notice", kind="status"),
        Column(
            "status",
            N_("Status"),
            Document.production,
            sort=True,
            filter=OneOf(Production),
            cell="production",
            kind="status",
        ),
        Column(
            "validity",
            N_("Validity"),
            VALIDITY_TODAY,
            sort=True,
            filter=OneOf(Validity),
            cell="validity",
            kind="status",
        ),
    ],
    actions=DOCUMENT_ACTIONS,
    empty=N_("This job holds no documents."),
)
