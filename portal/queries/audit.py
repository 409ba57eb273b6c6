"""Reading the audit trail: who did what to what, in words. What a centre must not read is left out by the statement.

So neither the CSV nor a search, a filter or an order can tell it.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, and_, case, cast, func, literal, or_, select, type_coerce
from sqlalchemy import Text as SqlText

from portal import reference
from portal.access import scope
from portal.access.actor import SYSTEM, Actor
from portal.database import db
from portal.grid import Column, DateRange, Grid, OneOf, Text
from portal.grid.searching import contains
from portal.grid.wording import N_
from portal.models.audit import AuditEntry
from portal.models.brands import Brand
from portal.models.centres import Centre
from portal.models.documents import Document
from portal.models.downloads import Download
from portal.models.jobs import Job
from portal.models.problems import Problem
from portal.models.records import Record
from portal.models.uploads import Upload
from portal.models.users import User
from portal.vocabulary import Kind, Role

ACTIONS = {
    "UploadReceived": N_("Uploaded a batch file"),
    "UploadChecked": N_("A batch file was checked"),
    "PublishRequested": N_("Asked for a batch file to be published"),
    "JobPublished": N_("Published a job"),
    "DrawingRetried": N_("Had failed documents drawn again"),
    "DocumentCancelled": N_("Cancelled a document"),
    "DocumentReplaced": N_("Replaced a document"),
    "AccessChanged": N_("Ended somebody's sessions"),
    "SignedIn": N_("Signed in"),
    "SignedOut": N_("Signed out"),
    "SignInRefused": N_("Was refused at sign-in"),
    "PasswordResetRequested": N_("Asked for a new password"),
    "CentreChanged": N_("Created or changed a centre"),
    "BrandChanged": N_("Created or changed a brand"),
    "UserChanged": N_("Created or changed a user"),
    "DownloadRequested": N_("Exported documents"),
    "DownloadTaken": N_("Downloaded an export"),
    "DownloadRemoved": N_("Removed an export"),
    "MailDecided": N_("Said what became of an email"),
    "NoticesQueued": N_("Had learners notified"),
    "NoticeAddressSaved": N_("Saved a learner’s email address"),
    "ProblemReported": N_("Reported a problem"),
    "ProblemAnswered": N_("Answered a problem"),
    "ProblemChanged": N_("Moved a problem on"),
    "PictureGiven": N_("Gave a profile picture"),
    "SecondStepChanged": N_("Changed the second step of signing in"),
    "UserErased": N_("Erased a deleted user"),
    "ListExported": N_("Took a list away as a file"),
}
"""Every audited fact of ``portal.events.catalogue`` as a sentence whose subject is the actor."""


ACTIONS_IN_DETAIL = {
    ("ProblemChanged", "replied"): N_("Replied to a problem"),
    ("ProblemChanged", "taken"): N_("Set the owner of a problem"),
    ("ProblemChanged", "linked"): N_("Linked a replacement to a problem"),
    ("ProblemChanged", "closed"): N_("Closed a problem"),
    ("ProblemChanged", "reopened"): N_("Reopened a problem"),
}
"""Facts that tell several acts, by their ``what``."""

AWARDING_BODY = N_("Awarding body")
LEARNER = N_("Learner")

OF_CENTRE = AuditEntry.role.in_([Role.CENTRE_ADMIN.value, Role.CENTRE_USER.value])

WHO = case(
    (OF_CENTRE, AuditEntry.actor_name),
    (AuditEntry.role == Role.LEARNER.value, literal(LEARNER)),
    ((AuditEntry.role == "") & (AuditEntry.actor_name == SYSTEM.name), literal(SYSTEM.name)),
    else_=literal(AWARDING_BODY),
)
"""Who it was, as a centre may know it: its own people by name, everybody else by what they are."""

WHENCE = case((OF_CENTRE, AuditEntry.address), else_=literal(""))
"""The network address, of the centre's own people only."""

WHAT = AuditEntry.detail["what"].as_string()


def words_of(action: str, what: str | None = None) -> str:
    """What an action is called; one that has no words yet is taken apart at its capitals."""
    known = ACTIONS_IN_DETAIL.get((action, what or "")) or ACTIONS.get(action)
    return known or re.sub(r"(?<!^)(?=[A-Z])", " ", action).capitalize()


def _id_in(*path: str | int) -> ColumnElement[Any]:
    """An id in the values of the fact; nothing where the fact has none of that name."""
    return cast(AuditEntry.detail[path if len(path) > 1 else path[0]].as_string(), BigInteger)


def _name_of_subject(*, of_centre: bool) -> ColumnElement[Any]:
    """What the subject is called today; ``of_centre``: only where it is the centre's own."""

    def one(prefix: str, shown: Any, model: Any, ident: Any) -> tuple[Any, Any]:
        statement = select(shown).where(model.id == ident)
        if model is Document:
            statement = statement.join(Record, Record.id == Document.record_id)
        if of_centre:
            statement = statement.where((model.id if model is Centre else model.centre_id) == AuditEntry.centre_id)
        return AuditEntry.subject.like(f"{prefix} %"), statement.correlate(AuditEntry).scalar_subquery()

    name = Record.first_name.concat(" ").concat(Record.last_name)
    document = type_coerce(Document.kind, SqlText).concat(" ").concat(Document.reference).concat(" ").concat(name)
    record = name.concat(" (").concat(Record.enrolment_number).concat(")")
    cases = [
        one("document", document, Document, _id_in("document_id")),
        one("record", record, Record, func.coalesce(_id_in("record_id"), _id_in("record_ids", 0))),
        one("job", Job.reference, Job, _id_in("job_id")),
        one("user", User.first_name.concat(" ").concat(User.last_name), User, _id_in("user_id")),
        one("download", Download.name, Download, _id_in("download_id")),
        one("problem", Problem.subject, Problem, _id_in("problem_id")),
        one("centre", Centre.name, Centre, _id_in("centre_id")),
    ]
    if not of_centre:
        cases.append(one("upload", Upload.file_name, Upload, _id_in("upload_id")))
        cases.append((AuditEntry.subject.like("brand %"), _brand_name()))
    return case(*cases)


def _brand_name() -> Any:
    return select(Brand.name).where(Brand.id == _id_in("brand_id")).correlate(AuditEntry).scalar_subquery()


NAMED = _name_of_subject(of_centre=False)
NAMED_OF_CENTRE = _name_of_subject(of_centre=True)


def subject_text(row: Any) -> str:
    """What it was done to: "Certificate 7Q4M-9XKD-…, Donald Duck", or its kind and number where it has no name."""
    kind, _gap, number = row.subject.partition(" ")
    if not row.named:
        return f"{kind.capitalize()} {number}" if number.isdecimal() else row.subject
    if kind == "document":
        word, ref, name = row.named.split(" ", 2)
        return f"{Kind(word).label} {reference.formatted(ref)}, {name}"
    return f"{kind.capitalize()} {number}: {row.named}" if kind == "problem" else f"{kind.capitalize()}: {row.named}"


def _about(word: str, *, of_centre: bool) -> ColumnElement[bool]:
    """The condition that a word is part of what the reader is told of the subject: its name, or its kind and number."""
    dialect = db.session().get_bind().dialect.name
    told = NAMED_OF_CENTRE if of_centre else NAMED
    # References are kept without their dashes; a name may have some.
    words = dict.fromkeys([word, reference.normalise(word) or word.replace("-", "") or word])
    return or_(
        contains(AuditEntry.subject, word, dialect=dialect), *(contains(told, one, dialect=dialect) for one in words)
    )


def _reference(word: str) -> ColumnElement[bool]:
    """The condition that the subject is the document of a whole reference, or has the word in its kind and number."""
    told = contains(AuditEntry.subject, word, dialect=db.session().get_bind().dialect.name)
    if (canonical := reference.normalise(word)) is None:
        return told
    documents = select(literal("document ").concat(cast(Document.id, SqlText))).where(Document.reference == canonical)
    return or_(told, AuditEntry.subject.in_(documents))


class About(Text):
    """Every word is part of what the subject is called."""

    def __init__(self, *, of_centre: bool) -> None:
        super().__init__()
        self.of_centre = of_centre

    def condition(self, expression: Any, wanted: tuple[str, ...], *, dialect: str) -> ColumnElement[bool]:
        return and_(*(_about(word, of_centre=self.of_centre) for word in wanted))


def _entries(actor: Actor, **_within: Any) -> Select[Any]:
    return scope.audit_entries(actor).outerjoin(Centre, Centre.id == AuditEntry.centre_id)


def _entries_of_centre(actor: Actor, **_within: Any) -> Select[Any]:
    return scope.audit_entries(actor)


# Lines are written in the order of time, and the key's own index gives this order.
AT = Column("at", N_("Time"), AuditEntry.at, sort=(AuditEntry.id,), filter=DateRange(), kind="date")
ROLE = Column("role", N_("Role"), AuditEntry.role, sort=True, filter=OneOf(Role), cell="role")
ACTION = Column(
    "action",
    N_("What"),
    AuditEntry.action,
    sort=True,
    filter=OneOf(ACTIONS.items()),
    text=lambda row: words_of(row.action, row.what),
)


def _subject(*, of_centre: bool) -> Column:
    """What it was done to; sought, and filtered, by what the reader is told of it."""
    return Column(
        "subject",
        N_("To what"),
        AuditEntry.subject,
        sort=True,
        # In the trail of everybody, a word that stands nowhere would be looked for in millions of names.
        search=partial(_about, of_centre=True) if of_centre else _reference,
        filter=About(of_centre=of_centre),
        cell="subject",
        text=subject_text,
    )


AUDIT = Grid(
    name="audit",
    title=N_("Audit trail"),
    thing=N_("entry"),
    things=N_("entries"),
    key=AuditEntry.id,
    select=_entries,
    default_sort="-at",
    cells="grids/issuer_audit.html",
    also={"centre_id": AuditEntry.centre_id, "what": WHAT, "named": NAMED},
    columns=[
        AT,
        Column("who", N_("Who"), AuditEntry.actor_name, sort=True, search=True, filter=Text()),
        ROLE,
        ACTION,
        _subject(of_centre=False),
        Column("centre", N_("Centre"), Centre.name, sort=True, search=True, filter=Text(), cell="centre"),
        Column("address", N_("Address"), AuditEntry.address, sort=True, search=True, filter=Text(), kind="code"),
    ],
    export=".export_audit",
    empty=N_("Nothing has been done yet."),
)

CENTRE_AUDIT = Grid(
    name="centre-audit",
    title=N_("Audit trail"),
    thing=N_("entry"),
    things=N_("entries"),
    key=AuditEntry.id,
    select=_entries_of_centre,
    default_sort="-at",
    cells="grids/centre_audit.html",
    also={"what": WHAT, "named": NAMED_OF_CENTRE},
    columns=[
        AT,
        Column("who", N_("Who"), WHO, sort=True, search=True, filter=Text()),
        ROLE,
        ACTION,
        _subject(of_centre=True),
        Column("address", N_("Address"), WHENCE, sort=True, search=True, filter=Text(), kind="code"),
    ],
    export=".export_audit",
    empty=N_("Nothing has been done in your centre yet."),
)
