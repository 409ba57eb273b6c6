"""The words of the trade: statuses with the moves they allow, kinds of documents, roles.

The value is what the database keeps; ``label`` is what SPEC.md writes on screen.
"""

from __future__ import annotations

from enum import StrEnum


class Word(StrEnum):
    """A word with the label that people read."""

    @property
    def label(self) -> str:
        """The word as SPEC.md writes it on screen (English source text of the catalogue)."""
        return LABELS.get(self, self.value.replace("_", " ").capitalize())


class Role(Word):
    """Who somebody is; one role a user. What a role may do stands in ``portal.access.roles``."""

    ISSUER = "issuer"
    CENTRE_ADMIN = "centre_admin"
    CENTRE_USER = "centre_user"
    LEARNER = "learner"


class Door(Word):
    """The front doors that people sign in at."""

    CENTRE = "centre"
    LEARNER = "learner"
    ISSUER = "issuer"


class UserStatus(Word):
    """What the Users grid shows; locked is decided by a date, so it is read, never stored."""

    ACTIVE = "active"
    LOCKED = "locked"
    INACTIVE = "inactive"


class Kind(Word):
    """The kinds of documents ("Record type" on screen)."""

    CERTIFICATE = "certificate"
    TRANSCRIPT = "transcript"
    LETTER = "letter"


class Form(Word):
    """The two forms of a document: for pre-printed paper, and complete in itself."""

    PRINT = "print"
    DIGITAL = "digital"


class Production(Word):
    """Is the document drawn?"""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"


class Validity(Word):
    """What an employer is told. Expired follows from a date, so only the other three are stored."""

    VALID = "valid"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REPLACED = "replaced"


class VerifyStatus(Word):
    """The answers of Smart Verify (CONTRACT.md)."""

    VALID = "valid"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REPLACED = "replaced"
    UNKNOWN = "unknown"
    UNAVAILABLE = "unavailable"


class UploadState(Word):
    """A batch file on its way to becoming a job."""

    UPLOADED = "uploaded"
    CHECKED = "checked"
    PUBLISHING = "publishing"
    PUBLISHED = "published"
    REFUSED = "refused"


class NoticeState(Word):
    """How far a notice to a learner has come, and the learner because of it."""

    NONE = "none"
    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    BOUNCED = "bounced"
    REGISTERED = "registered"
    VIEWED = "viewed"


class DownloadState(Word):
    """An export on its way to a zip, and the end of it."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"


class ItemState(Word):
    """One document of an export: waiting, in the zip, or left out for a reason."""

    WAITING = "waiting"
    INCLUDED = "included"
    LEFT_OUT = "left_out"


class Arrival(Word):
    """How the last handing over of a zip to a browser went."""

    NONE = "none"
    UNDER_WAY = "under_way"
    WHOLE = "whole"
    BROKEN_OFF = "broken_off"


class ProblemState(Word):
    """A reported problem: waiting for the awarding body, answered, or done with."""

    OPEN = "open"
    ANSWERED = "answered"
    CLOSED = "closed"


class PictureState(Word):
    """A profile picture on its way: as it came, made anew by us, or refused."""

    WAITING = "waiting"
    READY = "ready"
    REFUSED = "refused"


class Post(Word):
    """The main contacts of a centre; one of them asks for the admin right."""

    EXAMS = "exams"
    FINANCE = "finance"
    CURRICULUM = "curriculum"
    CENTRE = "centre"
    QUALITY = "quality"


class MailState(Word):
    """An outgoing mail; ``unknown`` means that the connection was lost after DATA."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"


class TokenPurpose(Word):
    """What a one-time link is for; a link of one purpose never serves another."""

    RESET = "reset"
    CONFIRM = "confirm"
    INVITE = "invite"
    SECOND_STEP = "second_step"


LABELS: dict[str, str] = {
    Kind.LETTER: "Individual Letter",
    Role.ISSUER: "Awarding body",
    Role.CENTRE_ADMIN: "Centre admin",
    Role.CENTRE_USER: "Centre user",
    NoticeState.NONE: "not notified",
    Arrival.NONE: "Not downloaded",
    Arrival.UNDER_WAY: "Downloading",
    Arrival.WHOLE: "Downloaded",
    Arrival.BROKEN_OFF: "Download broken off",
    Post.EXAMS: "Head of Exams",
    Post.FINANCE: "Head of Finance",
    Post.CURRICULUM: "Head of Curriculum",
    Post.CENTRE: "Head of Centre",
    Post.QUALITY: "Head of Quality Assurance",
    Form.PRINT: "Print view",
    Form.DIGITAL: "Digital certificate",
}

MOVES: dict[type[Word], dict[Word, frozenset[Word]]] = {
    Production: {
        Production.PENDING: frozenset({Production.COMPLETED, Production.FAILED}),
        Production.FAILED: frozenset({Production.PENDING}),
        Production.COMPLETED: frozenset(),
    },
    Validity: {
        Validity.VALID: frozenset({Validity.CANCELLED, Validity.REPLACED}),
        Validity.CANCELLED: frozenset({Validity.REPLACED}),
        Validity.REPLACED: frozenset(),
    },
    UploadState: {
        UploadState.UPLOADED: frozenset({UploadState.CHECKED, UploadState.REFUSED}),
        UploadState.CHECKED: frozenset({UploadState.PUBLISHING}),
        UploadState.PUBLISHING: frozenset({UploadState.PUBLISHED, UploadState.CHECKED, UploadState.REFUSED}),
        UploadState.PUBLISHED: frozenset(),
        UploadState.REFUSED: frozenset(),
    },
    DownloadState: {
        DownloadState.PENDING: frozenset({DownloadState.PROCESSING, DownloadState.FAILED}),
        DownloadState.PROCESSING: frozenset({DownloadState.PENDING, DownloadState.COMPLETED, DownloadState.FAILED}),
        DownloadState.COMPLETED: frozenset({DownloadState.EXPIRED, DownloadState.FAILED}),
        DownloadState.FAILED: frozenset({DownloadState.PENDING}),
        DownloadState.EXPIRED: frozenset(),
    },
    ProblemState: {
        ProblemState.OPEN: frozenset({ProblemState.ANSWERED, ProblemState.CLOSED}),
        ProblemState.ANSWERED: frozenset({ProblemState.OPEN, ProblemState.CLOSED}),
        ProblemState.CLOSED: frozenset({ProblemState.OPEN}),
    },
}


def may_move(old: Word, new: Word) -> bool:
    """Say whether a status may go from one word to another."""
    return new in MOVES[type(old)].get(old, frozenset())
