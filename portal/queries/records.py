"""Reading records: one learner's award with its documents and what became of them, and the list over all jobs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any, Literal, TypeAlias

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    and_,
    bindparam,
    case,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.orm import joinedload

from portal import clock
from portal.access import scope
from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.database import WordColumn, db
from portal.events import rooms
from portal.grid import Action, Asked, Bulk, Column, DateRange, Grid, Key, OneOf, Text
from portal.grid.folding import folded
from portal.grid.searching import holds
from portal.grid.wording import N_
from portal.models.documents import Document
from portal.models.downloads import Download, DownloadItem
from portal.models.notices import Notice
from portal.models.qualifications import Qualification
from portal.models.records import Record
from portal.queries.chase import NOTICE_AT, NOTICE_REASON, TO_CHASE
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


MOST_EXPORTS = 20
"""Exports of a record that its history tells."""

What: TypeAlias = Literal[
    "published",
    "drawn",
    "cancelled",
    "replaced",
    "asked",
    "notified",
    "failed",
    "bounced",
    "registered",
    "viewed",
    "exported",
    "fetched",
]


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of a record's history.

    ``document`` is the one it happened to, ``other`` the one beside it; ``who`` did it; ``about`` is the address of a
    notice or the name of an export; ``why`` the reason of what went wrong.
    """

    at: datetime
    what: What
    document: Document | None = None
    other: Document | None = None
    who: str = ""
    about: str = ""
    why: str = ""


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


def list_exports(documents: Sequence[Document]) -> Sequence[Download]:
    """The exports that hold one of these documents, newest first; those taken off the list too, for they were made."""
    ids = [document.id for document in documents]
    held = select(DownloadItem.download_id).where(DownloadItem.document_id.in_(ids))
    # The documents were read within scope, and an export holds documents of its own centre only.
    return db.session.scalars(
        select(Download).where(Download.id.in_(held)).order_by(Download.id.desc()).limit(MOST_EXPORTS)
    ).all()


def history_of(
    record: Record,
    documents: Sequence[Document],
    notices: Sequence[Notice] = (),
    exports: Sequence[Download] = (),
) -> list[Happening]:
    """What happened to a record and its documents, newest first."""
    told = [Happening(record.published_at, "published")]
    if record.notified_at and not notices:
        told.append(Happening(record.notified_at, "notified"))
    if record.registered_at:
        told.append(Happening(record.registered_at, "registered"))
    if record.viewed_at:
        told.append(Happening(record.viewed_at, "viewed"))
    for notice in notices:
        told += _happenings_of_notice(notice)
    for export in exports:
        told += _happenings_of_export(export)
    for document in documents:
        told += _happenings_of_document(document)
    return sorted(told, key=lambda one: one.at, reverse=True)


def _happenings_of_document(document: Document) -> Iterator[Happening]:
    if document.drawn_at:
        yield Happening(document.drawn_at, "drawn", document, document.replaces)
    if document.cancelled_at:
        yield Happening(document.cancelled_at, "cancelled", document)
    if document.replaced_at:
        yield Happening(document.replaced_at, "replaced", document, document.replaced_by)


def _happenings_of_export(export: Download) -> Iterator[Happening]:
    yield Happening(export.created_at, "exported", who=export.created_by, about=export.name)
    if export.downloaded_at:
        yield Happening(export.downloaded_at, "fetched", who=export.downloaded_by, about=export.name)


def _happenings_of_notice(notice: Notice) -> Iterator[Happening]:
    """A notice is sent or fails after it was asked for, and may come back after it was sent."""
    if notice.state is NoticeState.QUEUED or notice.settled_at is None:
        yield Happening(notice.requested_at, "asked", who=notice.requested_by, about=notice.address)
        return
    failed = notice.state is NoticeState.FAILED
    yield Happening(
        notice.settled_at,
        "failed" if failed else "notified",
        who=notice.requested_by,
        about=notice.address,
        why=notice.reason if failed else "",
    )
    if notice.bounced_at:
        yield Happening(notice.bounced_at, "bounced", about=notice.address, why=notice.reason)


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
    told = [text.split(" ") for text in (row.documents or "").split(";") if text]
    found = [Brief(Kind(kind), Production(made), Validity(worth), ref) for kind, made, worth, ref in told]
    return sorted(found, key=lambda one: (list(Kind).index(one.kind), one.reference))


def documents_text(row: Any) -> str:
    """The documents of a row as plain text, for the CSV."""
    told = []
    for one in briefs_of(row):
        word = one.validity if one.production is Production.COMPLETED else one.production
        told.append(f"{one.kind.label} {formatted(one.reference)} {word.label}")
    return "; ".join(told)


LETTERS_OF_A_PART = 6
"""From this length on a word without a digit may be part of a reference; a shorter one is a name."""

MOST_COMBINED = 3
"""Words whose meeting in a title is worked out before the records are asked."""

CHASE = "chase"


def part_of_reference(word: str) -> str | None:
    """What somebody typed of a reference as ``search_text`` has it, or None when no reference has it."""
    typed = normalise(word) or "".join(sign for sign in word.upper() if sign not in "-\u2013").translate(FORGIVEN)
    if len(typed) < SHORTEST_PART or not set(typed) <= set(ALPHABET):
        return None
    return typed.lower()


def _may_be_reference(word: str) -> str | None:
    part = part_of_reference(word)
    long_enough = len(word) >= LETTERS_OF_A_PART or (len(word) > SHORTEST_PART and any(map(str.isdigit, word)))
    return part if long_enough else None


def _narrow(asked: Asked) -> Iterator[ColumnElement[bool]]:
    """The conditions of a question. Words go through ``search_text``, which has an index; titles by their numbers."""
    dialect, wanted = asked.dialect, asked.wanted
    if asked.words:
        yield _of_words(asked)
    for word in wanted.pop("student", ()):
        if dialect == "postgresql":
            yield _holds(folded(word), dialect)
        yield holds(Record.sort_name, folded(word), dialect=dialect)
    for word in wanted.pop("enrolment_number", ()):
        if dialect == "postgresql":
            yield _holds(folded(word), dialect)
        # They are kept in capitals.
        yield holds(Record.enrolment_number, folded(word).upper(), dialect=dialect)
    if words := wanted.pop("qualification", ()):
        numbers = _numbers_of([folded(word) for word in words], asked)
        yield Record.qualification_number.in_(set.intersection(*numbers))
    for word in wanted.pop("reference", ()):
        part = part_of_reference(word)
        yield _holds(part, dialect) if part else false()
        if part:
            yield _has_document(Document.reference.contains(part.upper()))
    yield from _of_documents(asked)


def _holds(text: str, dialect: str) -> ColumnElement[bool]:
    return holds(Record.search_text, text, dialect=dialect)


def _numbers_of(words: Sequence[str], asked: Asked) -> list[set[str]]:
    """For each word the numbers of the qualifications whose title or number has it: few, whatever is issued."""
    somewhere = or_(false(), *(holds(Qualification.search_text, word, dialect=asked.dialect) for word in words if word))
    found = asked.session.execute(select(Qualification.number, Qualification.search_text).where(somewhere)).all()
    return [{number for number, text in found if word and word in text} for word in words]


def _of_words(asked: Asked) -> ColumnElement[bool]:
    """Each word stands in a record's own text or in the title of its qualification.

    Which words meet in a title is known here, so the records are never looked through for two that never do.
    """
    words = [folded(word) for word in asked.words]
    if not all(words):
        # Nothing is left of a lone apostrophe, and nothing has it.
        return false()
    in_text = []
    for typed, word in zip(asked.words, words, strict=True):
        part = _may_be_reference(typed)
        own = _holds(word, asked.dialect)
        in_text.append(or_(own, _holds(part, asked.dialect)) if part and part != word else own)
    in_title = _numbers_of(words, asked)
    if len(words) > MOST_COMBINED:
        return and_(
            *(
                or_(text, Record.qualification_number.in_(numbers)) if numbers else text
                for text, numbers in zip(in_text, in_title, strict=True)
            )
        )
    ways = []
    for by_title in product((False, True), repeat=len(words)):
        sets = [numbers for numbers, chosen in zip(in_title, by_title, strict=True) if chosen]
        numbers = set.intersection(*sets) if sets else None
        if numbers is not None and not numbers:
            continue
        parts = [text for text, chosen in zip(in_text, by_title, strict=True) if not chosen]
        ways.append(and_(*parts, *([] if numbers is None else [Record.qualification_number.in_(numbers)])))
    return or_(*ways)


def _of_documents(asked: Asked) -> Iterator[ColumnElement[bool]]:
    """Kind, production and validity of one document. What few documents have is looked up, what most have is tried."""
    kind, made, worth = (asked.wanted.pop(name, None) for name in ("type", "status", "validity"))
    of = []
    few = False
    if kind is not None:
        of.append(Document.kind == kind)
    if made is not None:
        of.append(Document.production == made)
        if made is not Production.COMPLETED:
            few = True
            of.append(Document.production != literal_column("'completed'"))
    if worth is not None:
        of += [Document.production == Production.COMPLETED, VALIDITY_TODAY == worth]
        if worth in (Validity.CANCELLED, Validity.REPLACED):
            few = True
            of += [Document.validity == worth, Document.validity != literal_column("'valid'")]
        elif worth is Validity.EXPIRED:
            yield Record.expires_on < TODAY
    if few:
        asked.few = True
        keys = scope.documents(asked.actor).with_only_columns(Document.record_id).where(*of)
        # As an array the planner looks these few up; as a subquery it may try every record.
        yield (
            Record.id == func.any(func.array(keys.scalar_subquery()))
            if asked.dialect == "postgresql"
            else Record.id.in_(keys)
        )
    elif of:
        yield _has_document(*of)


def _has_document(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    tried = select(literal(1)).where(Document.record_id == Record.id, *conditions).limit(1)
    return tried.correlate(Record).scalar_subquery().is_not(None)


def _is_notified(word: NoticeState | str) -> ColumnElement[bool]:
    if word == CHASE:
        return TO_CHASE
    return Record.notice == word


def _records(actor: Actor, **_within: Any) -> Select[Any]:
    return scope.records(actor)


NOTIFY = Action(
    "notify",
    N_("Notify"),
    "notify",
    "centre.notify_record",
    {"record_id": "record_id", "back": "back"},
    may=lambda actor: actor.may(Permission.NOTICES_SEND),
    data={"dialog-load": "md"},
)
"""The Notify Student dialog, for a row that knows its ``record_id`` and where to go ``back`` to."""

NOTIFY_MANY = Bulk(
    "notify",
    N_("Notify"),
    "notify",
    "centre.notify_records",
    may=lambda actor: actor.may(Permission.NOTICES_SEND),
    counted=N_("Notify learners of %(things)s"),
    dialog="md",
)

EXPORT = Bulk(
    "export",
    N_("Export"),
    "download",
    "centre.export_records",
    may=lambda actor: actor.may(Permission.RECORDS_EXPORT),
    counted=N_("Export %(things)s"),
    dialog="md",
)

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
    search=[Record.search_text],
    narrow=_narrow,
    long=True,
    also={
        "qualification_number": Record.qualification_number,
        "record_id": Record.id,
        "first_drawn": FIRST_DRAWN,
        "form": literal(Form.DIGITAL.value),
        "back": literal("records"),
        "notice_at": NOTICE_AT,
        "notice_reason": NOTICE_REASON,
    },
    columns=[
        Column("student", N_("Student"), FULL_NAME, sort=(Record.sort_name,), filter=Text(), cell="student"),
        Column(
            "enrolment_number",
            N_("Enrolment number"),
            Record.enrolment_number,
            sort=(Record.enrolment_number,),
            filter=Text(),
            kind="code",
        ),
        Column(
            "qualification",
            N_("Qualification"),
            Record.qualification_title,
            sort=(Record.qualification_title,),
            filter=Text(),
            cell="qualification",
        ),
        Column(
            "issued_on",
            N_("Date of issue"),
            Record.awarded_on,
            sort=(Record.awarded_on, Record.published_at),
            filter=DateRange(),
            kind="date",
        ),
        Column("documents", N_("Documents"), DOCUMENTS, cell="record_documents", text=documents_text),
        # What a document must be; all three are asked of the same one.
        Column("reference", N_("Document reference"), filter=Text(Record.search_text), shown=False),
        Column("type", N_("Record type"), filter=OneOf(Kind, Document.kind), shown=False),
        Column("status", N_("Production"), filter=OneOf(Production, Document.production), shown=False),
        Column("validity", N_("Validity"), filter=OneOf(Validity, Document.validity), shown=False),
        Column("job", N_("Job"), filter=Key(Record.job_id), shown=False),
        Column(
            "notified",
            N_("Notified"),
            Record.notice,
            sort=(Record.notice, Record.published_at),
            filter=OneOf([*NoticeState, (CHASE, N_("to chase: notified a while ago, not registered"))], _is_notified),
            cell="notice",
            kind="status",
        ),
        Column(
            "published_on",
            N_("Published"),
            Record.published_at,
            sort=(Record.published_at,),
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
        NOTIFY,
        Action(
            "report",
            N_("Report an issue"),
            "report",
            "centre.report_record",
            {"record_id": "id", "back": "back"},
            data={"dialog-load": "md"},
        ),
    ],
    bulk=[EXPORT, NOTIFY_MANY],
    empty=N_("No record has been issued to your centre yet."),
)
