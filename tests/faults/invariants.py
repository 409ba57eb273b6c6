"""What must be true after every fault, whatever it was: each is a query or a walk over files that finds nothing.

The numbers are those of the list that asked for them. I8 and I9 come with the orders; an audit line of this portal
carries no hash of the one before (I10). What an open page shows (I12) is compared by the tests that open one.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any
from unittest.mock import patch

from rq import Queue
from rq.job import Job as Ring
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer
from sqlalchemy import Select, func, or_, select

from portal import clock
from portal.database import database_now, db
from portal.documents.storage import Store
from portal.models.claimable import Claimable
from portal.models.documents import Document
from portal.models.downloads import Download, DownloadItem
from portal.models.facts import Room, RoomChange
from portal.models.jobs import Job
from portal.models.mails import Mail
from portal.models.notices import Notice
from portal.models.pictures import Picture
from portal.models.problems import Problem
from portal.models.records import Record
from portal.models.sign_in import UserSession
from portal.models.uploads import Upload
from portal.models.users import User
from portal.queries import uploads as batches
from portal.queries.documents import store_root
from portal.queries.downloads import shelf_of
from portal.redis_door import door
from portal.services import documents, ledger
from portal.tasks import pictures as picture_tasks
from portal.tasks import queue, sweeper
from portal.vocabulary import DownloadState, ItemState, MailState, NoticeState, Production
from tests.machine import Machine

LATE = timedelta(seconds=15)
"""After its lease, work that somebody held has somebody else."""


def check(machine: Machine) -> None:
    """Fail with what is wrong with a portal, once its sweeper has tidied."""
    with machine.here():
        tidy()
        hold(machine.data, machine.mails(), door.client)


def tidy() -> None:
    """What the sweeper does every ten minutes, as if everything that lies about were old."""
    with patch.object(sweeper, "HALVES_STAY", 0), patch.object(picture_tasks, "STAYS", 0):
        sweeper.tidy()


def hold(data: Path, arrived: Iterable[bytes], rings: Any = None) -> None:
    """Fail with what is wrong: the rows, the files of ``data``, the mails that arrived, what is rung for in Redis."""
    db.session.rollback()
    _figures_add_up()
    _documents_are_one_of_a_kind()
    _nothing_is_held()
    _files_are_whole(data)
    _exports_are_what_they_say(data)
    _mails_once(arrived)
    _ledger_follows_the_mails()
    _steps_have_no_holes()
    _nobody_stays_who_may_not()
    _centres_do_not_mix()
    if rings is not None:
        _rings_are_known(rings)


def none(wanted: Select[Any], what: str) -> None:
    """A query that must find nothing."""
    found = [tuple(row) for row in db.session.execute(wanted.limit(5))]
    assert not found, f"{what}: {found}"


def _figures_add_up() -> None:
    """I1: the figures of a job are those of its documents."""
    for job in db.session.scalars(select(Job).execution_options(populate_existing=True)):
        kept = {name: getattr(job, name) for name in ("requested", "pending", "failed", "completed")}
        assert kept == documents.figures(job.id), f"the figures of job {job.id} do not add up"
        assert job.requested == job.pending + job.failed + job.completed
        told = select(func.count()).select_from(Document).join(Record, Record.id == Document.record_id)
        told = told.where(Document.job_id == job.id, ledger.TOLD)
        assert job.notified == db.session.scalar(told), f"job {job.id} counts others as notified than its records"


def _documents_are_one_of_a_kind() -> None:
    """I2: each document has a reference of its own and a job, and there are no jobs without documents."""
    twice = select(Document.reference).group_by(Document.reference).having(func.count() > 1)
    none(twice, "two documents have one reference")
    empty = select(Job.id).where(Job.id.not_in(select(Document.job_id)))
    none(empty, "a job has no documents")
    again = select(Document.record_id, Document.kind).where(Document.replaces_id.is_(None))
    again = again.group_by(Document.record_id, Document.kind).having(func.count() > 1)
    none(again, "a document was issued twice")


def _nothing_is_held() -> None:
    """I3: nothing is in the hands of somebody who has been dead for long."""
    late = database_now() - LATE
    for model in Claimable.__subclasses__():
        none(select(model.id).where(model.lease_until < late), f"rows of {model.__tablename__} wait for the dead")
    done = select(Document.id).where(Document.production != Production.PENDING, Document.lease_until.is_not(None))
    none(done, "finished documents are still claimed")


def _files_are_whole(data: Path) -> None:
    """Every file that a row names is there and what it should be; and I5: no file is there that no row names."""
    store = Store(store_root(data))
    named = set()
    for document in db.session.scalars(select(Document).where(Document.production == Production.COMPLETED)):
        for form in ("print", "digital"):
            kept = document.files[form]
            assert store.verify(kept["sha256"], ".pdf"), f"the {form} of document {document.id} is damaged"
            named.add(kept["sha256"])
            for page in kept["pages"]:
                assert store.verify(page["sha256"], ".jpg")
                named.add(page["sha256"])
    # A writer that is killed leaves half a file, under a name that nobody asks for and that the sweeper removes.
    store.forget_halves(seconds=0)
    assert not list(store.root.rglob("*.part")), "half a file was left behind for good"
    given = set(db.session.scalars(select(Upload.sha256)))
    faces = {one for row in db.session.execute(select(Picture.sha256, Picture.upload_sha256)) for one in row}
    if db.session.scalar(select(Document.id).where(Document.production == Production.FAILED).limit(1)):
        # What was given up may have been stored each time before its worker died; drawn again, it has the same files.
        named |= {path.name.partition(".")[0] for path in store.root.glob("*/*")}
    for root, known in ((store.root, named), (batches.store_root(data), given), (data / "pictures", faces)):
        strangers = [path for path in root.glob("*/*") if path.name.partition(".")[0] not in known]
        assert not strangers, f"files that no row names: {strangers}"


def _exports_are_what_they_say(data: Path) -> None:
    """I4 and I5: the zip of each completed export is whole, and no other file lies there."""
    shelf = shelf_of(data)
    named = set()
    for row in db.session.scalars(select(Download).execution_options(populate_existing=True)):
        assert row.done <= row.total
        if row.file:
            named.add(row.file)
        if row.state is not DownloadState.COMPLETED or row.removed_at is not None:
            continue
        path = shelf.path(row.file)
        content = path.read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (row.size, row.sha256), f"export {row.id}"
        states = Counter(db.session.scalars(select(DownloadItem.state).where(DownloadItem.download_id == row.id)))
        assert (states[ItemState.WAITING], states[ItemState.LEFT_OUT]) == (0, row.left_out)
        assert row.done == row.total == states.total()
        with zipfile.ZipFile(path) as zipped:
            assert zipped.testzip() is None
            pdfs = [name for name in zipped.namelist() if name.endswith(".pdf")]
        assert len(set(pdfs)) == len(pdfs) == states[ItemState.INCLUDED], f"export {row.id} holds {pdfs}"
    strangers = {path.name for path in shelf.root.glob("*")} - named
    assert not strangers, f"files that no export names: {strangers}"


def _mails_once(arrived: Iterable[bytes]) -> None:
    """I6: each mail arrives at most once, whatever counts as sent has arrived, and nothing arrives that has no row."""
    accepted = Counter(message_from_bytes(data)["Message-ID"] for data in arrived)
    assert not [ident for ident, times in accepted.items() if times > 1], "a mail arrived twice"
    known = dict(db.session.execute(select(Mail.message_id, Mail.state)).all())
    sent = {ident for ident, state in known.items() if state is MailState.SENT}
    assert sent <= set(accepted), "a mail counts as sent that nobody received"
    assert set(accepted) <= set(known), "a mail was sent that nobody wrote"


def _ledger_follows_the_mails() -> None:
    """I7: who counts as notified has a notice whose mail was sent, and the other way round."""
    mail = select(Notice.id, Notice.state, Mail.state).join(Mail, Mail.id == Notice.mail_id)
    ended = Mail.state.in_([MailState.SENT, MailState.FAILED]), Notice.state != NoticeState.BOUNCED
    none(mail.where(*ended, Notice.state != Mail.state), "a notice says another thing than its mail")
    sent = select(Notice.record_id).where(Notice.state == NoticeState.SENT)
    wrong = or_(
        Record.notified_at.is_not(None) & Record.id.not_in(sent), Record.notified_at.is_(None) & Record.id.in_(sent)
    )
    none(select(Record.id).where(wrong), "a record is notified that was not, or is not that was")


def _steps_have_no_holes() -> None:
    """I11: a room is at the number of its last step, and has every step before."""
    for room, seq in db.session.execute(select(Room.name, Room.seq)):
        steps = db.session.execute(select(func.count(), func.max(RoomChange.seq)).where(RoomChange.room == room)).one()
        assert steps == (seq, seq), f"room {room} is at {seq} but has {steps}"


def _nobody_stays_who_may_not() -> None:
    """I13 and, with it, I14: no session of whoever is locked, deleted, inactive or unconfirmed; sockets ask for one."""
    out = or_(
        User.locked_until > clock.now(),
        User.deleted_at.is_not(None),
        User.email_confirmed_at.is_(None),
        User.active.is_(False),
        User.auth_epoch != UserSession.auth_epoch,
    )
    none(select(UserSession.id, User.username).join(User, User.id == UserSession.user_id).where(out), "still signed in")


def _centres_do_not_mix() -> None:
    """I15: what belongs together belongs to one centre."""
    for wanted in (
        select(Document.id).join(Record).where(Record.centre_id != Document.centre_id),
        select(Document.id).join(Job, Job.id == Document.job_id).where(Job.centre_id != Document.centre_id),
        select(Notice.id).join(Record, Record.id == Notice.record_id).where(Record.centre_id != Notice.centre_id),
        select(Mail.id).join(Record, Record.id == Mail.record_id).where(Record.centre_id != Mail.centre_id),
        select(DownloadItem.document_id)
        .join(Download, Download.id == DownloadItem.download_id)
        .join(Document, Document.id == DownloadItem.document_id)
        .where(Document.centre_id != Download.centre_id),
        *(
            select(Problem.id).join(model, model.id == key).where(model.centre_id != Problem.centre_id)
            for model, key in (
                (Record, Problem.record_id),
                (Document, Problem.document_id),
                (Download, Problem.download_id),
                (User, Problem.reporter_id),
            )
        ),
    ):
        none(wanted, "one centre's thing hangs on another's")


SUBJECTS = {
    queue.DOCUMENTS: Job.id,
    queue.BATCHES: Upload.id,
    queue.MAILS: Mail.id,
    queue.DOWNLOADS: Download.id,
    queue.PICTURES: User.id,
}


def _rings_are_known(rings: Any) -> None:
    """I16: whatever is rung for, or counts as being worked on, is a row."""
    assert set(SUBJECTS) == set(queue.QUEUES)
    for name, key in SUBJECTS.items():
        waiting = Queue(name, connection=rings, serializer=JSONSerializer)
        running = StartedJobRegistry(queue=waiting, serializer=JSONSerializer)
        names = [*waiting.get_job_ids(), *running.get_job_ids(cleanup=False)]
        for ring in Ring.fetch_many(names, connection=rings, serializer=JSONSerializer):
            ident = ring.args[0] if ring is not None else queue.WHATEVER_WAITS
            known = ident == queue.WHATEVER_WAITS or db.session.scalar(select(key).where(key == ident))
            assert known, f"{name} is rung for {ident}, which is not there"
