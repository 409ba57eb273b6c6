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
    """How far a notice to a learner has come."""

    NONE = "none"
    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"


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


LABELS: dict[str, str] = {
    Kind.LETTER: "Individual Letter",
    Role.ISSUER: "Awarding body",
    Role.CENTRE_ADMIN: "Centre admin",
    Role.CENTRE_USER: "Centre user",
    NoticeState.NONE: "not notified",
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
}


def may_move(old: Word, new: Word) -> bool:
    """Say whether a status may go from one word to another."""
    return new in MOVES[type(old)].get(old, frozenset())
