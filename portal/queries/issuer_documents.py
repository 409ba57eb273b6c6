"""Documents of every centre: the list, one with its chain of replacements, and what a selection of them may suffer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, literal, select
from sqlalchemy.orm import joinedload

from portal.access import scope
from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.database import db
from portal.events import rooms
from portal.grid import Bulk, Column, DateRange, Grid, OneOf, Selection, Text, selected
from portal.grid.wording import N_
from portal.models.audit import AuditEntry
from portal.models.centres import Centre
from portal.models.documents import Document
from portal.models.jobs import Job
from portal.models.records import Record
from portal.queries.issuer_jobs import (
    BY_NAME,
    CENTRE_NAME,
    DOCUMENT_ACTIONS,
)
from portal.queries.records import FULL_NAME, KIND_ORDER, VALIDITY_TODAY, reference_contains
from portal.vocabulary import Kind, Production, Validity

MOST_CANCELLED = 1_000
"""Documents that can be cancelled in one go: all or none of them, so in one transaction."""

MOST_OF_A_SAMPLE = 8
MOST_ENTRIES = 50


@dataclass(frozen=True, slots=True)
class ToCancel:
    """What cancelling a selection would do: to which documents, and which it would leave as they are."""

    ids: list[int]
    cancelled_already: int
    replaced_already: int
    sample: Sequence[Any]
    """The first of them, with ``learner``, ``kind``, ``reference`` and ``centre``."""


def what_to_cancel(selection: Selection, *, actor: Actor) -> ToCancel:
    """Read a selection of the list. Raises ``BadQuery`` for none or too many, ``NotFound`` for one that is gone."""
    ids = selected(ISSUER_DOCUMENTS, db.session(), selection, actor, most=MOST_CANCELLED)
    found = db.session.execute(
        _documents(actor)
        .where(Document.id.in_(ids))
        .with_only_columns(
            Document.id,
            Document.validity,
            Document.kind,
            Document.reference,
            FULL_NAME.label("learner"),
            Centre.name.label("centre"),
            maintain_column_froms=True,
        )
        .order_by(Document.id)
    ).all()
    valid = [row for row in found if row.validity is Validity.VALID]
    return ToCancel(
        ids=[row.id for row in valid],
        cancelled_already=sum(row.validity is Validity.CANCELLED for row in found),
        replaced_already=sum(row.validity is Validity.REPLACED for row in found),
        sample=valid[:MOST_OF_A_SAMPLE],
    )


def list_siblings(document: Document, *, actor: Actor) -> Sequence[Document]:
    """The documents of the same record, this one among them, in the order of their kinds."""
    return db.session.scalars(
        scope.documents(actor).where(Document.record_id == document.record_id).order_by(KIND_ORDER, Document.id)
    ).all()


def chain_of(document: Document, *, actor: Actor) -> Sequence[Document]:
    """The document with all that it replaces and all that replaced it, oldest first, each with its record."""
    older = select(Document.id, Document.replaces_id).where(Document.id == document.id).cte("older", recursive=True)
    older = older.union(select(Document.id, Document.replaces_id).join(older, Document.id == older.c.replaces_id))
    newer = select(Document.id, Document.replaced_by_id).where(Document.id == document.id).cte("newer", recursive=True)
    newer = newer.union(select(Document.id, Document.replaced_by_id).join(newer, Document.id == newer.c.replaced_by_id))
    return db.session.scalars(
        scope.documents(actor)
        .where(Document.id.in_(select(older.c.id).union(select(newer.c.id))))
        .options(joinedload(Document.record))
        .order_by(Document.id)
    ).all()


def history_of(document: Document, *, actor: Actor) -> Sequence[AuditEntry]:
    """What people did to a document, newest first."""
    # The trail is searched within the centre: its index knows centres, not subjects.
    return db.session.scalars(
        scope.audit_entries(actor)
        .where(AuditEntry.centre_id == document.centre_id, AuditEntry.subject == f"document {document.id}")
        .order_by(AuditEntry.id.desc())
        .limit(MOST_ENTRIES)
    ).all()


def _documents(actor: Actor, **_within: Any) -> Select[Any]:
    return (
        scope.documents(actor)
        .join(Record, Record.id == Document.record_id)
        .join(Centre, Centre.id == Document.centre_id)
        .join(Job, Job.id == Document.job_id)
    )


ISSUER_DOCUMENTS = Grid(
    name="documents",
    title=N_("Documents"),
    thing=N_("document"),
    things=N_("documents"),
    key=Document.id,
    select=_documents,
    room=lambda _actor: rooms.ISSUER_DOCUMENTS,
    default_sort="-published_on",
    cells="grids/issuer_documents.html",
    also={
        "job_id": Document.job_id,
        "centre_id": Document.centre_id,
        "centre_number": Centre.number,
        "enrolment_number": Record.enrolment_number,
        "qualification_number": Record.qualification_number,
        "failure": Document.failure,
        "back": literal("documents"),
    },
    columns=[
        Column("student", N_("Learner"), FULL_NAME, sort=BY_NAME, search=True, filter=Text(), cell="student"),
        Column(
            "enrolment",
            N_("Enrolment number"),
            Record.enrolment_number,
            sort=True,
            search=True,
            filter=Text(),
            kind="code",
        ),
        Column(
            "centre", N_("Centre"), Centre.name, sort=True, search=CENTRE_NAME, filter=Text(CENTRE_NAME), cell="centre"
        ),
        Column(
            "qualification",
            N_("Qualification"),
            Record.qualification_title,
            sort=True,
            search=Record.qualification_title + literal(" ") + Record.qualification_number,
            filter=Text(Record.qualification_title + literal(" ") + Record.qualification_number),
            cell="qualification",
        ),
        Column("kind", N_("Record type"), Document.kind, sort=True, filter=OneOf(Kind), cell="kind"),
        Column("reference", N_("Reference"), Document.reference, search=reference_contains, cell="ref", kind="code"),
        Column(
            "status",
            N_("Production"),
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
        Column(
            "issued_on", N_("Issued on"), Document.issued_on, sort=True, filter=DateRange(), cell="issued", kind="date"
        ),
        Column("expires_on", N_("Expires on"), Document.expires_on, sort=True, filter=DateRange(), kind="date"),
        # Ids follow the moment of publishing, and the key's own index gives this order.
        Column("published_on", N_("Published"), Job.created_at, sort=(Document.id,), filter=DateRange(), kind="date"),
    ],
    actions=DOCUMENT_ACTIONS,
    bulk=[
        Bulk(
            "cancel",
            N_("Cancel the selected documents"),
            "ban",
            "issuer.cancel_documents",
            may=lambda actor: actor.may(Permission.DOCUMENTS_CANCEL),
        )
    ],
    empty=N_("No document has been issued yet."),
)
