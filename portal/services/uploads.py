"""Batch files of the issuer: received, checked by a worker, published by a worker, each step safe to run twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from sqlalchemy import select, update

from portal import clock, fault
from portal.access import scope
from portal.access.actor import SYSTEM, Actor
from portal.access.permissions import Permission
from portal.database import database_now, db
from portal.errors import Fenced, Invalid, WrongMove
from portal.events.catalogue import PublishRequested, UploadChecked, UploadReceived
from portal.intake import Held, Remark, Report, preflight
from portal.models.centres import Centre
from portal.models.uploads import Upload
from portal.models.users import User
from portal.services import claims
from portal.services.jobs import Published, publish_within
from portal.unit_of_work import unit_of_work
from portal.vocabulary import Role, UploadState, may_move

MOST_REMARKS_KEPT = 2_000
"""So many faults (and so many warnings) of a file are kept; a file with more is wrong from top to bottom."""

STOPPED = "Reading this file stopped the worker each time it was tried. Please send it to the developers."


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A batch file as it lies in the store."""

    name: str
    sha256: str
    size: int


def receive(file: StoredFile, *, centre_id: int, actor: Actor) -> int:
    """Note a batch file for a centre; its preflight follows by itself. Give the id of the upload."""
    actor.require(Permission.JOBS_PUBLISH)
    fault.point("import_after_file_saved", centre_id)
    with unit_of_work(actor) as record:
        centre: Centre = scope.load(scope.centres(actor), centre_id)
        upload = Upload(
            centre_id=centre.id,
            created_by_id=actor.user_id,
            created_at=clock.now(),
            file_name=file.name[:200] or "batch.csv",
            sha256=file.sha256,
            size=file.size,
            state=UploadState.UPLOADED,
            failure="",
            faults=[],
            warnings=[],
        )
        db.session.add(upload)
        db.session.flush()
        record(UploadReceived(upload_id=upload.id))
    return upload.id


def request_publish(upload_id: int, *, only_good_rows: bool, actor: Actor) -> None:
    """Ask for a checked file to be published. A file with faults needs "publish the good rows"."""
    actor.require(Permission.JOBS_PUBLISH)
    with unit_of_work(actor) as record:
        upload = scope.load(scope.uploads(actor), upload_id, lock=True)
        if upload.fault_count and not only_good_rows:
            raise Invalid(
                "This file has faults. Nothing is published from it unless you choose to publish the good rows."
            )
        if not upload.good_rows:
            raise Invalid("There is no good row in this file to publish.")
        _move(upload, UploadState.PUBLISHING)
        upload.only_good_rows = only_good_rows
        upload.attempts = 0
        upload.next_attempt_at = upload.lease_until = None
        record(PublishRequested(upload_id=upload.id))


def claim(upload_id: int) -> tuple[claims.Claim, Upload] | None:
    """Take a file that waits to be checked or published; ``None`` when there is nothing to do or somebody has it."""
    with unit_of_work(SYSTEM):
        taken = claims.take(
            Upload,
            Upload.id == upload_id,
            Upload.state.in_([UploadState.UPLOADED, UploadState.PUBLISHING]),
            Upload.attempts < claims.MOST_ATTEMPTS,
        )
        if taken is None:
            return None
        upload = db.session.get_one(Upload, upload_id, populate_existing=True)
    return taken, upload


def beat(taken: claims.Claim) -> None:
    """Say that the work goes on; ``Fenced`` when somebody else has it by now."""
    with unit_of_work(SYSTEM):
        claims.beat(taken)


def finish_check(taken: claims.Claim, report: Report) -> None:
    """Keep what the preflight found; the file must still be open, for the documents of its good rows to be counted."""
    documents = sum(len(row.documents) for row in report.good())
    with unit_of_work(SYSTEM) as record:
        upload = _held(taken)
        _move(upload, UploadState.CHECKED)
        upload.rows = report.rows
        upload.good_rows = report.good_rows
        upload.documents = documents
        upload.fault_count, upload.warning_count = len(report.faults), len(report.warnings)
        upload.faults, upload.warnings = _kept(report.faults), _kept(report.warnings)
        record(UploadChecked(upload_id=upload.id))
        fault.point("check", upload.id)


def publish_claimed(
    taken: claims.Claim,
    stream: BinaryIO,
    *,
    held: Held,
    unsupported: Callable[[str], set[str]],
    on_progress: Callable[[int], None] | None = None,
) -> Published | None:
    """Check once more against what is on file now, and publish: the job and the state of the upload in one commit.

    ``on_progress`` is called while the file is checked, so that a slow check keeps its lease.
    ``None`` when the file turned out to have other faults than the issuer saw: it goes back to be looked at.
    """
    upload = db.session.get_one(Upload, taken.ids[0])
    person = db.session.get_one(User, upload.created_by_id)
    actor = Actor(user_id=person.id, name=person.full_name, role=Role.ISSUER)
    report = preflight(stream, held, today=clock.today(), unsupported=unsupported, on_progress=on_progress)
    if not _is_what_was_seen(report, upload):
        with unit_of_work(SYSTEM) as record:
            upload = _held(taken)
            upload.state = UploadState.UPLOADED
            upload.attempts = 0
            upload.failure = "What is on file changed since this file was checked, so it was checked again."
            record(UploadReceived(upload_id=upload.id))
        return None
    with unit_of_work(actor) as record:
        upload = _held(taken)
        published = publish_within(
            record,
            report.good(),
            centre_id=upload.centre_id,
            file_name=upload.file_name,
            actor=actor,
            upload_id=upload.id,
        )
        _move(upload, UploadState.PUBLISHED)
        upload.job_id = published.job_id
        upload.documents = published.documents
        upload.failure = ""
        fault.point("publish", upload.id)
    return published


def _is_what_was_seen(report: Report, upload: Upload) -> bool:
    """Whether a check of the same file finds today what the issuer decided upon."""
    if len(report.faults) != upload.fault_count or (report.faults and not upload.only_good_rows):
        return False
    return _kept(report.faults) == [list(one) for one in upload.faults]


def _kept(remarks: list[Remark]) -> list[list[object]]:
    return [[one.record, one.column, one.message] for one in remarks[:MOST_REMARKS_KEPT]]


def fail(taken: claims.Claim, reason: str, *, final: bool) -> None:
    """Note that a step did not work: try again later, or refuse the file for good."""
    with unit_of_work(SYSTEM) as record:
        upload = _held(taken)
        upload.failure = reason
        if final or upload.attempts >= claims.MOST_ATTEMPTS:
            _give_up(upload, reason)
        else:
            upload.next_attempt_at = database_now() + claims.wait_after(upload.attempts)
        record(UploadChecked(upload_id=upload.id))


def give_up_on_poison() -> None:
    """Refuse files whose every try ended with a dead worker."""
    poison = (
        Upload.state.in_([UploadState.UPLOADED, UploadState.PUBLISHING]),
        Upload.attempts >= claims.MOST_ATTEMPTS,
        Upload.lease_until < database_now(),
    )
    for ident in db.session.scalars(select(Upload.id).where(*poison)).all():
        with unit_of_work(SYSTEM) as record:
            upload = db.session.scalars(
                select(Upload).where(Upload.id == ident, *poison).with_for_update()
            ).one_or_none()
            if upload is not None:
                upload.lease_until, upload.claim_token = None, 0
                _give_up(upload, STOPPED)
                record(UploadChecked(upload_id=ident))


def list_due() -> list[int]:
    """Files that wait for somebody now."""
    return list(
        db.session.scalars(
            select(Upload.id).where(
                Upload.state.in_([UploadState.UPLOADED, UploadState.PUBLISHING]),
                Upload.attempts < claims.MOST_ATTEMPTS,
                claims.due(Upload),
            )
        )
    )


def list_files() -> set[str]:
    """Every batch file that a row names, by its SHA-256."""
    return set(db.session.scalars(select(Upload.sha256)))


def _held(taken: claims.Claim) -> Upload:
    """The upload, locked, if it is still ours; the claim ends with this unit of work."""
    changed = db.session.execute(  # type: ignore[attr-defined]
        update(Upload)
        .where(Upload.id == taken.ids[0], taken.holds())
        .values(lease_until=None, claim_token=0)
        .execution_options(synchronize_session=False)
    ).rowcount
    if not changed:
        raise Fenced("Somebody else has taken this file over.")
    return db.session.get_one(Upload, taken.ids[0], populate_existing=True)


def _give_up(upload: Upload, reason: str) -> None:
    # A file that could not be published can be published later; one that could not be read never.
    upload.state = UploadState.CHECKED if upload.state is UploadState.PUBLISHING else UploadState.REFUSED
    upload.failure = reason


def _move(upload: Upload, new: UploadState) -> None:
    if not may_move(upload.state, new):
        raise WrongMove("This file has moved on meanwhile. Look at it again.")
    upload.state = new
