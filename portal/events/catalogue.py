"""Every fact that the portal tells: past tense, frozen, ids only. The table of contents of the live system.

``rooms()`` names whom a fact concerns and which ids changed there. ``None`` for ids means "read the grid again".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from portal.events import rooms

Ids = list[int] | None


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Something that happened. A subclass names the ids, and the rooms that hear of it."""

    audited: ClassVar[bool] = True
    """Whether people want to find it in the audit trail."""

    def rooms(self) -> Iterable[tuple[str, Ids]]:
        """Rooms with the ids that changed in each."""
        return ()

    def subject(self) -> str:
        """What it was done to, for the audit trail: ``document 31``."""
        for name, value in asdict(self).items():
            if name.endswith("_id") and name != "centre_id":
                return f"{name.removesuffix('_id')} {value}"
        return ""

    def values(self) -> dict[str, Any]:
        """What is kept in the database."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class UploadReceived(Fact):
    """A batch file arrived and waits for its preflight."""

    upload_id: int

    def rooms(self) -> Iterable[tuple[str, Ids]]:
        yield rooms.upload(self.upload_id), None


@dataclass(frozen=True, kw_only=True)
class UploadChecked(Fact):
    """The preflight of a batch file is ready to be read."""

    upload_id: int

    def rooms(self) -> Iterable[tuple[str, Ids]]:
        yield rooms.upload(self.upload_id), None


@dataclass(frozen=True, kw_only=True)
class PublishRequested(Fact):
    """The issuer asked for a checked file to be published."""

    upload_id: int

    def rooms(self) -> Iterable[tuple[str, Ids]]:
        yield rooms.upload(self.upload_id), None


@dataclass(frozen=True, kw_only=True)
class JobPublished(Fact):
    """A job with all its records and documents exists; the documents wait to be drawn."""

    job_id: int
    centre_id: int
    upload_id: int | None = None

    def rooms(self) -> Iterable[tuple[str, Ids]]:
        yield rooms.job(self.job_id), None
        yield rooms.centre_jobs(self.centre_id), [self.job_id]
        yield rooms.centre_records(self.centre_id), None
        yield rooms.centre_home(self.centre_id), None
        yield rooms.ISSUER_JOBS, [self.job_id]
        yield rooms.ISSUER_DOCUMENTS, None
        yield rooms.ISSUER_HOME, None
        if self.upload_id is not None:
            yield rooms.upload(self.upload_id), None


@dataclass(frozen=True, kw_only=True)
class DrawingMoved(Fact):
    """The drawing of some documents of a job went on, or back."""

    job_id: int
    centre_id: int
    document_ids: list[int] = field(default_factory=list)
    record_ids: list[int] = field(default_factory=list)

    def rooms(self) -> Iterable[tuple[str, Ids]]:
        yield rooms.job(self.job_id), self.document_ids
        yield rooms.centre_jobs(self.centre_id), [self.job_id]
        yield rooms.centre_records(self.centre_id), self.record_ids
        yield rooms.centre_home(self.centre_id), None
        yield rooms.ISSUER_JOBS, [self.job_id]
        yield rooms.ISSUER_DOCUMENTS, self.document_ids
        yield rooms.ISSUER_HOME, None


@dataclass(frozen=True, kw_only=True)
class DocumentsDrawn(DrawingMoved):
    """Some documents of a job were completed, or failed for good, or wait again."""

    audited = False


@dataclass(frozen=True, kw_only=True)
class DrawingRetried(DrawingMoved):
    """Failed documents were put back to be drawn again."""


@dataclass(frozen=True, kw_only=True)
class ValidityChanged(Fact):
    """What a document is worth changed; the verify page that is open on it must turn."""

    document_id: int
    record_id: int
    job_id: int
    centre_id: int
    reference: str

    def rooms(self) -> Iterable[tuple[str, Ids]]:
        yield rooms.verify(self.reference), [self.document_id]
        yield rooms.job(self.job_id), [self.document_id]
        yield rooms.centre_records(self.centre_id), [self.record_id]
        yield rooms.centre_home(self.centre_id), None
        yield rooms.ISSUER_DOCUMENTS, [self.document_id]
        yield rooms.ISSUER_HOME, None


@dataclass(frozen=True, kw_only=True)
class DocumentCancelled(ValidityChanged):
    """The issuer cancelled a document."""


@dataclass(frozen=True, kw_only=True)
class DocumentReplaced(ValidityChanged):
    """A corrected document was issued in place of this one."""

    new_document_id: int


@dataclass(frozen=True, kw_only=True)
class DocumentExpired(ValidityChanged):
    """The last day of a document has passed."""

    audited = False


@dataclass(frozen=True, kw_only=True)
class AccessChanged(Fact):
    """A user's rights changed or ended: sessions end, sockets are closed."""

    user_id: int
    why: str

    def rooms(self) -> Iterable[tuple[str, Ids]]:
        yield rooms.user(self.user_id), None


@dataclass(frozen=True, kw_only=True)
class SignedIn(Fact):
    """Somebody came in."""

    user_id: int


@dataclass(frozen=True, kw_only=True)
class SignedOut(Fact):
    """Somebody left; the sockets of that session are closed."""

    user_id: int
    session_id: int

    def rooms(self) -> Iterable[tuple[str, Ids]]:
        yield rooms.user(self.user_id), None


@dataclass(frozen=True, kw_only=True)
class SignInRefused(Fact):
    """A sign-in failed; kept for the audit trail, without the password."""

    door: str
    account: str

    def subject(self) -> str:
        return self.account


@dataclass(frozen=True, kw_only=True)
class MailQueued(Fact):
    """A mail was written into the outbox."""

    audited = False

    mail_id: int


@dataclass(frozen=True, kw_only=True)
class MailSettled(Fact):
    """A mail was sent, or will never be, or nobody knows."""

    audited = False

    mail_id: int


@dataclass(frozen=True, kw_only=True)
class PasswordResetRequested(Fact):
    """Somebody asked for a link to set a new password."""

    user_id: int


@dataclass(frozen=True, kw_only=True)
class CentreChanged(Fact):
    """A centre was created or changed."""

    centre_id: int

    def subject(self) -> str:
        return f"centre {self.centre_id}"

    def rooms(self) -> Iterable[tuple[str, Ids]]:
        yield rooms.ISSUER_CENTRES, [self.centre_id]
        yield rooms.ISSUER_HOME, None


@dataclass(frozen=True, kw_only=True)
class BrandChanged(Fact):
    """A brand was changed."""

    brand_id: int


@dataclass(frozen=True, kw_only=True)
class UserChanged(Fact):
    """A user was created or changed."""

    user_id: int
    centre_id: int | None

    def rooms(self) -> Iterable[tuple[str, Ids]]:
        yield rooms.ISSUER_USERS, [self.user_id]
        if self.centre_id is not None:
            yield rooms.centre_users(self.centre_id), [self.user_id]
            yield rooms.ISSUER_CENTRES, [self.centre_id]
