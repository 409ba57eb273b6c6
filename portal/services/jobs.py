"""Publishing: from the good rows of a batch file to a job with its records and documents, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from portal import clock, fault, reference
from portal.access import scope
from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.database import db
from portal.errors import Invalid
from portal.events.catalogue import JobPublished
from portal.intake import Row
from portal.models.brands import Brand
from portal.models.centres import Centre
from portal.models.documents import Document
from portal.models.jobs import Job
from portal.models.learners import Learner
from portal.models.qualifications import Qualification
from portal.models.records import Record, search_text_of, sort_name_of
from portal.unit_of_work import Record as RecordFact
from portal.unit_of_work import unit_of_work
from portal.vocabulary import Kind, NoticeState, Production, Validity

AT_ONCE = 500
"""So many rows are written with one statement."""


@dataclass(frozen=True, slots=True)
class Published:
    """What came of it."""

    job_id: int
    documents: int


def publish(rows: Iterable[Row], *, centre_id: int, file_name: str, actor: Actor) -> Published:
    """Publish rows to a centre as one job; all or nothing. The drawing follows by itself."""
    with unit_of_work(actor) as record:
        return publish_within(record, rows, centre_id=centre_id, file_name=file_name, actor=actor)


def publish_within(
    record: RecordFact,
    rows: Iterable[Row],
    *,
    centre_id: int,
    file_name: str,
    actor: Actor,
    upload_id: int | None = None,
) -> Published:
    """The same inside the caller's unit of work."""
    actor.require(Permission.JOBS_PUBLISH)
    session = db.session
    centre: Centre = scope.load(scope.centres(actor), centre_id)
    brands = dict(session.execute(select(Brand.name, Brand.id)).all())
    moment = clock.now()
    job = Job(
        centre_id=centre.id,
        created_by_id=actor.user_id,
        created_by=actor.name,
        created_at=moment,
        reference="",
        file_name=file_name[:200],
    )
    fault.point("publish_before_insert_job", centre.id)
    session.add(job)
    session.flush()
    fault.point("publish_after_insert_job", job.id)
    records = documents = 0
    for chunk in _chunks(rows):
        learners = _learners(chunk)
        _qualifications(chunk, brands)
        sets = [list(_document_values(row, job)) for row in chunk]
        ids = session.scalars(
            insert(Record).returning(Record.id, sort_by_parameter_order=True),
            [
                _record_values(row, documents_of, job, learners[row.enrolment_number], brands)
                for row, documents_of in zip(chunk, sets, strict=True)
            ],
        ).all()
        wanted = [
            document | {"record_id": ident}
            for ident, documents_of in zip(ids, sets, strict=True)
            for document in documents_of
        ]
        fault.point("publish_before_documents", job.id)
        session.execute(insert(Document), wanted)
        fault.point("publish_after_documents", job.id)
        records += len(chunk)
        documents += len(wanted)
    if not records:
        raise Invalid("There is no good row in this file to publish.")
    job.records, job.requested, job.pending = records, documents, documents
    job.reference = f"{clock.uk_text(moment)} - {records:,} record{'' if records == 1 else 's'}"
    record(JobPublished(job_id=job.id, centre_id=centre.id, upload_id=upload_id))
    return Published(job.id, documents)


def _chunks(rows: Iterable[Row]) -> Iterator[tuple[Row, ...]]:
    left = iter(rows)
    while chunk := tuple(islice(left, AT_ONCE)):
        yield chunk


def _insert(model: Any) -> Any:
    dialect = postgresql if db.session.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(model)


def _learners(rows: tuple[Row, ...]) -> dict[str, int]:
    """The ids of the rows' learners by enrolment number; new ones are put on file, changed names are taken over."""
    session = db.session
    moment = clock.now()
    session.execute(
        _insert(Learner).on_conflict_do_nothing(index_elements=[Learner.enrolment_number]),
        [
            {
                "enrolment_number": row.enrolment_number,
                "first_name": row.first_name,
                "middle_name": row.middle_name,
                "last_name": row.last_name,
                "date_of_birth": row.date_of_birth,
                "created_at": moment,
            }
            for row in {row.enrolment_number: row for row in rows}.values()
        ],
    )
    held = {
        learner.enrolment_number: learner
        for learner in session.execute(
            select(
                Learner.id,
                Learner.enrolment_number,
                Learner.first_name,
                Learner.middle_name,
                Learner.last_name,
                Learner.date_of_birth,
            ).where(Learner.enrolment_number.in_({row.enrolment_number for row in rows}))
        )
    }
    renamed = {}
    for row in rows:
        learner = held[row.enrolment_number]
        if learner.date_of_birth != row.date_of_birth:
            # Somebody put this learner on file after the check: the check must be made again.
            raise Invalid("What is on file changed after this file was checked. Check it again.")
        names = (row.first_name, row.middle_name, row.last_name)
        if names != (learner.first_name, learner.middle_name, learner.last_name):
            renamed[learner.id] = names
    for learner_id, (first, middle, last) in renamed.items():
        session.execute(
            update(Learner).where(Learner.id == learner_id).values(first_name=first, middle_name=middle, last_name=last)
        )
    return {number: learner.id for number, learner in held.items()}


def _qualifications(rows: tuple[Row, ...], brands: dict[str, int]) -> None:
    """Put qualifications on file that are not: from now on this number has this title and no other."""
    session = db.session
    session.execute(
        _insert(Qualification).on_conflict_do_nothing(index_elements=[Qualification.number]),
        [
            {
                "number": row.qualification_number,
                "title": row.qualification_title,
                "level": row.level,
                "brand_id": brands[row.awarding_organisation],
            }
            for row in {row.qualification_number: row for row in rows}.values()
        ],
    )
    titles = dict(
        session.execute(
            select(Qualification.number, Qualification.title).where(
                Qualification.number.in_({row.qualification_number for row in rows})
            )
        ).all()
    )
    if any(titles[row.qualification_number] != row.qualification_title for row in rows):
        raise Invalid("What is on file changed after this file was checked. Check it again.")


def _record_values(
    row: Row, documents_of: list[dict[str, Any]], job: Job, learner_id: int, brands: dict[str, int]
) -> dict[str, Any]:
    facts = {
        "job_id": job.id,
        "centre_id": job.centre_id,
        "learner_id": learner_id,
        "brand_id": brands[row.awarding_organisation],
        "enrolment_number": row.enrolment_number,
        "first_name": row.first_name,
        "middle_name": row.middle_name,
        "last_name": row.last_name,
        "date_of_birth": row.date_of_birth,
        "email": row.email or "",
        "qualification_number": row.qualification_number,
        "qualification_title": row.qualification_title,
        "level": row.level,
        "grade": row.grade,
        "awarded_on": row.awarded_on,
        "expires_on": row.expires_on,
        "language": row.language,
        "units": [[unit.code, unit.title, unit.level, unit.credits, unit.grade] for unit in row.units],
        "notice": NoticeState.NONE,
        "published_at": job.created_at,
    }
    references = [document["reference"] for document in documents_of]
    return facts | {"sort_name": sort_name_of(facts), "search_text": search_text_of(facts, references)}


def _document_values(row: Row, job: Job) -> Iterator[dict[str, Any]]:
    for kind in row.documents:
        yield document_values(
            kind=Kind(kind),
            job_id=job.id,
            centre_id=job.centre_id,
            issued_on=row.awarded_on,
            expires_on=row.expires_on,
        )


def document_values(**values: Any) -> dict[str, Any]:
    """A new document with a fresh reference, waiting to be drawn."""
    return values | {
        "reference": reference.new(),
        "production": Production.PENDING,
        "validity": Validity.VALID,
        "files": {},
        "failure": "",
        "reason": "",
        "claim_token": 0,
        "attempts": 0,
        "expiry_told": False,
    }
