"""Every fact that the portal tells: past tense, frozen, ids only. The table of contents of the live system.

``rooms()`` names whom a fact concerns and which ids changed there. ``None`` for ids means "read the grid again".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from portal.events import rooms

Ids = list[int] | None

MOST_NAMED = 20
"""So many records the audit trail names one by one."""


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
    """What was typed, where there is such an account."""
    user_id: int | None = None
    """Whose account it was: the address and the username may change."""

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
class MailDecided(Fact):
    """Somebody said what became of a mail that nobody knew the fate of."""

    mail_id: int
    arrived: bool


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
class UserMoved(Fact):
    """Something about a user that the lists of users show."""

    user_id: int
    centre_id: int | None

    def rooms(self) -> Iterable[tuple[str, Ids]]:
        yield rooms.ISSUER_USERS, [self.user_id]
        if self.centre_id is not None:
            yield rooms.centre_users(self.centre_id), [self.user_id]
            yield rooms.ISSUER_CENTRES, [self.centre_id]


@dataclass(frozen=True, kw_only=True)
class UserChanged(UserMoved):
    """A user was created or changed."""


@dataclass(frozen=True, kw_only=True)
class LockEnded(UserMoved):
    """The day came until which a user was locked."""

    audited = False


# The centre's whole day


@dataclass(frozen=True, kw_only=True)
class DownloadMoved(Fact):
    """What the list of exports shows of one of them moved."""

    audited = False

    download_id: int
    centre_id: int

    def rooms(self) -> Iterable[tuple[str, Ids]]:
        yield rooms.centre_downloads(self.centre_id), [self.download_id]
        yield rooms.centre_home(self.centre_id), None


@dataclass(frozen=True, kw_only=True)
class DownloadWentOn(DownloadMoved):
    """An export was begun, went further, expired, or is being handed over."""


@dataclass(frozen=True, kw_only=True)
class DownloadRequested(DownloadMoved):
    """Somebody asked for an export; its documents are frozen."""

    audited = True

    documents: int


@dataclass(frozen=True, kw_only=True)
class DownloadFinished(DownloadMoved):
    """A zip is ready, or will never be; whoever asked for it is told on whatever page they are."""

    user_id: int | None

    def rooms(self) -> Iterable[tuple[str, Ids]]:
        yield from DownloadMoved.rooms(self)
        if self.user_id is not None:
            yield rooms.desk(self.user_id), [self.download_id]


@dataclass(frozen=True, kw_only=True)
class DownloadTaken(DownloadMoved):
    """The handing over of a zip to somebody's browser ended, whole or broken off."""

    audited = True

    whole: bool


@dataclass(frozen=True, kw_only=True)
class DownloadRemoved(DownloadMoved):
    """Somebody took an export off the list."""

    audited = True


@dataclass(frozen=True, kw_only=True)
class NoticeMoved(Fact):
    """What learners were told about some records of one job moved."""

    audited = False

    job_id: int
    centre_id: int
    record_ids: list[int] = field(default_factory=list)
    document_ids: list[int] = field(default_factory=list)
    """Of those records: what the page of the job lists."""

    def values(self) -> dict[str, Any]:
        """Of many, the trail keeps how many; which they were stands in the ledger itself."""
        kept: dict[str, Any] = {"job_id": self.job_id, "centre_id": self.centre_id, "records": len(self.record_ids)}
        return kept | ({"record_ids": self.record_ids} if len(self.record_ids) <= MOST_NAMED else {})

    def rooms(self) -> Iterable[tuple[str, Ids]]:
        yield rooms.job(self.job_id), self.document_ids
        yield rooms.centre_jobs(self.centre_id), [self.job_id]
        yield rooms.centre_records(self.centre_id), self.record_ids
        yield rooms.centre_home(self.centre_id), None
        yield rooms.ISSUER_JOBS, [self.job_id]


@dataclass(frozen=True, kw_only=True)
class NoticesWentOn(NoticeMoved):
    """Notices were sent, failed or bounced; a learner registered, or looked for the first time."""


@dataclass(frozen=True, kw_only=True)
class NoticesQueued(NoticeMoved):
    """Somebody had learners told about some records of one job."""

    audited = True

    def subject(self) -> str:
        return f"record {self.record_ids[0]}" if len(self.record_ids) == 1 else f"job {self.job_id}"


@dataclass(frozen=True, kw_only=True)
class NoticeAddressSaved(NoticeMoved):
    """Somebody set the address that a learner would be told at."""

    audited = True

    def subject(self) -> str:
        return f"record {self.record_ids[0]}" if self.record_ids else f"job {self.job_id}"


@dataclass(frozen=True, kw_only=True)
class ProblemMoved(Fact):
    """What became of a reported problem: a word in its conversation, another state, owner or replacement."""

    problem_id: int
    centre_id: int | None

    def rooms(self) -> Iterable[tuple[str, Ids]]:
        yield rooms.problem(self.problem_id), None
        yield rooms.ISSUER_PROBLEMS, [self.problem_id]
        yield rooms.ISSUER_HOME, None
        if self.centre_id is not None:
            yield rooms.centre_problems(self.centre_id), [self.problem_id]
            yield rooms.centre_home(self.centre_id), None


@dataclass(frozen=True, kw_only=True)
class ProblemReported(ProblemMoved):
    """Somebody reported a problem with a record, a document or a download."""


@dataclass(frozen=True, kw_only=True)
class ProblemAnswered(ProblemMoved):
    """The awarding body answered."""


@dataclass(frozen=True, kw_only=True)
class ProblemChanged(ProblemMoved):
    """The reporter wrote again, or the state, owner or replacement of a problem changed."""

    what: str
    """``replied``, ``taken``, ``linked``, ``closed`` or ``reopened``."""


@dataclass(frozen=True, kw_only=True)
class PictureGiven(Fact):
    """A user gave a profile picture; a worker makes a clean one of it."""

    user_id: int
    centre_id: int | None


@dataclass(frozen=True, kw_only=True)
class PictureSettled(UserMoved):
    """A profile picture is ready, refused or taken away."""

    audited = False

    def rooms(self) -> Iterable[tuple[str, Ids]]:
        yield from UserMoved.rooms(self)
        yield rooms.desk(self.user_id), None


@dataclass(frozen=True, kw_only=True)
class SecondStepChanged(UserMoved):
    """A second step of signing in was switched on or off, or its recovery codes were made anew."""

    what: str


@dataclass(frozen=True, kw_only=True)
class UserErased(UserMoved):
    """Thirty days after the deletion nothing of the person was left."""


@dataclass(frozen=True, kw_only=True)
class ListExported(Fact):
    """Somebody took a list away as a file."""

    what: str
    rows: int

    def subject(self) -> str:
        return self.what
