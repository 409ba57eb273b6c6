"""Reading records: one learner's award with its documents and what became of them, and the list over all jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Date, Select, bindparam, case, false, func, literal, select, type_coerce
from sqlalchemy.orm import joinedload

from portal import clock
from portal.access import scope
from portal.access.actor import Actor
from portal.database import WordColumn, db
from portal.events import rooms
from portal.grid import Action, Column, DateRange, Grid, OneOf, Text
from portal.grid.wording import N_
from portal.models.documents import Document
from portal.models.jobs import Job
from portal.models.records import Record
from portal.reference import ALPHABET, FORGIVEN, formatted, normalise
from portal.vocabulary import Form, Kind, NoticeState, Production, Validity

FULL_NAME = func.trim(
    Record.first_name
    + case((Record.middle_name == "", ""), else_=literal(" ") + Record.middle_name)
    + literal(" ")
    + Record.last_name
)
"""The learner's full name as registered."""

SHORTEST_PART = 3
"""Characters of a reference that must be known to search by it."""

TODAY: ColumnElement[Any] = bindparam("today", type_=Date, callable_=lambda: clock.today())
"""The UK day on which a statement is run, not on which it was written."""

VALIDITY_TODAY = type_coerce(
    case(
        (
            (Document.validity == Validity.VALID) & Document.expires_on.is_not(None) & (Document.expires_on < TODAY),
            Validity.EXPIRED.value,
        ),
        else_=Document.validity,
    ),
    WordColumn(Validity),
)
"""What a document is worth today; Expired follows from the date."""


KIND_ORDER = case((Document.kind == Kind.CERTIFICATE, 0), (Document.kind == Kind.TRANSCRIPT, 1), else_=2)
"""Certificate, transcript, letter."""


def reference_contains(word: str) -> ColumnElement[bool]:
    """The condition that a document's reference has what somebody typed of it: dashes and case do not matter."""
    whole = normalise(word)
    if whole is not None:
        return Document.reference == whole
    typed = "".join(character for character in word.upper() if character not in "-\u2013").translate(FORGIVEN)
    if len(typed) < SHORTEST_PART or not set(typed) <= set(ALPHABET):
        # No reference has it, so none is looked through.
        return false()
    return Document.reference.contains(typed)


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of a record's history. ``document`` is the one it happened to, ``other`` the one beside it."""

    at: datetime
    what: Literal["published", "notified", "drawn", "cancelled", "replaced"]
    document: Document | None = None
    other: Document | None = None


def get_record(record_id: int, *, actor: Actor) -> Record:
    """A record that the actor may see, with brand, centre and job. Raises ``NotFound``."""
    return scope.load(
        scope.records(actor).options(joinedload(Record.brand), joinedload(Record.centre), joinedload(Record.job)),
        record_id,
    )


def list_documents(record_id: int, *, actor: Actor) -> Sequence[Document]:
    """The documents of a record in the order of their kinds, each with what it replaces and what replaced it."""
    return db.session.scalars(
        scope.documents(actor)
        .where(Document.record_id == record_id)
        .options(joinedload(Document.replaces), joinedload(Document.replaced_by))
        .order_by(KIND_ORDER, Document.id)
    ).all()


def history_of(record: Record, documents: Sequence[Document]) -> list[Happening]:
    """What happened to a record and its documents, newest first."""
    told = [Happening(record.job.created_at, "published")]
    if record.notified_at:
        told.append(Happening(record.notified_at, "notified"))
    for document in documents:
        if document.drawn_at:
            told.append(Happening(document.drawn_at, "drawn", document, document.replaces))
        if document.cancelled_at:
            told.append(Happening(document.cancelled_at, "cancelled", document))
        if document.replaced_at:
            told.append(Happening(document.replaced_at, "replaced", document, document.replaced_by))
    return sorted(told, key=lambda one: one.at, reverse=True)


FIRST_DRAWN = (
    select(Document.id)
    .where(Document.record_id == Record.id, Document.production == Production.COMPLETED)
    .order_by(KIND_ORDER, Document.id)
    .limit(1)
    .correlate(Record)
    .scalar_subquery()
)

DOCUMENTS = (
    select(
        func.aggregate_strings(
            Document.kind.concat(literal(" "))
            .concat(Document.production)
            .concat(literal(" "))
            .concat(VALIDITY_TODAY)
            .concat(literal(" "))
            .concat(Document.reference),
            ";",
        )
    )
    .where(Document.record_id == Record.id)
    .correlate(Record)
    .scalar_subquery()
)
"""Kind, production, validity and reference of each document, as one text, so that a page of records is one query."""


@dataclass(frozen=True, slots=True)
class Brief:
    """A document as the list of records shows it."""

    kind: Kind
    production: Production
    validity: Validity
    reference: str


def briefs_of(row: Any) -> list[Brief]:
    """The documents of a row of the list, in the order of their kinds."""
    told = [text.split(" ") for text in (row.status or "").split(";") if text]
    found = [Brief(Kind(kind), Production(made), Validity(worth), ref) for kind, made, worth, ref in told]
    return sorted(found, key=lambda one: (list(Kind).index(one.kind), one.reference))


def documents_text(row: Any) -> str:
    """The documents of a row as plain text, for the CSV."""
    told = []
    for one in briefs_of(row):
        word = one.validity if one.production is Production.COMPLETED else one.production
        told.append(f"{one.kind.label} {formatted(one.reference)} {word.label}")
    return "; ".join(told)


def _with_document(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return Record.id.in_(select(Document.record_id).where(condition))


def _has(word: Production | Validity) -> ColumnElement[bool]:
    """The condition that a document of the record is pending or failed, or drawn and worth this."""
    if isinstance(word, Production):
        return _with_document(Document.production == word)
    return _with_document((Document.production == Production.COMPLETED) & (VALIDITY_TODAY == word))


def _records(actor: Actor, **_within: Any) -> Select[Any]:
    return scope.records(actor).join(Job, Job.id == Record.job_id)


RECORDS = Grid(
    name="records",
    title=N_("Records"),
    thing=N_("record"),
    things=N_("records"),
    key=Record.id,
    select=_records,
    room=lambda actor: rooms.centre_records(actor.centre_id or 0),
    default_sort="-published_on",
    cells="grids/records.html",
    search=[Record.qualification_number, lambda word: _with_document(reference_contains(word))],
    also={
        "qualification_number": Record.qualification_number,
        "first_drawn": FIRST_DRAWN,
        "form": literal(Form.DIGITAL.value),
        "back": literal("records"),
        "notified_at": Record.notified_at,
    },
    columns=[
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
            "enrolment_number",
            N_("Enrolment number"),
            Record.enrolment_number,
            sort=True,
            search=True,
            filter=Text(),
            kind="code",
        ),
        Column(
            "qualification",
            N_("Qualification"),
            Record.qualification_title,
            sort=True,
            search=True,
            filter=Text(),
            cell="qualification",
        ),
        Column("issued_on", N_("Date of issue"), Record.awarded_on, sort=True, filter=DateRange(), kind="date"),
        Column(
            "status",
            N_("Documents"),
            DOCUMENTS,
            filter=OneOf([Production.PENDING, Production.FAILED, *Validity], _has),
            cell="record_documents",
            text=documents_text,
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
        # Ids follow the moment of publishing, and the key's own index gives this order.
        Column(
            "published_on",
            N_("Published"),
            Job.created_at,
            sort=(Record.id,),
            filter=DateRange(),
            kind="date",
            text=lambda row: clock.uk_date(row.published_on),
        ),
    ],
    actions=[
        Action("view", N_("View"), "view", "centre.record", {"record_id": "id"}),
        Action(
            "preview",
            N_("Preview"),
            "preview",
            "centre.preview",
            {"document_id": "first_drawn", "form": "form"},
            when=lambda row: row.first_drawn is not None,
            data={"dialog-load": "full"},
        ),
        Action(
            "report",
            N_("Report an issue"),
            "report",
            "centre.report_record",
            {"record_id": "id", "back": "back"},
            data={"dialog-load": "md"},
        ),
    ],
    empty=N_("No record has been issued to your centre yet."),
)
